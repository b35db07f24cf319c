package main

import (
	"context"
	"fmt"

	"github.com/blotterdb/blotter/audit"
	"github.com/blotterdb/blotter/postgres"
	"github.com/jackc/pgx/v5"
	"github.com/spf13/cobra"
)

func auditRepairCursor(set *settings) *cobra.Command {
	return &cobra.Command{
		Use:   "repair-cursor",
		Short: "Put back the sealer's cursor that somebody removed",
		Long: `Put the row of shared.audit_cursor back where somebody removed it, at the last
seal, so that sealing goes on. The audit log gets an entry that says so (REPAIR
of shared.audit_cursor), which is sealed with the rest. It vouches for nothing:
run blotter audit verify before, and after it. It acts as the owner; a cursor
that is there is left as it is.`,
		Example: "  blotter audit verify\n  blotter audit repair-cursor\n  blotter audit seal",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if set.account != "" {
				return usagef("%s is about the log of all accounts; leave out --account", cmd.CommandPath())
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
			if set.json {
				return printJSON(cmd.OutOrStdout(), map[string]int64{"seal": seal, "number": number})
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "the cursor is back at seal %s, entry %s, and the audit log says so\ngo on with blotter audit seal, and blotter audit verify\n", thousands(seal), thousands(number))
			return err
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
