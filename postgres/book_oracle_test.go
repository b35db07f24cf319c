package postgres_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/pgtest"
	"github.com/blotterdb/blotter/postgres"
)

// fillKey is the key of a trade.
type fillKey struct {
	account, id, symbol string
	side                blotter.Side
}

func keyOfFill(f blotter.Trade) fillKey { return fillKey{f.AccountID, f.TradeID, f.Symbol, f.Side} }

// answers counts the answers to the callers of one trade.
type answers struct {
	applied, duplicate, unknown int             // how often
	booked                      []blotter.Trade // as the receipts have it
}

// ledger remembers the answers to every trade that callers sent.
type ledger struct {
	t       *testing.T
	mu      sync.Mutex
	answers map[fillKey]*answers
	stored  map[fillKey]blotter.Trade // of check
}

func newLedger(t *testing.T) *ledger { return &ledger{t: t, answers: map[fillKey]*answers{}} }

// hear notes an answer and reports whether the fill is in the book, by what the caller knows.
func (l *ledger) hear(f blotter.Trade, r postgres.Receipt, err error) (booked bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	a := l.answers[keyOfFill(f)]
	if a == nil {
		a = &answers{}
		l.answers[keyOfFill(f)] = a
	}

	switch {
	case errors.Is(err, blotter.ErrCommitUnknown):
		a.unknown++
		return false
	case errors.Is(err, blotter.ErrSerialization):
		l.t.Errorf("fill %s: a caller was told of others in his way: %v", f.TradeID, err)
		return false
	case err != nil:
		return false
	case r.Outcome == postgres.Applied:
		a.applied++
	case r.Outcome == postgres.Duplicate:
		a.duplicate++
	default:
		l.t.Errorf("fill %s: no error, and the outcome is %s", f.TradeID, r.Outcome)
	}

	p, s := r.Position, r.Trade
	if !p.Quantity.Equal(s.QuantityAfter) || !p.CostBasis.Equal(s.CostBasisAfter) ||
		!p.RealizedPnL.Equal(s.RealizedPnLAfter) || !p.Fees.Equal(s.FeesAfter) {
		l.t.Errorf("fill %s, %s: the receipt's position %+v is not that of its trade %+v", f.TradeID, r.Outcome, p, s)
	}
	a.booked = append(a.booked, s)
	return true
}

// check proves the whole book, and that every answer was true. The database has no other trades.
func (l *ledger) check(d *pgtest.Database) {
	l.t.Helper()
	ctx := blotter.WithAllAccounts(l.t.Context())
	trades, err := d.Trades(ctx, postgres.TradeFilter{})
	if err != nil {
		l.t.Fatal(err)
	}

	l.stored = map[fillKey]blotter.Trade{}
	for _, s := range trades {
		l.stored[keyOfFill(s)] = s
	}
	l.checkAnswers()
	checkFolds(l.t, d, trades)
	checkOutbox(l.t, d, trades)
	v, err := d.Verify(ctx)
	if err != nil || len(v.Mismatches) > 0 || v.Trades != int64(len(trades)) {
		l.t.Errorf("verify finds %d of %d trades, %d mismatches, first %v, %v", v.Trades, len(trades),
			len(v.Mismatches), v.Mismatches[:min(3, len(v.Mismatches))], err)
	}
}

// checkAnswers proves that the stored trades are those of the answers.
func (l *ledger) checkAnswers() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for key := range l.stored {
		if l.answers[key] == nil {
			l.t.Errorf("fill %v is stored and nobody sent it", key)
		}
	}

	for key, a := range l.answers {
		s, is := l.stored[key]
		switch {
		case a.applied > 1:
			l.t.Errorf("fill %v was applied %d times", key, a.applied)
		case is && len(a.booked) == 0 && a.unknown == 0:
			l.t.Errorf("fill %v is stored, and its caller was told that it is not", key)
		case !is && len(a.booked) > 0:
			l.t.Errorf("fill %v is lost: %d receipts say that it is booked", key, len(a.booked))
		case is && a.applied == 0 && a.unknown == 0:
			l.t.Errorf("fill %v is stored, and no receipt says applied", key)
		}

		for _, b := range a.booked {
			if !sameBooked(b, s) {
				l.t.Errorf("fill %v: a receipt says %+v, stored is %+v", key, b, s)
			}
		}
	}
}

func sameBooked(a, b blotter.Trade) bool {
	return a.ID == b.ID && a.XID == b.XID && a.OrderID == b.OrderID && a.Strategy == b.Strategy &&
		a.Currency == b.Currency && a.CommissionCurrency == b.CommissionCurrency &&
		a.PositionEffect == b.PositionEffect && a.ExecutedAt.Equal(b.ExecutedAt) && a.CreatedAt.Equal(b.CreatedAt) &&
		sameFigures(a, b)
}

func sameFigures(a, b blotter.Trade) bool {
	return a.Quantity.Equal(b.Quantity) && a.Price.Equal(b.Price) && a.Multiplier.Equal(b.Multiplier) &&
		a.Commission.Equal(b.Commission) && a.RealizedPnL.Equal(b.RealizedPnL) &&
		a.QuantityAfter.Equal(b.QuantityAfter) && a.CostBasisAfter.Equal(b.CostBasisAfter) &&
		a.RealizedPnLAfter.Equal(b.RealizedPnLAfter) && a.FeesAfter.Equal(b.FeesAfter)
}

// checkFolds proves that each position is the fold of its trades in the book's order, that each trade's row has the
// position after it, and that the round trips are the lives that ended.
func checkFolds(t *testing.T, d *pgtest.Database, trades []blotter.Trade) {
	t.Helper()
	ctx := blotter.WithAllAccounts(t.Context())
	folded := map[[2]string]blotter.Position{}
	trips := map[[2]string][]blotter.RoundTrip{}
	for _, s := range trades {
		key := [2]string{s.AccountID, s.Symbol}
		after, effect, err := folded[key].Apply(s)
		if err != nil {
			t.Fatalf("trade %d: %v", s.ID, err)
		}
		if want := s.WithEffect(after, effect); !sameFigures(s, want) || s.PositionEffect != want.PositionEffect {
			t.Errorf("trade %d of %v is stored as %+v, folded it is %+v", s.ID, key, s, want)
		}
		if effect.Closed != nil {
			trips[key] = append(trips[key], *effect.Closed)
		}
		folded[key] = after
	}

	positions, err := d.Positions(ctx, postgres.PositionFilter{})
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range positions {
		key := [2]string{p.AccountID, p.Symbol}
		if want := folded[key]; !samePosition(p, want) {
			t.Errorf("position %v is stored as %+v, folded it is %+v", key, p, want)
		}
		delete(folded, key)
	}

	for key := range folded {
		t.Errorf("position %v has trades, and is not stored", key)
	}
	stored, err := d.RoundTrips(ctx, postgres.RoundTripFilter{})
	if err != nil {
		t.Fatal(err)
	}
	checkTrips(t, stored, trips)
}

func samePosition(a, b blotter.Position) bool {
	opened := (a.OpenedAt == nil) == (b.OpenedAt == nil) && (a.OpenedAt == nil || a.OpenedAt.Equal(*b.OpenedAt))
	// The average is derived: the server, which divides twice, may differ from Go in the last digit.
	average := (a.AvgPrice == nil) == (b.AvgPrice == nil) &&
		(a.AvgPrice == nil || a.AvgPrice.Sub(*b.AvgPrice).Abs().LessThan(dec("0.000000000001")))
	return opened && average && a.Quantity.Equal(b.Quantity) && a.CostBasis.Equal(b.CostBasis) &&
		a.RealizedPnL.Equal(b.RealizedPnL) && a.Fees.Equal(b.Fees) &&
		a.MaxQuantity.Equal(b.MaxQuantity) && a.LifePnL.Equal(b.LifePnL) && a.LifeFees.Equal(b.LifeFees) &&
		a.LifeTrades == b.LifeTrades && a.Strategy == b.Strategy
}

// checkTrips compares round trips, those of one position in the order of their ids.
func checkTrips(t *testing.T, stored []blotter.RoundTrip, want map[[2]string][]blotter.RoundTrip) {
	t.Helper()
	got := map[[2]string]map[int64]blotter.RoundTrip{}
	for _, r := range stored {
		key := [2]string{r.AccountID, r.Symbol}
		if got[key] == nil {
			got[key] = map[int64]blotter.RoundTrip{}
		}
		got[key][r.ID] = r
	}

	for key, list := range want {
		if len(got[key]) != len(list) {
			t.Errorf("position %v has %d round trips, folded %d", key, len(got[key]), len(list))
			continue
		}
		for i, id := range sortedIDs(got[key]) {
			r, w := got[key][id], list[i]
			if !r.Gross.Equal(w.Gross) || !r.Fees.Equal(w.Fees) || !r.Net.Equal(w.Net) ||
				!r.MaxQuantity.Equal(w.MaxQuantity) || r.Trades != w.Trades ||
				!r.OpenedAt.Equal(w.OpenedAt) || !r.ClosedAt.Equal(w.ClosedAt) || r.Strategy != w.Strategy {
				t.Errorf("round trip %d of %v is stored as %+v, folded it is %+v", i+1, key, r, w)
			}
		}
		delete(got, key)
	}

	for key, list := range got {
		t.Errorf("position %v has %d round trips, folded none", key, len(list))
	}
}

func sortedIDs(list map[int64]blotter.RoundTrip) (ids []int64) {
	for id := range list {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return ids
}

// outboxFill is the data of a fill's event.
type outboxFill struct {
	TradeID     string          `json:"trade_id"`
	AccountID   string          `json:"account_id"`
	OrderID     string          `json:"order_id"`
	Symbol      string          `json:"symbol"`
	Side        blotter.Side    `json:"side"`
	Quantity    blotter.Decimal `json:"quantity"`
	Price       blotter.Decimal `json:"price"`
	Multiplier  blotter.Decimal `json:"multiplier"`
	Commission  blotter.Decimal `json:"commission"`
	RealizedPnL blotter.Decimal `json:"realized_pnl"`
	Position    struct {
		Quantity    blotter.Decimal `json:"quantity"`
		CostBasis   blotter.Decimal `json:"cost_basis"`
		RealizedPnL blotter.Decimal `json:"realized_pnl"`
		Fees        blotter.Decimal `json:"fees"`
	} `json:"position"`
}

// checkOutbox proves that each trade has one event, with its figures, of its transaction, and that the events of a
// position, and those of a transaction, are in the order of their trades.
func checkOutbox(t *testing.T, d *pgtest.Database, trades []blotter.Trade) {
	t.Helper()
	rows, err := d.Connect(t, d.AdminURL).Query(t.Context(),
		`select account_id, key, xid::text, data from events.outbox where type = 'trade_executed' order by pos`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()

	stored := map[fillKey]blotter.Trade{}
	for _, s := range trades {
		stored[keyOfFill(s)] = s
	}

	last := map[string]int64{} // trade id of the last event, by position and by transaction
	n := 0
	for rows.Next() {
		var account, key, xid string
		var data []byte
		var e outboxFill
		if err := errors.Join(rows.Scan(&account, &key, &xid, &data), json.Unmarshal(data, &e)); err != nil {
			t.Fatal(err)
		}

		n++
		s, is := stored[fillKey{e.AccountID, e.TradeID, e.Symbol, e.Side}]
		f := blotter.Trade{
			Quantity: e.Quantity, Price: e.Price, Multiplier: e.Multiplier, Commission: e.Commission,
			RealizedPnL: e.RealizedPnL, QuantityAfter: e.Position.Quantity, CostBasisAfter: e.Position.CostBasis,
			RealizedPnLAfter: e.Position.RealizedPnL, FeesAfter: e.Position.Fees,
		}
		if !is || account != s.AccountID || key != s.AccountID || xid != fmt.Sprint(s.XID) || e.OrderID != s.OrderID ||
			!sameFigures(f, s) {
			t.Errorf("event %s (account %s, key %s, transaction %s) is not that of the trade %+v", data, account, key,
				xid, s)
		}

		for _, of := range []string{
			"position " + s.AccountID + "/" + s.Symbol,
			"transaction " + s.AccountID + "/" + xid,
		} {
			if s.ID <= last[of] {
				t.Errorf("the event of trade %d comes after that of trade %d of the same %s", s.ID, last[of], of)
			}
			last[of] = s.ID
		}
	}

	if err := rows.Err(); err != nil || n != len(trades) {
		t.Errorf("%d events of %d trades, %v", n, len(trades), err)
	}
}
