package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
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
recognised from the content, through .gz, .zip and .tar.gz; "-" is standard
input. Each file is stored as a whole or not at all; a second import of the same
file changes nothing, so what was interrupted is simply repeated.

Rows that are no bars go to the quarantine (data_ingestion.data_quality_logs)
and are counted. A bar that the same source gives differently later is updated;
one that another source gave stays. The source of CSV and JSON files is their
folder's: csv:FOLDER. What is no bar file (trades, quotes, fills, ...) is named;
in a folder it is skipped.

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
	flags.StringVar(&with.Source, "source", "", "`name` of the vendor (default: by format)")
	flags.BoolVar(&with.AllowNegative, "allow-negative", false, "take prices of zero and below (spreads, power)")
	flags.StringVar(&with.prefer, "prefer", "", "`source` whose bars replace another source's")
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
	if _, _, err := blotter.TimeframeLength(cmp.Or(i.Timeframe, "1d")); err != nil {
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

// found is a file to import. One that was found in a folder may be something else than bars.
type found struct {
	path  string
	named bool // by the user
	size  int64
}

const (
	standardInput = "-"
	filesMax      = 100_000
)

// findFiles are the files that the arguments name: themselves, those in folders below them, and those that a pattern
// matches.
func findFiles(args []string) (files []found, err error) {
	for _, arg := range args {
		if _, err := os.Stat(arg); err != nil {
			arg = strings.TrimSuffix(strings.TrimSuffix(arg, "**"), "**/")
		}
		if before, after, found := strings.Cut(arg, "**/"); found {
			if files, err = findDeep(cmp.Or(before, "."), after, files); err != nil {
				return nil, err
			}
			continue
		}
		info, err := os.Stat(arg)
		switch {
		case arg == standardInput || err == nil && !info.IsDir():
			one := found{path: arg, named: true}
			if info != nil {
				one.size = info.Size()
			}
			files = append(files, one)
			continue
		case err == nil:
			if files, err = findBelow(arg, files); err != nil {
				return nil, err
			}
			continue
		}
		matches, bad := filepath.Glob(arg)
		if bad != nil || len(matches) == 0 {
			files = append(files, found{path: arg, named: true}) // opening it says what is wrong
			continue
		}
		for _, match := range matches {
			if strings.HasPrefix(filepath.Base(match), ".") && !strings.HasPrefix(filepath.Base(arg), ".") {
				continue // as shells do
			}
			first := len(files)
			if files, err = findBelow(match, files); err != nil {
				return nil, err
			}
			if len(files) == first+1 && files[first].path == match {
				files[first].named = true // by the pattern, as if the shell had
			}
		}
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("%s: no files are in there", strings.Join(args, ", "))
	}
	return files, nil
}

// findDeep adds the files below a folder, however deep, whose end of the path matches a pattern.
func findDeep(root, pattern string, files []found) ([]found, error) {
	if _, err := filepath.Match(pattern, ""); err != nil {
		return nil, fmt.Errorf("%s is no pattern", pattern)
	}
	below, err := findBelow(root, nil)
	depth := strings.Count(pattern, "/") + 1
	for _, one := range below {
		parts := strings.Split(filepath.ToSlash(one.path), "/")
		if matches, _ := filepath.Match(pattern, strings.Join(parts[max(0, len(parts)-depth):], "/")); matches {
			one.named = true
			files = append(files, one)
		}
	}
	if err == nil && len(files) > filesMax {
		err = fmt.Errorf("%s: more than %s files; import its folders one by one", root, thousands(filesMax))
	}
	return files, err
}

// findBelow adds a file, or all that is in a folder but hidden files.
func findBelow(root string, files []found) ([]found, error) {
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return fmt.Errorf("%s: this user may not read it", path)
		case path != root && strings.HasPrefix(entry.Name(), "."):
			if entry.IsDir() {
				return filepath.SkipDir
			}
			return nil
		case entry.IsDir():
			return nil
		case len(files) == filesMax:
			return fmt.Errorf("%s: more than %s files; import its folders one by one", root, thousands(filesMax))
		}
		one := found{path: path}
		if info, err := os.Stat(path); err == nil {
			one.size = info.Size()
		}
		files = append(files, one)
		return nil
	})
	return files, err
}

// imported is what became of one file.
type imported struct {
	File      string `json:"file"`
	Format    string `json:"format,omitempty"`
	Symbol    string `json:"symbol,omitempty"` // where all rows have the same
	Timeframe string `json:"timeframe,omitempty"`
	Source    string `json:"source,omitempty"`
	Adjusted  bool   `json:"adjusted,omitempty"`
	postgres.ImportResult
	Reasons []reason `json:"reasons,omitempty"`         // why rows were quarantined: the first of each kind
	Members []string `json:"skipped_members,omitempty"` // of an archive: those that are no bar files, and why
	Unknown []string `json:"unknown_columns,omitempty"` // not understood, where no volume was found
	Skipped string   `json:"skipped,omitempty"`         // why nothing was read: it is no bar file
	Error   string   `json:"error,omitempty"`
	err     error
	done    bool
}

// reason is why a row was quarantined, and how many more of the file were for the same check.
type reason struct {
	Line int64  `json:"line"`
	Text string `json:"text"`
	More int64  `json:"more"`
	key  string
}

const (
	reasonsMax = 5  // kinds of reasons that are kept for each file
	membersMax = 20 // skipped members of an archive that are named
)

type importReport struct {
	Files   []imported            `json:"files"`
	Total   postgres.ImportResult `json:"total"`
	DryRun  bool                  `json:"dry_run,omitempty"`
	Elapsed time.Duration         `json:"elapsed_ns"`
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
		one.Unknown = file.Unknown
		turn(file.Symbol)
		one.ImportResult, err = db.ImportBars(ctx, postgres.BarImport{
			File: quarantineName(from.path), Bars: one.collect(file.Bars()), Once: file.Once(),
			Prefer: with.prefer, Strict: with.strict, DryRun: with.dryRun,
		})
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
	name := []rune(strings.ReplaceAll(strings.ToValidUTF8(path, "\uFFFD"), "\x00", "\uFFFD"))
	if len(name) > most {
		name = append([]rune("…"), name[len(name)-most+1:]...)
	}
	return string(name)
}

// collect passes rows on and keeps the first reason of each kind.
func (i *imported) collect(rows iter.Seq2[blotter.BarRow, error]) iter.Seq2[blotter.BarRow, error] {
	return func(yield func(blotter.BarRow, error) bool) {
		i.Reasons = nil // the import may begin anew
		for row, err := range rows {
			if rejected, ok := err.(*blotter.RejectedRow); ok {
				because(&i.Reasons, rejected.Line, rejected.Reason)
			}
			if !yield(row, err) {
				return
			}
		}
	}
}

// contradictions names the quarantined rows that the database found, which no reader could.
func (i *imported) contradictions() {
	for _, rows := range i.LeftOut {
		i.Reasons = append(i.Reasons, reason{Line: rows.Line, Text: rows.Reason, More: rows.Rows - 1})
	}
	known := int64(0)
	for _, why := range i.Reasons {
		known += 1 + why.More
	}
	if n := i.Quarantined - known; n > 0 && len(i.Reasons) < reasonsMax {
		i.Reasons = append(i.Reasons, reason{Text: thousands(n) + " rows contradict an earlier row of the same bar"})
	}
}

// skip keeps the members of an archive that are no bar files.
func (i *imported) skip(members []error) {
	for n, err := range members {
		if n == membersMax {
			i.Members = append(i.Members, fmt.Sprintf("%s: %s more members that are no bar files", i.File, thousands(int64(len(members)-n))))
			return
		}
		i.Members = append(i.Members, explain(err))
	}
}

// because counts a reason to the first of its kind.
func because(reasons *[]reason, line int64, text string) {
	key := withoutNumbers(text)
	for n := range *reasons {
		if (*reasons)[n].key == key {
			(*reasons)[n].More++
			return
		}
	}
	if len(*reasons) < reasonsMax {
		*reasons = append(*reasons, reason{Line: line, Text: text, key: key})
	}
}

// printReason prints a reason under what it is about: "quarantined: file.csv".
func printReason(w io.Writer, about string, why reason) {
	more, where := "", ""
	if why.More > 0 {
		more = fmt.Sprintf(" (and %s more like it)", thousands(why.More))
	}
	if why.Line > 0 {
		where = fmt.Sprintf(" line %d", why.Line)
	}
	printWrapped(w, about+where+": "+why.Text+more)
}

// withoutNumbers is the text without its digits: reasons that differ in numbers only are of one kind.
func withoutNumbers(text string) string {
	var kept []rune
	for _, r := range text {
		if (r < '0' || r > '9') && r != '.' && r != '-' {
			kept = append(kept, r)
		}
	}
	return string(kept)
}
