package main

import "github.com/spf13/cobra"

func tradesImports(set *settings) *cobra.Command {
	return noun("imports", "List imports of fills, and undo them", `  blotter trades imports list --account ACC123
  blotter trades imports undo 7`, importsList(set), importsUndo(set))
}
