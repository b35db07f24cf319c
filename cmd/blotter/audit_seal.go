package main

import (
	"fmt"
	"io"

	"github.com/blotterdb/blotter/audit"
	"github.com/spf13/cobra"
)

func auditSeal(set *settings) *cobra.Command {
	return &cobra.Command{
		Use:   "seal",
		Short: "Seal the new entries",
		Long: `Number the new entries of the audit log and chain them to the earlier ones with
SHA-256, in batches. Sealed entries cannot be changed, removed or inserted
without blotter audit verify noticing. The daemon seals all the time; this
command leaves it the batch that it is sealing.`,
		Example: "  blotter audit seal",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			db, err := set.openAudit(cmd)
			if err != nil {
				return err
			}
			defer db.Close()

			n, err := audit.Seal(cmd.Context(), db.DB, 0)
			if err != nil {
				return err
			}
			return set.print(cmd, map[string]int64{"sealed": n}, func(w io.Writer) error {
				_, err := fmt.Fprintf(w, "sealed %s\n", countEntries(n))
				return err
			})
		},
	}
}
