package postgres_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/pgtest"
	"github.com/blotterdb/blotter/postgres"
)

// storedFields writes every field of a row as a line "Field: value", except those named. It follows pointers and writes
// decimals and times in one way, so that equal rows have equal texts.
func storedFields(t *testing.T, row any, except ...string) string {
	t.Helper()
	text, err := json.Marshal(row)
	if err != nil {
		t.Fatal(err)
	}

	var fields map[string]any
	if err := json.Unmarshal(text, &fields); err != nil {
		t.Fatal(err)
	}
	var lines []string
	for name, value := range fields {
		if slices.Contains(except, name) {
			continue
		}
		if text, ok := value.(string); ok {
			if at, err := time.Parse(time.RFC3339Nano, text); err == nil {
				value = at.UTC().Format(time.RFC3339Nano)
			}
		}
		lines = append(lines, fmt.Sprintf("%s: %v", name, value))
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

// wantFields compares rows field by field.
func wantFields(t *testing.T, what string, got, want any, except ...string) {
	t.Helper()
	have := strings.Split(storedFields(t, got, except...), "\n")
	wanted := strings.Split(storedFields(t, want, except...), "\n")
	for i := range wanted {
		if i >= len(have) || have[i] != wanted[i] {
			t.Errorf("%s: has %q, want %q", what, have[min(i, len(have)-1)], wanted[i])
		}
	}
}

// bookingFills returns trades in which all figures differ: an order in two parts, a reduction, a flip, two round
// trips, an order that is adopted. Between them they have every field.
func bookingFills() []blotter.Trade {
	at := func(minute int) time.Time { return time.Date(2026, 5, 4, 14, minute, 0, 123000, time.UTC) }
	f := func(
		id, order, symbol string, side blotter.Side, quantity, price, commission string, minute int,
	) blotter.Trade {
		return blotter.Trade{
			TradeID: id, OrderID: order, Symbol: symbol, Side: side, Quantity: dec(quantity), Price: dec(price),
			Commission: dec(commission), ExecutedAt: at(minute),
		}
	}
	fills := []blotter.Trade{
		f("T1", "O1", "NESN", blotter.Buy, "4", "100.5", "0.41", 1),
		f("T2", "O1", "NESN", blotter.Buy, "3", "101.25", "0.32", 2),
		f("T3", "", "NESN", blotter.Sell, "5", "110", "0.53", 3),
		f("T4", "ADOPTED", "ROG", blotter.Sell, "1.5", "50", "0.14", 4),
		f("T5", "", "NESN", blotter.Sell, "6", "111.75", "0.66", 5),
		f("T6", "", "NESN", blotter.Buy, "4", "109", "0.47", 6),
		f("T7", "ADOPTED", "ROG", blotter.Sell, "2.5", "49", "0.25", 7),
		f("T8", "", "ROG", blotter.Buy, "4", "48", "0.48", 8),
	}

	fills[0].Multiplier = dec("10")
	fills[0].Currency = "CHF"
	fills[0].Strategy = "trend"
	fills[0].SettlementDate = new(time.Date(2026, 5, 6, 0, 0, 0, 0, time.UTC))
	fills[1].CommissionCurrency = "GBP"
	fills[1].OtherFees = blotter.TradeFees{{Currency: "EUR", Amount: dec("0.05")}}
	fills[2].Strategy = "exit"
	fills[3].Currency = "EUR"
	fills[3].Strategy = "value"
	fills[4].Strategy = "turn"
	return fills
}

// bookingWay books trades and returns their receipts.
type bookingWay func(ctx context.Context, db *postgres.DB, trades []blotter.Trade) ([]postgres.Receipt, error)

// bookingWays are the ways by which trades get into the book.
var bookingWays = map[string]bookingWay{
	"one by one": func(ctx context.Context, db *postgres.DB, fills []blotter.Trade) ([]postgres.Receipt, error) {
		var receipts []postgres.Receipt
		for _, f := range fills {
			r, err := db.ExecuteTrade(ctx, f, postgres.AdoptOrder)
			if err != nil {
				return nil, err
			}
			receipts = append(receipts, r)
		}
		return receipts, nil
	},
	"together": func(ctx context.Context, db *postgres.DB, fills []blotter.Trade) ([]postgres.Receipt, error) {
		return db.ExecuteTrades(ctx, fills, postgres.AdoptOrder)
	},
	"in a transaction": func(ctx context.Context, db *postgres.DB, fills []blotter.Trade) ([]postgres.Receipt, error) {
		var receipts []postgres.Receipt
		err := db.Transaction(ctx, func(tx *postgres.Tx) error {
			first, err := tx.ExecuteTrade(ctx, fills[0], postgres.AdoptOrder)
			if err != nil {
				return err
			}
			receipts, err = tx.ExecuteTrades(ctx, fills[1:], postgres.AdoptOrder)
			receipts = append([]postgres.Receipt{first}, receipts...)
			return err
		})
		return receipts, err
	},
}

// bookingModel is an account after the trades, computed in memory.
type bookingModel struct {
	trades    []blotter.Trade
	positions map[string]blotter.Position
	trips     []blotter.RoundTrip
	orders    map[string]blotter.Order
}

func newBookingModel(t *testing.T, account string, order blotter.Order) *bookingModel {
	t.Helper()
	m := &bookingModel{positions: map[string]blotter.Position{}, orders: map[string]blotter.Order{order.OrderID: order}}
	adopted := blotter.Order{
		AccountID: account, OrderID: "ADOPTED", Symbol: "ROG", Side: blotter.Sell, OrderType: blotter.Market,
		TimeInForce: blotter.Day, Quantity: dec("4"), Strategy: "value", Adopted: true, Status: blotter.Submitted,
	}
	m.orders["ADOPTED"] = adopted
	for _, f := range bookingFills() {
		f.AccountID = account
		if order, found := m.orders[f.OrderID]; found {
			if f.Strategy == "" {
				f.Strategy = order.Strategy
			}
			filled, err := order.WithFill(f, false)
			if err != nil {
				t.Fatal(err)
			}
			m.orders[f.OrderID] = filled
		}
		if f.Currency == "" && m.positions[f.Symbol].Multiplier.IsZero() {
			f.Currency = "USD"
		}

		after, effect, err := m.positions[f.Symbol].Apply(f)
		if err != nil {
			t.Fatal(err)
		}
		m.positions[f.Symbol] = after
		m.trades = append(m.trades, f.WithEffect(after, effect))
		if effect.Closed != nil {
			m.trips = append(m.trips, *effect.Closed)
		}
	}
	return m
}

// generated are fields whose values the database generates.
var generated = []string{"ID", "CreatedAt", "XID", "UpdatedAt", "LastUpdated", "Version"}

// Whichever way trades are booked, every field of every row that they write is as the trades say, and the receipts say
// the same as the rows.
func TestBookingStoresEveryField(t *testing.T) {
	t.Parallel()
	db := pgtest.Open(t)
	for way, book := range bookingWays {
		ctx := blotter.WithCorrelation(as(t, way), "request of "+way)
		order := blotter.Order{
			AccountID: way, OrderID: "O1", Symbol: "NESN", Side: blotter.Buy, OrderType: blotter.Limit,
			Quantity: dec("9"), Price: new(dec("102")), Strategy: "swing", SessionID: "morning",
		}
		if err := db.CreateOrder(ctx, &order); err != nil {
			t.Fatal(err)
		}
		model := newBookingModel(t, way, order)
		receipts, err := book(ctx, db.DB, bookingFills())
		if err != nil {
			t.Fatal(err)
		}
		checkBookedRows(ctx, t, db, way, model, receipts)
		checkBookedEvents(t, db, way, model)

		again, err := db.ExecuteTrades(ctx, bookingFills(), postgres.AdoptOrder)
		if err != nil {
			t.Fatal(err)
		}
		for i, r := range again {
			what := fmt.Sprintf("%s, %s again", way, model.trades[i].TradeID)
			if r.Outcome != postgres.Duplicate {
				t.Errorf("%s: %s, %v; want a duplicate", what, r.Outcome, r.Err)
			}
			wantFields(t, what, r.Trade, receipts[i].Trade)
			wantFields(t, what+", position", r.Position, model.trades[i].PositionAfter())
			if (r.Order != nil) != (model.trades[i].OrderID != "") {
				t.Errorf("%s: the order is %+v", what, r.Order)
			} else if r.Order != nil {
				wantFields(t, what+", order", *r.Order, model.orders[r.Order.OrderID], generated...)
			}
		}
	}
	verified(t, db)
}

func checkBookedRows(ctx context.Context, t *testing.T, db *pgtest.Database, way string, model *bookingModel,
	receipts []postgres.Receipt,
) {
	t.Helper()
	trades, err := db.Trades(ctx, postgres.TradeFilter{})
	if err != nil || len(trades) != len(model.trades) || len(receipts) != len(trades) {
		t.Fatalf("%s: %d trades and %d receipts, %v; want %d", way, len(trades), len(receipts), err, len(model.trades))
	}
	last := map[string]int{}
	for i, want := range model.trades {
		what := way + ", " + want.TradeID
		if receipts[i].Outcome != postgres.Applied {
			t.Errorf("%s: %s, want applied", what, receipts[i].Outcome)
		}
		wantFields(t, what, trades[i], want, generated...)
		wantFields(t, what+", receipt", receipts[i].Trade, trades[i])
		last[want.Symbol], last[want.OrderID] = i, i
	}

	positions, err := db.Positions(ctx, postgres.PositionFilter{})
	if err != nil || len(positions) != 2 {
		t.Fatalf("%s: %d positions, %v; want 2", way, len(positions), err)
	}
	for _, p := range positions {
		wantFields(t, way+", position "+p.Symbol, p, model.positions[p.Symbol], generated...)
		wantFields(t, way+", receipt's position "+p.Symbol, receipts[last[p.Symbol]].Position, p)
	}

	orders, err := db.Orders(ctx, postgres.OrderFilter{})
	if err != nil || len(orders) != 2 {
		t.Fatalf("%s: %d orders, %v; want 2", way, len(orders), err)
	}
	for _, o := range orders {
		wantFields(t, way+", order "+o.OrderID, o, model.orders[o.OrderID], generated...)
		wantFields(t, way+", receipt's order "+o.OrderID, *receipts[last[o.OrderID]].Order, o, "ID", "CreatedAt")
	}

	trips, err := db.RoundTrips(ctx, postgres.RoundTripFilter{})
	if err != nil || len(trips) != len(model.trips) {
		t.Fatalf("%s: %d round trips, %v; want %d", way, len(trips), err, len(model.trips))
	}
	slices.SortFunc(trips, func(a, b blotter.RoundTrip) int { return a.ClosedAt.Compare(b.ClosedAt) })
	for i, want := range model.trips {
		wantFields(t, fmt.Sprintf("%s, round trip %d", way, i), trips[i], want, generated...)
	}
}

// checkBookedEvents compares the events, which are in the order of the fills.
func checkBookedEvents(t *testing.T, db *pgtest.Database, way string, model *bookingModel) {
	t.Helper()
	conn := db.Connect(t, db.AdminURL)
	rows, err := conn.Query(t.Context(), `
		select channel || ' ' || key || ' ' || type || ' ' || v || ' ' || service || ' ' || correlation_id,
		       event_id::text, data
		from events.outbox where account_id = $1 order by pos`, way)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()

	ids, n := map[string]bool{}, 0
	for ; rows.Next(); n++ {
		var head, id string
		var data blotter.TradeData
		if err := rows.Scan(&head, &id, &data); err != nil {
			t.Fatal(err)
		}
		if want := fmt.Sprintf("trades %s trade_executed 1 execution request of %[1]s", way); head != want {
			t.Errorf("%s: event %d is %q, want %q", way, n, head, want)
		}
		wantFields(t, fmt.Sprintf("%s, event %d", way, n), data, model.trades[n].EventData())
		ids[id] = true
	}

	if err := rows.Err(); err != nil || n != len(model.trades) || len(ids) != n {
		t.Errorf("%s: %d events with %d ids, %v; want %d", way, n, len(ids), err, len(model.trades))
	}
}
