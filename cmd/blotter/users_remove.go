package main

import (
	"fmt"

	"github.com/blotterdb/blotter/web"
	"github.com/spf13/cobra"
)

func usersRemove(set *settings) *cobra.Command {
	return &cobra.Command{
		Use:     "remove NAME",
		Short:   "Remove a user and end their sessions",
		Example: "  blotter users remove ann",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			db, err := set.open(cmd.Context())
			if err != nil {
				return err
			}
			defer db.Close()

			if err := web.RemoveUser(cmd.Context(), db.DB, args[0]); err != nil {
				return err
			}

			_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s may not sign in any more\n", args[0])

			return err
		},
	}
}
