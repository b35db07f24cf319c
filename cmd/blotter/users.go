package main

import "github.com/spf13/cobra"

func usersCommand(set *settings) *cobra.Command {
	return noun("users", "Say who may sign in to the dashboard", `  blotter users add ann --accounts ACC1,ACC2
  blotter users add bob --accounts all --operator
  blotter users list`, usersAdd(set), usersList(set), usersRemove(set))
}
