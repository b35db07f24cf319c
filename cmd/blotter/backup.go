package main

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"time"

	"github.com/blotterdb/blotter/backup"
	"github.com/blotterdb/blotter/embedded"
	"github.com/blotterdb/blotter/internal/term"
	"github.com/spf13/cobra"
)

func backupCommand(set *settings) *cobra.Command {
	return &cobra.Command{
		Use:   "backup FILE",
		Short: "Dump every table of blotter to a file, and compare the counts",
		Long: `Dump blotter's schemas to FILE with PostgreSQL's pg_dump, while the database is
in use, and count the rows in the file: it must have as many rows of every table
as the database had at that instant. (A role bound by row-level security makes
an empty dump without an error.) FILE appears when it is complete, and only its
owner can read it (0600). The login of --owner-url (or --url) must be a member
of trading_owner, as for migrate. blotter restore FILE restores it.

The dump is written to FILE.<number>.part until it is complete. The next run
removes the leftovers of an interrupted one.`,
		Example: `  blotter backup /mnt/elsewhere/book.dump
  blotter backup book.dump --owner-url postgres://owner@db.example/trading`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			file, start := args[0], time.Now()
			if err := checkDumpName("backup", file); err != nil {
				return err
			}
			if _, err := os.Lstat(file); err == nil {
				return alreadyExists(file)
			}
			if err := checkTarget(file); err != nil {
				return err
			}

			cfg, done, err := set.backupConfig(cmd.Context())
			if err != nil {
				return err
			}
			defer done()
			counts, err := backup.Create(cmd.Context(), cfg, file)
			if err != nil {
				return err
			}
			report := newDumpReport(file, counts, start)
			if set.json {
				return printJSON(cmd.OutOrStdout(), report)
			}
			term.PrintWrapped(cmd.OutOrStdout(), report.sentence("dumped"))
			return nil
		},
	}
}

// checkDumpName refuses "-", which means standard input or output to other programs.
func checkDumpName(command, file string) error {
	if file == "-" {
		return usagef("%s needs a file, which is read more than once to count its rows; "+
			"standard input and output are not supported", command)
	}
	return nil
}

// backupConfig returns the database and the programs to dump and restore with. The database is not migrated first: a
// dump is of the schema that it has. done stops the server if this command had to start it.
func (s *settings) backupConfig(ctx context.Context) (cfg backup.Config, done func(), err error) {
	if url := s.urlOf("owner"); url != "" {
		return backup.Config{URL: url, BinDir: s.programFolder(embedded.State{})}, func() {}, nil
	}
	d := &database{ctx: ctx}
	if err := d.startOwn(ctx, s); err != nil {
		return cfg, nil, err
	}
	return backup.Config{URL: d.state.OwnerURL(), BinDir: s.programFolder(d.state)}, d.Close, nil
}

// programFolder returns the folder of PostgreSQL's programs: that of the running server, otherwise the one that was
// chosen, or "".
func (s *settings) programFolder(state embedded.State) string {
	return cmp.Or(state.BinDir, s.postgres, os.Getenv("BLOTTER_POSTGRES"))
}

// dumpReport holds the figures that backup and restore print.
type dumpReport struct {
	File    string   `json:"file"`
	Bytes   int64    `json:"bytes"`
	Tables  int      `json:"tables"` // partitions counted one by one
	Rows    int64    `json:"rows"`
	Schema  int64    `json:"schema_version,omitempty"`
	Due     []string `json:"due,omitempty"` // commands to run next
	Seconds float64  `json:"seconds"`
}

func newDumpReport(file string, counts backup.RowCounts, start time.Time) dumpReport {
	r := dumpReport{File: file, Tables: len(counts), Rows: counts.Rows(), Seconds: time.Since(start).Seconds()}
	if info, err := os.Stat(file); err == nil {
		r.Bytes = info.Size()
	}
	return r
}

func (r dumpReport) sentence(verb string) string {
	return fmt.Sprintf("%s %s rows of %d tables and partitions, all counted, in %.1f s: %s, %s",
		verb, term.Thousands(r.Rows), r.Tables, r.Seconds, r.File, term.Bytes(r.Bytes))
}
