package main

import "github.com/spf13/cobra"

func rolesCommand(set *settings) *cobra.Command {
	return noun("roles", "Print commands that create roles, logins and Redis users",
		`  blotter roles sql --database trading
  blotter roles redis`, rolesSQL(set), rolesRedis(set))
}
