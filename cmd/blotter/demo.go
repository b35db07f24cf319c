package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/barfile"
	"github.com/blotterdb/blotter/postgres"
	"github.com/spf13/cobra"
)

func demoCommand(set *settings) *cobra.Command {
	return &cobra.Command{
		Use:   "demo [FILES...]",
		Short: "A first look: start a database, load bars, answer a question",
		Long: `Start blotter's own database, load bars, and answer a question. Without files the
bars are synthetic: generated symbols SYN-A, SYN-B and SYN-C that never traded.
What is loaded stays; a second run finds it unchanged.`,
		Example: "  blotter demo\n  blotter demo ~/bars/*.csv",
		RunE: func(cmd *cobra.Command, files []string) error {
			return runDemo(cmd.Context(), cmd.OutOrStdout(), set, files)
		},
	}
}

func runDemo(ctx context.Context, w io.Writer, set *settings, files []string) error {
	begin := time.Now()
	db, err := set.open(ctx)
	if err != nil {
		return err
	}
	defer db.Close()
	opened := time.Since(begin)
	fmt.Fprintf(w, "blotter %s on %s\n\n", version(), db.describe())

	var opts barfile.Options
	if len(files) == 0 {
		dir, err := os.MkdirTemp("", "blotter-demo-")
		if err != nil {
			return err
		}
		defer os.RemoveAll(dir)
		if files, err = writeSample(dir, time.Now().UTC()); err != nil {
			return err
		}
		opts.Source = sampleSource
		fmt.Fprintln(w, "These bars are SYNTHETIC: generated symbols that never traded. For real ones:\nblotter demo FILES...")
		fmt.Fprintln(w)
	}
	report, err := importFiles(ctx, db.DB, files, opts, postgres.BarImport{})
	if err != nil {
		return err
	}
	if err := report.print(w); err != nil {
		return err
	}
	asked := time.Now()
	symbol, err := showLastMonth(ctx, w, db.DB, files, report)
	if err != nil {
		return firstError(report.failure(nil), err)
	}
	printTimings(w, report, opened, time.Since(asked), time.Since(begin))
	fmt.Fprintf(w, `
Go on:
  blotter bars %s --format csv          the same bars for another program
  blotter import FILES...                  more bars
  blotter up; blotter psql                 look around in SQL
`, symbol)
	return report.failure(nil)
}

// showLastMonth prints the last month of the first file's symbol.
func showLastMonth(ctx context.Context, w io.Writer, db *postgres.DB, files []string, report *importReport) (string, error) {
	symbol, timeframe := firstSymbol(files, report)
	if symbol == "" {
		return "", fmt.Errorf("none of the files holds bars")
	}
	last, err := db.Bars(ctx, postgres.BarFilter{Symbol: symbol, Timeframe: timeframe, NewestFirst: true, Limit: 1})
	if err != nil || len(last) == 0 {
		return symbol, firstError(err, fmt.Errorf("no bars of %s are stored", symbol))
	}
	to := last[0].Timestamp
	bars, err := db.Bars(ctx, postgres.BarFilter{Symbol: symbol, Timeframe: timeframe, From: to.AddDate(0, -1, 0).Add(time.Nanosecond)})
	if err != nil {
		return symbol, err
	}
	low, high := bars[0].Low, bars[0].High
	for _, b := range bars {
		low, high = minDecimal(low, b.Low), maxDecimal(high, b.High)
	}
	fmt.Fprintf(w, "\nThe last month of %s, up to %s: %d bars between %s and %s\n\n", symbol, to.UTC().Format(time.DateOnly), len(bars), low, high)
	return symbol, printBars(w, bars)
}

func minDecimal(a, b blotter.Decimal) blotter.Decimal {
	if b.LessThan(a) {
		return b
	}
	return a
}

func maxDecimal(a, b blotter.Decimal) blotter.Decimal {
	if b.GreaterThan(a) {
		return b
	}
	return a
}

// firstSymbol is symbol and timeframe of the first file that was imported.
func firstSymbol(files []string, report *importReport) (symbol, timeframe string) {
	for i, path := range files {
		if report.Files[i].err != nil {
			continue
		}
		file, err := barfile.Open(path, barfile.Options{})
		if err != nil {
			continue
		}
		defer file.Close()
		for row, err := range file.Bars() {
			if err == nil {
				return row.Symbol, row.Timeframe
			}
		}
	}
	return "", ""
}

func printTimings(w io.Writer, report *importReport, opened, asked, all time.Duration) {
	rate := int64(0)
	if seconds := report.Elapsed.Seconds(); seconds > 0 {
		rate = int64(float64(report.Total.Read) / seconds)
	}
	fmt.Fprintf(w, "\nDatabase ready in %s, %s rows imported in %s (%s rows/s), question answered\nin %s, %s in all.\n",
		opened.Round(time.Millisecond), thousands(report.Total.Read), report.Elapsed.Round(time.Millisecond),
		thousands(rate), asked.Round(10*time.Microsecond), all.Round(time.Millisecond))
}
