package main

import (
	"context"
	"io"
	"iter"
	"strings"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/internal/term"
	"github.com/blotterdb/blotter/postgres"
	"github.com/spf13/cobra"
)

func tradesList(set *settings) *cobra.Command {
	var l listing
	var order string
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List trades, newest first",
		Long: `List trades by the time of their execution, newest first: those of --account, or
of all accounts. Realized P&L is that of each fill, before fees. A list as CSV
or JSON can be imported again.`,
		Example: `  blotter trades list --account ACC123
  blotter trades list --symbol AAPL --from 2024-01-01 --json
  blotter trades list --format csv --oldest-first > trades.csv`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := l.prepare(cmd, set); err != nil {
				return err
			}
			filter := postgres.TradeFilter{
				Symbol: l.symbol, Side: blotter.Side(l.side), Strategy: l.strategy, OrderID: order,
				From: l.since, To: l.until, NewestFirst: !l.oldestFirst, Limit: l.limit,
			}

			trades := func(ctx context.Context, s *postgres.Session) iter.Seq2[blotter.Trade, error] {
				return s.StreamTrades(ctx, filter)
			}
			table := func(w io.Writer, trades []blotter.Trade) error { return printTrades(w, cmd.Context(), trades) }
			return list(cmd, set, &l, "no such trades", trades, table)
		},
	}
	l.addFilters(cmd)
	l.addPaging(cmd)
	cmd.Flags().StringVar(&order, "order", "", "only the order with this `id`")
	return cmd
}

// idLeast is the number of characters that the ids of orders and trades keep when they are shortened.
const idLeast = 16

func printTrades(w io.Writer, ctx context.Context, trades []blotter.Trade) error {
	columns := []term.Column{
		{Name: "executed"},
		{Name: "account", Spare: 1},
		{Name: "trade", Spare: 5, Least: idLeast},
		{Name: "order", Spare: 7, Least: idLeast},
		{Name: "symbol"},
		{Name: "side"},
		{Name: "quantity", Right: true},
		{Name: "price", Right: true},
		{Name: "fee", Right: true, Spare: 3},
		{Name: "effect", Spare: 4},
		{Name: "realized", Right: true, Signed: true, Point: true, Spare: 2},
		{Name: "strategy", Spare: 6},
		{Name: "currency", Spare: 8},
	}
	ctx = bookContext(ctx)

	var rows [][]string
	for _, t := range trades {
		realized := ""
		if t.PositionEffect != blotter.Opened && t.PositionEffect != blotter.Increased {
			realized = money(t.RealizedPnL, t.Currency)
		}
		rows = append(rows, []string{
			instant(t.ExecutedAt), accountCell(ctx, t.AccountID), t.TradeID, t.OrderID, t.Symbol, string(t.Side),
			t.Quantity.String(), price(t.Price), feeCell(&t), string(t.PositionEffect), realized, t.Strategy,
			t.Currency,
		})
	}
	return term.PrintTable(w, columns, rows)
}

// feeCell returns the fees of a trade. Those in the currency of its price have no code.
func feeCell(t *blotter.Trade) string {
	var fees []string
	if !t.Commission.IsZero() {
		fee := price(t.Commission)
		if t.CommissionCurrency != t.Currency {
			fee += " " + t.CommissionCurrency
		}
		fees = append(fees, fee)
	}
	if other := otherFees(t.OtherFees); other != "" {
		fees = append(fees, other)
	}
	return strings.Join(fees, ", ")
}
