package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/blotterdb/blotter/barfile"
	"github.com/blotterdb/blotter/internal/sqltext"
	"github.com/blotterdb/blotter/postgres"
	"github.com/spf13/cobra"
)

// importOptions are the flags of import.
type importOptions struct {
	barfile.Options
	prefer         string
	splice         bool
	strict, dryRun bool
	jobs           int
}

// jobsMax is the greatest number of files that are imported at the same time.
const jobsMax = 8

func importCommand(set *settings) *cobra.Command {
	opts := importOptions{jobs: min(runtime.NumCPU(), 4)}
	cmd := &cobra.Command{
		Use:   "import FILES...",
		Short: "Store the bars of files",
		Long: `Store the bars of files, of all files in folders, or of patterns in quotes
("data/**/*.csv" matches in all folders below data). The format is recognized
from the content, also inside .gz, .zip, .tar.gz and .xlsx; "-" is standard
input. Each file is stored as a whole or not at all. Importing a file again
changes nothing, so an interrupted import is simply repeated.

Rows that are not valid bars are quarantined (data_ingestion.data_quality_logs)
and counted. A bar that the same source gives differently later is updated; a
bar of another source stays. A file whose prices differ from those of another
source by a factor is refused: one of them is adjusted for splits. The source of
CSV and JSON files is named after their folder: csv:FOLDER. A file with trades,
quotes or fills is an error that names the kind; in a folder it is skipped.

Files with adjusted prices only are stored as SYMBOL` + barfile.AdjustedSuffix + `, quotes of markets that
trade as SYMBOL` + barfile.MidSuffix + ` (the middle of bid and ask), so that they never mix with
traded prices. Formats: ` + strings.Join(barfile.Formats()[:6], ", ") + `,
` + strings.Join(barfile.Formats()[6:], ", ") + `.`,
		Example: `  blotter import ~/bars
  blotter import prices.csv --symbol AAPL --timeframe 1d
  blotter import minutes.csv.gz --tz America/New_York
  blotter import export.txt --cols date,time,open,high,low,close,volume
  blotter import yahoo/*.csv --prefer yahoo --dry-run
  curl -s $URL | blotter import - --symbol BTCUSD --json`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := opts.check(); err != nil {
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

			report, err := importFiles(cmd.Context(), db.DB, files, opts, cmd.InOrStdin())
			return firstError(set.print(cmd, report, report.print), report.failure(err))
		},
	}
	opts.flags(cmd)
	return cmd
}

func (o *importOptions) flags(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&o.Format, "format", "", "`name` of the format (default: from the content)")
	flags.StringVar(&o.Symbol, "symbol", "", "`symbol` of every row (default: from its column or the file's name)")
	flags.StringVar(&o.Timeframe, "timeframe", "",
		"`timeframe`, such as 1d or 5m (default: the usual distance of rows)")
	flags.StringVar(&o.Zone, "tz", "", "`zone` of intraday times without one, such as America/New_York")
	flags.StringVar(&o.Dates, "dates", "", "`order` of day and month in dates like 2/1/2006: dmy or mdy")
	flags.StringVar(&o.Columns, "cols", "", "`names` of the columns, such as date,open,high,low,close,volume")
	flags.StringVar(&o.Sheet, "sheet", "", "`name` of the sheet of an .xlsx workbook (default: the first)")

	flags.StringVar(&o.Source, "source", "", "`name` of the vendor (default: from the format)")
	flags.BoolVar(&o.AllowNegative, "allow-negative", false, "accept prices of zero and below (spreads, power)")
	flags.StringVar(&o.prefer, "prefer", "", "`source` whose bars replace those of other sources")
	flags.BoolVar(&o.splice, "splice", false,
		"store bars beside those of another source whose prices differ by a factor")
	flags.BoolVar(&o.strict, "strict", false, "store nothing of a file with a row that is not a valid bar")
	flags.BoolVar(&o.dryRun, "dry-run", false, "say what would be stored, and store nothing")
	flags.IntVar(&o.jobs, "jobs", o.jobs, fmt.Sprintf("number of files to import at the same time, 1 to %d", jobsMax))
}

// check returns an error for flags with which no file can be imported.
func (o *importOptions) check() error {
	if o.jobs < 1 || o.jobs > jobsMax {
		return usagef("invalid --jobs %d: want 1 to %d", o.jobs, jobsMax)
	}
	if o.Format != "" && !slices.Contains(barfile.Formats(), strings.ToLower(o.Format)) {
		return usagef("invalid --format %q: want %s", o.Format, orList(barfile.Formats()))
	}

	if _, err := loadZone(o.Zone); err != nil {
		return err
	}
	if err := checkTimeframe(o.Timeframe); err != nil {
		return err
	}
	if !slices.Contains([]string{"", "dmy", "mdy"}, o.Dates) {
		return usagef("invalid --dates %q: want dmy or mdy", o.Dates)
	}
	return nil
}

// firstError returns the first error that is not nil.
func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// importFiles imports the files, several at the same time. A file that fails is in the report and does not stop the
// others.
func importFiles(
	ctx context.Context, db *postgres.DB, files []found, opts importOptions, stdin io.Reader,
) (*importReport, error) {
	start := time.Now()
	report := &importReport{Files: make([]importedFile, len(files)), DryRun: opts.dryRun}
	i := &barImport{
		db: db, opts: opts, stdin: stdin, files: files,
		progress: newImportProgress(files), turns: newTurns(len(files)),
	}
	i.runAll(ctx, report.Files)
	i.progress.finish()

	report.Files = slices.DeleteFunc(report.Files, func(file importedFile) bool { return !file.done })
	report.sum(time.Since(start))
	if err := ctx.Err(); err != nil || opts.dryRun {
		return report, err
	}
	if err := db.AnalyzeBars(ctx, report.Total.Inserted+report.Total.Updated); err != nil {
		return report, fmt.Errorf("the files are imported, but statistics were not gathered: %w", err)
	}
	return report, nil
}

// barImport imports files.
type barImport struct {
	db       *postgres.DB
	opts     importOptions
	stdin    io.Reader
	files    []found
	progress *importProgress
	turns    *turns
}

// runAll imports the files into results, until the context ends.
func (i *barImport) runAll(ctx context.Context, results []importedFile) {
	next := make(chan int)
	var workers sync.WaitGroup
	for range min(i.opts.jobs, len(i.files)) {
		workers.Go(func() {
			for n := range next {
				results[n] = i.run(ctx, n)
				i.turns.end(n)
			}
		})
	}

	for n := range i.files {
		select {
		case next <- n:
			continue
		case <-ctx.Done():
		}
		break
	}
	close(next)
	workers.Wait()
}

// run imports file n.
func (i *barImport) run(ctx context.Context, n int) importedFile {
	from := i.files[n]
	result := importedFile{File: from.path, done: true}
	file, err := i.open(from.path)
	if err == nil {
		i.progress.begin(file)
		i.turns.wait(ctx, n, file.Symbol)
		err = i.store(ctx, file, &result)
		_ = file.Close()
	}
	i.progress.end(file, from)

	var otherKind *barfile.NotBarsError
	switch {
	case err == nil:
	case errors.As(err, &otherKind) && !from.named:
		result.Skipped = otherKind.Error()
	case ctx.Err() != nil:
		result.done = false
	default:
		result.err = withPath(err, from.path)
		result.Error = explain(result.err)
	}
	return result
}

func (i *barImport) open(path string) (*barfile.File, error) {
	if path == standardInput {
		return barfile.Read(i.stdin, barfile.StandardInput, i.opts.Options)
	}
	return barfile.Open(path, i.opts.Options)
}

// store stores the bars of a file.
func (i *barImport) store(ctx context.Context, file *barfile.File, result *importedFile) (err error) {
	result.Format = file.Format
	result.Symbol = file.Symbol
	result.Timeframe = file.Timeframe
	result.Source = file.Source
	result.Adjusted = file.Adjusted
	result.Unknown = file.Unknown
	result.Guessed = file.Guessed

	result.ImportResult, err = i.db.ImportBars(ctx, postgres.BarImport{
		File: quarantineName(result.File), Bars: result.collectReasons(file.Bars()), Once: file.Once(),
		Prefer: i.opts.prefer, Strict: i.opts.strict, DryRun: i.opts.dryRun,
		Guessed: file.Guessed, Splice: i.opts.splice, Zone: file.Zone(),
	})
	result.Remarks = file.Remarks
	result.addContradictions()
	result.addSkippedMembers(file.Skipped)
	return err
}

// withPath adds the path to an error that does not name the file.
func withPath(err error, path string) error {
	name := strings.Replace(path, standardInput, barfile.StandardInput, 1)
	if strings.Contains(err.Error(), name) || strings.Contains(err.Error(), path) {
		return err
	}
	return fmt.Errorf("%s: %w", path, err)
}

// quarantineName returns the name of a file in the quarantine: its path, or the end of a very long one.
func quarantineName(path string) string {
	const most = 500
	name := []rune(sqltext.Storable(path))
	if len(name) > most {
		name = append([]rune("…"), name[len(name)-most+1:]...)
	}
	return string(name)
}
