package main

import (
	"context"
	"io"
	"iter"
	"strings"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/postgres"
	"github.com/spf13/cobra"
)

func tradesCommand(set *settings) *cobra.Command {
	return noun("trades", "List the trades, import fills, and undo imports", `  blotter trades list --account ACC123
  blotter trades import activity.xml --account ACC123`, tradesList(set), tradesImport(set), tradesImports(set))
}

func tradesList(set *settings) *cobra.Command {
	var h history
	var order string
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List trades, newest first",
		Long: `List trades by the time of their execution, newest first: those of --account, or
of all accounts. Realized P&L is each fill's own, before fees. What is listed as
CSV or JSON can be imported again.`,
		Example: `  blotter trades list --account ACC123
  blotter trades list --symbol AAPL --from 2024-01-01 --json
  blotter trades list --format csv --oldest-first > trades.csv`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := h.prepare(cmd, set); err != nil {
				return err
			}
			filter := postgres.TradeFilter{
				Symbol: h.symbol, Side: blotter.Side(h.side), Strategy: h.strategy, OrderID: order, From: h.since, To: h.until, NewestFirst: !h.oldest, Limit: h.limit,
			}
			return list(cmd, set, &h, "no such trades", func(ctx context.Context, s *postgres.Session) iter.Seq2[blotter.Trade, error] {
				return s.StreamTrades(ctx, filter)
			}, func(w io.Writer, trades []blotter.Trade) error { return printTrades(w, cmd.Context(), trades) })
		},
	}
	h.flags(cmd)
	h.pages(cmd)
	cmd.Flags().StringVar(&order, "order", "", "of the order of this `id` alone")
	return cmd
}

// idLeast is to how many characters the ids of orders and trades may be shortened.
const idLeast = 16

func printTrades(w io.Writer, ctx context.Context, trades []blotter.Trade) error {
	columns := []column{
		{name: "executed"},
		{name: "account", spare: 1},
		{name: "trade", spare: 5, least: idLeast},
		{name: "order", spare: 7, least: idLeast},
		{name: "symbol"},
		{name: "side"},
		{name: "quantity", right: true},
		{name: "price", right: true},
		{name: "fee", right: true, spare: 3},
		{name: "effect", spare: 4},
		{name: "realized", right: true, signed: true, point: true, spare: 2},
		{name: "strategy", spare: 6},
		{name: "currency", spare: 8},
	}
	var rows [][]string
	for _, t := range trades {
		fee, realized := "", ""
		if !t.Commission.IsZero() {
			fee = price(t.Commission)
			if t.CommissionCurrency != t.Currency {
				fee += " " + t.CommissionCurrency
			}
		}
		if other := otherFees(t.OtherFees); other != "" {
			fee = strings.TrimPrefix(fee+", "+other, ", ")
		}
		if t.PositionEffect != blotter.Opened && t.PositionEffect != blotter.Increased {
			realized = money(t.RealizedPnL, t.Currency)
		}
		rows = append(rows, []string{
			instant(t.ExecutedAt), accountCell(bookContext(ctx), t.AccountID), t.TradeID, t.OrderID, t.Symbol, string(t.Side),
			t.Quantity.String(), price(t.Price), fee, string(t.PositionEffect), realized, t.Strategy, t.Currency,
		})
	}
	return printListing(w, columns, rows)
}
