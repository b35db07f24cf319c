package main

import (
	"context"
	"fmt"
	"io"

	"github.com/blotterdb/blotter/audit"
	"github.com/blotterdb/blotter/internal/term"
	"github.com/blotterdb/blotter/postgres"
	"github.com/jackc/pgx/v5"
	"github.com/spf13/cobra"
)

func auditRepairCursor(set *settings) *cobra.Command {
	return &cobra.Command{
		Use:   "repair-cursor",
		Short: "Restore the sealer's cursor after somebody removed it",
		Long: `Restore the row of shared.audit_cursor after somebody removed it, at the last
seal, so that sealing continues. The audit log gets an entry about it (REPAIR of
shared.audit_cursor), which is sealed with the others. This proves nothing about
the log: run blotter audit verify before and after it. It acts as the owner; a
cursor that exists is not changed.`,
		Example: "  blotter audit verify\n  blotter audit repair-cursor\n  blotter audit seal",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := set.checkNoAccount(cmd); err != nil {
				return err
			}
			url, done, err := set.migratedOwner(cmd.Context())
			if err != nil {
				return err
			}
			defer done()

			seal, number, err := repairCursor(cmd.Context(), url)
			if err != nil {
				return err
			}
			return set.print(cmd, map[string]int64{"seal": seal, "number": number}, func(w io.Writer) error {
				_, err := fmt.Fprintf(w, "the cursor is back at seal %s, entry %s, and the audit log says so\n"+
					"continue with blotter audit seal, then blotter audit verify\n",
					term.Thousands(seal), term.Thousands(number))
				return err
			})
		},
	}
}

func repairCursor(ctx context.Context, ownerURL string) (seal, number int64, err error) {
	conn, err := postgres.ConnectOwner(ctx, ownerURL, "blotter audit")
	if err != nil {
		return 0, 0, err
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	err = pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
		seal, number, err = audit.RepairCursor(ctx, tx)
		return err
	})
	return seal, number, err
}
