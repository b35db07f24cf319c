package main

import "github.com/spf13/cobra"

func instrumentsCommand(set *settings) *cobra.Command {
	return noun("instruments", "List instruments, and state facts about them",
		`  blotter instruments set ESZ4 --multiplier 50 --currency USD
  blotter instruments list`, instrumentsSet(set), instrumentsList(set))
}
