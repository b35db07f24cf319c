package postgres_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/pgtest"
	"github.com/blotterdb/blotter/postgres"
)

// ofOrder returns a trade of an order.
func ofOrder(id, order, quantity string) blotter.Trade {
	f := fill(id, blotter.Buy, quantity, "5")
	f.OrderID = order
	return f
}

// wantOrder compares the stored order.
func wantOrder(t *testing.T, d *pgtest.Database, id string, status blotter.OrderStatus, quantity, filled string,
	version int64,
) blotter.Order {
	t.Helper()
	orders, err := d.Orders(as(t, "A1"), postgres.OrderFilter{})
	if err != nil {
		t.Fatal(err)
	}

	for _, o := range orders {
		if o.OrderID != id {
			continue
		}
		if o.Status != status || !o.Quantity.Equal(dec(quantity)) || !o.FilledQuantity.Equal(dec(filled)) ||
			o.Version != version {
			t.Errorf("order %s is %s, %s of %s filled, version %d; want %s, %s of %s, %d", id, o.Status,
				o.FilledQuantity, o.Quantity, o.Version, status, filled, quantity, version)
		}
		return o
	}
	t.Fatalf("order %s is not stored", id)
	return blotter.Order{}
}

// second opens another DB of the same database, with a cache of its own.
func second(t *testing.T, d *pgtest.Database) *postgres.DB {
	t.Helper()
	db, err := postgres.Open(t.Context(), d.Config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	return db
}

// Fills that come before their order make it; the order, when it comes, takes it over with its fills.
func TestAdoptedOrder(t *testing.T) {
	t.Parallel()
	d := pgtest.Open(t)
	ctx, other := as(t, "A1"), second(t, d)
	for i, quantity := range []string{"3", "4"} {
		r, err := d.ExecuteTrade(ctx, ofOrder(fmt.Sprint("T", i), "O1", quantity), postgres.AdoptOrder)
		if err != nil || r.Outcome != postgres.Applied || !r.Order.Adopted {
			t.Fatalf("%+v, %v", r, err)
		}
	}

	wantOrder(t, d, "O1", blotter.Filled, "7", "7", 2)
	known := newOrder("A1", "O1")
	elsewhere := known
	elsewhere.Symbol = "MSFT"
	wantKind(t, "an order of another symbol than its fills", other.CreateOrder(ctx, &elsewhere), blotter.ErrInvalid)
	known.Quantity = dec("10")
	if err := other.CreateOrder(ctx, &known); err != nil || known.Adopted || known.Status != blotter.PartiallyFilled ||
		known.Version != 3 {
		t.Errorf("%+v, %v", known, err)
	}

	again := newOrder("A1", "O1")
	again.Quantity = dec("10")
	if err := d.CreateOrder(ctx, &again); err != nil || again.Version != 3 || !again.FilledQuantity.Equal(dec("7")) ||
		again.ID != known.ID {
		t.Errorf("created again: %+v, %v", again, err)
	}

	if r, err := d.ExecuteTrade(ctx, ofOrder("T8", "O1", "4")); r.Outcome != postgres.Overfill {
		t.Errorf("4 where 3 are open: %s, %v", r.Outcome, err)
	}
	if r, err := d.ExecuteTrade(ctx, ofOrder("T9", "O1", "3"), postgres.AdoptOrder); err != nil ||
		r.Order.Status != blotter.Filled {
		t.Errorf("%+v, %v", r, err)
	}

	wantOrder(t, d, "O1", blotter.Filled, "10", "10", 4)
	batch := []blotter.Trade{ofOrder("B1", "O2", "1"), ofOrder("B2", "O2", "2"), ofOrder("B2", "O2", "2")}
	receipts, err := d.ExecuteTrades(ctx, batch, postgres.AdoptOrder)
	if err != nil || receipts[1].Order == nil || !receipts[1].Order.FilledQuantity.Equal(dec("3")) ||
		receipts[2].Outcome != postgres.Duplicate {
		t.Errorf("%+v, %v", receipts, err)
	}
	wantOrder(t, d, "O2", blotter.Filled, "3", "3", 1)
	verified(t, d)
}

// Two sessions adopt one order at once.
func TestAdoptedTwiceAtOnce(t *testing.T) {
	t.Parallel()
	d := pgtest.OpenConfig(t, fewConns)
	ctx, errs := as(t, "A1"), make(chan error)
	for i := range 8 {
		go func() {
			_, err := d.ExecuteTrade(ctx, ofOrder(fmt.Sprint("T", i), "O1", "1"), postgres.AdoptOrder)
			errs <- err
		}()
	}

	for range 8 {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
	wantOrder(t, d, "O1", blotter.Filled, "8", "8", 8)
	verified(t, d)
}

func TestCreateOrderTwice(t *testing.T) {
	t.Parallel()
	d := pgtest.Open(t)
	ctx := as(t, "A1")
	order := newOrder("A1", "O1")
	if err := d.CreateOrder(ctx, &order); err != nil {
		t.Fatal(err)
	}

	if _, err := d.ExecuteTrade(ctx, ofOrder("T1", "O1", "40")); err != nil {
		t.Fatal(err)
	}
	again := newOrder("A1", "O1")
	if err := d.CreateOrder(ctx, &again); err != nil || again.ID != order.ID ||
		again.Status != blotter.PartiallyFilled || again.Version != 2 {
		t.Errorf("%+v, %v", again, err)
	}

	other := newOrder("A1", "O1")
	other.Quantity, other.Strategy = dec("99"), "trend"
	err := d.CreateOrder(ctx, &other)
	wantKind(t, "the same id with other content", err, blotter.ErrConflict)
	if err.Error() != "create order A1/O1: it exists already, with another quantity, strategy" {
		t.Error(err)
	}

	fresh := newOrder("A1", "O2")
	_, err = d.CreateOrders(ctx, []blotter.Order{fresh, other})
	wantKind(t, "one of two", err, blotter.ErrConflict)
	if n := countOrders(t, d.DB, "A1"); n != 1 {
		t.Errorf("%d orders are stored", n)
	}

	stored, err := d.CreateOrders(ctx, []blotter.Order{fresh, newOrder("A1", "O1"), fresh})
	if err != nil || len(stored) != 3 || stored[0].ID != stored[2].ID || stored[1].ID != order.ID {
		t.Errorf("%+v, %v", stored, err)
	}
}

// An order that somebody else has changed is not changed on what was read before, and a fill on what is remembered of
// it is judged on what it is.
func TestChangedOrder(t *testing.T) {
	t.Parallel()
	d := pgtest.Open(t)
	ctx, other := as(t, "A1"), second(t, d)
	order := newOrder("A1", "O1")
	if err := d.CreateOrder(ctx, &order); err != nil {
		t.Fatal(err)
	}

	stale := order
	changed := order
	changed.Quantity = dec("10")
	if err := other.UpdateOrder(ctx, &changed); err != nil || changed.Version != 2 {
		t.Fatalf("%+v, %v", changed, err)
	}

	stale.Quantity = dec("20")
	wantKind(t, "a stale change", d.UpdateOrder(ctx, &stale), blotter.ErrConflict)
	if r, err := d.ExecuteTrade(ctx, ofOrder("T1", "O1", "11")); r.Outcome != postgres.Overfill {
		t.Errorf("11 of 10, where 100 are remembered: %s, %v", r.Outcome, err)
	}

	if r, err := d.ExecuteTrade(ctx, ofOrder("T1", "O1", "4")); err != nil || r.Order.Version != 3 {
		t.Errorf("%+v, %v", r, err)
	}
	filled := changed // as it was before the fill
	wantKind(t, "cancelling what was filled meanwhile", other.CancelOrder(ctx, &filled), blotter.ErrConflict)
	now := wantOrder(t, d, "O1", blotter.PartiallyFilled, "10", "4", 3)
	for what, change := range map[string]func(*blotter.Order){
		"another symbol":       func(o *blotter.Order) { o.Symbol = "MSFT" },
		"another side":         func(o *blotter.Order) { o.Side = blotter.Sell },
		"less than is filled":  func(o *blotter.Order) { o.Quantity = dec("3") },
		"back to pending":      func(o *blotter.Order) { o.Status = blotter.Pending },
		"filled without fills": func(o *blotter.Order) { o.Status = blotter.Filled },
	} {
		bad := now
		change(&bad)
		wantKind(t, what, d.UpdateOrder(ctx, &bad), blotter.ErrInvalid)
	}

	wantOrder(t, d, "O1", blotter.PartiallyFilled, "10", "4", 3)
	// To what is filled: then it is filled.
	now.Quantity = dec("4")
	if err := d.UpdateOrder(ctx, &now); err != nil || now.Status != blotter.Filled {
		t.Errorf("%+v, %v", now, err)
	}
	verified(t, d)
}

// A fill that comes after its order was cancelled is booked, and the order stays cancelled.
func TestLateFill(t *testing.T) {
	t.Parallel()
	for _, remembered := range []bool{false, true} {
		d := pgtest.Open(t)
		ctx := as(t, "A1")
		order := newOrder("A1", "O1")
		if err := d.CreateOrder(ctx, &order); err != nil {
			t.Fatal(err)
		}

		db := d.DB
		if !remembered {
			db = second(t, d)
		}
		if err := db.CancelOrder(ctx, &order); err != nil || order.Status != blotter.Cancelled {
			t.Fatal(order, err)
		}

		r, err := d.ExecuteTrade(ctx, ofOrder("T1", "O1", "4"))
		if err != nil || r.Order.Status != blotter.Cancelled || !r.Position.Quantity.Equal(dec("4")) {
			t.Errorf("%+v, %v", r, err)
		}
		wantOrder(t, d, "O1", blotter.Cancelled, "100", "4", 3)
		verified(t, d)
	}
}

// A remembered order that another process changed since is not written over, whether one fill follows or several: it
// stays cancelled, the quantity that it was amended to holds, and every fill counts once. Each case has a memory of its
// own: after the first surprise a DB begins with locks for a while, which hides what this is about.
func TestOrderChangedElsewhere(t *testing.T) {
	t.Parallel()
	d := pgtest.OpenConfig(t, fewConns)
	ctx := as(t, "A1")
	for _, fills := range []int{1, 2} {
		for _, cancel := range []bool{true, false} {
			db, order := second(t, d), newOrder("A1", fmt.Sprintf("cancelled %v, fills %d", cancel, fills))
			if err := db.CreateOrder(ctx, &order); err != nil { // which remembers it
				t.Fatal(err)
			}
			elsewhere := order
			status, quantity := blotter.Cancelled, "100"
			change := d.CancelOrder
			if !cancel {
				elsewhere.Quantity = dec("4")
				status, quantity = blotter.Filled, "4"
				change = d.UpdateOrder
			}
			if err := change(ctx, &elsewhere); err != nil {
				t.Fatal(err)
			}

			var trades []blotter.Trade
			for n := range fills {
				trades = append(trades, ofOrder(fmt.Sprint(order.OrderID, n), order.OrderID, fmt.Sprint(4/fills)))
			}
			receipts, err := db.ExecuteTrades(ctx, trades)
			if err != nil {
				t.Fatal(err)
			}
			for _, r := range receipts {
				if r.Outcome != postgres.Applied {
					t.Errorf("%s: %+v", order.OrderID, r)
				}
			}
			wantOrder(t, d, order.OrderID, status, quantity, "4", 3)
		}
	}
	verified(t, d)
}

func TestOverfill(t *testing.T) {
	t.Parallel()
	d := pgtest.Open(t)
	ctx := as(t, "A1")
	order := newOrder("A1", "O1")
	order.Quantity = dec("10")
	if err := d.CreateOrder(ctx, &order); err != nil {
		t.Fatal(err)
	}

	receipts, err := d.ExecuteTrades(ctx,
		[]blotter.Trade{ofOrder("T1", "O1", "6"), ofOrder("T2", "O1", "6"), ofOrder("T3", "O1", "4")})
	if err != nil || receipts[0].Outcome != postgres.Applied || receipts[1].Outcome != postgres.Overfill ||
		receipts[2].Outcome != postgres.Applied ||
		!errors.Is(receipts[1].Err, blotter.ErrInvalid) || !errors.Is(receipts[1].Err, blotter.ErrOverfill) {
		t.Errorf("%+v, %v", receipts, err)
	}

	wantOrder(t, d, "O1", blotter.Filled, "10", "10", 2)
	all := ofOrder("T4", "O1", "1")
	all.Quantity = blotter.Decimal{}
	if r, err := d.ExecuteTrade(ctx, all); r.Outcome != postgres.Overfill || !errors.Is(err, blotter.ErrInvalid) {
		t.Errorf("the rest of what is filled: %s, %v", r.Outcome, err)
	}

	if r, err := d.ExecuteTrade(ctx, ofOrder("T2", "O1", "6"), postgres.AllowOverfill); err != nil ||
		!r.Order.FilledQuantity.Equal(dec("16")) {
		t.Errorf("%+v, %v", r, err)
	}
	wantOrder(t, d, "O1", blotter.Filled, "10", "16", 3)
	verified(t, d)
}

// A trade that is unlike its order is refused.
func TestUnlikeItsOrder(t *testing.T) {
	t.Parallel()
	d := pgtest.Open(t)
	ctx := as(t, "A1")
	order := newOrder("A1", "O1")
	if err := d.CreateOrder(ctx, &order); err != nil {
		t.Fatal(err)
	}

	for what, change := range map[string]func(*blotter.Trade){
		"another symbol": func(f *blotter.Trade) { f.Symbol = "MSFT" },
		"another side":   func(f *blotter.Trade) { f.Side = blotter.Sell },
	} {
		bad := ofOrder("T1", "O1", "1")
		change(&bad)
		r, err := d.ExecuteTrade(ctx, bad)
		if wantKind(t, what, err, blotter.ErrInvalid); r.Outcome != postgres.Refused {
			t.Errorf("%s: %s", what, r.Outcome)
		}
	}

	if r, err := d.ExecuteTrade(ctx, blotter.Trade{OrderID: "O1", TradeID: "T1", Price: dec("5")}); err != nil ||
		r.Trade.Side != blotter.Buy || !r.Trade.Quantity.Equal(dec("100")) ||
		r.Trade.ExecutedAt.IsZero() || time.Since(r.Trade.ExecutedAt) > time.Minute {
		t.Errorf("%+v, %v", r, err)
	}
}
