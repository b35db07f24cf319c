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

func ordersCommand(set *settings) *cobra.Command {
	return noun("orders", "List the orders", `  blotter orders list
  blotter orders list --status pending,submitted --json`, ordersList(set))
}

func ordersList(set *settings) *cobra.Command {
	var l listing
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
			if err := l.prepare(cmd, set); err != nil {
				return err
			}
			filter := postgres.OrderFilter{
				Symbol: l.symbol, Side: blotter.Side(l.side), Strategy: l.strategy,
				From: l.since, To: l.until, NewestFirst: !l.oldestFirst, Limit: l.limit,
			}
			var err error
			if filter.Statuses, err = parseStatuses(statuses); err != nil {
				return err
			}

			orders := func(ctx context.Context, s *postgres.Session) iter.Seq2[blotter.Order, error] {
				return s.StreamOrders(ctx, filter)
			}
			table := func(w io.Writer, orders []blotter.Order) error { return printOrders(w, cmd.Context(), orders) }
			return list(cmd, set, &l, "no such orders", orders, table)
		},
	}
	l.addFilters(cmd)
	l.addPaging(cmd)
	cmd.Flags().StringVar(&statuses, "status", "", "with one of these `statuses`, such as pending,submitted")
	return cmd
}

// parseStatuses reads statuses that are separated by commas or spaces.
func parseStatuses(text string) (statuses []blotter.OrderStatus, err error) {
	isSeparator := func(r rune) bool { return r == ',' || r == ' ' }
	for _, word := range strings.FieldsFunc(strings.ToLower(text), isSeparator) {
		status := blotter.OrderStatus(word)
		if !status.Valid() {
			var valid []string
			for _, s := range blotter.OrderStatuses() {
				valid = append(valid, string(s))
			}
			return nil, usagef("invalid --status %q: want some of %s", word, strings.Join(valid, ", "))
		}
		statuses = append(statuses, status)
	}
	return statuses, nil
}

func printOrders(w io.Writer, ctx context.Context, orders []blotter.Order) error {
	columns := []term.Column{
		{Name: "created", Spare: 3},
		{Name: "account", Spare: 2},
		{Name: "order", Least: idLeast},
		{Name: "symbol"},
		{Name: "side"},
		{Name: "type", Spare: 6},
		{Name: "quantity", Right: true},
		{Name: "filled", Right: true},
		{Name: "average", Right: true},
		{Name: "limit", Right: true, Spare: 4},
		{Name: "status"},
		{Name: "strategy", Spare: 5},
	}
	ctx = bookContext(ctx)

	var rows [][]string
	for _, o := range orders {
		rows = append(rows, []string{
			instant(o.CreatedAt), accountCell(ctx, o.AccountID), o.OrderID, o.Symbol, string(o.Side),
			string(o.OrderType), o.Quantity.String(), o.FilledQuantity.String(), averageOf(o.AvgFillPrice),
			priceOf(o.Price), string(o.Status), o.Strategy,
		})
	}
	return term.PrintTable(w, columns, rows)
}
