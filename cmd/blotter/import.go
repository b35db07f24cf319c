package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/barfile"
	"github.com/blotterdb/blotter/postgres"
	"github.com/spf13/cobra"
)

// importing is how files are imported.
type importing struct {
	barfile.Options
	prefer         string
	splice         bool
	strict, dryRun bool
	jobs           int
}

const jobsMax = 8

func importCommand(set *settings) *cobra.Command {
	with := importing{jobs: min(runtime.NumCPU(), 4)}
	cmd := &cobra.Command{
		Use:   "import FILES...",
		Short: "Store the bars of files",
		Long: `Store the bars of files, of folders with all that is in them, or of patterns in
quotes ("data/**/*.csv" is those in all folders below data). The format is
recognised from the content, through .gz, .zip, .tar.gz and .xlsx; "-" is
standard input. Each file is stored as a whole or not at all; a second import of
the same file changes nothing, so what was interrupted is simply repeated.

Rows that are no bars go to the quarantine (data_ingestion.data_quality_logs)
and are counted. A bar that the same source gives differently later is updated;
one that another source gave stays, and a file whose prices differ from another
source's by a factor is refused: one of both is adjusted for splits. The source
of CSV and JSON files is their folder's: csv:FOLDER. What is no bar file, but
trades, quotes or fills, is named; in a folder it is skipped.

Files of adjusted prices only are stored as SYMBOL` + barfile.AdjustedSuffix + `, quotes of markets that
trade as SYMBOL` + barfile.MidSuffix + ` (the middle of bid and ask): they never mix with prices as
traded. Formats: ` + strings.Join(barfile.Formats()[:6], ", ") + `,
` + strings.Join(barfile.Formats()[6:], ", ") + `.`,
		Example: `  blotter import ~/bars
  blotter import prices.csv --symbol AAPL --timeframe 1d
  blotter import minutes.csv.gz --tz America/New_York
  blotter import export.txt --cols date,time,open,high,low,close,volume
  blotter import yahoo/*.csv --prefer yahoo --dry-run
  curl -s $URL | blotter import - --symbol BTCUSD --json`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := with.check(); err != nil {
				return err
			}
			files, err := findFiles(args)
			if err != nil {
				return err
			}
			db, err := set.open(cmd.Context())
			if err != nil {
				return err
			}
			defer db.Close()
			report, err := importFiles(cmd.Context(), db.DB, files, with, cmd.InOrStdin())
			if set.json {
				return firstError(printJSON(cmd.OutOrStdout(), report), report.failure(err))
			}
			return firstError(report.print(cmd.OutOrStdout()), report.failure(err))
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&with.Format, "format", "", "`name` of the format (default: by content)")
	flags.StringVar(&with.Symbol, "symbol", "", "`symbol` of every row (default: its column, else the file's name)")
	flags.StringVar(&with.Timeframe, "timeframe", "", "`timeframe`, as 1d or 5m (default: the usual distance of rows)")
	flags.StringVar(&with.Zone, "tz", "", "`zone` of times within a day that carry none, as America/New_York")
	flags.StringVar(&with.Dates, "dates", "", "`order` of day and month in dates as 2/1/2006, dmy or mdy")
	flags.StringVar(&with.Columns, "cols", "", "`names` of the columns, as date,open,high,low,close,volume")
	flags.StringVar(&with.Sheet, "sheet", "", "`name` of the sheet of an .xlsx workbook (default: the first)")
	flags.StringVar(&with.Source, "source", "", "`name` of the vendor (default: by format)")
	flags.BoolVar(&with.AllowNegative, "allow-negative", false, "take prices of zero and below (spreads, power)")
	flags.StringVar(&with.prefer, "prefer", "", "`source` whose bars replace another source's")
	flags.BoolVar(&with.splice, "splice", false, "store bars beside another source's whose prices differ by a factor")
	flags.BoolVar(&with.strict, "strict", false, "keep nothing of a file that has a row which is no bar")
	flags.BoolVar(&with.dryRun, "dry-run", false, "say what would be stored, and store nothing")
	flags.IntVar(&with.jobs, "jobs", with.jobs, fmt.Sprintf("files at once, 1 to %d", jobsMax))
	return cmd
}

// check refuses flags that no file could be imported with.
func (i *importing) check() error {
	if i.jobs < 1 || i.jobs > jobsMax {
		return usagef("--jobs %d: want 1 to %d", i.jobs, jobsMax)
	}
	if i.Format != "" && !slices.Contains(barfile.Formats(), strings.ToLower(i.Format)) {
		return usagef("--format %s: want one of %s", i.Format, strings.Join(barfile.Formats(), ", "))
	}
	if _, err := time.LoadLocation(i.Zone); err != nil {
		return usagef("--tz %s is no zone: want a name, as America/New_York or UTC", i.Zone)
	}
	if _, _, err := blotter.Timeframe(cmp.Or(i.Timeframe, "1d")).Length(); err != nil {
		return usagef("--timeframe %s is none; want a number and a unit (s, m, h, d, w, mo), as 1d", i.Timeframe)
	}
	if !slices.Contains([]string{"", "dmy", "mdy"}, i.Dates) {
		return usagef("--dates %s: want dmy or mdy", i.Dates)
	}
	return nil
}

func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// importFiles imports the files, some at once. A file that fails is in the report and does not stop the others; only the
// end of the context does.
func importFiles(ctx context.Context, db *postgres.DB, files []found, with importing, stdin io.Reader) (*importReport, error) {
	start := time.Now()
	report := &importReport{Files: make([]imported, len(files)), DryRun: with.dryRun}
	shown := newProgress(files)
	next, order := make(chan int), newTurns(len(files))
	var wait sync.WaitGroup
	for range min(with.jobs, len(files)) {
		wait.Go(func() {
			for i := range next {
				turn := func(symbol string) { order.wait(ctx, i, symbol) }
				report.Files[i] = importFile(ctx, db, files[i], with, stdin, shown, turn)
				order.end(i)
			}
		})
	}
	for i := range files {
		select {
		case next <- i:
			continue
		case <-ctx.Done():
		}
		break
	}
	close(next)
	wait.Wait()
	shown.finish()
	report.Files = slices.DeleteFunc(report.Files, func(one imported) bool { return !one.done })
	report.sum(time.Since(start))
	if err := ctx.Err(); err != nil || with.dryRun {
		return report, err
	}
	if err := db.AnalyzeBars(ctx, report.Total.Inserted+report.Total.Updated); err != nil {
		return report, fmt.Errorf("the files are imported, but statistics were not gathered: %w", err)
	}
	return report, nil
}

// importFile imports a file when its turn has come.
func importFile(ctx context.Context, db *postgres.DB, from found, with importing, stdin io.Reader, shown *progress, turn func(symbol string)) (one imported) {
	one.File, one.done = from.path, true
	var file *barfile.File
	var err error
	if from.path == standardInput {
		file, err = barfile.Read(stdin, barfile.StandardInput, with.Options)
	} else {
		file, err = barfile.Open(from.path, with.Options)
	}
	if err == nil {
		defer file.Close()
		shown.begin(file)
		one.Format, one.Symbol, one.Timeframe, one.Source, one.Adjusted = file.Format, file.Symbol, file.Timeframe, file.Source, file.Adjusted
		one.Unknown, one.Guessed = file.Unknown, file.Guessed
		turn(file.Symbol)
		one.ImportResult, err = db.ImportBars(ctx, postgres.BarImport{
			File: quarantineName(from.path), Bars: one.collect(file.Bars()), Once: file.Once(),
			Prefer: with.prefer, Strict: with.strict, DryRun: with.dryRun,
			Guessed: file.Guessed, Splice: with.splice, Zone: file.Zone(),
		})
		one.Remarks = file.Remarks
		one.contradictions()
		one.skip(file.Skipped)
		shown.end(file, from, one.Read)
	} else {
		shown.end(nil, from, 0)
	}
	var other *barfile.NotBarsError
	switch {
	case err == nil:
	case errors.As(err, &other) && !from.named:
		one.Skipped = other.Error()
	case ctx.Err() != nil:
		one.done = false
	default:
		if name := strings.Replace(from.path, standardInput, barfile.StandardInput, 1); !strings.Contains(err.Error(), name) && !strings.Contains(err.Error(), from.path) {
			err = fmt.Errorf("%s: %w", from.path, err)
		}
		one.err, one.Error = err, explain(err)
	}
	return one
}

// quarantineName is what the quarantine calls a file: its path as given, of a very long one the end.
func quarantineName(path string) string {
	const most = 500
	name := []rune(barfile.Storable(path))
	if len(name) > most {
		name = append([]rune("…"), name[len(name)-most+1:]...)
	}
	return string(name)
}
