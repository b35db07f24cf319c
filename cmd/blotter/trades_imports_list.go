package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/internal/shell"
	"github.com/blotterdb/blotter/internal/term"
	"github.com/blotterdb/blotter/postgres"
	"github.com/spf13/cobra"
)

func importsList(set *settings) *cobra.Command {
	var l listing
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List imports of fills, newest first",
		Long: `List the imports of --account, or of all accounts, newest first: which file was
read with which options, and the result. Booked fills are those that the import
booked in all its runs; duplicates were booked by others. An import in state
running was interrupted, unless its command still runs: run the same command
again to continue it.`,
		Example: "  blotter trades imports list --account ACC123\n  blotter trades imports list --json",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := l.prepare(cmd, set); err != nil {
				return err
			}
			return listImports(cmd, set, &l)
		},
	}

	l.addLimit(cmd)
	formatFlag(cmd, &l.format, "table", "table, csv or json; csv and json have every column")

	return cmd
}

func listImports(cmd *cobra.Command, set *settings, l *listing) error {
	db, err := set.open(cmd.Context())
	if err != nil {
		return err
	}
	defer db.Close()
	imports, err := db.Imports(bookContext(cmd.Context()), postgres.ImportFilter{Limit: l.limit})
	if err != nil {
		return err
	}

	records := make([]importRecord, len(imports))
	for n := range imports {
		records[n] = newImportRecord(&imports[n])
	}
	w := cmd.OutOrStdout()
	if l.format != "table" {
		return printRecords(w, l.format, each(records))
	}
	if len(records) == 0 {
		_, err := fmt.Fprintln(w, "no imports")
		return err
	}
	return printImports(w, records)
}

// importRecord is an import as JSON and CSV.
type importRecord struct {
	ID         int64      `db:"id"`
	AccountID  string     `db:"account_id"`
	File       string     `db:"file"`
	Source     string     `db:"source"`
	Digest     string     `db:"digest"`
	Layout     string     `db:"layout"`
	Options    string     `db:"options"`
	State      string     `db:"state"`
	UserID     string     `db:"user_id"`
	Login      string     `db:"login"`
	StartedAt  time.Time  `db:"started_at"`
	FinishedAt *time.Time `db:"finished_at"`
	UndoneAt   *time.Time `db:"undone_at"`
	UndoneBy   string     `db:"undone_by"`
	Rows       int64      `db:"rows"`
	Booked     int64      `db:"booked"`
	Duplicates int64      `db:"duplicates"`
	Conflicts  int64      `db:"conflicts"`
	Rejected   int64      `db:"rejected"`
	LeftOut    int64      `db:"left_out"`
}

func newImportRecord(i *blotter.Import) importRecord {
	return importRecord{
		ID: i.ID, AccountID: i.AccountID,
		File: i.File, Source: i.Source, Digest: fmt.Sprintf("%x", i.Digest), Layout: i.Layout,
		Options: flagsOf(i.Options),
		State:   string(i.State), UserID: i.UserID, Login: i.Login,
		StartedAt: i.StartedAt, FinishedAt: i.FinishedAt, UndoneAt: i.UndoneAt, UndoneBy: i.UndoneBy,
		Rows: i.Rows, Booked: i.Booked, Duplicates: i.Duplicates, Conflicts: i.Conflicts,
		Rejected: i.Rejected, LeftOut: i.LeftOut,
	}
}

// flagsOf writes the options of an import as flags.
func flagsOf(options map[string]string) string {
	var flags []string
	for _, name := range slices.Sorted(maps.Keys(options)) {
		flags = append(flags, "--"+name+" "+shell.Quote(options[name]))
	}
	return strings.Join(flags, " ")
}

func printImports(w io.Writer, records []importRecord) error {
	columns := []term.Column{
		{Name: "id", Right: true},
		{Name: "account"},
		{Name: "file", Least: 12},
		{Name: "started", Spare: 3},
		{Name: "state"},
		{Name: "booked", Right: true},
		{Name: "duplicates", Right: true, Spare: 4},
		{Name: "conflicts", Right: true, Spare: 5},
		{Name: "rejected", Right: true, Spare: 6},
		{Name: "left out", Right: true, Spare: 7},
		{Name: "options", Least: 12},
		{Name: "by", Spare: 1},
	}
	var rows [][]string
	for _, r := range records {
		rows = append(rows, []string{
			strconv.FormatInt(r.ID, 10), r.AccountID, r.File, r.StartedAt.UTC().Format("2006-01-02 15:04"), r.State,
			term.Thousands(r.Booked), nonZero(r.Duplicates), nonZero(r.Conflicts), nonZero(r.Rejected),
			nonZero(r.LeftOut), r.Options, r.UserID,
		})
	}

	return term.PrintTable(w, columns, rows)
}
