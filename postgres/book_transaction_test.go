package postgres_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/pgtest"
	"github.com/blotterdb/blotter/postgres"
)

// everythingBooked reads all rows that trades write, with their versions.
const everythingBooked = `
select coalesce((select string_agg(o::text, ',' order by o.id) from execution.orders o), '')
    || coalesce((select string_agg(x::text, ',' order by x.id) from execution.trades x), '')
    || coalesce((select string_agg(p::text, ',' order by p.symbol) from execution.positions p), '')
    || coalesce((select string_agg(r::text, ',' order by r.id) from execution.round_trips r), '')
    || coalesce((select string_agg(e::text, ',' order by e.pos) from events.outbox e), '')`

// Fills of a transaction, or a savepoint, that is rolled back leave nothing, and later ones do not count on them,
// though orders and positions are remembered.
func TestRolledBackFills(t *testing.T) {
	t.Parallel()
	d := pgtest.Open(t)
	ctx := as(t, "A1")
	order := newOrder("A1", "O1")
	if err := d.CreateOrder(ctx, &order); err != nil {
		t.Fatal(err)
	}

	if _, err := d.ExecuteTrade(ctx, ofOrder("T1", "O1", "10")); err != nil {
		t.Fatal(err)
	}
	undone := func(tx *postgres.Tx) error {
		closing, first := fill("T3", blotter.Sell, "30", "7"), buy("T4")
		first.Symbol, first.OrderID = "MSFT", "O2"
		receipts, err := tx.ExecuteTrades(ctx, []blotter.Trade{ofOrder("T2", "O1", "5"), closing, first},
			postgres.AdoptOrder)
		for _, r := range receipts {
			if r.Outcome != postgres.Applied {
				t.Errorf("%+v", r)
			}
		}
		if len(receipts) == 3 && receipts[1].Trade.PositionEffect != blotter.Flipped {
			t.Errorf("a round trip was to end: %+v", receipts[1])
		}
		return errors.Join(err, errOnPurpose)
	}

	before := pgtest.Value[string](t, d, everythingBooked)
	if err := d.Transaction(ctx, undone); !errors.Is(err, errOnPurpose) {
		t.Error(err)
	}
	if after := pgtest.Value[string](t, d, everythingBooked); after != before {
		t.Errorf("rolled back, and there is\n%s\nbefore it was\n%s", after, before)
	}

	err := second(t, d).Transaction(ctx, func(tx *postgres.Tx) error { // to which d's memory is blind
		if err := tx.Savepoint(ctx, undone); !errors.Is(err, errOnPurpose) {
			t.Error(err)
		}
		r, err := tx.ExecuteTrade(ctx, ofOrder("T5", "O1", "1"))
		if err != nil || !r.Position.Quantity.Equal(dec("11")) || !r.Order.FilledQuantity.Equal(dec("11")) {
			t.Errorf("after the savepoint: %+v, %v", r, err)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}

	for i, id := range []string{"T2", "T6"} {
		r, err := d.ExecuteTrade(ctx, ofOrder(id, "O1", "5"))
		want := dec(fmt.Sprint(16 + 5*i))
		if err != nil || r.Outcome != postgres.Applied || !r.Position.Quantity.Equal(want) ||
			!r.Order.FilledQuantity.Equal(want) || r.Position.Version != int64(3+i) {
			t.Errorf("%s: %+v, %v", id, r, err)
		}
	}

	if stored := storedIDs(t, d); stored != "T1 T5 T2 T6" {
		t.Errorf("%s are stored", stored)
	}
	verified(t, d)
}

// AllOrNothing books all or nothing, alone and in a transaction, where the rest is the caller's to keep.
func TestAllOrNothing(t *testing.T) {
	t.Parallel()
	d := pgtest.Open(t)
	ctx := as(t, "A1")
	bad := ofOrder("BAD", "unknown", "1")
	before := pgtest.Value[string](t, d, everythingBooked)
	receipts, err := d.ExecuteTrades(ctx, []blotter.Trade{buy("T1"), bad}, postgres.AllOrNothing)
	wantKind(t, "alone", err, blotter.ErrNotFound)
	if len(receipts) != 2 || receipts[0].Outcome != postgres.Withheld || receipts[1].Outcome != postgres.UnknownOrder ||
		!strings.HasPrefix(err.Error(), "trade 2 of 2, and none is booked") {
		t.Errorf("%+v, %v", receipts, err)
	}

	if after := pgtest.Value[string](t, d, everythingBooked); after != before {
		t.Errorf("there is %s", after)
	}
	err = d.Transaction(ctx, func(tx *postgres.Tx) error {
		if _, err := tx.ExecuteTrade(ctx, buy("T2")); err != nil {
			return err
		}
		_, err := tx.ExecuteTrades(ctx, []blotter.Trade{buy("T3"), bad}, postgres.AllOrNothing)
		wantKind(t, "in a transaction", err, blotter.ErrNotFound)
		return nil
	})

	if stored := storedIDs(t, d); err != nil || stored != "T2" {
		t.Errorf("%s are stored, %v", stored, err)
	}
	receipts, err = d.ExecuteTrades(ctx, []blotter.Trade{buy("T2"), buy("T4")}, postgres.AllOrNothing)
	if err != nil || receipts[0].Outcome != postgres.Duplicate || receipts[1].Outcome != postgres.Applied {
		t.Errorf("with a duplicate: %+v, %v", receipts, err)
	}
	verified(t, d)
}

// A duplicate's receipt has the position as it was after the fill, not as it is.
func TestDuplicateHasThePositionOfThen(t *testing.T) {
	t.Parallel()
	d := pgtest.Open(t)
	ctx := as(t, "A1")
	first := fill("T1", blotter.Buy, "10", "5")
	first.Commission = dec("0.5")
	if _, err := d.ExecuteTrades(ctx,
		[]blotter.Trade{first, fill("T2", blotter.Sell, "4", "6"), fill("T3", blotter.Sell, "20", "7")}); err != nil {
		t.Fatal(err)
	}

	for what, execute := range map[string]sendFill{
		"DB":   d.ExecuteTrade,
		"Book": startedBook(t, d.DB, postgres.BookConfig{}).ExecuteTrade, "second DB": second(t, d).ExecuteTrade,
	} {
		r, err := execute(ctx, first)
		p := r.Position
		if err != nil || r.Outcome != postgres.Duplicate || !p.Quantity.Equal(dec("10")) ||
			!p.CostBasis.Equal(dec("50")) || !p.RealizedPnL.IsZero() || !p.Fees.Equal(dec("0.5")) ||
			!p.AvgPrice.Equal(dec("5")) {
			t.Errorf("%s: %+v, %v", what, r, err)
		}
	}
}

// Trades of one position apply in the order of the batch; of copies the first is booked, of unlike ones the others
// conflict.
func TestBatchInOrder(t *testing.T) {
	t.Parallel()
	d := pgtest.Open(t)
	other := fill("T1", blotter.Buy, "2", "5")
	receipts, err := d.ExecuteTrades(as(t, "A1"), []blotter.Trade{
		buy("T1"), fill("T2", blotter.Sell, "3", "6"), buy("T1"), other, fill("T1", blotter.Sell, "1", "5"),
	})
	if err != nil {
		t.Fatal(err)
	}

	var outcomes []postgres.Outcome
	var after []string
	for _, r := range receipts {
		outcomes, after = append(outcomes, r.Outcome), append(after, r.Position.Quantity.String())
	}

	if got := fmt.Sprint(outcomes, after); got != "[applied applied duplicate conflict applied] [1 -2 1 0 -3]" {
		t.Error(got)
	}
	if receipts[2].Trade.ID != receipts[0].Trade.ID || receipts[2].Trade.ID == 0 {
		t.Errorf("the copy's trade is %+v", receipts[2].Trade)
	}
	verified(t, d)
}

// A first trade takes multiplier and currency from its instrument and account, the next ones from the position.
func TestMoneyRules(t *testing.T) {
	t.Parallel()
	d := pgtest.Open(t)
	ctx := as(t, "A1")
	d.Exec(t, `insert into data_ingestion.instruments (symbol, multiplier, currency, allows_negative)
		values ('ES', 50, 'EUR', false), ('CL', 1000, 'USD', true)`)
	d.Exec(t, `insert into execution.accounts (account_id, currency) values ('A1', 'CHF')`)
	book := func(symbol, id, price string, change func(*blotter.Trade)) (postgres.Receipt, error) {
		f := fill(id, blotter.Buy, "1", price)
		if f.Symbol = symbol; change != nil {
			change(&f)
		}
		return d.ExecuteTrade(ctx, f)
	}

	for symbol, want := range map[string]string{"ES": "50 EUR 250", "CL": "1000 USD 5000", "unknown": "1 CHF 5"} {
		r, err := book(symbol, "T1", "5", nil)
		if got := fmt.Sprint(r.Trade.Multiplier, " ", r.Trade.Currency, " ", r.Position.CostBasis); err != nil ||
			got != want {
			t.Errorf("%s: %s, %v; want %s", symbol, got, err, want)
		}
	}

	for what, try := range map[string]func() (postgres.Receipt, error){
		"another multiplier": func() (postgres.Receipt, error) {
			return book("ES", "T2", "5", func(f *blotter.Trade) { f.Multiplier = dec("5") })
		},
		"another currency": func() (postgres.Receipt, error) {
			return book("ES", "T2", "5", func(f *blotter.Trade) { f.Currency = "USD" })
		},
		"a negative price":              func() (postgres.Receipt, error) { return book("ES", "T2", "-5", nil) },
		"no price":                      func() (postgres.Receipt, error) { return book("ES", "T2", "0", nil) },
		"a negative price, first trade": func() (postgres.Receipt, error) { return book("new", "T2", "-5", nil) },
	} {
		r, err := try()
		if wantKind(t, what, err, blotter.ErrInvalid); r.Outcome != postgres.Refused {
			t.Errorf("%s: %s", what, r.Outcome)
		}
	}

	if r, err := book("CL", "T2", "-37.63", nil); err != nil || !r.Position.CostBasis.Equal(dec("-32630")) {
		t.Errorf("a negative price where they are: %+v, %v", r, err)
	}
	r, err := book("ES", "T3", "6", func(f *blotter.Trade) { f.Commission, f.CommissionCurrency = dec("2"), "USD" })
	if err != nil || !r.Position.Fees.IsZero() || r.Trade.CommissionCurrency != "USD" {
		t.Errorf("a commission in another currency: %+v, %v", r, err)
	}

	r, err = book("fresh", "T1", "5", func(f *blotter.Trade) { f.Multiplier, f.Currency = dec("10"), "JPY" })
	if err != nil || !r.Position.Multiplier.Equal(dec("10")) || r.Position.Currency != "JPY" {
		t.Errorf("a first trade that says its own: %+v, %v", r, err)
	}
	verified(t, d)
}

// A fill of another account than the context's is refused, with and without its order, and nobody sees it.
func TestFillsOfOtherAccounts(t *testing.T) {
	t.Parallel()
	d := pgtest.Open(t)
	mine := newOrder("A2", "O1")
	if err := d.CreateOrder(as(t, "A2"), &mine); err != nil {
		t.Fatal(err)
	}

	foreign := buy("T1")
	foreign.AccountID = "A2"
	book := startedBook(t, d.DB, postgres.BookConfig{})
	for what, execute := range map[string]sendFill{"DB": d.ExecuteTrade, "Book": book.ExecuteTrade} {
		_, err := execute(as(t, "A1"), foreign)
		wantKind(t, what+": another account's fill", err, blotter.ErrInvalid)
		_, err = execute(t.Context(), foreign)
		wantKind(t, what+": a fill of nobody", err, blotter.ErrInvalid)
		_, err = execute(as(t, "A1"), ofOrder("T1", "O1", "1"))
		wantKind(t, what+": another account's order", err, blotter.ErrNotFound)
		_, err = execute(blotter.WithAllAccounts(t.Context()), buy("T1"))
		wantKind(t, what+": a service's fill without account", err, blotter.ErrInvalid)
	}

	if stored := storedIDs(t, d); stored != "" {
		t.Errorf("%s are stored", stored)
	}
	if r, err := d.ExecuteTrade(blotter.WithAllAccounts(t.Context()), foreign); err != nil ||
		r.Trade.AccountID != "A2" {
		t.Errorf("%+v, %v", r, err)
	}

	same := foreign
	same.AccountID = "A1" // the same trade id in another account is another trade
	if r, err := d.ExecuteTrade(as(t, "A1"), same); err != nil || r.Outcome != postgres.Applied {
		t.Errorf("%+v, %v", r, err)
	}
	verified(t, d)
}
