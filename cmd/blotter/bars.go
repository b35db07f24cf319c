package main

import (
	"encoding/csv"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/postgres"
	"github.com/spf13/cobra"
)

// barsLimit is how many bars are shown where no range is asked for.
const barsLimit = 30

func barsCommand(set *settings) *cobra.Command {
	var from, to, format string
	filter := postgres.BarFilter{}
	cmd := &cobra.Command{
		Use:   "bars [SYMBOL]",
		Short: "Print the stored bars of a symbol, or list the symbols",
		Long: `Print the stored bars of a symbol, oldest first: of the range from --from up to
and excluding --to, or the last 30 if neither is given. Without a symbol, list
what is stored.`,
		Example: `  blotter bars
  blotter bars AAPL
  blotter bars AAPL --from 2018-01-01 --to 2018-02-01
  blotter bars BTC-USD --from 2021-01-01 --format csv > btc.csv`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if set.json {
				format = "json"
			}
			print, known := barPrinters[format]
			if !known {
				return usagef("--format %s: want table, csv or json", format)
			}
			var err error
			if filter.From, err = parseDay("--from", from); err != nil {
				return err
			}
			if filter.To, err = parseDay("--to", to); err != nil {
				return err
			}
			if !filter.From.IsZero() && !filter.To.IsZero() && !filter.From.Before(filter.To) {
				return usagef("--from %s is not before --to %s", from, to)
			}
			if filter.Limit < 0 {
				return usagef("--limit %d: want 1 or more", filter.Limit)
			}
			if len(args) == 0 {
				return listSymbols(cmd, set)
			}
			filter.Symbol = strings.ToUpper(args[0])
			db, err := set.open(cmd.Context())
			if err != nil {
				return err
			}
			defer db.Close()
			bars, err := lastBars(cmd, db.DB, filter)
			if err != nil {
				return err
			}
			if len(bars) == 0 {
				return noBars(filter)
			}
			return print(cmd.OutOrStdout(), bars)
		},
	}
	cmd.Flags().StringVar(&from, "from", "", "first `day` or instant, as 2024-01-31 or 2024-01-31T14:30:00Z")
	cmd.Flags().StringVar(&to, "to", "", "`day` or instant before which to end")
	cmd.Flags().StringVar(&filter.Timeframe, "timeframe", "1d", "`timeframe` of the bars")
	cmd.Flags().IntVar(&filter.Limit, "limit", 0, "at most so many bars (default 30 without --from and --to, else all)")
	cmd.Flags().StringVar(&format, "format", "table", "table, csv or json")
	return cmd
}

// lastBars reads the range, or the newest bars where there is none, oldest first.
func lastBars(cmd *cobra.Command, db *postgres.DB, filter postgres.BarFilter) ([]blotter.Bar, error) {
	if filter.From.IsZero() && filter.To.IsZero() {
		filter.NewestFirst = true
		if filter.Limit == 0 {
			filter.Limit = barsLimit
		}
	}
	bars, err := db.Bars(cmd.Context(), filter)
	if filter.NewestFirst {
		slices.Reverse(bars)
	}
	return bars, err
}

func noBars(filter postgres.BarFilter) error {
	within := ""
	if !filter.From.IsZero() || !filter.To.IsZero() {
		within = " in that range"
	}
	return fmt.Errorf("no %s bars of %s are stored%s; blotter import FILES stores some", filter.Timeframe, filter.Symbol, within)
}

func parseDay(flag, text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	for _, layout := range []string{time.DateOnly, time.RFC3339} {
		if t, err := time.Parse(layout, text); err == nil {
			return t.UTC(), nil
		}
	}
	return time.Time{}, usagef("%s %q is no day: want 2024-01-31 or 2024-01-31T14:30:00Z", flag, text)
}

var barPrinters = map[string]func(io.Writer, []blotter.Bar) error{
	"table": printBars,
	"csv":   printBarsCSV,
	"json":  func(w io.Writer, bars []blotter.Bar) error { return printJSON(w, bars) },
}

// when is a bar's timestamp: its day, or its minute where it is no daily bar.
func when(bar *blotter.Bar) string {
	if bar.Timestamp.Equal(bar.Timestamp.Truncate(24 * time.Hour)) {
		return bar.Timestamp.UTC().Format(time.DateOnly)
	}
	return bar.Timestamp.UTC().Format("2006-01-02 15:04Z")
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
	return text + strings.Repeat("0", decimals-len(fraction))
}

func printBars(w io.Writer, bars []blotter.Bar) error {
	columns := []func(*blotter.Bar) blotter.Decimal{
		func(b *blotter.Bar) blotter.Decimal { return b.Open }, func(b *blotter.Bar) blotter.Decimal { return b.High },
		func(b *blotter.Bar) blotter.Decimal { return b.Low }, func(b *blotter.Bar) blotter.Decimal { return b.Close },
	}
	price := 2
	for _, column := range columns {
		price = decimals(bars, price, column)
	}
	volume := decimals(bars, 0, func(b *blotter.Bar) blotter.Decimal { return b.Volume })
	return printTable(w, []string{"date", "open", "high", "low", "close", "volume", "source"}, []int{1, 2, 3, 4, 5}, func(row func(...string)) {
		for i := range bars {
			b := &bars[i]
			row(when(b), padded(b.Open, price), padded(b.High, price), padded(b.Low, price), padded(b.Close, price),
				padded(b.Volume, volume), b.Source)
		}
	})
}

func printBarsCSV(w io.Writer, bars []blotter.Bar) error {
	out := csv.NewWriter(w)
	_ = out.Write([]string{"symbol", "timeframe", "timestamp", "open", "high", "low", "close", "volume", "adj_close", "source"})
	for i := range bars {
		b := &bars[i]
		adjusted := ""
		if b.AdjClose != nil {
			adjusted = b.AdjClose.String()
		}
		_ = out.Write([]string{
			b.Symbol, b.Timeframe, b.Timestamp.UTC().Format(time.RFC3339), b.Open.String(), b.High.String(),
			b.Low.String(), b.Close.String(), b.Volume.String(), adjusted, b.Source,
		})
	}
	out.Flush()
	return out.Error()
}

// listSymbols prints what market data is stored.
func listSymbols(cmd *cobra.Command, set *settings) error {
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
			row(s.Symbol, s.Timeframe, thousands(s.Bars), s.From.Format(time.DateOnly), s.To.Format(time.DateOnly))
		}
	})
}
