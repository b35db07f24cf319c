package analytics_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/analytics"
	"github.com/blotterdb/blotter/pgtest"
	"github.com/blotterdb/blotter/postgres"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("os/exec.(*Cmd).Wait"))
}

// start starts a synchronizer, which ends with the test.
func start(t *testing.T, source, target *postgres.DB) *analytics.Synchronizer {
	t.Helper()
	s, err := analytics.New(analytics.Config{Source: source, Target: target})
	if err == nil {
		err = s.Start(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}

	t.Cleanup(func() {
		if err := s.Stop(context.Background()); err != nil {
			t.Error(err)
		}
	})

	return s
}

// trade returns fill n of a random walk through accounts, symbols and sides.
func trade(random *rand.Rand, n int) blotter.Trade {
	side := blotter.Buy
	if random.IntN(2) == 0 {
		side = blotter.Sell
	}

	t := blotter.Trade{
		AccountID: fmt.Sprintf("A%d",
			random.IntN(4)), TradeID: fmt.Sprintf("T%d", n), Symbol: fmt.Sprintf("S%d", random.IntN(5)), Side: side,
		Quantity:   blotter.MustDecimal(fmt.Sprintf("%d.%d", 1+random.IntN(9), random.IntN(10))),
		Price:      blotter.MustDecimal(fmt.Sprintf("%d.%02d", 10+random.IntN(90), random.IntN(100))),
		Commission: blotter.MustDecimal("0.35"), Strategy: fmt.Sprintf("strategy-%d", random.IntN(2)),
		ExecutedAt: time.Date(2024, 3, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(random.IntN(5*24*60)) * time.Minute),
	}
	if random.IntN(20) == 0 {
		t.CommissionCurrency = "BNB"
	}

	return t
}

// book books so many fills in batches of different sizes.
func book(t *testing.T, db *postgres.DB, random *rand.Rand, from, to int) {
	t.Helper()
	ctx := blotter.WithAllAccounts(t.Context())
	for from < to {
		var batch []blotter.Trade
		for range min(1+random.IntN(20), to-from) {
			batch = append(batch, trade(random, from))
			from++
		}
		if _, err := db.ExecuteTrades(ctx, batch); err != nil {
			t.Fatal(err)
		}
	}
}

// settled waits until all events are folded.
func settled(t *testing.T, s *analytics.Synchronizer, trades int64) analytics.Reconciliation {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); ; {
		r, err := s.Reconcile(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if r.Lag.Events == 0 && r.Trades == trades {
			return r
		}
		if time.Now().After(deadline) {
			t.Fatalf("not all was folded: %d trades, lag %+v, health %v", r.Trades, r.Lag, s.Health())
		}
	}
}

func clean(t *testing.T, r analytics.Reconciliation) {
	t.Helper()
	for _, m := range r.Mismatches[:min(5, len(r.Mismatches))] {
		t.Errorf("%+v", m)
	}
}

const zoned = `insert into execution.accounts (account_id, zone)
	values ('A0', 'America/New_York'), ('A1', 'Asia/Tokyo')`

func TestAnalyticsFollowTheTrades(t *testing.T) {
	t.Parallel()

	db := pgtest.Open(t)
	db.Exec(t, zoned)
	random := rand.New(rand.NewPCG(1, 2))
	book(t, db.DB, random, 0, 100) // before anybody follows
	s := start(t, db.DB, nil)
	other := start(t, db.DB, nil)
	book(t, db.DB, random, 100, 500)
	r := settled(t, s, 500)

	clean(t, r)
	if r.Rows < 20 || other.Health() != nil {
		t.Errorf("%d rows were compared, %v", r.Rows, other.Health())
	}

	// The figures that the original asks for, by SQL of another kind.
	if n := pgtest.Value[int64](t, db, `select sum(total_trades)::bigint
		from analytics.performance_metrics`); n != 500 {
		t.Errorf("%d trades are counted, want 500", n)
	}
	if off := pgtest.Value[int64](t, db, `select count(*) from analytics.portfolio_summary s full
		join execution.positions p using (account_id, symbol)
		where (s.quantity, s.cost_basis, s.realized_pnl, s.fees) is distinct
		from (p.quantity, p.cost_basis, p.realized_pnl, p.fees)`); off != 0 {
		t.Errorf("%d positions differ", off)
	}
	if off := pgtest.Value[int64](t, db, `select count(*) from analytics.performance_metrics
		where win_rate is distinct
		from round(wins::numeric / nullif(closing_trades, 0), 16) or wins + losses > closing_trades`); off != 0 {
		t.Errorf("%d rates are wrong", off)
	}
}

// Reconcile does its work: each figure that is changed is found, and nothing else.
func TestReconcileNamesWhatDiffers(t *testing.T) {
	t.Parallel()

	db := pgtest.Open(t)
	s := start(t, db.DB, nil)
	random := rand.New(rand.NewPCG(3, 4))
	book(t, db.DB, random, 0, 200)
	clean(t, settled(t, s, 200))

	for _, column := range []string{"quantity", "cost_basis", "realized_pnl", "fees", "traded_value", "event_count"} {
		db.Exec(t,
			`update analytics.portfolio_summary set `+column+` = `+column+` + 1
			where account_id = 'A1' and symbol = 'S1'`)
		found(t, s, "A1", "S1", column)
		db.Exec(t,
			`update analytics.portfolio_summary set `+column+` = `+column+` - 1
			where account_id = 'A1' and symbol = 'S1'`)
	}

	for _, column := range []string{
		"total_trades", "closing_trades", "wins", "losses", "gross_profit", "gross_loss",
		"realized_pnl", "fees",
	} {
		db.Exec(t,
			`update analytics.performance_metrics set `+column+` = `+column+` + 1
			where account_id = 'A2' and date = '2024-03-02' and strategy = 'strategy-1'`)
		found(t, s, "A2", "strategy-1 2024-03-02 USD", column)
		db.Exec(t,
			`update analytics.performance_metrics set `+column+` = `+column+` - 1
			where account_id = 'A2' and date = '2024-03-02' and strategy = 'strategy-1'`)
	}

	db.Exec(t, `delete from analytics.portfolio_summary where account_id = 'A3' and symbol = 'S2'`)
	db.Exec(t, `insert into analytics.portfolio_summary (account_id, symbol) values ('A9', 'S9')`)
	r := settled(t, s, 200)

	if n := len(r.Mismatches); n < 12 {
		t.Errorf("a row that is missing and one too many: %d mismatches", n)
	}
	if _, err := s.Rebuild(t.Context()); err != nil {
		t.Fatal(err)
	}

	clean(t, settled(t, s, 200))
}

func found(t *testing.T, s *analytics.Synchronizer, account, key, column string) {
	t.Helper()
	r, err := s.Reconcile(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range r.Mismatches {
		if m.Account != account || m.Key != key || m.What != column && m.What != "total_value" {
			t.Errorf("%s of %s was changed, and %+v is found", column, key, m)
		}
	}
	if len(r.Mismatches) == 0 {
		t.Errorf("nothing was found of %s of %s", column, key)
	}
}

// Rebuilt again and again beside writers, the analytics are always right.
func TestRebuildBesideWriters(t *testing.T) {
	t.Parallel()

	db := pgtest.Open(t)
	s := start(t, db.DB, nil)
	var writers sync.WaitGroup

	for w := range 3 {
		writers.Go(func() { book(t, db.DB, rand.New(rand.NewPCG(5, uint64(w))), 10_000*w, 10_000*w+700) })
	}

	for range 20 {
		if _, err := s.Rebuild(t.Context()); err != nil {
			t.Fatal(err)
		}

		r, err := s.Reconcile(t.Context())
		if err != nil {
			t.Fatal(err)
		}

		clean(t, r)
	}

	writers.Wait()
	clean(t, settled(t, s, 2100))
}

// The analytics may be in another database, and their cursor with them.
func TestAnalyticsElsewhere(t *testing.T) {
	t.Parallel()

	db, elsewhere := pgtest.Open(t), pgtest.Open(t)
	db.Exec(t, zoned)
	s := start(t, db.DB, elsewhere.DB)
	book(t, db.DB, rand.New(rand.NewPCG(6, 7)), 0, 300)
	clean(t, settled(t, s, 300))

	if _, err := s.Rebuild(t.Context()); err != nil {
		t.Fatal(err)
	}

	book(t, db.DB, rand.New(rand.NewPCG(6, 8)), 300, 400)
	clean(t, settled(t, s, 400))

	if n := pgtest.Value[int64](t, db, `select count(*) from analytics.portfolio_summary`); n != 0 {
		t.Errorf("%d rows are in the source", n)
	}
}

// Prices move only forward, and everything that is held is valued at the last.
func TestPricesMoveForward(t *testing.T) {
	t.Parallel()

	db := pgtest.Open(t)
	s := start(t, db.DB, nil)
	book(t, db.DB, rand.New(rand.NewPCG(8, 9)), 0, 50)

	for _, price := range []struct{ price, day string }{{"10.5", "05"}, {"11.25", "07"}, {"9", "06"}} {
		day := "2024-03-" + price.day
		at, _ := time.Parse(time.DateOnly, day)
		d := blotter.MustDecimal(price.price)

		bars := func(yield func(blotter.BarRow, error) bool) {
			yield(
				blotter.BarRow{
					Bar: blotter.Bar{
						Symbol:    "S1",
						Timeframe: "1d",
						Timestamp: at,
						Open:      d,
						High:      d,
						Low:       d,
						Close:     d,
						Volume:    d,
						Source:    "test",
					},
					Line: 1,
				},
				nil,
			)
		}

		if _, err := db.ImportBars(t.Context(), postgres.BarImport{File: "test", Bars: bars}); err != nil {
			t.Fatal(err)
		}
	}

	for deadline := time.Now().Add(time.Minute); settled(t, s, 50).Lag.Events > 0 && time.Now().Before(deadline); {
	}

	clean(t, settled(t, s, 50))
	if p := pgtest.Value[string](t, db, `select string_agg(distinct market_price::text, ' ')
		from analytics.portfolio_summary where symbol = 'S1'`); p != "11.25" {
		t.Errorf("S1 is valued at %s, want 11.25", p)
	}
}
