package postgres_test

import (
	"strings"
	"testing"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/pgtest"
	"github.com/blotterdb/blotter/postgres"
)

// Bookings write no audit entry, except for accounts and orders that they create.
func TestFillsAreNotAudited(t *testing.T) {
	t.Parallel()
	db := pgtest.Open(t)
	ctx := as(t, "A1")
	order := newOrder("A1", "O-1")
	if err := db.CreateOrder(ctx, &order); err != nil {
		t.Fatal(err)
	}

	_, since := entries(t, db, 0)
	trade := func(id, order string, side blotter.Side, quantity string) blotter.Trade {
		return blotter.Trade{
			TradeID: id, OrderID: order, Symbol: "AAPL", Side: side, Quantity: dec(quantity),
			Price: dec("5"),
		}
	}

	book := func(opts postgres.ExecuteOption, trades ...blotter.Trade) {
		t.Helper()
		if _, err := db.ExecuteTrades(ctx, trades, opts|postgres.AllOrNothing); err != nil {
			t.Fatal(err)
		}
	}

	book(0, trade("T1", "O-1", blotter.Buy, "1"))
	book(0, trade("T2", "O-1", blotter.Buy, "1"), trade("T3", "", blotter.Sell, "4"),
		trade("T4", "O-1", blotter.Buy, "2"))
	book(postgres.AllowOverfill, trade("T5", "O-1", blotter.Buy, "500"))
	book(postgres.AllowOverfill, trade("T6", "O-1", blotter.Buy, "1"))
	if got, _ := entries(t, db, since); len(got) > 0 {
		t.Errorf("fills recorded %q", got)
	}

	book(postgres.AdoptOrder, trade("T7", "O-2", blotter.Buy, "1"))
	book(postgres.AdoptOrder, trade("T8", "O-2", blotter.Buy, "1"))
	book(postgres.AdoptOrder, trade("T9", "O-2", blotter.Buy, "1"), trade("T10", "O-3", blotter.Buy, "1"))
	got, _ := entries(t, db, since)
	if len(got) != 2 || !strings.Contains(got[0], `execution.orders INSERT {"order_id": "O-2"`) ||
		!strings.Contains(got[1], `execution.orders INSERT {"order_id": "O-3"`) {
		t.Errorf("fills of two orders that they made recorded %q", got)
	}
	if v, err := db.Verify(ctx); err != nil || len(v.Mismatches) > 0 {
		t.Errorf("%v, %v", v.Mismatches, err)
	}
}

// Every other change of an order that happens together with a fill is recorded, column by column.
func TestNothingHidesBehindAFill(t *testing.T) {
	t.Parallel()
	db := pgtest.Open(t)
	makeAccount(t, db.DB, "A1")
	ctx := blotter.WithAllAccounts(t.Context())
	const orders = `insert into execution.orders (account_id, order_id, symbol, side, quantity, filled_quantity, filled_notional, status) values ('A1', 'O1', 'AAPL', 'buy', 10, 2, 20, 'partially_filled')`
	execAs(t, db, ctx, `insert into execution.accounts (account_id) values ('A2')`)
	set := map[string]string{
		"id": "default", "account_id": "'A2'", "order_id": "'O2'", "symbol": "'MSFT'", "side": "'sell'",
		"order_type": "'limit'", "quantity": "11", "price": "5",
		"stop_price": "5", "time_in_force": "'gtc'", "strategy": "'s'", "session_id": "'s'", "adopted": "true",
		"created_at": "now() - interval '1 day'", "status": "'cancelled'",
	}
	moved := map[string]bool{
		"filled_quantity": true, "filled_notional": true, "avg_fill_price": true, "version": true,
		"updated_at": true,
	}
	for _, column := range postgres.Orders.Def().Columns {
		if moved[column.Name] {
			continue
		}
		if set[column.Name] == "" {
			t.Errorf("column %s of execution.orders: a fill may move it, or execution.by_fill and this test must name it", column.Name)
			continue
		}
		execAs(t, db, ctx, orders)
		_, since := entries(t, db, 0)
		execAs(t, db, ctx, `update execution.orders set filled_quantity = 3, filled_notional = 30, version = 2, `+column.Name+` = `+set[column.Name])
		if got, _ := entries(t, db, since); len(got) != 1 || !strings.Contains(got[0], `"`+column.Name+`"`) {
			t.Errorf("%s changed with a fill: recorded %q", column.Name, got)
		}
		execAs(t, db, ctx, `select execution.remove_orders(o.account_id, array_agg(o.order_id)) from execution.orders o group by o.account_id`)
	}
	for sql, recorded := range map[string]int{
		`filled_quantity = 3, filled_notional = 30`:                     0,
		`filled_quantity = 10, filled_notional = 30, status = 'filled'`: 0,

		`filled_quantity = 1`:                               1, // no fill reduces it
		`filled_notional = 1`:                               1,
		`status = 'filled'`:                                 1,
		`filled_quantity = 3, status = 'pending'`:           1,
		`filled_quantity = 3, adopted = true, quantity = 3`: 1,
		`status = 'cancelled'`:                              1,
		`version = 7`:                                       1,

		`filled_quantity = 12, filled_notional = 30, quantity = 12, status = 'filled'`:      1, // the order was not created by a fill
		`filled_quantity = 12, filled_notional = 120, quantity = quantity, status = status`: 0,
	} {
		execAs(t, db, ctx, orders)
		_, since := entries(t, db, 0)
		execAs(t, db, ctx, `update execution.orders set `+sql)
		if got, _ := entries(t, db, since); len(got) != recorded {
			t.Errorf("set %s: recorded %q, want %d", sql, got, recorded)
		}
		execAs(t, db, ctx, `select execution.remove_orders(o.account_id, array_agg(o.order_id)) from execution.orders o group by o.account_id`)
	}
	execAs(t, db, ctx, strings.Replace(orders, "'partially_filled'", "'cancelled'", 1))
	_, since := entries(t, db, 0)
	execAs(t, db, ctx, `update execution.orders set filled_quantity = 3, status = 'partially_filled'`)
	if got, _ := entries(t, db, since); len(got) != 1 {
		t.Errorf("a cancelled order that comes to life with a fill: recorded %q", got)
	}
}
