package main

import (
	"fmt"
	"io"
	"time"

	"github.com/blotterdb/blotter/backup"
	"github.com/blotterdb/blotter/internal/term"
	"github.com/blotterdb/blotter/schema"
	"github.com/spf13/cobra"
)

// Commands that are due after a restore.
const (
	migrateDue = "blotter migrate up"
	rebaseDue  = "blotter events rebase"
)

func restoreCommand(set *settings) *cobra.Command {
	return &cobra.Command{
		Use:   "restore FILE",
		Short: "Restore a dump of blotter backup into an empty database",
		Long: `Restore FILE into the database, which must be empty: without blotter's schema,
or with one whose tables are empty. The restore is one transaction, all or
nothing, and the rows of every table are counted again. The login of --owner-url
(or --url) must be one that may migrate; missing roles are created.

Transaction ids start again in another cluster, so consumers of events must be
adjusted: blotter events rebase. The audit log's chain continues by itself, and
proves that nothing was lost: blotter audit verify.`,
		Example: `  blotter restore book.dump --data-dir ~/restored
  blotter restore book.dump --owner-url postgres://owner@db.example/restored`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			file, start := args[0], time.Now()
			if err := checkDumpName("restore", file); err != nil {
				return err
			}
			if err := checkReadable(file); err != nil {
				return err
			}

			cfg, done, err := set.backupConfig(cmd.Context())
			if err != nil {
				return err
			}
			defer done()
			restored, err := backup.Restore(cmd.Context(), cfg, file)
			if err != nil {
				return err
			}
			report := newDumpReport(file, restored.Rows, start)
			report.Schema = restored.SchemaVersion
			if report.Schema < schema.Version() {
				report.Due = append(report.Due, migrateDue)
			}
			report.Due = append(report.Due, rebaseDue)
			if set.json {
				return printJSON(cmd.OutOrStdout(), report)
			}
			printRestored(cmd.OutOrStdout(), report)
			return nil
		},
	}
}

func printRestored(w io.Writer, r dumpReport) {
	term.PrintWrapped(w, r.sentence("restored"))
	for _, command := range r.Due {
		switch command {
		case migrateDue:
			term.PrintWrapped(w, fmt.Sprintf("the schema is version %d: run %s before anything else",
				r.Schema, command))
		case rebaseDue:
			term.PrintWrapped(w, "transaction ids are those of another cluster now: run "+command+
				" before anything consumes events")
		}
	}
	term.PrintWrapped(w, "run blotter audit verify to prove that the audit log is complete and unchanged")
}
