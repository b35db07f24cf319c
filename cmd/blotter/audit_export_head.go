package main

import (
	"fmt"
	"io"

	"github.com/blotterdb/blotter/audit"
	"github.com/blotterdb/blotter/internal/term"
	"github.com/spf13/cobra"
)

func auditExportHead(set *settings) *cobra.Command {
	return &cobra.Command{
		Use:   "export-head FILE",
		Short: "Add the end of the chain to a file outside the database",
		Long: `Add the head of the last seal to FILE, as a line of JSON. The owner of the
database could rebuild the whole chain, or cut off its end; comparing it with
such a file reveals that (blotter audit verify --heads FILE). Keep the file on
another machine. It does not contain what was recorded, and only its owner can
read it (0600). A FILE with other content, or whose last head is not on the
chain, is not changed: exit status 1.`,
		Example: "  blotter audit export-head /mnt/elsewhere/heads.json",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			db, err := set.openAudit(cmd)
			if err != nil {
				return err
			}
			defer db.Close()

			head, err := audit.ExportHead(cmd.Context(), db.DB, args[0])
			if err != nil {
				return err
			}
			return set.print(cmd, head, func(w io.Writer) error {
				_, err := fmt.Fprintf(w, "seal %s, entry %s\n  %s\n  added to %s\n",
					term.Thousands(head.Seal), term.Thousands(head.Number), head.Head, args[0])
				return err
			})
		},
	}
}
