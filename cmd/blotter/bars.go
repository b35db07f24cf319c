package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"
	"time"

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
		formatFlag(cmd, &r.format, formats, strings.ReplaceAll(formats, ",", ", "))
		flags.IntVar(&r.Limit, "limit", 0, "at most `n` bars")
	}
}

// prepare checks the flags and takes the symbol.
func (r *reading) prepare(cmd *cobra.Command, set *settings, symbol string, formats ...string) (err error) {
	r.Symbol = strings.ToUpper(symbol)
	if len(formats) > 0 {
		if err := set.chooseFormat(cmd, &r.format, formats...); err != nil {
			return err
		}
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
	var others, symbols []string
	within := ""
	for _, s := range list {
		symbols = append(symbols, s.Symbol)
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
	hint := cmp.Or(didYouMean(r.Symbol, symbols), "; blotter import FILES stores some")
	return fmt.Errorf("no %s bars of %s are stored%s", r.Timeframe, r.Symbol, hint)
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
			if err := checkTarget(picture); err != nil {
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
on all days. Holidays of its own market are no gaps, and neither are days on
which nobody has bars.

Places where bars of two sources meet and their prices differ by a factor are
listed too: one of both is adjusted for splits.`,
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
			if errors.Is(err, blotter.ErrNotFound) {
				return r.nothing(cmd, db.DB)
			}
			if err != nil {
				return err
			}
			seams, err := db.Seams(cmd.Context(), r.BarFilter)
			if err != nil {
				return err
			}
			if set.json {
				return printJSON(cmd.OutOrStdout(), breaksOf(gaps, seams))
			}
			return r.printBreaks(cmd.OutOrStdout(), gaps, seams)
		},
	}
	r.flags(cmd, "")
	return cmd
}

// gapOrSeam is an element of the JSON of bars gaps: days that are missing, or with Seam a place where two sources meet.
type gapOrSeam struct {
	postgres.Gap
	Seam *postgres.Seam `json:"seam,omitempty"`
}

func breaksOf(gaps []postgres.Gap, seams []postgres.Seam) []gapOrSeam {
	all := []gapOrSeam{}
	for _, g := range gaps {
		all = append(all, gapOrSeam{Gap: g})
	}
	for i := range seams {
		all = append(all, gapOrSeam{postgres.Gap{From: seams[i].At, To: seams[i].Next}, &seams[i]})
	}
	return all
}

func (r *reading) printBreaks(w io.Writer, gaps []postgres.Gap, seams []postgres.Seam) error {
	if len(gaps) == 0 {
		fmt.Fprintf(w, "no gaps in the %s bars of %s\n", r.Timeframe, r.Symbol)
	} else {
		err := printTable(w, []string{"from", "to", "days"}, []int{2}, func(row func(...string)) {
			for _, g := range gaps {
				row(g.From.Format(time.DateOnly), g.To.Format(time.DateOnly), thousands(int64(g.Days)))
			}
		})
		if err != nil {
			return err
		}
	}
	for i := range seams {
		printWrapped(w, "seam: "+seams[i].String())
	}
	return nil
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
			if err := checkTarget(out); err != nil {
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

// orElse yields the rows or, where there are none, the error of none unless that is nil.
func orElse[T any](rows iter.Seq2[T, error], none func() error) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		empty := true
		for row, err := range rows {
			empty = false
			if !yield(row, err) {
				return
			}
		}
		if !empty {
			return
		}
		if err := none(); err != nil {
			var zero T
			yield(zero, err)
		}
	}
}
