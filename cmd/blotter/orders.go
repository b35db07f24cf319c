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

func ordersCommand(set *settings) *cobra.Command {
	return noun("orders", "List the orders", "  blotter orders list\n  blotter orders list --status pending,submitted --json", ordersList(set))
}

func ordersList(set *settings) *cobra.Command {
	var h history
	var statuses string
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List orders, newest first",
		Long: `List orders by the time of their creation, newest first: those of --account, or
of all accounts.`,
		Example: `  blotter orders list --account ACC123
  blotter orders list --symbol AAPL --status filled,partially_filled
  blotter orders list --format csv --oldest-first > orders.csv`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := h.prepare(cmd, set); err != nil {
				return err
			}
			filter := postgres.OrderFilter{
				Symbol: h.symbol, Side: blotter.Side(h.side), Strategy: h.strategy, From: h.since, To: h.until, NewestFirst: !h.oldest, Limit: h.limit,
			}
			for _, status := range strings.FieldsFunc(strings.ToLower(statuses), func(r rune) bool { return r == ',' || r == ' ' }) {
				s := blotter.OrderStatus(status)
				if !s.Valid() {
					return usagef("--status %s: want some of %s", status, joined(blotter.OrderStatuses()))
				}
				filter.Statuses = append(filter.Statuses, s)
			}
			return list(cmd, set, &h, "no such orders", func(ctx context.Context, s *postgres.Session) iter.Seq2[blotter.Order, error] {
				return s.StreamOrders(ctx, filter)
			}, func(w io.Writer, orders []blotter.Order) error { return printOrders(w, cmd.Context(), orders) })
		},
	}
	h.flags(cmd)
	h.pages(cmd)
	cmd.Flags().StringVar(&statuses, "status", "", "in one of these `statuses`, as pending,submitted")
	return cmd
}

func joined[T ~string](values []T) string {
	var b strings.Builder
	for i, v := range values {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(string(v))
	}
	return b.String()
}

func printOrders(w io.Writer, ctx context.Context, orders []blotter.Order) error {
	columns := []column{
		{name: "created", spare: 3},
		{name: "account", spare: 2},
		{name: "order", least: idLeast},
		{name: "symbol"},
		{name: "side"},
		{name: "type", spare: 6},
		{name: "quantity", right: true},
		{name: "filled", right: true},
		{name: "average", right: true},
		{name: "limit", right: true, spare: 4},
		{name: "status"},
		{name: "strategy", spare: 5},
	}
	var rows [][]string
	for _, o := range orders {
		rows = append(rows, []string{
			instant(o.CreatedAt), accountCell(bookContext(ctx), o.AccountID), o.OrderID, o.Symbol, string(o.Side), string(o.OrderType),
			o.Quantity.String(), o.FilledQuantity.String(), averageOf(o.AvgFillPrice), priceOf(o.Price), string(o.Status), o.Strategy,
		})
	}
	return printListing(w, columns, rows)
}
