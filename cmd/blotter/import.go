package main

import (
	"context"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/barfile"
	"github.com/blotterdb/blotter/postgres"
	"github.com/schollz/progressbar/v3"
	"github.com/spf13/cobra"
	"golang.org/x/term"
)

func importCommand(set *settings) *cobra.Command {
	var opts barfile.Options
	var prefer string
	var strict bool
	cmd := &cobra.Command{
		Use:   "import FILES...",
		Short: "Store the bars of files",
		Long: `Store the bars of files. The layout is recognised from the content. Each file
is stored as a whole or not at all; a second import of the same file changes
nothing. Rows that are no bars go to the quarantine
(data_ingestion.data_quality_logs) and are counted. A bar that the same source
gives differently later is updated; one that another source gave stays.`,
		Example: `  blotter import ~/bars/*.csv
  blotter import prices.csv --symbol AAPL --timeframe 1d
  blotter import yahoo/*.csv --prefer yahoo`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, files []string) error {
			db, err := set.open(cmd.Context())
			if err != nil {
				return err
			}
			defer db.Close()
			report, err := importFiles(cmd.Context(), db.DB, files, opts, postgres.BarImport{Prefer: prefer, Strict: strict})
			if set.json {
				return firstError(printJSON(cmd.OutOrStdout(), report), report.failure(err))
			}
			return firstError(report.print(cmd.OutOrStdout()), report.failure(err))
		},
	}
	cmd.Flags().StringVar(&opts.Symbol, "symbol", "", "`symbol` of every row (default: its column, else the file's name)")
	cmd.Flags().StringVar(&opts.Timeframe, "timeframe", "", "`timeframe`, as 1d or 1w (default: the usual distance of rows)")
	cmd.Flags().StringVar(&opts.Zone, "tz", "", "`zone` of times within a day that carry none, as America/New_York")
	cmd.Flags().StringVar(&opts.Source, "source", "", "`name` of the vendor (default: by layout)")
	cmd.Flags().StringVar(&prefer, "prefer", "", "`source` whose bars replace another source's")
	cmd.Flags().BoolVar(&strict, "strict", false, "keep nothing of a file that has a row which is no bar")
	return cmd
}

func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// imported is what became of one file.
type imported struct {
	File string `json:"file"`
	postgres.ImportResult
	Reasons []reason `json:"reasons,omitempty"` // why rows were quarantined: the first of each kind
	Error   string   `json:"error,omitempty"`
	err     error
}

// reason is why a row was quarantined, and how many more of the file were for the same check.
type reason struct {
	Line int64  `json:"line"`
	Text string `json:"text"`
	More int64  `json:"more"`
	key  string
}

const reasonsMax = 5 // kinds of reasons that are kept for each file

type importReport struct {
	Files   []imported            `json:"files"`
	Total   postgres.ImportResult `json:"total"`
	Elapsed time.Duration         `json:"elapsed_ns"`
}

// importFiles imports the files in turn. A file that fails is in the report and does not stop the others; only the end
// of the context does.
func importFiles(ctx context.Context, db *postgres.DB, files []string, opts barfile.Options, with postgres.BarImport) (*importReport, error) {
	start := time.Now()
	report := &importReport{}
	bar := newProgress(len(files))
	defer bar.finish()
	for _, path := range files {
		if ctx.Err() != nil {
			return report, ctx.Err()
		}
		one := importFile(ctx, db, path, opts, with)
		bar.add(path, one.Read)
		report.add(one)
	}
	report.Elapsed = time.Since(start)
	return report, ctx.Err()
}

func importFile(ctx context.Context, db *postgres.DB, path string, opts barfile.Options, with postgres.BarImport) (one imported) {
	one.File = path
	file, err := barfile.Open(path, opts)
	if err == nil {
		defer file.Close()
		with.File = strings.ToValidUTF8(filepath.Base(path), "\uFFFD")
		with.Bars = one.collect(file.Bars())
		one.ImportResult, err = db.ImportBars(ctx, with)
		one.contradictions()
	}
	if err != nil {
		one.err, one.Error = err, explain(err)
	}
	return one
}

// collect passes rows on and keeps the first reason of each kind.
func (i *imported) collect(rows iter.Seq2[blotter.BarRow, error]) iter.Seq2[blotter.BarRow, error] {
	return func(yield func(blotter.BarRow, error) bool) {
		for row, err := range rows {
			if rejected, ok := err.(*blotter.RejectedRow); ok {
				i.because(rejected.Line, rejected.Reason)
			}
			if !yield(row, err) {
				return
			}
		}
	}
}

// contradictions names the quarantined rows that the database found, which no reader could.
func (i *imported) contradictions() {
	known := int64(0)
	for _, why := range i.Reasons {
		known += 1 + why.More
	}
	if n := i.Quarantined - known; n > 0 && len(i.Reasons) < reasonsMax {
		i.Reasons = append(i.Reasons, reason{Text: thousands(n) + " rows contradict an earlier row of the same bar"})
	}
}

func (i *imported) because(line int64, text string) {
	key := withoutNumbers(text)
	for n := range i.Reasons {
		if i.Reasons[n].key == key {
			i.Reasons[n].More++
			return
		}
	}
	if len(i.Reasons) < reasonsMax {
		i.Reasons = append(i.Reasons, reason{Line: line, Text: text, key: key})
	}
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

func (r *importReport) add(one imported) {
	r.Files = append(r.Files, one)
	t := &r.Total
	t.Read += one.Read
	t.Inserted += one.Inserted
	t.Updated += one.Updated
	t.Unchanged += one.Unchanged
	t.OtherSource += one.OtherSource
	t.Quarantined += one.Quarantined
}

// failure is the command's error: the end of the context, or that files failed.
func (r *importReport) failure(err error) error {
	if err != nil {
		return err
	}
	failed := 0
	var first error
	for _, one := range r.Files {
		if one.err != nil {
			failed++
			first = firstError(first, one.err)
		}
	}
	switch {
	case failed == 0:
		return nil
	case failed == 1:
		return first
	}
	return fmt.Errorf("%d of %d files were not imported, and nothing of them is stored; the first: %s", failed, len(r.Files), explain(first))
}

func (r *importReport) print(w io.Writer) error {
	header := []string{"file", "read", "inserted", "updated", "unchanged", "other_source", "quarantined"}
	name := lineWidth
	for i, cell := range resultCells("", r.Total)[1:] {
		name -= 2 + max(len(cell), len(header[i+1]))
	}
	err := printTable(w, header, []int{1, 2, 3, 4, 5, 6}, func(row func(...string)) {
		for _, one := range r.Files {
			if one.err == nil {
				row(resultCells(shorten(filepath.Base(one.File), max(name, 8)), one.ImportResult)...)
			}
		}
		row(resultCells("all", r.Total)...)
	})
	for _, one := range r.Files {
		for _, why := range one.Reasons {
			more := ""
			if why.More > 0 {
				more = fmt.Sprintf(" (and %d more like it)", why.More)
			}
			where := ""
			if why.Line > 0 {
				where = fmt.Sprintf(" line %d", why.Line)
			}
			printWrapped(w, fmt.Sprintf("quarantined: %s%s: %s%s", filepath.Base(one.File), where, why.Text, more))
		}
		if one.err != nil {
			printWrapped(w, "not imported: "+one.Error)
		}
	}
	if r.Total.OtherSource > 0 {
		printWrapped(w, "other_source: stored already with other values from another source; --prefer SOURCE replaces them")
	}
	return err
}

func resultCells(name string, r postgres.ImportResult) []string {
	return []string{
		name, thousands(r.Read), thousands(r.Inserted), thousands(r.Updated), thousands(r.Unchanged),
		thousands(r.OtherSource), thousands(r.Quarantined),
	}
}

func shorten(text string, most int) string {
	if runes := []rune(text); len(runes) > most {
		return string(runes[:most-1]) + "…"
	}
	return text
}

// progress is a bar over files on a terminal, and nothing elsewhere.
type progress struct {
	bar  *progressbar.ProgressBar
	rows int64
}

func newProgress(files int) *progress {
	if !term.IsTerminal(int(os.Stderr.Fd())) {
		return &progress{}
	}
	return &progress{bar: progressbar.NewOptions(files, progressbar.OptionSetWriter(os.Stderr), progressbar.OptionShowCount(),
		progressbar.OptionSetWidth(30), progressbar.OptionClearOnFinish(), progressbar.OptionThrottle(100*time.Millisecond))}
}

func (p *progress) add(path string, rows int64) {
	if p.bar == nil {
		return
	}
	p.rows += rows
	p.bar.Describe(fmt.Sprintf("%-14s %9s rows", shorten(filepath.Base(path), 14), thousands(p.rows)))
	_ = p.bar.Add(1)
}

func (p *progress) finish() {
	if p.bar != nil {
		_ = p.bar.Finish()
	}
}
