package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/barfile"
	"github.com/blotterdb/blotter/internal/calendar"
	"github.com/blotterdb/blotter/internal/chart"
	"github.com/blotterdb/blotter/internal/demo"
	"github.com/blotterdb/blotter/internal/term"
	"github.com/blotterdb/blotter/postgres"
	"github.com/spf13/cobra"
)

const (
	demoAccount      = "DEMO"
	demoPositionsMax = 10 // that are printed
)

func demoCommand(set *settings) *cobra.Command {
	var picture string
	var consent writeConsent
	var keepsOpen bool
	cmd := &cobra.Command{
		Use:   "demo [FILES...]",
		Short: "A first look: start a database, load bars, trade on them",
		Long: `Start blotter's own database, load bars, and trade on them: a moving-average
strategy places orders, its fills arrive in parts, and the resulting positions
and profit and loss are shown and verified. Without FILES the bars are
synthetic: generated symbols SYN-A, SYN-B and SYN-C that never traded. The
account is DEMO unless --account names another. The data is kept; a second run
finds it unchanged.

With --url everything goes into that database: demo asks first, and needs --yes
without a terminal.`,
		Example: "  blotter demo\n  blotter demo ~/bars/*.csv --png equity.png",
		RunE: func(cmd *cobra.Command, files []string) error {
			if err := checkTarget(picture); err != nil {
				return err
			}
			account := cmp.Or(set.account, demoAccount)
			what := "demo stores bars and books made-up trades of account " + account
			if err := consent.check(cmd.Context(), set, what); err != nil {
				return err
			}
			return runDemo(cmd.Context(), cmd.OutOrStdout(), set, files, demoOptions{picture, keepsOpen})
		},
	}

	cmd.Flags().StringVar(&picture, "png", "", "draw the equity curve into this `file` (default: in the data folder)")
	cmd.Flags().BoolVar(&keepsOpen, "web", false, "serve the dashboard afterwards, until it is interrupted")
	consent.add(cmd)
	return cmd
}

// demoOptions are the flags of demo.
type demoOptions struct {
	picture string // file, or "" for one in the data folder
	web     bool   // serves the dashboard afterwards
}

// demoReport is the result of a demo.
type demoReport struct {
	Database  string        `json:"database"`
	Synthetic bool          `json:"synthetic"` // the bars are generated
	Import    *importReport `json:"import"`
	Bars      []blotter.Bar `json:"bars"` // the last month of the first file's symbol
	Trading   *demo.Trading `json:"trading"`

	openTime  time.Duration // until the database was ready
	queryTime time.Duration // to read Bars
	totalTime time.Duration
}

func runDemo(ctx context.Context, w io.Writer, set *settings, files []string, opts demoOptions) error {
	begin := time.Now()
	db, err := set.open(ctx)
	if err != nil {
		return err
	}
	defer db.Close()
	report := demoReport{Database: db.describe(), Synthetic: len(files) == 0, openTime: time.Since(begin)}
	if !set.json {
		fmt.Fprintf(w, "blotter %s on %s\n\n", version(), report.Database)
	}

	if err := report.importBars(ctx, db.DB, files, set.now().UTC()); err != nil {
		return err
	}
	series, err := importedSeries(ctx, db.DB, report.Import)
	if err != nil {
		return err
	}
	if report.Trading, err = demo.Trade(ctx, db.DB, cmp.Or(set.account, demoAccount), series); err != nil {
		return err
	}
	if err := drawDemo(report.Trading, opts.picture, db.state.DataDir); err != nil {
		return err
	}

	report.totalTime = time.Since(begin)
	if set.json {
		return firstError(printJSON(w, report), report.Import.failure(nil))
	}
	if err := firstError(report.print(w), report.Import.failure(nil)); err != nil || !opts.web {
		return err
	}
	fmt.Fprintln(w)
	return serveDashboard(ctx, set, db.DB, webOptions{address: "127.0.0.1:0"}, set.account, w)
}

// importBars imports the files, or synthetic bars up to today if there are none, and reads the last month.
func (r *demoReport) importBars(ctx context.Context, db *postgres.DB, files []string, today time.Time) error {
	options := importOptions{jobs: 1}
	if r.Synthetic {
		dir, err := os.MkdirTemp("", "blotter-demo-")
		if err != nil {
			return err
		}
		defer os.RemoveAll(dir)
		if files, err = demo.WriteSample(dir, today); err != nil {
			return err
		}
		options.Source = demo.SampleSource
	}

	paths, err := findFiles(files)
	if err != nil {
		return err
	}
	if r.Import, err = importFiles(ctx, db, paths, options, nil); err != nil {
		return err
	}

	begin := time.Now()
	r.Bars, err = lastMonth(ctx, db, r.Import)
	r.queryTime = time.Since(begin)
	return err
}

// importedSeries returns the imported symbols and timeframes that have enough bars to trade on.
func importedSeries(ctx context.Context, db *postgres.DB, report *importReport) ([]postgres.SymbolSummary, error) {
	imported := map[[2]string]bool{}
	takeAll := false // a file with several symbols does not list them
	for _, file := range report.Files {
		imported[[2]string{file.Symbol, file.Timeframe}] = file.Read > 0
		if file.Read > 0 && (file.Symbol == "" || file.Timeframe == "") {
			takeAll = true
		}
	}

	stored, err := db.Symbols(ctx)
	if err != nil {
		return nil, err
	}
	series := slices.DeleteFunc(stored, func(s postgres.SymbolSummary) bool {
		return s.Bars < demo.BarsMin || !takeAll && !imported[[2]string{s.Symbol, string(s.Timeframe)}]
	})
	return series[:min(len(series), demo.SymbolsMax)], nil
}

// lastMonth returns the last month of the first file's symbol, or nil if no file was imported.
func lastMonth(ctx context.Context, db *postgres.DB, report *importReport) ([]blotter.Bar, error) {
	symbol, timeframe := firstSymbol(report)
	if symbol == "" {
		return nil, nil
	}
	newest := postgres.BarFilter{Symbol: symbol, Timeframe: blotter.Timeframe(timeframe), NewestFirst: true, Limit: 1}
	last, err := db.Bars(ctx, newest)
	if err != nil || len(last) == 0 {
		return nil, err
	}
	from := calendar.AddMonths(last[0].Timestamp, -1).Add(time.Nanosecond)
	return db.Bars(ctx, postgres.BarFilter{Symbol: symbol, Timeframe: blotter.Timeframe(timeframe), From: from})
}

// firstSymbol returns the symbol and the timeframe of the first bar that was imported.
func firstSymbol(report *importReport) (symbol, timeframe string) {
	for _, imported := range report.Files {
		if imported.Read == 0 {
			continue
		}
		file, err := barfile.Open(imported.File, barfile.Options{})
		if err != nil {
			continue
		}
		defer file.Close()

		for row, err := range file.Bars() {
			if err == nil {
				return row.Symbol, string(row.Timeframe)
			}
		}
	}
	return "", ""
}

// drawDemo draws the equity curve into the file, or into the data folder if path is empty.
func drawDemo(t *demo.Trading, path, dataDir string) error {
	if len(t.Curve) < 2 {
		return nil
	}
	if path == "" {
		path = filepath.Join(cmp.Or(dataDir, "."), "demo-equity.png")
	}
	first, last := t.Curve[0], t.Curve[len(t.Curve)-1]
	caption := fmt.Sprintf("%s to %s   from %s to %s   below: the loss since the peak",
		shortDay(first.At), shortDay(last.At), money(first.Value, ""), money(last.Value, ""))
	picture, err := chart.Equity(chart.ImageSize, t.Account+", "+demo.Strategy, caption, t.Curve, nil).PNG()
	if err != nil {
		return err
	}
	if err := writeBytes(path, picture); err != nil {
		return err
	}

	t.Picture = path
	if dir, err := os.Getwd(); err == nil {
		if relative, err := filepath.Rel(dir, path); err == nil && len(relative) < len(path) {
			t.Picture = relative
		}
	}
	return nil
}

func (r *demoReport) print(w io.Writer) error {
	if r.Synthetic {
		fmt.Fprintln(w, "These bars are SYNTHETIC: generated symbols that never traded. For real ones:")
		fmt.Fprint(w, "blotter demo FILES...\n\n")
	}
	if err := r.Import.print(w); err != nil || len(r.Bars) == 0 {
		return err
	}

	if err := r.printLastMonth(w); err != nil {
		return err
	}
	fmt.Fprintln(w)
	if err := printDemoTrading(w, r.Trading); err != nil {
		return err
	}
	r.printTimes(w)
	return r.printNextSteps(w)
}

func (r *demoReport) printLastMonth(w io.Writer) error {
	first, last := r.Bars[0], r.Bars[len(r.Bars)-1]
	low, high := first.Low, first.High
	for _, b := range r.Bars {
		if b.Low.LessThan(low) {
			low = b.Low
		}
		if b.High.GreaterThan(high) {
			high = b.High
		}
	}
	fmt.Fprintf(w, "\nThe last month of %s, up to %s: %d bars between %s and %s\n\n",
		first.Symbol, shortDay(last.Timestamp), len(r.Bars), low, high)
	return printBars(w, r.Bars)
}

func printDemoTrading(w io.Writer, t *demo.Trading) error {
	if len(t.Symbols) == 0 {
		return nil
	}
	term.PrintWrapped(w, fmt.Sprintf("A moving-average strategy traded %d symbols in account %s: "+
		"%s orders, %s fills, %s of them booked now (%s fills/s).",
		len(t.Symbols), t.Account, term.Thousands(t.Orders), term.Thousands(t.Fills), term.Thousands(t.New),
		term.Thousands(rate(int64(t.Fills), t.Elapsed))))
	if t.Kept != "" {
		term.PrintWrapped(w, "Note: "+t.Kept+".")
	}

	fmt.Fprintln(w)
	if err := printDemoPositions(w, t); err != nil {
		return err
	}
	fmt.Fprintln(w)
	for _, total := range t.Portfolio.Totals {
		amount := func(d blotter.Decimal) string { return money(d, total.Currency) }
		term.PrintWrapped(w, fmt.Sprintf("P&L in %s: %s realized + %s unrealized - %s fees = %s.", total.Currency,
			amount(total.RealizedPnL), amount(total.UnrealizedPnL), amount(total.Fees), amount(total.NetPnL())))
	}
	if err := printVerification(w, t.Verification); err != nil {
		return err
	}
	if t.Picture != "" {
		fmt.Fprintf(w, "equity curve: %s\n", t.Picture)
	}
	return nil
}

func printDemoPositions(w io.Writer, t *demo.Trading) error {
	isFlat := func(p blotter.PositionValue) bool { return p.Quantity.IsZero() }
	open := slices.DeleteFunc(slices.Clone(t.Portfolio.Positions), isFlat)
	slices.SortStableFunc(open, func(a, b blotter.PositionValue) int { return cmp.Compare(a.Symbol, b.Symbol) })

	shown := open[:min(len(open), demoPositionsMax)]
	if err := printPositions(w, blotter.WithAccount(context.Background(), t.Account), shown); err != nil {
		return err
	}
	if len(open) > len(shown) {
		fmt.Fprintf(w, "... and %d more\n", len(open)-len(shown))
	}
	return nil
}

func (r *demoReport) printTimes(w io.Writer) {
	fmt.Fprintln(w)
	term.PrintWrapped(w, fmt.Sprintf(
		"Database ready in %s, %s rows imported in %s (%s rows/s), question answered in %s, %s in all.",
		r.openTime.Round(time.Millisecond), term.Thousands(r.Import.Total.Read),
		r.Import.Elapsed.Round(time.Millisecond), term.Thousands(rate(r.Import.Total.Read, r.Import.Elapsed)),
		r.queryTime.Round(10*time.Microsecond), r.totalTime.Round(time.Millisecond)))
}

func (r *demoReport) printNextSteps(w io.Writer) error {
	export := "blotter bars show " + r.Bars[0].Symbol + " --format csv"
	if timeframe := r.Bars[0].Timeframe; timeframe != "1d" {
		export += " --timeframe " + string(timeframe)
	}

	fmt.Fprint(w, "\nGo on:\n")
	for _, step := range []struct{ command, purpose string }{
		{export, "the same bars for another program"},
		{"blotter positions list", "the positions of the demo"},
		{"blotter pnl list --by month", "its profit and loss"},
		{"blotter import FILES...", "more bars"},
		{"blotter up; blotter psql", "look around in SQL"},
		{"blotter web", "all of it in a browser"},
	} {
		if _, err := fmt.Fprintf(w, "  %-*s  %s\n", len(export), step.command, step.purpose); err != nil {
			return err
		}
	}
	return nil
}
