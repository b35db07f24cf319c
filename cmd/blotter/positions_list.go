package main

import (
	"context"
	"io"
	"iter"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/internal/term"
	"github.com/blotterdb/blotter/postgres"
	"github.com/spf13/cobra"
)

func positionsList(set *settings) *cobra.Command {
	var l listing
	var withFlat bool
	var day string
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List positions at the last known prices",
		Long: `List the open positions of --account, or of all accounts, valued at the last
known price of each symbol: that of the newest imported bar. With --at, list
them as they were at that instant, without values and without fees in other
currencies than that of the position.`,
		Example: `  blotter positions list --account ACC123
  blotter positions list --all --json
  blotter positions list --account ACC123 --at 2024-01-31`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := l.prepare(cmd, set); err != nil {
				return err
			}
			l.limit = 0
			at, err := parseDay("--at", day)
			if err != nil {
				return err
			}
			filter := postgres.PositionFilter{Symbol: l.symbol, OpenOnly: !withFlat}

			positions := func(ctx context.Context, s *postgres.Session) iter.Seq2[blotter.PositionValue, error] {
				if at.IsZero() {
					return s.StreamPositionValues(ctx, filter)
				}
				return positionsAt(ctx, s, filter, at)
			}
			table := func(w io.Writer, positions []blotter.PositionValue) error {
				return printPositions(w, cmd.Context(), positions)
			}
			return list(cmd, set, &l, "no positions", positions, table)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&l.symbol, "symbol", "", "only this `symbol`")
	flags.BoolVar(&withFlat, "all", false, "also positions that are flat")
	flags.StringVar(&day, "at", "", "as they were at this instant, or at the beginning of this `day`")
	formatFlag(cmd, &l.format, "table", "table, csv or json; csv and json have every digit")
	return cmd
}

// positionsAt yields the positions as they were at an instant.
func positionsAt(
	ctx context.Context, s *postgres.Session, filter postgres.PositionFilter, at time.Time,
) iter.Seq2[blotter.PositionValue, error] {
	return func(yield func(blotter.PositionValue, error) bool) {
		current, err := s.Positions(ctx, postgres.PositionFilter{Symbol: filter.Symbol})
		if err != nil {
			yield(blotter.PositionValue{}, err)
			return
		}

		for _, c := range current {
			p, err := s.PositionAsOf(ctx, c.AccountID, c.Symbol, at)
			if err != nil {
				yield(blotter.PositionValue{}, err)
				return
			}
			if p.Currency == "" || filter.OpenOnly && p.Quantity.IsZero() {
				continue
			}
			value := blotter.PositionValue{
				AccountID: p.AccountID, Symbol: p.Symbol, Quantity: p.Quantity, CostBasis: p.CostBasis,
				AvgPrice: p.AvgPrice, RealizedPnL: p.RealizedPnL, Fees: p.Fees, Multiplier: p.Multiplier,
				Currency: p.Currency,
			}
			if !yield(value, nil) {
				return
			}
		}
	}
}

func printPositions(w io.Writer, ctx context.Context, positions []blotter.PositionValue) error {
	columns := []term.Column{
		{Name: "account", Spare: 1},
		{Name: "symbol"},
		{Name: "quantity", Right: true},
		{Name: "average", Right: true},
		{Name: "last", Right: true, Spare: 3},
		{Name: "value", Right: true, Point: true, Spare: 4},
		{Name: "unrealized", Right: true, Signed: true, Point: true, Spare: 2},
		{Name: "realized", Right: true, Signed: true, Point: true},
		{Name: "fees", Right: true, Point: true, Spare: 5},
		{Name: "currency", Spare: 6},
		{Name: "other fees"},
	}
	ctx = bookContext(ctx)

	var rows [][]string
	for _, p := range positions {
		rows = append(rows, []string{
			accountCell(ctx, p.AccountID), p.Symbol, p.Quantity.String(), averageOf(p.AvgPrice), priceOf(p.MarketPrice),
			moneyOf(p.MarketValue, p.Currency), moneyOf(p.UnrealizedPnL, p.Currency), money(p.RealizedPnL, p.Currency),
			money(p.Fees, p.Currency), p.Currency, otherFees(p.OtherFees),
		})
	}
	return term.PrintTable(w, columns, rows)
}
