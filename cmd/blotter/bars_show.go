package main

import (
	"fmt"
	"io"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/internal/chart"
	"github.com/spf13/cobra"
)

func barsShow(set *settings) *cobra.Command {
	var r barReading
	var picture string
	cmd := &cobra.Command{
		Use:   "show SYMBOL",
		Short: "Print the bars of a symbol, or draw them",
		Long: `Print the bars of a symbol, oldest first: from --from up to and excluding --to,
or the last 30 if neither is given. With --png, draw them as candlesticks: the
last 120 without a range. Bars that do not fit are merged. With --adjusted,
prices are adjusted for the corporate actions after each bar (docs/actions.md).`,
		Example: `  blotter bars show AAPL
  blotter bars show AAPL --from 2018-01-01 --to 2018-02-01
  blotter bars show BTC-USD --timeframe 1h --format csv
  blotter bars show AAPL --from 2018-01-01 --png aapl.png
  blotter bars show AAPL --from 2020-08-01 --to 2020-10-01 --adjusted splits`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := r.prepare(cmd, set, args[0], "table", "csv", "json"); err != nil {
				return err
			}
			if err := checkTarget(picture); err != nil {
				return err
			}
			if picture == "" {
				r.limitToNewest(barsLimit)
			} else {
				r.limitToNewest(chart.MaxBars)
			}

			bars, err := r.read(cmd, set)
			if err != nil {
				return err
			}
			if picture != "" {
				return drawBars(picture, bars)
			}
			return barPrinters[r.format](cmd.OutOrStdout(), bars)
		},
	}
	r.addRange(cmd)
	r.addAdjustment(cmd)
	r.addFormat(cmd, "table", "csv", "json")
	cmd.Flags().StringVar(&picture, "png", "", "draw candlesticks into this `file`")
	return cmd
}

// drawBars draws bars into a PNG file.
func drawBars(path string, bars []blotter.Bar) error {
	first, last := &bars[0], &bars[len(bars)-1]
	caption := fmt.Sprintf("%s   %s to %s   close %s", first.Timeframe, barTime(first), barTime(last), last.Close)
	picture, err := chart.Candles(chart.ImageSize, first.Symbol, caption, bars, nil).PNG()
	if err != nil {
		return err
	}
	return writeBytes(path, picture)
}

// barPrinters print bars in each format.
var barPrinters = map[string]func(io.Writer, []blotter.Bar) error{
	"table": printBars,
	"csv":   func(w io.Writer, bars []blotter.Bar) error { return exportBarsCSV(w, false, each(bars)) },
	safeCSV: func(w io.Writer, bars []blotter.Bar) error { return exportBarsCSV(w, true, each(bars)) },
	"json":  func(w io.Writer, bars []blotter.Bar) error { return printJSON(w, bars) },
}
