package main

import "github.com/spf13/cobra"

func actionsCommand(set *settings) *cobra.Command {
	return noun("actions", "Store and list splits, dividends and other corporate actions",
		`  blotter actions import AAPL.csv
  blotter actions add AVGO 2024-07-15 split --ratio 10:1
  blotter actions list AVGO`,
		actionsImport(set), actionsAdd(set), actionsList(set), actionsRemove(set))
}
