package main

import (
	"errors"
	"fmt"
	"io"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/internal/term"
	"github.com/blotterdb/blotter/postgres"
	"github.com/spf13/cobra"
)

func barsGaps(set *settings) *cobra.Command {
	var r barReading
	cmd := &cobra.Command{
		Use:   "gaps SYMBOL",
		Short: "List the days on which a symbol lacks bars",
		Long: `List the days, between the first and the last bar of a symbol, on which other
symbols of its calendar have bars and it has none: weekdays, or every day for
symbols that trade on all days. Holidays of its own market are not gaps, and
neither are days on which no symbol has bars.

Places where bars of two sources meet and their prices differ by a factor are
listed too: one of the sources is adjusted for splits.`,
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
				return r.notFound(cmd, db.DB)
			}
			if err != nil {
				return err
			}
			seams, err := db.Seams(cmd.Context(), r.BarFilter)
			if err != nil {
				return err
			}
			return set.print(cmd, gapsJSON(gaps, seams), func(w io.Writer) error { return r.printGaps(w, gaps, seams) })
		},
	}
	r.addRange(cmd)
	return cmd
}

// gapsJSON lists the missing days, then the places where two sources meet.
func gapsJSON(gaps []postgres.Gap, seams []postgres.Seam) any {
	type gapOrSeam struct {
		postgres.Gap
		Seam *postgres.Seam `json:"seam,omitempty"`
	}
	all := []gapOrSeam{}
	for _, g := range gaps {
		all = append(all, gapOrSeam{Gap: g})
	}
	for i := range seams {
		seam := &seams[i]
		all = append(all, gapOrSeam{postgres.Gap{From: seam.At, To: seam.Next}, seam})
	}
	return all
}

func (r *barReading) printGaps(w io.Writer, gaps []postgres.Gap, seams []postgres.Seam) error {
	if len(gaps) == 0 {
		fmt.Fprintf(w, "no gaps in the %s bars of %s\n", r.Timeframe, r.Symbol)
	} else {
		columns := []term.Column{{Name: "from"}, {Name: "to"}, {Name: "days", Right: true}}
		var rows [][]string
		for _, g := range gaps {
			rows = append(rows, []string{shortDay(g.From), shortDay(g.To), term.Thousands(g.Days)})
		}
		if err := term.PrintTable(w, columns, rows); err != nil {
			return err
		}
	}

	for i := range seams {
		term.PrintWrapped(w, "seam: "+seams[i].String())
	}
	return nil
}
