package postgres_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/analytics"
	"github.com/blotterdb/blotter/pgtest"
	"github.com/blotterdb/blotter/postgres"
)

var entriesFlag = flag.Int("entries", 20, "entries of each position in TestAnyOrderGivesTheSameBook")

const orderWriters = 8

// bookEntry is something that happened to a position: one of the fields is set. A bust or a correction comes right
// after its trade.
type bookEntry struct {
	trade      *blotter.Trade
	adjustment *blotter.Adjustment
	bust       *blotter.Correction
	restated   *blotter.Trade // with bust: the correction's trade
}

// randomBook returns the entries of random positions in the order of execution. No two entries of a position have time
// and sequence in common, so that one order is right.
func randomBook(random *rand.Rand, perPosition int) (entries []bookEntry) {
	for a := range 3 {
		for s := range 3 {
			w := &walk{random: random, account: accountName(a), symbol: symbolName(s), at: day(2024, 3, 1)}
			for n := range perPosition {
				w.step(n)
			}
			entries = append(entries, w.entries...)
		}
	}
	return entries
}

// walk is the history of one position.
type walk struct {
	random          *rand.Rand
	account, symbol string
	at              time.Time
	sequence        int64
	entries         []bookEntry
}

func (w *walk) step(n int) {
	if w.random.IntN(4) == 0 {
		w.sequence++ // at the same time as the one before
	} else {
		w.at = w.at.Add(time.Duration(1+w.random.IntN(9*60)) * time.Minute)
		w.sequence = 0
		if n > 0 && w.random.IntN(6) == 0 {
			w.adjust(n)
		}
	}

	trade := w.trade(fmt.Sprint("T", n))
	w.entries = append(w.entries, bookEntry{trade: &trade})
	correction := blotter.Correction{
		AccountID: w.account, CorrectionID: fmt.Sprint(w.symbol, "-C", n), TradeID: trade.TradeID, Symbol: w.symbol,
		Side: trade.Side,
	}
	switch w.random.IntN(8) {
	case 0:
		w.entries = append(w.entries, bookEntry{bust: &correction})
	case 1:
		restated := blotter.Trade{
			TradeID: fmt.Sprint("R", n), Quantity: w.number(9), Price: w.number(90),
		}
		w.entries = append(w.entries, bookEntry{bust: &correction, restated: &restated})
	}
}

// number returns a number with two digits after the point, above 0 and at most limit.
func (w *walk) number(limit int) blotter.Decimal {
	return dec(fmt.Sprintf("%d.%02d", w.random.IntN(limit), 1+w.random.IntN(99)))
}

func (w *walk) trade(id string) blotter.Trade {
	t := blotter.Trade{
		AccountID: w.account, Symbol: w.symbol, TradeID: id, Side: blotter.Buy, Quantity: w.number(9), Price: w.number(90),
		Commission: dec("0.35"), Strategy: fmt.Sprint("strategy-", w.random.IntN(2)), ExecutedAt: w.at,
		Sequence: w.sequence, Currency: "USD",
	}
	if w.random.IntN(2) == 0 {
		t.Side = blotter.Sell
	}
	if w.random.IntN(3) == 0 {
		t.OrderID = orderName(w.symbol, t.Side)
	}
	switch w.random.IntN(6) {
	case 0:
		t.CommissionCurrency = "EUR"
	case 1:
		t.Commission = dec("-0.1")
	case 2:
		t.OtherFees = []blotter.TradeFee{{Currency: "JPY", Amount: dec("7")}}
	}
	return t
}

func (w *walk) adjust(n int) {
	a := blotter.Adjustment{
		AccountID: w.account, AdjustmentID: fmt.Sprint(w.symbol, "-", n), Symbol: w.symbol, EffectiveAt: w.at,
		Kind: blotter.Split, New: 3, Old: 2,
	}
	switch w.random.IntN(6) {
	case 0:
		a.Kind = blotter.ReverseSplit
		a.New = 1
		a.Old = 3
		a.Fractions = blotter.RoundUp
	case 1:
		a.Kind = blotter.ReverseSplit
		a.New = 1
		a.Old = 4
		a.Fractions = blotter.CashInLieu
		a.Cash = w.number(3)
	case 2:
		a.Kind = blotter.StockDividend
		a.New = 21
		a.Old = 20
		a.Fractions = blotter.RoundDown
	case 3:
		a = w.transfer(a, blotter.TransferIn)
	case 4:
		a = w.transfer(a, blotter.TransferOut)
	}
	w.entries = append(w.entries, bookEntry{adjustment: &a})
}

func (w *walk) transfer(a blotter.Adjustment, kind blotter.AdjustmentKind) blotter.Adjustment {
	a.Kind = kind
	a.New = 0
	a.Old = 0
	a.Quantity = w.number(9)
	if w.random.IntN(2) == 0 {
		a.Quantity = a.Quantity.Neg()
	}
	if kind == blotter.TransferIn {
		a.CostBasis = w.number(500)
	}
	return a
}

// write writes an entry. It reports false for one that needs another first.
func (e bookEntry) write(ctx context.Context, d *pgtest.Database, book *postgres.Book) (done bool, err error) {
	switch {
	case e.trade != nil:
		_, err = book.ExecuteTrade(ctx, *e.trade)
	case e.adjustment != nil:
		_, err = d.AdjustPosition(ctx, *e.adjustment)
	case e.restated != nil:
		_, err = d.CorrectTrade(ctx, *e.bust, func(t *blotter.Trade) {
			t.TradeID = e.restated.TradeID
			t.Quantity = e.restated.Quantity
			t.Price = e.restated.Price
		})
	default:
		_, err = d.BustTrade(ctx, *e.bust)
	}
	if errors.Is(err, blotter.ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}

// writeOrder is the work of the writers, in random order.
type writeOrder struct {
	mu     sync.Mutex
	random *rand.Rand
	left   []bookEntry
}

// take takes some entries: a batch of trades, or one of another kind.
func (o *writeOrder) take() (taken []bookEntry) {
	o.mu.Lock()
	defer o.mu.Unlock()
	size := 1 + o.random.IntN(6)
	for len(taken) < size && len(o.left) > 0 {
		if o.left[0].trade == nil && len(taken) > 0 {
			break
		}
		taken = append(taken, o.left[0])
		o.left = o.left[1:]
		if taken[0].trade == nil {
			break
		}
	}
	return taken
}

func (o *writeOrder) giveBack(e bookEntry) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.left = append(o.left, e)
}

// run writes entries until none is left.
func (o *writeOrder) run(ctx context.Context, t *testing.T, d *pgtest.Database, book *postgres.Book) {
	for entries := o.take(); len(entries) > 0 && !t.Failed(); entries = o.take() {
		if len(entries) > 1 {
			var trades []blotter.Trade
			for _, e := range entries {
				trades = append(trades, *e.trade)
			}
			if _, err := d.ExecuteTrades(ctx, trades); err != nil {
				t.Errorf("%d trades: %v", len(trades), err)
			}
			continue
		}

		done, err := entries[0].write(ctx, d, book)
		if err != nil {
			t.Errorf("%+v: %v", entries[0], err)
		} else if !done {
			o.giveBack(entries[0])
		}
	}
}

// newOrderBook returns a database with the accounts and orders of a random book.
func newOrderBook(t *testing.T) (*pgtest.Database, *postgres.Book) {
	t.Helper()
	d := pgtest.Open(t)
	d.Exec(t, `insert into execution.accounts (account_id, zone) values
		('A0', 'America/New_York'), ('A1', 'Asia/Tokyo'), ('A2', 'UTC')`)
	x := newTorture(t, d)
	return d, x.book
}

// Whatever the order in which entries arrive, in whatever batches, from however many writers: everything that follows
// from them is as if one writer had written them in the order of execution. The analytics follow, to the last figure.
func TestAnyOrderGivesTheSameBook(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(seedOf(t), 17))
	entries := randomBook(random, *entriesFlag)
	ctx := blotter.WithAllAccounts(t.Context())

	want, wantBook := newOrderBook(t)
	for _, e := range entries {
		if done, err := e.write(ctx, want, wantBook); err != nil || !done {
			t.Fatalf("in order, %+v: %t, %v", e, done, err)
		}
	}

	got, gotBook := newOrderBook(t)
	s, err := analytics.New(analytics.Config{Source: got.DB})
	if err == nil {
		err = s.Start(ctx)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Stop(context.Background()) })

	work := &writeOrder{random: random, left: slices.Clone(entries)}
	random.Shuffle(len(work.left), func(i, j int) { work.left[i], work.left[j] = work.left[j], work.left[i] })
	var writers sync.WaitGroup
	for range orderWriters {
		writers.Go(func() { work.run(ctx, t, got, gotBook) })
	}
	finished := make(chan struct{})
	go func() {
		writers.Wait()
		close(finished)
	}()
	for running := true; running; {
		reconciled(t, s)
		select {
		case <-finished:
			running = false
		default:
		}
	}
	if t.Failed() {
		return
	}

	sameBooks(t, got, want)
	verified(t, want)
	verified(t, got)
	checkAnalytics(t, got, s)
}

// reconciled compares the analytics with the book, while it changes, and reports whether all events were folded.
func reconciled(t *testing.T, s *analytics.Synchronizer) bool {
	t.Helper()
	r, err := s.Reconcile(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range r.Mismatches[:min(5, len(r.Mismatches))] {
		t.Errorf("the analytics differ: %+v", m)
	}
	return r.Lag.Events == 0
}

var sqlAnalyticsRows = map[string]string{
	"portfolio_summary": `select to_jsonb(s) - '{last_updated,created_at,updated_at}'::text[]
 from analytics.portfolio_summary s
 order by account_id, symbol`,
	"performance_metrics": `select to_jsonb(m) - '{last_updated,created_at,updated_at}'::text[]
 from analytics.performance_metrics m
 order by account_id, strategy, date, currency`,
}

// checkAnalytics waits until the analytics have caught up, and compares them with those of a rebuild.
func checkAnalytics(t *testing.T, d *pgtest.Database, s *analytics.Synchronizer) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !reconciled(t, s); {
		if time.Now().After(deadline) {
			t.Fatalf("the analytics do not catch up: %v", s.Health())
		}
	}

	followed := rowsOf(t, d, sqlAnalyticsRows)
	if _, err := s.Rebuild(t.Context()); err != nil {
		t.Fatal(err)
	}
	sameRows(t, followed, rowsOf(t, d, sqlAnalyticsRows))
	if followed["performance_metrics"] == "" {
		t.Error("there are no analytics")
	}
}

// A position does not move to another symbol yet: neither Go nor the database accept it.
func TestSymbolChangeIsRefused(t *testing.T) {
	t.Parallel()
	d := pgtest.Open(t)
	ctx := as(t, "A1")
	if _, err := d.ExecuteTrade(ctx, buy("T1")); err != nil {
		t.Fatal(err)
	}
	before := derivedOf(t, d)
	symbol := buy("T1").Symbol
	for _, kind := range []blotter.AdjustmentKind{blotter.SymbolChange, blotter.Merger} {
		_, err := d.AdjustPosition(ctx, blotter.Adjustment{
			AdjustmentID: "X", Symbol: symbol, Kind: kind, ToSymbol: "OTHER", New: 1, Old: 2, EffectiveAt: day(2020, 1, 1),
		})
		wantKind(t, string(kind), err, blotter.ErrInvalid)
		_, err = d.AdjustPosition(ctx, blotter.Adjustment{
			AdjustmentID: "X", Symbol: symbol, Kind: kind, FromSymbol: "OTHER", EffectiveAt: day(2020, 1, 1),
		})
		wantKind(t, string(kind), err, blotter.ErrInvalid)
	}

	conn := login(t, d, d.Config.URL, "A1")
	for _, columns := range []string{
		"'merger', '', ''", "'symbol_change', '', ''", "'split', 'OTHER', ''", "'split', '', 'OTHER'",
	} {
		wantState(t, conn, "23514", `insert into execution.position_adjustments
			(account_id, adjustment_id, symbol, effective_at, kind, to_symbol, from_symbol)
			values ('A1', 'X', '`+symbol+`', now(), `+columns+`)`)
	}
	sameRows(t, derivedOf(t, d), before)
}

// A tail of more entries than one transaction computes again is refused, and nothing is stored.
func TestLongTailIsRefused(t *testing.T) {
	t.Parallel()
	d := pgtest.Open(t)
	ctx := as(t, "A1")
	last := buy("last")
	last.ExecutedAt = day(2024, 3, 1)
	if _, err := d.ExecuteTrade(ctx, last); err != nil {
		t.Fatal(err)
	}
	d.Exec(t, `insert into execution.trades (account_id, trade_id, symbol, side, quantity, price, position_effect,
		executed_at, quantity_after, cost_basis_after, realized_pnl_after, fees_after)
		select 'A1', 'N' || n, '`+last.Symbol+`', 'buy', 1, 1, 'increase',
		       timestamptz '2024-01-01 00:00Z' + n * interval '1 second', n, n, 0, 0
		  from generate_series(1, 100000) n`)

	early := buy("early")
	early.ExecutedAt = day(2023, 1, 1)
	_, err := d.ExecuteTrade(ctx, early)
	wantKind(t, "a trade before 100,001 others", err, blotter.ErrInvalid)
	_, err = d.AdjustPosition(ctx, blotter.Adjustment{
		AdjustmentID: "X", Symbol: last.Symbol, Kind: blotter.Split, New: 2, Old: 1, EffectiveAt: day(2023, 1, 1),
	})
	wantKind(t, "a split before 100,001 trades", err, blotter.ErrInvalid)
	stored := pgtest.Value[int](t, d, `select (select count(*) from execution.trades where trade_id = 'early')::int +
		(select count(*) from execution.position_adjustments)::int`)
	if stored != 0 {
		t.Errorf("%d entries were stored", stored)
	}
}
