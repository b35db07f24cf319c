package main

import (
	"fmt"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/internal/shell"
	"github.com/spf13/cobra"
)

func actionsRemove(set *settings) *cobra.Command {
	return &cobra.Command{
		Use:   "remove SYMBOL EX-DATE KIND",
		Short: "Remove a corporate action that is wrong",
		Long: `Remove a corporate action that is wrong, for example before the right one is
added. The audit log records it.`,
		Example: `  blotter actions remove AVGO 2024-07-12 split`,
		Args:    cobra.ExactArgs(3),
		RunE: func(cmd *cobra.Command, args []string) error {
			action, err := actionOfArgs(args)
			if err != nil {
				return err
			}

			db, err := set.open(cmd.Context())
			if err != nil {
				return err
			}
			defer db.Close()
			if err := db.RemoveAction(cmd.Context(), action.Symbol, action.ExDate, action.Kind); err != nil {
				return err
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "removed the %s of %s on %s\n", action.Kind, action.Symbol, args[1])
			return err
		},
	}
}

// removalOf returns the command that removes an action.
func removalOf(a *blotter.CorporateAction) string {
	return fmt.Sprintf("blotter actions remove %s %s %s", shell.Quote(a.Symbol), a.ExDate.Format(time.DateOnly), a.Kind)
}
