package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/postgres"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// importFlags are the flags of trades import that decide what is booked: the same file with others is refused.
var importFlags = []string{
	"cols", "currency", "dates", "decimal", "fees", "format", "multiplier", "repeated-hour", "round", "sheet", "strategy", "symbol", "tz",
}

// importOptions returns those of the flags that are set.
func importOptions(flags *pflag.FlagSet) map[string]string {
	options := map[string]string{}
	for _, name := range importFlags {
		flag := flags.Lookup(name)
		if flag == nil || flag.Value.String() == flag.DefValue {
			continue
		}
		value := flag.Value.String()
		if name == "currency" || name == "symbol" {
			value = strings.ToUpper(value)
		}
		options[name] = value
	}
	return options
}

// partKey names the fills of one file and account: one import.
type partKey struct {
	file    int
	account string
}

// importPart is an import that was begun, and what this run makes of its fills.
type importPart struct {
	id  int64
	run blotter.ImportCounts
}

// begin makes the imports known, file by file. A file that was imported with other options before is refused, and its fills
// are not booked.
func (i *fillImport) begin(ctx context.Context, db *postgres.DB) error {
	trades := map[partKey][]blotter.Trade{}
	for _, f := range i.fills {
		key := partKey{f.file, f.AccountID}
		trades[key] = append(trades[key], f.Trade)
	}

	i.parts = map[partKey]*importPart{}
	for n, f := range i.files {
		var parts []postgres.ImportPart
		for _, account := range i.accounts() {
			if of := trades[partKey{n, account}]; len(of) > 0 {
				parts = append(parts, postgres.ImportPart{Trades: of, Import: blotter.Import{
					AccountID: account, File: importName(f.File), Source: i.with.fromAccount, Digest: f.digest, Layout: f.Format, Options: i.options,
				}})
			}
		}
		if len(parts) == 0 {
			continue
		}
		begun, err := db.BeginImports(ctx, parts)
		if errors.Is(err, blotter.ErrConflict) {
			i.refuse(n, err)
			continue
		}
		if err != nil {
			return err
		}
		for _, one := range begun {
			i.parts[partKey{n, one.AccountID}] = &importPart{id: one.ID}
			f.Imports = append(f.Imports, one.ID)
		}
	}
	return nil
}

// importName is the path under which an import is known, its end where it is too long.
func importName(path string) string {
	runes := []rune(strings.ToValidUTF8(strings.ReplaceAll(path, "\x00", ""), "?"))
	return string(runes[max(0, len(runes)-1000):])
}

// refuse leaves out the fills of a file.
func (i *fillImport) refuse(file int, err error) {
	i.fills = slices.DeleteFunc(i.fills, func(f fillOf) bool { return f.file == file })
	f := i.files[file]
	*f = filled{File: f.File, Format: f.Format, Skipped: f.Skipped, Error: explain(err), err: err}
}

// imported gives fills the imports that book them.
func (i *fillImport) imported(batch []fillOf) []postgres.ImportedTrade {
	trades := make([]postgres.ImportedTrade, len(batch))
	for n, f := range batch {
		trades[n] = postgres.ImportedTrade{Trade: f.Trade, ImportID: i.parts[partKey{f.file, f.AccountID}].id}
	}
	return trades
}

// executeImported books a batch, again where that is safe and may help.
func executeImported(ctx context.Context, db *postgres.DB, trades []postgres.ImportedTrade) (receipts []postgres.Receipt, err error) {
	for attempt := 0; ; attempt++ {
		receipts, err = db.ExecuteImported(ctx, trades, postgres.AllowZeroPrice) // the file says so
		if err == nil || attempt == 3 || ctx.Err() != nil || !blotter.Retryable(err) && !errors.Is(err, blotter.ErrCommitUnknown) {
			return receipts, err
		}
		select {
		case <-ctx.Done():
			return receipts, err
		case <-time.After(time.Second << attempt):
		}
	}
}

// took counts what became of a fill of an import.
func (p *importPart) took(r postgres.Receipt) {
	switch r.Outcome {
	case postgres.Applied:
		p.run.Booked++
	case postgres.Duplicate:
		p.run.Duplicates++
	case postgres.Conflict:
		p.run.Conflicts++
	}
}

// finish ends the imports. The rows of a file that are of no account, because they were rejected or left out, count for its
// first one.
func (i *fillImport) finish(ctx context.Context, db *postgres.DB) error {
	seen := map[int]bool{}
	keys := slices.SortedFunc(maps.Keys(i.parts), func(a, b partKey) int {
		if a.file != b.file {
			return a.file - b.file
		}
		return strings.Compare(a.account, b.account)
	})
	for _, key := range keys {
		run := i.parts[key].run
		if f := i.files[key.file]; !seen[key.file] {
			seen[key.file] = true
			run.Rejected = f.Rejected
			for _, n := range f.Others {
				run.LeftOut += n
			}
		}
		run.Rows = run.Booked + run.Duplicates + run.Conflicts + run.Rejected + run.LeftOut
		if err := db.FinishImport(ctx, key.account, i.parts[key].id, run); err != nil {
			return err
		}
	}
	return nil
}

func tradesImports(set *settings) *cobra.Command {
	return noun("imports", "List imports of fills, and undo them", `  blotter trades imports list --account ACC123
  blotter trades imports undo 7`, importsList(set), importsUndo(set))
}

// importRecord is an import as --json and --format csv show it.
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

func recordOf(i *blotter.Import) importRecord {
	return importRecord{
		ID: i.ID, AccountID: i.AccountID, File: i.File, Source: i.Source, Digest: fmt.Sprintf("%x", i.Digest), Layout: i.Layout,
		Options: flagsOf(i.Options), State: string(i.State), UserID: i.UserID, Login: i.Login, StartedAt: i.StartedAt, FinishedAt: i.FinishedAt,
		UndoneAt: i.UndoneAt, UndoneBy: i.UndoneBy, Rows: i.Rows, Booked: i.Booked, Duplicates: i.Duplicates, Conflicts: i.Conflicts,
		Rejected: i.Rejected, LeftOut: i.LeftOut,
	}
}

// flagsOf writes the options of an import as they are typed.
func flagsOf(options map[string]string) string {
	var flags []string
	for _, name := range slices.Sorted(maps.Keys(options)) {
		flags = append(flags, "--"+name+" "+quoted(options[name]))
	}
	return strings.Join(flags, " ")
}

func importsList(set *settings) *cobra.Command {
	var h history
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List imports of fills, newest first",
		Long: `List the imports of --account, or of all accounts, newest first: which file was
read with which options, and what became of its rows. Booked are the fills that
the import booked in all its runs; duplicates were booked by others. An import
that is running was interrupted, unless its command still runs: the same command
goes on with it.`,
		Example: "  blotter trades imports list --account ACC123\n  blotter trades imports list --json",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := h.prepare(cmd, set); err != nil {
				return err
			}
			return listImports(cmd, set, &h)
		},
	}
	cmd.Flags().IntVar(&h.limit, "limit", 0, fmt.Sprintf("at most `n` (default %d in a table, else all)", historyLimit))
	formatFlag(cmd, &h.format, "table", "table, csv or json; the latter two have every column")
	return cmd
}

func listImports(cmd *cobra.Command, set *settings, h *history) error {
	db, err := set.open(cmd.Context())
	if err != nil {
		return err
	}
	defer db.Close()
	imports, err := db.Imports(bookContext(cmd.Context()), postgres.ImportFilter{Limit: h.limit})
	if err != nil {
		return err
	}
	records := make([]importRecord, len(imports))
	for n := range imports {
		records[n] = recordOf(&imports[n])
	}
	switch {
	case h.format != "table":
		return printRecords(cmd.OutOrStdout(), h.format, each(records))
	case len(records) == 0:
		_, err := fmt.Fprintln(cmd.OutOrStdout(), "no imports")
		return err
	}
	return printImports(cmd.OutOrStdout(), records)
}

func printImports(w io.Writer, records []importRecord) error {
	columns := []column{
		{name: "id", right: true},
		{name: "account"},
		{name: "file", least: 12},
		{name: "started", spare: 3},
		{name: "state"},
		{name: "booked", right: true},
		{name: "duplicates", right: true, spare: 4},
		{name: "conflicts", right: true, spare: 5},
		{name: "rejected", right: true, spare: 6},
		{name: "left out", right: true, spare: 7},
		{name: "options", least: 12},
		{name: "by", spare: 1},
	}
	count := func(n int64) string {
		if n == 0 {
			return ""
		}
		return thousands(n)
	}
	var rows [][]string
	for _, r := range records {
		rows = append(rows, []string{
			strconv.FormatInt(r.ID, 10), r.AccountID, r.File, r.StartedAt.UTC().Format("2006-01-02 15:04"), r.State, thousands(r.Booked),
			count(r.Duplicates), count(r.Conflicts), count(r.Rejected), count(r.LeftOut), r.Options, r.UserID,
		})
	}
	return printListing(w, columns, rows)
}

func importsUndo(set *settings) *cobra.Command {
	return &cobra.Command{
		Use:   "undo ID",
		Short: "Take the fills of an import out of the book",
		Long: `Take the fills of an import out of the book, if nothing follows from them: no
later trade was booked on their positions. Positions, orders, round trips and
analytics are then as they were before, and the file can be imported again, with
other options. Where later trades follow, the import stays, and the message
names them: undo the imports that booked them first. The audit log keeps every
trade.`,
		Example: "  blotter trades imports list\n  blotter trades imports undo 7",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			id, err := strconv.ParseInt(args[0], 10, 64)
			if err != nil || id < 1 {
				return usagef("%s is not the number of an import; blotter trades imports list names them", args[0])
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

	if set.json {
		return printJSON(cmd.OutOrStdout(), map[string]any{
			"id": id, "account_id": known.AccountID, "file": known.File, "trades": undone.Trades, "positions": undone.Positions, "removed_positions": undone.Removed,
		})
	}
	_, err = fmt.Fprintf(cmd.OutOrStdout(), "undone: import %d of account %s (%s), %s trades of %s positions\n",
		id, known.AccountID, known.File, thousands(undone.Trades), thousands(int64(undone.Positions)))
	return err
}
