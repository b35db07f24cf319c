package main

import "github.com/spf13/cobra"

func tradesCommand(set *settings) *cobra.Command {
	return noun("trades", "List the trades, import fills, and undo imports",
		`  blotter trades list --account ACC123
  blotter trades import activity.xml --account ACC123`, tradesList(set), tradesImport(set), tradesImports(set))
}
