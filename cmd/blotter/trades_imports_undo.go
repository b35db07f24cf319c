package main

import (
	"fmt"
	"io"
	"strconv"

	"github.com/blotterdb/blotter/internal/term"
	"github.com/spf13/cobra"
)

func importsUndo(set *settings) *cobra.Command {
	return &cobra.Command{
		Use:   "undo ID",
		Short: "Remove the fills of an import from the book",
		Long: `Remove the fills of an import from the book. Positions, orders, round trips and
analytics are then as if it had never been imported, and what follows from later
trades is computed again. The file can be imported again, with other options.
The audit log keeps every trade.`,
		Example: "  blotter trades imports list\n  blotter trades imports undo 7",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			id, err := strconv.ParseInt(args[0], 10, 64)
			if err != nil || id < 1 {
				return usagef("invalid import %q: want a number from blotter trades imports list", args[0])
			}

			return undoImport(cmd, set, id)
		},
	}
}

func undoImport(cmd *cobra.Command, set *settings, id int64) error {
	db, err := set.open(cmd.Context())
	if err != nil {
		return err
	}
	defer db.Close()
	ctx := bookContext(cmd.Context())
	known, err := db.ImportNamed(ctx, id)
	if err != nil {
		return err
	}
	undone, err := db.UndoImport(ctx, known.AccountID, id)
	if err != nil {
		return err
	}

	report := map[string]any{
		"id": id, "account_id": known.AccountID, "file": known.File,
		"trades": undone.Trades, "positions": undone.Positions, "removed_positions": undone.Removed,
	}
	return set.print(cmd, report, func(w io.Writer) error {
		_, err := fmt.Fprintf(w, "undone: import %d of account %s (%s), %s trades of %s positions\n", id,
			term.Printable(known.AccountID), term.Printable(known.File),
			term.Thousands(undone.Trades), term.Thousands(undone.Positions))
		return err
	})
}
