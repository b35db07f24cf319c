package main

import "github.com/spf13/cobra"

func actionsCommand(set *settings) *cobra.Command {
	return noun("actions", "Store and list corporate actions: splits, dividends, changes of symbols, mergers",
		`  blotter actions import AAPL.csv
  blotter actions add AVGO 2024-07-15 split --ratio 10:1
  blotter actions list AVGO`,
		actionsImport(set), actionsAdd(set), actionsList(set), actionsRemove(set))
}
