package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/barfile"
	"github.com/blotterdb/blotter/fillfile"
	"github.com/blotterdb/blotter/postgres"
	"github.com/spf13/cobra"
)

const (
	fillsMax   = 2_000_000 // of one import: they are put in order before the first is booked
	fillsBatch = 500       // that are booked in one transaction
)

// filling is how fills are imported.
type filling struct {
	fillfile.Options
	dryRun, simulated bool
	strict            bool
	fromAccount       string // whose fills are booked into --account
	creation          accountCreation
}

func tradesImport(set *settings) *cobra.Command {
	var with filling
	cmd := &cobra.Command{
		Use:   "import FILES...",
		Short: "Book the fills of brokers' files",
		Long: `Book the fills of brokers' and exchanges' files, of folders with all that is in
them, or of patterns. The layout is recognised from the content (docs/fills.md);
"-" is standard input. All fills of a call are booked in the order of their
execution, whichever file they stand in.

A file may name the accounts of its fills. With --account, those of others are
left out; --from-account NAME takes those of NAME into --account. An account
that does not exist is made only with --create-account, or after asking on a
terminal; blotter accounts create makes one with its currency and zone.

Importing again books nothing twice: a fill that is booked already is counted as
a duplicate, also where a later export overlaps. What the file says of the same
fill differently is a conflict; conflicts and rows that cannot be read go to the
quarantine (data_ingestion.data_quality_logs). Dividends, deposits and other
rows that are no fills are counted and left out.

What was interrupted is simply repeated.`,
		Example: `  blotter trades import activity.xml --create-account
  blotter trades import ~/exports --account ACC123 --dry-run
  blotter trades import fills.csv --account ACC123 --tz America/New_York`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			files, err := findFiles(args)
			if err != nil {
				return err
			}
			with.Account = set.account
			if with.fromAccount != "" && set.account == "" {
				return usagef("--from-account %s: say --account too, into which its fills are booked", with.fromAccount)
			}
			i := &fillImport{with: with, options: importOptions(cmd.Flags()), set: set}
			defer i.close()
			i.with.Instrument = i.instrument(cmd.Context())
			if err := i.read(cmd, files); err != nil {
				return err
			}
			if err := i.book(cmd.Context()); err != nil {
				return err
			}
			if set.json {
				err = printJSON(cmd.OutOrStdout(), i.report())
			} else {
				err = i.print(cmd.OutOrStdout())
			}
			return firstError(err, i.failure())
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&with.Format, "format", "", "`name` of the layout (default: by content)")
	flags.StringVar(&with.Symbol, "symbol", "", "`symbol` of every fill (default: the file's)")
	flags.StringVar(&with.Strategy, "strategy", "", "`strategy` of every fill (default: the file's)")
	flags.StringVar(&with.Currency, "currency", "", "`code` of the prices' currency, where the file does not say")
	flags.StringVar(&with.Multiplier, "multiplier", "", "`number` for options, futures, bonds and lots, if untold")
	flags.StringVar(&with.Zone, "tz", "", "`zone` of times that carry none, as America/New_York")
	flags.StringVar(&with.DateOrder, "dates", "", "dmy or mdy, where 2/1/2006 may be either")
	flags.StringVar(&with.Columns, "cols", "", "`names` of the columns, as date,symbol,side,quantity,price; or side=COLUMN")
	flags.StringVar(&with.FeeSign, "fees", "", "`sign` of fees that were paid, positive or negative, if untold")
	flags.StringVar(&with.Decimal, "decimal", "", "point or comma, the `mark` of decimals, where 1,234 may be either")
	flags.StringVar(&with.RepeatedHour, "repeated-hour", "", "first or second `pass` of the hour that clocks repeat, if untold")
	flags.StringVar(&with.Sheet, "sheet", "", "`name` of the sheet of an .xlsx workbook (default: the first)")
	flags.IntVar(&with.Round, "round", 0, "round numbers to so many `digits`, where a back test has more than can be kept")
	flags.StringVar(&with.fromAccount, "from-account", "", "take the fills of this `name` in the file into --account")
	with.creation.add(cmd)
	flags.BoolVar(&with.simulated, "simulated", false, "book the fills of a back test, which never happened")
	flags.BoolVar(&with.strict, "strict", false, "fail if any row is rejected or in conflict")
	flags.BoolVar(&with.dryRun, "dry-run", false, "say what would be booked, and book nothing")
	return cmd
}

// filled is what became of one file.
type filled struct {
	File       string           `json:"file"`
	Format     string           `json:"format,omitempty"`
	Simulated  bool             `json:"simulated,omitempty"`
	Fills      int64            `json:"fills"`
	Booked     int64            `json:"booked"`
	Duplicates int64            `json:"duplicates"`
	Conflicts  int64            `json:"conflicts"`
	Rejected   int64            `json:"rejected"` // rows that cannot be read or booked
	Late       int64            `json:"late"`     // booked behind fills that were executed after them
	Rounded    int64            `json:"rounded,omitempty"`
	Converted  map[string]int64 `json:"converted,omitempty"` // prices in hundredths of a currency, by its code
	Others     map[string]int64 `json:"others,omitempty"`    // rows that are no fills
	From       time.Time        `json:"from,omitzero"`
	To         time.Time        `json:"to,omitzero"`
	Reasons    []reason         `json:"reasons,omitempty"`
	Skipped    []string         `json:"skipped,omitempty"` // members of an archive, or the file, that hold no fills
	Error      string           `json:"error,omitempty"`
	Imports    []int64          `json:"imports,omitempty"` // the numbers under which blotter trades imports knows it
	digest     []byte           // of the content
	err        error
	rejected   []*blotter.RejectedRow
}

// fillOf is a fill and the file it is of.
type fillOf struct {
	fillfile.Fill
	file int
}

// fillImport is one call of the command.
type fillImport struct {
	with    filling
	options map[string]string // that decide what is booked
	set     *settings
	db      *database // nil until it is needed
	files   []*filled
	fills   []fillOf
	parts   map[partKey]*importPart
	elapsed time.Duration
}

// read reads all files and puts their fills in the order of execution.
func (i *fillImport) read(cmd *cobra.Command, files []found) error {
	for n, from := range files {
		one := &filled{File: from.path}
		i.files = append(i.files, one)
		first := len(i.fills)
		err := i.readFile(cmd, from, n)
		if err == nil {
			err = i.settle(from.path, i.fills[first:])
		}
		var other *fillfile.NotFillsError
		switch {
		case err == nil:
			putInOrder(i.fills[first:])
		case cmd.Context().Err() != nil:
			return cmd.Context().Err()
		case errors.As(err, &other) && (other.Layout != "" || !from.named):
			one.Skipped = append(one.Skipped, other.Error())
		default:
			one.err, one.Error = err, explain(err)
		}
		if err != nil {
			i.fills = i.fills[:first]
			*one = filled{File: one.File, Skipped: one.Skipped, Error: one.Error, err: one.err}
		}
	}
	slices.SortStableFunc(i.fills, inOrder)
	return nil
}

// inOrder compares fills by their execution. The end of an option's life comes after the trades of its instant: many
// files give the day alone.
func inOrder(a, b fillOf) int {
	switch byTime := a.ExecutedAt.Compare(b.ExecutedAt); {
	case byTime != 0 || a.Ends == b.Ends:
		return byTime
	case a.Ends:
		return 1
	}
	return -1
}

// putInOrder turns the fills of a file that begins with the newest, so that those of one instant keep their order.
func putInOrder(fills []fillOf) {
	if n := len(fills); n > 1 && fills[0].ExecutedAt.After(fills[n-1].ExecutedAt) {
		slices.Reverse(fills)
	}
}

func (i *fillImport) readFile(cmd *cobra.Command, from found, n int) (err error) {
	one := i.files[n]
	var file *fillfile.File
	if from.path == standardInput {
		stdin := newDigestedReader(cmd.InOrStdin())
		defer func() {
			var unread error
			if one.digest, unread = stdin.sum(); err == nil {
				err = unread
			}
		}()
		file, err = fillfile.Read(stdin, barfile.StandardInput, i.with.Options)
	} else if file, err = fillfile.Open(from.path, i.with.Options); err == nil {
		one.digest, err = digestFile(from.path)
	}
	if err != nil {
		return err
	}
	defer file.Close()
	one.Format, one.Simulated = file.Format, file.Simulated
	if file.Simulated && !i.with.simulated {
		if !from.named {
			return &fillfile.NotFillsError{Path: from.path, Kind: "simulated fills of a back test (--simulated books them)"}
		}
		return fmt.Errorf("%s: these fills are a back test's (%s), which never happened; --simulated books them all the same", from.path, file.Format)
	}
	others := map[string]int64{}
	for fill, err := range file.Fills() {
		var rejected *blotter.RejectedRow
		switch {
		case errors.As(err, &rejected):
			one.reject(rejected)
		case err != nil:
			return err
		case len(i.fills) == fillsMax:
			return fmt.Errorf("%s: more than %s fills in one import; import the files in parts, oldest first", from.path, thousands(fillsMax))
		case !i.takes(&fill):
			others[kindOfAccount+fill.Named]++
		default:
			i.fills = append(i.fills, fillOf{fill, n})
			one.count(fill.ExecutedAt)
		}
		if cmd.Context().Err() != nil {
			return cmd.Context().Err()
		}
	}
	one.Others, one.Rounded, one.Converted = file.Others, file.Rounded, file.Converted
	maps.Copy(one.Others, others)
	for _, skipped := range file.Skipped {
		one.Skipped = append(one.Skipped, skipped.Error())
	}
	return nil
}

// kindOfAccount begins the kind of rows that are left out because they are another account's.
const kindOfAccount = "of account "

// takes reports a fill of the account that is imported, and gives it that.
func (i *fillImport) takes(fill *fillfile.Fill) bool {
	account, from := i.with.Account, i.with.fromAccount
	if account == "" || fill.Named == "" {
		return from == ""
	}
	fill.AccountID = account
	if from != "" {
		return fill.Named == from
	}
	return fill.Named == account
}

func (f *filled) count(at time.Time) {
	f.Fills++
	if f.From.IsZero() || at.Before(f.From) {
		f.From = at
	}
	if at.After(f.To) {
		f.To = at
	}
}

func (f *filled) reject(row *blotter.RejectedRow) {
	f.Rejected++
	f.rejected = append(f.rejected, row)
	because(&f.Reasons, row.Line, row.Reason)
}

// book books the fills in batches, and keeps what cannot be booked.
func (i *fillImport) book(ctx context.Context) error {
	begin := time.Now()
	if i.with.dryRun || !slices.ContainsFunc(i.files, func(f *filled) bool { return f.Fills+f.Rejected > 0 }) {
		return nil
	}
	db, err := i.open(ctx)
	if err != nil {
		return err
	}
	ctx = blotter.WithAllAccounts(ctx)
	if err := i.with.creation.check(ctx, db.DB, i.fills); err != nil {
		return err
	}
	newest, err := db.NewestTrades(ctx, i.accounts())
	if err != nil {
		return err
	}
	if err := i.begin(ctx, db.DB); err != nil {
		return err
	}
	if err := i.bookAll(ctx, db.DB, newest); err != nil {
		return err
	}
	if err := i.finish(ctx, db.DB); err != nil {
		return err
	}
	for _, f := range i.files {
		if err := db.Quarantine(ctx, f.File, f.rejected); err != nil {
			return fmt.Errorf("the fills are booked, but rejected rows were not kept: %w", err)
		}
	}
	i.elapsed = time.Since(begin)
	return nil
}

func (i *fillImport) accounts() []string {
	accounts := map[string]bool{}
	for _, f := range i.fills {
		accounts[f.AccountID] = true
	}
	return slices.Sorted(maps.Keys(accounts))
}

// took notes what became of a fill.
func (f *filled) took(fill fillfile.Fill, r postgres.Receipt, newest map[[2]string]time.Time) {
	switch r.Outcome {
	case postgres.Applied:
		f.Booked++
		if fill.ExecutedAt.Before(newest[[2]string{fill.AccountID, fill.Symbol}]) {
			f.Late++
		}
	case postgres.Duplicate:
		f.Duplicates++
	default:
		check := "fill"
		if r.Outcome == postgres.Conflict {
			check = "conflict"
			f.Conflicts++
			f.Rejected-- // reject counts it
		}
		f.reject(&blotter.RejectedRow{Line: fill.Line, Symbol: fill.Symbol, Check: check, Reason: r.Err.Error(), Raw: describeFill(fill)})
	}
}

// describeFill is a fill in words, for the quarantine: what was read of its row.
func describeFill(f fillfile.Fill) string {
	return fmt.Sprintf("%s %s %s %s %s at %s, fee %s %s, %s, id %s", f.AccountID, f.Side, f.Quantity, f.Symbol, f.Currency, f.Price,
		f.Commission, f.CommissionCurrency, f.ExecutedAt.UTC().Format(time.RFC3339Nano), f.TradeID)
}
