package main

import (
	"encoding/json"
	"io"
	"iter"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/internal/spreadsheet"
	"github.com/blotterdb/blotter/postgres"
	"github.com/spf13/cobra"
)

func barsExport(set *settings) *cobra.Command {
	var r barReading
	var out string
	cmd := &cobra.Command{
		Use:   "export SYMBOL",
		Short: "Write all bars of a symbol, or of a range, as CSV or JSON lines",
		Long: `Write all bars of a symbol, or of a range, to standard output or a file, in
constant memory. The file appears when it is complete. Exported CSV can be
imported again. With --adjusted, prices are adjusted for the corporate actions
after each bar (docs/actions.md); do not import such a file again.`,
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

			export := func(w io.Writer) error { return r.export(cmd, db.DB, w) }
			if out == "" {
				return export(cmd.OutOrStdout())
			}
			return writeFile(out, export)
		},
	}
	r.addRange(cmd)
	r.addAdjustment(cmd)
	r.addFormat(cmd, "csv", "json")
	cmd.Flags().StringVar(&out, "out", "", "write to this `file` instead of standard output")
	return cmd
}

// export writes the bars in the format. If there are none, it returns an error.
func (r *barReading) export(cmd *cobra.Command, db *postgres.DB, w io.Writer) error {
	return db.ReadOnly(cmd.Context(), func(s *postgres.Session) error {
		bars := orElse(s.StreamBars(cmd.Context(), r.BarFilter), func() error { return r.notFound(cmd, db) })
		if r.format == "json" {
			return exportBarsJSON(w, bars)
		}
		return exportBarsCSV(w, r.format == safeCSV, bars)
	})
}

// barColumns are the columns of exported bars.
var barColumns = []string{
	"symbol", "timeframe", "timestamp", "open", "high", "low", "close", "volume", "adj_close", "source",
}

// exportBarsCSV writes bars as CSV, for spreadsheets if safe is true. It writes nothing before the first bar.
func exportBarsCSV(w io.Writer, safe bool, bars iter.Seq2[blotter.Bar, error]) error {
	out := spreadsheet.NewWriter(w, safe)
	hasHeader := false
	for b, err := range bars {
		if err != nil {
			return err
		}
		if !hasHeader {
			_ = out.Write(barColumns)
			hasHeader = true
		}

		adjusted := ""
		if b.AdjClose != nil {
			adjusted = b.AdjClose.String()
		}
		if err := out.Write([]string{
			b.Symbol, string(b.Timeframe), b.Timestamp.UTC().Format(time.RFC3339Nano), b.Open.String(), b.High.String(),
			b.Low.String(), b.Close.String(), b.Volume.String(), adjusted, b.Source,
		}); err != nil {
			return err
		}
	}
	return out.Flush()
}

// exportBarsJSON writes bars as JSON, one object on each line.
func exportBarsJSON(w io.Writer, bars iter.Seq2[blotter.Bar, error]) error {
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
