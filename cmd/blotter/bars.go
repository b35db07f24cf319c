package main

import (
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/postgres"
	"github.com/spf13/cobra"
)

// barsLimit is how many bars are shown where no range is asked for.
const barsLimit = 30

// reading is which bars a command reads, and how it writes them.
type reading struct {
	postgres.BarFilter
	from, to, format string
}

func barsCommand(set *settings) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "bars",
		Short: "List, show, resample and export the stored bars, and find gaps",
		Example: `  blotter bars list
  blotter bars show AAPL
  blotter bars resample BTC-USD --timeframe 1m --to-timeframe 1h`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			return usagef("say which: blotter bars list, show, gaps, resample or export")
		},
	}
	cmd.AddCommand(barsList(set), barsShow(set), barsGaps(set), barsResample(set), barsExport(set))
	return cmd
}

// flags are those of every command that reads the bars of a symbol.
func (r *reading) flags(cmd *cobra.Command, formats string) {
	flags := cmd.Flags()
	flags.StringVar(&r.from, "from", "", "first `day` or instant, as 2024-01-31 or 2024-01-31T14:30:00Z")
	flags.StringVar(&r.to, "to", "", "`day` or instant before which to end")
	flags.StringVar(&r.Timeframe, "timeframe", "1d", "`timeframe` of the stored bars")
	if formats != "" {
		flags.StringVar(&r.format, "format", strings.Split(formats, ",")[0], strings.ReplaceAll(formats, ",", ", "))
		flags.IntVar(&r.Limit, "limit", 0, "at most `n` bars")
	}
}

// prepare checks the flags and takes the symbol.
func (r *reading) prepare(cmd *cobra.Command, set *settings, symbol string, formats ...string) (err error) {
	r.Symbol = strings.ToUpper(symbol)
	if set.json {
		if cmd.Flags().Changed("format") && r.format != "json" {
			return usagef("--json and --format %s exclude each other", r.format)
		}
		r.format = "json"
	}
	if len(formats) > 0 && !slices.Contains(formats, r.format) {
		return usagef("--format %s: want %s", r.format, strings.Join(formats[:len(formats)-1], ", ")+" or "+formats[len(formats)-1])
	}
	zone, err := r.dayZone()
	if err != nil {
		return err
	}
	if r.From, err = parseDayIn("--from", r.from, zone); err != nil {
		return err
	}
	if r.To, err = parseDayIn("--to", r.to, zone); err != nil {
		return err
	}
	if !r.From.IsZero() && !r.To.IsZero() && !r.From.Before(r.To) {
		return usagef("--from %s is not before --to %s", r.from, r.to)
	}
	if _, _, err := blotter.TimeframeLength(r.Timeframe); err != nil {
		return usagef("--timeframe %s is none; want a number and a unit (s, m, h, d, w, mo), as 1d", r.Timeframe)
	}
	if cmd.Flags().Changed("limit") && r.Limit < 1 {
		return usagef("--limit %d: want 1 or more", r.Limit)
	}
	return nil
}

// dayZone is the zone whose days --from and --to are: that of --tz for bars within a day, UTC for those that stand at dates.
func (r *reading) dayZone() (*time.Location, error) {
	if length, months, err := blotter.TimeframeLength(r.Timeframe); r.Zone == "" || err != nil || months > 0 || length >= 24*time.Hour {
		return time.UTC, nil
	}
	zone, err := time.LoadLocation(r.Zone)
	if err != nil {
		return nil, usagef("--tz %s is no zone: want a name, as America/New_York or UTC", r.Zone)
	}
	return zone, nil
}

// last makes the filter one of the newest bars where no range and no limit is asked for.
func (r *reading) last(n int) {
	if r.From.IsZero() && r.To.IsZero() {
		r.NewestFirst = true
		if r.Limit == 0 {
			r.Limit = n
		}
	}
}

// read reads the bars, oldest first.
func (r *reading) read(cmd *cobra.Command, set *settings) ([]blotter.Bar, error) {
	db, err := set.open(cmd.Context())
	if err != nil {
		return nil, err
	}
	defer db.Close()
	bars, err := db.Bars(cmd.Context(), r.BarFilter)
	if err == nil && len(bars) == 0 {
		err = r.nothing(cmd, db.DB)
	}
	if r.NewestFirst {
		slices.Reverse(bars)
	}
	return bars, err
}

// nothing says that there are no such bars, and what there is of the symbol instead.
func (r *reading) nothing(cmd *cobra.Command, db *postgres.DB) error {
	list, err := db.Symbols(cmd.Context())
	if err != nil {
		return err
	}
	var others []string
	within := ""
	for _, s := range list {
		switch {
		case s.Symbol != r.Symbol:
		case s.Timeframe == r.Timeframe:
			within = fmt.Sprintf(" in that range; they are of %s to %s", s.From.Format(time.DateOnly), s.To.Format(time.DateOnly))
		default:
			others = append(others, s.Timeframe)
		}
	}
	switch {
	case within != "":
		return fmt.Errorf("no %s bars of %s are stored%s", r.Timeframe, r.Symbol, within)
	case len(others) > 0:
		return fmt.Errorf("no %s bars of %s are stored; there are bars of --timeframe %s", r.Timeframe, r.Symbol, strings.Join(others, ", "))
	}
	return fmt.Errorf("no %s bars of %s are stored; blotter import FILES stores some", r.Timeframe, r.Symbol)
}

func barsList(set *settings) *cobra.Command {
	return &cobra.Command{
		Use:     "list",
		Short:   "List the symbols and timeframes that are stored",
		Example: "  blotter bars list\n  blotter bars list --json",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			db, err := set.open(cmd.Context())
			if err != nil {
				return err
			}
			defer db.Close()
			list, err := db.Symbols(cmd.Context())
			if err != nil {
				return err
			}
			if set.json {
				return printJSON(cmd.OutOrStdout(), list)
			}
			return printTable(cmd.OutOrStdout(), []string{"symbol", "timeframe", "bars", "from", "to"}, []int{2}, func(row func(...string)) {
				for _, s := range list {
					row(s.Symbol, s.Timeframe, thousands(s.Bars), s.From.UTC().Format(time.DateOnly), s.To.UTC().Format(time.DateOnly))
				}
			})
		},
	}
}

func barsShow(set *settings) *cobra.Command {
	var r reading
	var picture string
	cmd := &cobra.Command{
		Use:   "show SYMBOL",
		Short: "Print the bars of a symbol, or draw them",
		Long: `Print the bars of a symbol, oldest first: of the range from --from up to and
excluding --to, or the last 30 if neither is given. With --png, draw them as
candlesticks: the last 120 if no range is given; more than fit are drawn as
longer bars.`,
		Example: `  blotter bars show AAPL
  blotter bars show AAPL --from 2018-01-01 --to 2018-02-01
  blotter bars show BTC-USD --timeframe 1h --format csv
  blotter bars show AAPL --from 2018-01-01 --png aapl.png`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := r.prepare(cmd, set, args[0], "table", "csv", "json"); err != nil {
				return err
			}
			if picture == "" {
				r.last(barsLimit)
				bars, err := r.read(cmd, set)
				if err != nil {
					return err
				}
				return printers[r.format](cmd.OutOrStdout(), bars)
			}
			r.last(pictureBars)
			bars, err := r.read(cmd, set)
			if err != nil {
				return err
			}
			drawn, err := drawCandles(bars)
			if err != nil {
				return err
			}
			return writeWhole(picture, func(w io.Writer) error { _, err := w.Write(drawn); return err })
		},
	}
	r.flags(cmd, "table,csv,json")
	cmd.Flags().StringVar(&picture, "png", "", "draw candlesticks into this `file`")
	return cmd
}

func barsResample(set *settings) *cobra.Command {
	var r reading
	cmd := &cobra.Command{
		Use:   "resample SYMBOL",
		Short: "Print longer bars, made of the stored ones",
		Long: `Print longer bars that are made of shorter ones: open is the first one's, high
the highest, low the lowest, close the last one's, volume the sum. An interval
without bars gives none. Days and longer are those of --tz, weeks begin on
Monday. Without --from, --to and --limit, the last 30.`,
		Example: `  blotter bars resample BTCUSDT --timeframe 1m --to-timeframe 1h
  blotter bars resample NKY --timeframe 1m --to-timeframe 1d --tz Asia/Tokyo
  blotter bars resample AAPL --to-timeframe 1mo --from 2018-01-01 --format csv`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := r.prepare(cmd, set, args[0], "table", "csv", "json"); err != nil {
				return err
			}
			if r.Resample == "" {
				return usagef("say --to-timeframe, as in --to-timeframe 1h")
			}
			r.last(barsLimit)
			bars, err := r.read(cmd, set)
			if err != nil {
				return err
			}
			return printers[r.format](cmd.OutOrStdout(), bars)
		},
	}
	r.flags(cmd, "table,csv,json")
	cmd.Flags().StringVar(&r.Resample, "to-timeframe", "", "`timeframe` of the bars to make, as 5m, 1h, 1d, 1w or 1mo")
	cmd.Flags().StringVar(&r.Zone, "tz", "", "`zone` whose days count, as America/New_York (default UTC)")
	return cmd
}

func barsGaps(set *settings) *cobra.Command {
	var r reading
	cmd := &cobra.Command{
		Use:   "gaps SYMBOL",
		Short: "List the days on which others have bars and a symbol has none",
		Long: `List the days, between a symbol's first and last bar, on which other symbols of
its calendar have bars and it has none: weekdays, or every day for what trades
on all days. Holidays, on which nobody has bars, are no gaps.`,
		Example: "  blotter bars gaps AAPL\n  blotter bars gaps BTC-USD --timeframe 1m --from 2021-01-01",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := r.prepare(cmd, set, args[0]); err != nil {
				return err
			}
			db, err := set.open(cmd.Context())
			if err != nil {
				return err
			}
			defer db.Close()
			gaps, err := db.Gaps(cmd.Context(), r.BarFilter)
			switch {
			case errors.Is(err, blotter.ErrNotFound):
				return r.nothing(cmd, db.DB)
			case err != nil:
				return err
			case set.json:
				return printJSON(cmd.OutOrStdout(), append([]postgres.Gap{}, gaps...))
			case len(gaps) == 0:
				fmt.Fprintf(cmd.OutOrStdout(), "no gaps in the %s bars of %s\n", r.Timeframe, r.Symbol)
				return nil
			}
			return printTable(cmd.OutOrStdout(), []string{"from", "to", "days"}, []int{2}, func(row func(...string)) {
				for _, g := range gaps {
					row(g.From.Format(time.DateOnly), g.To.Format(time.DateOnly), thousands(int64(g.Days)))
				}
			})
		},
	}
	r.flags(cmd, "")
	return cmd
}

func barsExport(set *settings) *cobra.Command {
	var r reading
	var out string
	cmd := &cobra.Command{
		Use:   "export SYMBOL",
		Short: "Write all bars of a symbol, or of a range, as CSV or JSON lines",
		Long: `Write all bars of a symbol, or of a range, to standard output or a file, in
constant memory. A file appears when it is complete. What is exported as CSV can
be imported again.`,
		Example: `  blotter bars export AAPL --out aapl.csv
  blotter bars export BTCUSDT --timeframe 1m --from 2023-01-01 --format json`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := r.prepare(cmd, set, args[0], "csv", "json"); err != nil {
				return err
			}
			db, err := set.open(cmd.Context())
			if err != nil {
				return err
			}
			defer db.Close()
			write := func(w io.Writer) error {
				return db.ReadOnly(cmd.Context(), func(s *postgres.Session) error {
					return exporters[r.format](w, orElse(s.StreamBars(cmd.Context(), r.BarFilter), func() error { return r.nothing(cmd, db.DB) }))
				})
			}
			if out == "" {
				return write(cmd.OutOrStdout())
			}
			return writeWhole(out, write)
		},
	}
	r.flags(cmd, "csv,json")
	cmd.Flags().StringVar(&out, "out", "", "write to this `file` instead of standard output")
	return cmd
}

// orElse yields the bars, or the error of none.
func orElse(bars iter.Seq2[*blotter.Bar, error], none func() error) iter.Seq2[*blotter.Bar, error] {
	return func(yield func(*blotter.Bar, error) bool) {
		empty := true
		for bar, err := range bars {
			if empty = false; !yield(bar, err) {
				return
			}
		}
		if empty {
			yield(nil, none())
		}
	}
}

// writeWhole writes a file that appears when it is complete, and not at all if it fails.
func writeWhole(path string, write func(io.Writer) error) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return fmt.Errorf("%s cannot be written: %w", path, err)
	}
	defer func() {
		if err != nil {
			_ = f.Close()
			_ = os.Remove(f.Name())
		}
	}()
	if err = write(f); err != nil {
		return err
	}
	if err = firstError(f.Chmod(0o644), f.Sync(), f.Close(), os.Rename(f.Name(), path)); err != nil {
		return fmt.Errorf("%s cannot be written: %w", path, err)
	}
	return nil
}

func parseDay(flag, text string) (time.Time, error) { return parseDayIn(flag, text, time.UTC) }

// parseDayIn reads an instant, or a day, which is its beginning in the zone.
func parseDayIn(flag, text string, zone *time.Location) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	for _, layout := range []string{time.DateOnly, time.RFC3339} {
		if t, err := time.ParseInLocation(layout, text, zone); err == nil {
			return t.UTC(), nil
		}
	}
	return time.Time{}, usagef("%s %q is no day: want 2024-01-31 or 2024-01-31T14:30:00Z", flag, text)
}

var printers = map[string]func(io.Writer, []blotter.Bar) error{
	"table": printBars,
	"csv":   func(w io.Writer, bars []blotter.Bar) error { return exportCSV(w, pointers(bars)) },
	"json":  func(w io.Writer, bars []blotter.Bar) error { return printJSON(w, bars) },
}

var exporters = map[string]func(io.Writer, iter.Seq2[*blotter.Bar, error]) error{"csv": exportCSV, "json": exportJSON}

// pointers yields the bars of a slice.
func pointers(bars []blotter.Bar) iter.Seq2[*blotter.Bar, error] {
	return func(yield func(*blotter.Bar, error) bool) {
		for i := range bars {
			if !yield(&bars[i], nil) {
				return
			}
		}
	}
}

func exportCSV(w io.Writer, bars iter.Seq2[*blotter.Bar, error]) error {
	out, begun := csv.NewWriter(w), false
	for b, err := range bars {
		if err != nil {
			return err
		}
		if !begun {
			_ = out.Write([]string{"symbol", "timeframe", "timestamp", "open", "high", "low", "close", "volume", "adj_close", "source"})
			begun = true
		}
		adjusted := ""
		if b.AdjClose != nil {
			adjusted = b.AdjClose.String()
		}
		if err := out.Write([]string{
			b.Symbol, b.Timeframe, b.Timestamp.UTC().Format(time.RFC3339Nano), b.Open.String(), b.High.String(),
			b.Low.String(), b.Close.String(), b.Volume.String(), adjusted, b.Source,
		}); err != nil {
			return err
		}
	}
	out.Flush()
	return out.Error()
}

func exportJSON(w io.Writer, bars iter.Seq2[*blotter.Bar, error]) error {
	out := json.NewEncoder(w)
	for b, err := range bars {
		if err == nil {
			err = out.Encode(b)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// when is a bar's timestamp: its day, or its minute where it is no daily bar.
func when(bar *blotter.Bar) string {
	at := bar.Timestamp.UTC()
	switch fixed, months, _ := blotter.TimeframeLength(bar.Timeframe); {
	case months > 0 || fixed >= 24*time.Hour:
		return at.Format(time.DateOnly)
	case fixed < time.Minute:
		return at.Format("2006-01-02 15:04:05Z")
	}
	return at.Format("2006-01-02 15:04Z")
}

// decimals are the digits after the point that a column is printed with: the most that one of its values has, and for
// prices at least 2.
func decimals(bars []blotter.Bar, least int, value func(*blotter.Bar) blotter.Decimal) int {
	for i := range bars {
		_, fraction, _ := strings.Cut(value(&bars[i]).String(), ".")
		least = max(least, len(fraction))
	}
	return least
}

// padded writes a decimal with so many digits after the point.
func padded(d blotter.Decimal, decimals int) string {
	text := d.String()
	_, fraction, found := strings.Cut(text, ".")
	if !found && decimals > 0 {
		text += "."
	}
	return text + strings.Repeat("0", max(0, decimals-len(fraction)))
}

// printBars prints a table. Where the numbers leave no room, the source is left out; what is still too wide is cut to
// fewer digits, which a mark tells: csv and json have them all.
func printBars(w io.Writer, bars []blotter.Bar) error {
	prices := []func(*blotter.Bar) blotter.Decimal{
		func(b *blotter.Bar) blotter.Decimal { return b.Open }, func(b *blotter.Bar) blotter.Decimal { return b.High },
		func(b *blotter.Bar) blotter.Decimal { return b.Low }, func(b *blotter.Bar) blotter.Decimal { return b.Close },
	}
	fraction := 2
	for _, price := range prices {
		fraction = decimals(bars, fraction, price)
	}
	volume := decimals(bars, 0, func(b *blotter.Bar) blotter.Decimal { return b.Volume })
	rows := make([][]string, len(bars))
	for i := range bars {
		b := &bars[i]
		rows[i] = append(rows[i], when(b))
		for _, price := range prices {
			rows[i] = append(rows[i], padded(price(b), fraction))
		}
		rows[i] = append(rows[i], padded(b.Volume, volume), b.Source)
	}
	header := []string{"date", "open", "high", "low", "close", "volume", "source"}
	if tableWidth(header, rows) > lineWidth {
		header = header[:6]
		for i := range rows {
			rows[i] = rows[i][:6]
		}
	}
	for _, columns := range [][]int{{5}, {1, 2, 3, 4}} { // the volume first
		for most := 40; tableWidth(header, rows) > lineWidth && most > 10; most-- {
			for i := range rows {
				for _, c := range columns {
					rows[i][c] = shortenNumber(rows[i][c], most)
				}
			}
		}
	}
	for _, columns := range [][]int{{5}, {1, 2, 3, 4}} { // and what is before the point
		for i := range rows {
			for _, c := range columns {
				if tableWidth(header, rows) > lineWidth {
					rows[i][c] = shortenWhole(rows[i][c])
				}
			}
		}
	}
	return printTable(w, header, []int{1, 2, 3, 4, 5}, func(row func(...string)) {
		for _, cells := range rows {
			row(cells...)
		}
	})
}

// tableWidth is how wide printTable makes a table.
func tableWidth(header []string, rows [][]string) (width int) {
	for c := range header {
		widest := len(header[c])
		for _, row := range rows {
			widest = max(widest, utf8.RuneCountInString(row[c]))
		}
		width += widest + 2
	}
	return width - 2
}

// shortenWhole writes a number of more than ten digits before the point as 1.234e19…
func shortenWhole(text string) string {
	whole, _, _ := strings.Cut(strings.TrimSuffix(text, "…"), ".")
	sign := ""
	if strings.HasPrefix(whole, "-") {
		sign, whole = "-", whole[1:]
	}
	if len(whole) <= 10 {
		return text
	}
	return fmt.Sprintf("%s%s.%se%d…", sign, whole[:1], whole[1:4], len(whole)-1)
}

// shortenNumber cuts digits after the point until a number is at most so wide; "…" marks where.
func shortenNumber(text string, most int) string {
	point := strings.IndexByte(text, '.')
	if utf8.RuneCountInString(text) <= most || point < 0 {
		return text
	}
	text = strings.TrimSuffix(text, "…")
	return text[:max(point+1, min(len(text), most-1))] + "…"
}
