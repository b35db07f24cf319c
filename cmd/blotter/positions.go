package main

import (
	"context"
	"io"
	"iter"
	"strings"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/postgres"
	"github.com/spf13/cobra"
)

func positionsCommand(set *settings) *cobra.Command {
	return noun("positions", "List the positions, and compare them with a broker's", `  blotter positions list --account ACC123
  blotter positions compare broker.csv --account ACC123`, positionsList(set), positionsCompare(set))
}

func positionsList(set *settings) *cobra.Command {
	var h history
	var flat bool
	var at string
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List positions at the last known prices",
		Long: `List the open positions of --account, or of all accounts, valued at the last
known price of each symbol: the newest bar that was imported. With --at, as they
were at that instant, without values and without fees in other currencies than
the position's.`,
		Example: `  blotter positions list --account ACC123
  blotter positions list --all --json
  blotter positions list --account ACC123 --at 2024-01-31`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := h.prepare(cmd, set); err != nil {
				return err
			}
			h.limit = 0
			then, err := parseDay("--at", at)
			if err != nil {
				return err
			}
			filter := postgres.PositionFilter{Symbol: h.symbol, OpenOnly: !flat}
			return list(cmd, set, &h, "no positions", func(ctx context.Context, s *postgres.Session) iter.Seq2[blotter.PositionValue, error] {
				if then.IsZero() {
					return s.StreamPositionValues(ctx, filter)
				}
				return positionsAt(ctx, s, filter, then)
			}, func(w io.Writer, positions []blotter.PositionValue) error {
				return printPositions(w, cmd.Context(), positions)
			})
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&h.symbol, "symbol", "", "of this `symbol` alone")
	flags.BoolVar(&flat, "all", false, "with those that are flat")
	flags.StringVar(&at, "at", "", "as they were at this `day` (its beginning) or instant")
	formatFlag(cmd, &h.format, "table", "table, csv or json; the latter two have every digit")
	return cmd
}

// positionsAt are the positions as they were at an instant.
func positionsAt(ctx context.Context, s *postgres.Session, filter postgres.PositionFilter, at time.Time) iter.Seq2[blotter.PositionValue, error] {
	return func(yield func(blotter.PositionValue, error) bool) {
		now, err := s.Positions(ctx, postgres.PositionFilter{Symbol: filter.Symbol})
		if err != nil {
			yield(blotter.PositionValue{}, err)
			return
		}
		for _, p := range now {
			then, err := s.PositionAsOf(ctx, p.AccountID, p.Symbol, at)
			if err != nil {
				yield(blotter.PositionValue{}, err)
				return
			}
			if then.Currency == "" || filter.OpenOnly && then.Quantity.IsZero() {
				continue
			}
			value := blotter.PositionValue{
				AccountID: then.AccountID, Symbol: then.Symbol, Quantity: then.Quantity, CostBasis: then.CostBasis, AvgPrice: then.AvgPrice,
				RealizedPnL: then.RealizedPnL, Fees: then.Fees, Multiplier: then.Multiplier, Currency: then.Currency,
			}
			if !yield(value, nil) {
				return
			}
		}
	}
}

func printPositions(w io.Writer, ctx context.Context, positions []blotter.PositionValue) error {
	columns := []column{
		{name: "account", spare: 1},
		{name: "symbol"},
		{name: "quantity", right: true},
		{name: "average", right: true},
		{name: "last", right: true, spare: 3},
		{name: "value", right: true, point: true, spare: 4},
		{name: "unrealized", right: true, signed: true, point: true, spare: 2},
		{name: "realized", right: true, signed: true, point: true},
		{name: "fees", right: true, point: true, spare: 5},
		{name: "currency", spare: 6},
		{name: "other fees"},
	}
	var rows [][]string
	for _, p := range positions {
		rows = append(rows, []string{
			accountCell(bookContext(ctx), p.AccountID), p.Symbol, p.Quantity.String(), averageOf(p.AvgPrice), priceOf(p.MarketPrice), moneyOf(p.MarketValue, p.Currency),
			moneyOf(p.UnrealizedPnL, p.Currency), money(p.RealizedPnL, p.Currency), money(p.Fees, p.Currency), p.Currency, otherFees(p.OtherFees),
		})
	}
	return printListing(w, columns, rows)
}

// otherFees writes fees in several currencies for people.
func otherFees(fees blotter.TradeFees) string {
	var texts []string
	for _, fee := range fees {
		texts = append(texts, money(fee.Amount, fee.Currency)+" "+fee.Currency)
	}
	return strings.Join(texts, ", ")
}
