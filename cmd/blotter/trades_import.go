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
	"github.com/blotterdb/blotter/internal/term"
	"github.com/spf13/cobra"
)

const (
	fillsMax   = 2_000_000 // of one import, because they are sorted before the first is booked
	fillsBatch = 500       // that are booked in one transaction
)

// fillOptions are the flags of trades import.
type fillOptions struct {
	fillfile.Options
	dryRun, simulated bool
	strict            bool
	fromAccount       string // whose fills are booked into --account
	creation          accountCreation
}

func tradesImport(set *settings) *cobra.Command {
	var opts fillOptions
	cmd := &cobra.Command{
		Use:   "import FILES...",
		Short: "Book the fills in files of brokers",
		Long: `Book the fills in files of brokers and exchanges, in all files of folders, or of
patterns. The layout is recognized from the content (docs/fills.md); "-" is
standard input. All fills of a command are booked in the order of their
execution, even if they are in different files.

A file may name the accounts of its fills. With --account, those of others are
left out; --from-account NAME books those of NAME into --account. An account
that does not exist is created only with --create-account, or after asking on a
terminal; blotter accounts create creates one with its currency and zone.

Importing a file again books nothing twice: a fill that is already booked is
counted as a duplicate, also if it is in a later, overlapping export. A fill
that differs from the booked one is a conflict. Conflicts and rows that cannot
be read are quarantined (data_ingestion.data_quality_logs). Dividends, deposits
and other rows that are not fills are counted and left out.

An interrupted import is simply repeated.`,
		Example: `  blotter trades import activity.xml --create-account
  blotter trades import ~/exports --account ACC123 --dry-run
  blotter trades import fills.csv --account ACC123 --tz America/New_York`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			files, err := findFiles(args)
			if err != nil {
				return err
			}
			opts.Account = set.account
			if opts.fromAccount != "" && set.account == "" {
				return usagef("--from-account %s needs --account, into which its fills are booked", opts.fromAccount)
			}

			i := &fillImport{opts: opts, changedOptions: bookingOptions(cmd.Flags()), set: set}
			defer i.close()
			i.opts.Instrument = i.instrumentLookup(cmd.Context())
			if err := i.read(cmd, files); err != nil {
				return err
			}
			if err := i.book(cmd.Context()); err != nil {
				return err
			}
			return firstError(set.print(cmd, i.report(), i.print), i.failure())
		},
	}
	opts.flags(cmd)
	return cmd
}

func (o *fillOptions) flags(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&o.Format, "format", "", "`name` of the layout (default: from the content)")
	flags.StringVar(&o.Symbol, "symbol", "", "`symbol` of every fill (default: from the file)")
	flags.StringVar(&o.Strategy, "strategy", "", "`strategy` of every fill (default: from the file)")
	flags.StringVar(&o.Currency, "currency", "", "`code` of the prices' currency, if the file does not say")
	flags.StringVar(&o.Multiplier, "multiplier", "",
		"`number` for options, futures, bonds and lots, if the file does not say")
	flags.StringVar(&o.Zone, "tz", "", "`zone` of times without one, such as America/New_York")
	flags.StringVar(&o.DateOrder, "dates", "", "`order` of day and month in dates like 2/1/2006: dmy or mdy")
	flags.StringVar(&o.Columns, "cols", "",
		"`names` of the columns, such as date,symbol,side,quantity,price; or side=COLUMN")
	flags.StringVar(&o.FeeSign, "fees", "", "`sign` of paid fees, positive or negative, if the file does not say")
	flags.StringVar(&o.Decimal, "decimal", "", "decimal `mark`, point or comma, where 1,234 may be either")
	flags.StringVar(&o.RepeatedHour, "repeated-hour", "",
		"`pass` of the hour that clocks repeat in autumn: first or second")
	flags.StringVar(&o.Sheet, "sheet", "", "`name` of the sheet of an .xlsx workbook (default: the first)")
	flags.IntVar(&o.Round, "round", 0, "round numbers to `n` digits, for back tests with more than can be stored")

	flags.StringVar(&o.fromAccount, "from-account", "", "book the fills of this `name` in the file into --account")
	o.creation.add(cmd)
	flags.BoolVar(&o.simulated, "simulated", false, "book the fills of a back test, which never happened")
	flags.BoolVar(&o.strict, "strict", false, "fail if any row is rejected or in conflict")
	flags.BoolVar(&o.dryRun, "dry-run", false, "say what would be booked, and book nothing")
}

// fillResult is the result of importing one file.
type fillResult struct {
	File       string           `json:"file"`
	Format     string           `json:"format,omitempty"`
	Simulated  bool             `json:"simulated,omitempty"`
	Fills      int64            `json:"fills"`
	Booked     int64            `json:"booked"`
	Duplicates int64            `json:"duplicates"`
	Conflicts  int64            `json:"conflicts"`
	Rejected   int64            `json:"rejected"` // rows that cannot be read or booked
	Late       int64            `json:"late"`     // fills booked after ones that were executed later
	Rounded    int64            `json:"rounded,omitempty"`
	Converted  map[string]int64 `json:"converted,omitempty"` // prices in hundredths of a currency, by its code
	Others     map[string]int64 `json:"others,omitempty"`    // rows that are not fills
	From       time.Time        `json:"from,omitzero"`
	To         time.Time        `json:"to,omitzero"`
	Reasons    []reason         `json:"reasons,omitempty"`
	Skipped    []string         `json:"skipped,omitempty"` // the file, or members of it, without fills
	Error      string           `json:"error,omitempty"`
	Imports    []int64          `json:"imports,omitempty"` // numbers for blotter trades imports
	digest     []byte           // of the content
	err        error
	rejected   []*blotter.RejectedRow
}

// fillOf is a fill and the number of its file.
type fillOf struct {
	fillfile.Fill
	file int
}

// fillImport is one run of trades import.
type fillImport struct {
	opts           fillOptions
	changedOptions map[string]string // flags that decide what is booked
	set            *settings
	db             *database // nil until it is needed
	files          []*fillResult
	fills          []fillOf
	parts          map[partKey]*importPart
	elapsed        time.Duration
}

// read reads all files and sorts their fills in the order of execution.
func (i *fillImport) read(cmd *cobra.Command, files []found) error {
	for n, from := range files {
		i.files = append(i.files, &fillResult{File: from.path})
		first := len(i.fills)
		err := i.readFile(cmd, from, n)
		if err == nil {
			err = i.complete(from.path, i.fills[first:])
		}
		if err == nil {
			keepOrder(i.fills[first:])
			continue
		}

		if cmd.Context().Err() != nil {
			return cmd.Context().Err()
		}
		i.fills = i.fills[:first]
		result := fillResult{File: from.path, Skipped: i.files[n].Skipped}
		var other *fillfile.NotFillsError
		if errors.As(err, &other) && (other.Layout != "" || !from.named) {
			result.Skipped = append(result.Skipped, other.Error())
		} else {
			result.err = err
			result.Error = explain(err)
		}
		*i.files[n] = result
	}

	slices.SortStableFunc(i.fills, byExecution)
	return nil
}

// byExecution compares fills by their execution. The end of an option comes after the trades of the same instant,
// because many files have only the day.
func byExecution(a, b fillOf) int {
	byTime := a.ExecutedAt.Compare(b.ExecutedAt)
	switch {
	case byTime != 0 || a.Ends == b.Ends:
		return byTime
	case a.Ends:
		return 1
	}
	return -1
}

// keepOrder reverses the fills of a file that begins with the newest, so that fills of the same instant are in their
// order.
func keepOrder(fills []fillOf) {
	if n := len(fills); n > 1 && fills[0].ExecutedAt.After(fills[n-1].ExecutedAt) {
		slices.Reverse(fills)
	}
}

// readFile reads file n and computes its digest.
func (i *fillImport) readFile(cmd *cobra.Command, from found, n int) (err error) {
	result := i.files[n]
	if from.path != standardInput {
		file, err := fillfile.Open(from.path, i.opts.Options)
		if err != nil {
			return err
		}
		defer file.Close()
		if result.digest, err = digestFile(from.path); err != nil {
			return err
		}
		return i.readFills(cmd.Context(), file, from, n)
	}

	stdin := newDigestingReader(cmd.InOrStdin())
	defer func() {
		var digestErr error
		result.digest, digestErr = stdin.sum()
		err = firstError(err, digestErr)
	}()
	file, err := fillfile.Read(stdin, barfile.StandardInput, i.opts.Options)
	if err != nil {
		return err
	}
	defer file.Close()
	return i.readFills(cmd.Context(), file, from, n)
}

// readFills reads the fills of file n.
func (i *fillImport) readFills(ctx context.Context, file *fillfile.File, from found, n int) error {
	result := i.files[n]
	result.Format = file.Format
	result.Simulated = file.Simulated
	if file.Simulated && !i.opts.simulated {
		if !from.named {
			kind := "simulated fills of a back test (--simulated books them)"
			return &fillfile.NotFillsError{Path: from.path, Kind: kind}
		}
		return fmt.Errorf("%s: these fills are from a back test (%s) and never happened; --simulated books them anyway",
			from.path, file.Format)
	}

	ofOthers := map[string]int64{}
	for fill, err := range file.Fills() {
		var rejected *blotter.RejectedRow
		switch {
		case errors.As(err, &rejected):
			result.reject(rejected)
		case err != nil:
			return err
		case len(i.fills) == fillsMax:
			return fmt.Errorf("%s: more than %s fills in one import; import the files in parts, oldest first",
				from.path, term.Thousands(fillsMax))
		case !i.takes(&fill):
			ofOthers[kindOfAccount+fill.Named]++
		default:
			i.fills = append(i.fills, fillOf{fill, n})
			result.count(fill.ExecutedAt)
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}

	result.Others = file.Others
	maps.Copy(result.Others, ofOthers)
	result.Rounded = file.Rounded
	result.Converted = file.Converted
	for _, skipped := range file.Skipped {
		result.Skipped = append(result.Skipped, skipped.Error())
	}
	return nil
}

// kindOfAccount begins the kind of rows that are left out because they belong to another account.
const kindOfAccount = "of account "

// takes reports whether a fill belongs to the imported account, and sets its account.
func (i *fillImport) takes(fill *fillfile.Fill) bool {
	account, from := i.opts.Account, i.opts.fromAccount
	if account == "" || fill.Named == "" {
		return from == ""
	}
	fill.AccountID = account
	if from != "" {
		return fill.Named == from
	}
	return fill.Named == account
}

func (r *fillResult) count(at time.Time) {
	r.Fills++
	if r.From.IsZero() || at.Before(r.From) {
		r.From = at
	}
	if at.After(r.To) {
		r.To = at
	}
}

func (r *fillResult) reject(row *blotter.RejectedRow) {
	r.Rejected++
	r.rejected = append(r.rejected, row)
	addReason(&r.Reasons, row.Line, row.Reason)
}
