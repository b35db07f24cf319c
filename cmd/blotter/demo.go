package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/barfile"
	"github.com/blotterdb/blotter/internal/calendar"
	"github.com/blotterdb/blotter/postgres"
	"github.com/spf13/cobra"
)

func demoCommand(set *settings) *cobra.Command {
	var picture string
	var consent writeConsent
	cmd := &cobra.Command{
		Use:   "demo [FILES...]",
		Short: "A first look: start a database, load bars, trade on them",
		Long: `Start blotter's own database, load bars, and trade on them: a moving-average
strategy places orders, its fills arrive in parts, positions and profit and loss
come out, and verify proves them. Without files the bars are synthetic:
generated symbols SYN-A, SYN-B and SYN-C that never traded. The account is DEMO,
or that of --account. What is loaded and traded stays; a second run finds it
unchanged.

With --url all this goes into your own database: demo then asks first, and
without a terminal needs --yes.`,
		Example: "  blotter demo\n  blotter demo ~/bars/*.csv --png equity.png",
		RunE: func(cmd *cobra.Command, files []string) error {
			if err := checkTarget(picture); err != nil {
				return err
			}
			account := cmp.Or(set.account, demoAccount)
			if err := consent.check(cmd.Context(), set, "demo stores bars and books made-up trades of account "+account); err != nil {
				return err
			}
			return runDemo(cmd.Context(), cmd.OutOrStdout(), set, files, picture)
		},
	}
	cmd.Flags().StringVar(&picture, "png", "", "draw the equity curve into this `file` (default: beside the data)")
	consent.add(cmd)
	return cmd
}

// demoReport is what a demo found out.
type demoReport struct {
	Database  string        `json:"database"`
	Synthetic bool          `json:"synthetic"` // the bars are generated
	Import    *importReport `json:"import"`
	Bars      []blotter.Bar `json:"bars"` // the last month of the first file's symbol
	Trading   *demoTrading  `json:"trading"`
	opened    time.Duration // how long it took until the database was ready
	asked     time.Duration // how long it took to read Bars
	all       time.Duration
}

func runDemo(ctx context.Context, w io.Writer, set *settings, files []string, picture string) error {
	begin := time.Now()
	db, err := set.open(ctx)
	if err != nil {
		return err
	}
	defer db.Close()
	report := demoReport{Database: db.describe(), Synthetic: len(files) == 0, opened: time.Since(begin)}
	if !set.json {
		fmt.Fprintf(w, "blotter %s on %s\n\n", version(), report.Database)
	}
	if err := report.run(ctx, db.DB, files, set.now().UTC()); err != nil {
		return err
	}
	series, err := traded(ctx, db.DB, report.Import)
	if err != nil {
		return err
	}
	if report.Trading, err = trade(ctx, db.DB, cmp.Or(set.account, demoAccount), series); err != nil {
		return err
	}
	if err := report.Trading.draw(picture, db.state.DataDir); err != nil {
		return err
	}
	report.all = time.Since(begin)
	if set.json {
		return firstError(printJSON(w, report), report.Import.failure(nil))
	}
	return firstError(report.print(w), report.Import.failure(nil))
}

// run imports the files, or a sample that ends today if there are none, and reads the last month.
func (d *demoReport) run(ctx context.Context, db *postgres.DB, files []string, today time.Time) (err error) {
	with := importing{jobs: 1}
	if d.Synthetic {
		dir, err := os.MkdirTemp("", "blotter-demo-")
		if err != nil {
			return err
		}
		defer os.RemoveAll(dir)
		if files, err = writeSample(dir, today); err != nil {
			return err
		}
		with.Source = sampleSource
	}
	paths, err := findFiles(files)
	if err != nil {
		return err
	}
	if d.Import, err = importFiles(ctx, db, paths, with, nil); err != nil {
		return err
	}
	begin := time.Now()
	d.Bars, err = lastMonth(ctx, db, d.Import)
	d.asked = time.Since(begin)
	return err
}

func (d *demoReport) print(w io.Writer) error {
	if d.Synthetic {
		fmt.Fprint(w, "These bars are SYNTHETIC: generated symbols that never traded. For real ones:\nblotter demo FILES...\n\n")
	}
	if err := d.Import.print(w); err != nil || len(d.Bars) == 0 {
		return err
	}
	first, last := d.Bars[0], d.Bars[len(d.Bars)-1]
	low, high := first.Low, first.High
	for _, b := range d.Bars {
		low, high = minDecimal(low, b.Low), maxDecimal(high, b.High)
	}
	fmt.Fprintf(w, "\nThe last month of %s, up to %s: %d bars between %s and %s\n\n",
		first.Symbol, last.Timestamp.UTC().Format(time.DateOnly), len(d.Bars), low, high)
	if err := printBars(w, d.Bars); err != nil {
		return err
	}
	fmt.Fprintln(w)
	if err := d.Trading.print(w); err != nil {
		return err
	}
	d.printTimings(w)
	same := "blotter bars show " + first.Symbol + " --format csv"
	if first.Timeframe != "1d" {
		same += " --timeframe " + string(first.Timeframe)
	}
	commands := []string{same, "blotter positions list", "blotter pnl list --by month", "blotter import FILES...", "blotter up; blotter psql"}
	_, err := fmt.Fprintf(w, "\nGo on:\n  %-*s  the same bars for another program\n  %-[1]*[3]s  what the demo holds\n  %-[1]*[4]s  what it made\n  %-[1]*[5]s  more bars\n  %-[1]*[6]s  look around in SQL\n",
		len(same), commands[0], commands[1], commands[2], commands[3], commands[4])
	return err
}

// traded are the series that the demo trades on: those of the imported files.
func traded(ctx context.Context, db *postgres.DB, report *importReport) (series []postgres.SymbolSummary, err error) {
	imported, many := map[[2]string]bool{}, false
	for _, one := range report.Files {
		imported[[2]string{one.Symbol, one.Timeframe}] = one.Read > 0
		many = many || one.Read > 0 && (one.Symbol == "" || one.Timeframe == "")
	}
	stored, err := db.Symbols(ctx)
	if err != nil {
		return nil, err
	}
	for _, s := range stored {
		if len(series) < demoSymbolsMax && s.Bars > slowBars+1 && (many || imported[[2]string{s.Symbol, string(s.Timeframe)}]) {
			series = append(series, s)
		}
	}
	return series, nil
}

// lastMonth is the last month of the first file's symbol; nil if no file was imported.
func lastMonth(ctx context.Context, db *postgres.DB, report *importReport) ([]blotter.Bar, error) {
	symbol, timeframe := firstSymbol(report)
	if symbol == "" {
		return nil, nil
	}
	last, err := db.Bars(ctx, postgres.BarFilter{Symbol: symbol, Timeframe: timeframe, NewestFirst: true, Limit: 1})
	if err != nil || len(last) == 0 {
		return nil, err
	}
	from := calendar.AddMonths(last[0].Timestamp, -1).Add(time.Nanosecond)
	return db.Bars(ctx, postgres.BarFilter{Symbol: symbol, Timeframe: timeframe, From: from})
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
func firstSymbol(report *importReport) (symbol string, timeframe blotter.Timeframe) {
	for _, one := range report.Files {
		if one.Read == 0 {
			continue
		}
		file, err := barfile.Open(one.File, barfile.Options{})
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

func (d *demoReport) printTimings(w io.Writer) {
	fmt.Fprintln(w)
	printWrapped(w, fmt.Sprintf("Database ready in %s, %s rows imported in %s (%s rows/s), question answered in %s, %s in all.",
		d.opened.Round(time.Millisecond), thousands(d.Import.Total.Read), d.Import.Elapsed.Round(time.Millisecond),
		thousands(rate(d.Import.Total.Read, d.Import.Elapsed)), d.asked.Round(10*time.Microsecond), d.all.Round(time.Millisecond)))
}
