package analytics_test

import (
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/pgtest"
	"github.com/blotterdb/blotter/postgres"
)

// imported books fills of one account as an import.
func imported(t *testing.T, db *postgres.DB, name string, trades []blotter.Trade) int64 {
	t.Helper()
	ctx := blotter.WithAllAccounts(t.Context())
	digest := sha256.Sum256([]byte(name))
	i, err := db.BeginImport(ctx, blotter.Import{AccountID: "A0", File: name, Digest: digest[:]}, trades)
	if err != nil {
		t.Fatal(err)
	}

	var list []postgres.ImportedTrade
	for _, f := range trades {
		list = append(list, postgres.ImportedTrade{Trade: f, ImportID: i.ID})
	}

	if _, err := db.ExecuteImported(ctx, list); err != nil {
		t.Fatal(err)
	}

	return i.ID
}

// ofA0 returns fills of a random walk, all of account A0.
func ofA0(random *rand.Rand, from, to int) (trades []blotter.Trade) {
	for n := from; n < to; n++ {
		f := trade(random, n)
		f.AccountID = "A0"
		trades = append(trades, f)
	}
	return trades
}

const allAnalytics = `select
    coalesce((select string_agg((trim_scale(quantity), trim_scale(cost_basis),
        trim_scale(realized_pnl), trim_scale(fees), trim_scale(traded_value),
        account_id, symbol, event_count)::text, E'\n' order by account_id, symbol)
        from analytics.portfolio_summary), '') || E'\n' ||
    coalesce((select string_agg((account_id, strategy, date, currency, total_trades,
        closing_trades, wins, losses, trim_scale(gross_profit), trim_scale(gross_loss),
        trim_scale(realized_pnl), trim_scale(fees))::text, E'\n' order by account_id, strategy, date, currency)
        from analytics.performance_metrics), '')`

// An undone import is taken out of the analytics to the last figure, whether it was folded before or is folded with it,
// by one consumer or another; in between, nothing seems to differ.
func TestUndoneImportsAreTakenOut(t *testing.T) {
	t.Parallel()
	db := pgtest.Open(t)
	db.Exec(t, zoned)
	ctx := blotter.WithAllAccounts(t.Context())
	random := rand.New(rand.NewPCG(7, 7))
	s := start(t, db.DB, nil)
	book(t, db.DB, random, 0, 100)
	clean(t, settled(t, s, 100))
	before := pgtest.Value[string](t, db, allAnalytics)

	for round := range 4 {
		first := imported(t, db.DB, fmt.Sprint("first ", round), ofA0(random, 1000*(round+1), 1000*(round+1)+40))
		if round%2 == 0 {
			clean(t, settled(t, s, 140))
		}
		if _, err := db.UndoImport(ctx, "A0", first); err != nil {
			t.Fatal(err)
		}
		r, err := s.Reconcile(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		clean(t, r)
		clean(t, settled(t, s, 100))
		if after := pgtest.Value[string](t, db, allAnalytics); after != before {
			t.Fatalf("round %d: undone, the analytics are\n%s\nbefore they were\n%s", round, after, before)
		}
	}
	if n := pgtest.Value[int](t, db, `select count(*) from events.outbox where type = 'trade_undone'`); n != 160 {
		t.Errorf("%d events tell of undone trades, want 160", n)
	}
	if _, err := s.Rebuild(t.Context()); err != nil {
		t.Fatal(err)
	}
	if after := pgtest.Value[string](t, db, allAnalytics); after != before {
		t.Errorf("rebuilt, the analytics are\n%s\nbefore they were\n%s", after, before)
	}
}

// While the analytics lag behind, an undone import is no difference: what they have not heard of yet is counted.
func TestUndoneBehindTheAnalytics(t *testing.T) {
	t.Parallel()
	db := pgtest.Open(t)
	ctx := blotter.WithAllAccounts(t.Context())
	random := rand.New(rand.NewPCG(8, 8))
	s := start(t, db.DB, nil)
	book(t, db.DB, random, 0, 50)
	folded := imported(t, db.DB, "folded", ofA0(random, 1000, 1030))
	clean(t, settled(t, s, 80))
	if err := s.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}

	if _, err := db.UndoImport(ctx, "A0", folded); err != nil {
		t.Fatal(err)
	}
	unheard := imported(t, db.DB, "unheard", ofA0(random, 2000, 2030))
	if _, err := db.UndoImport(ctx, "A0", unheard); err != nil {
		t.Fatal(err)
	}
	again := imported(t, db.DB, "folded", ofA0(random, 1000, 1030))
	r, err := s.Reconcile(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	clean(t, r)
	if r.Trades != 80 || r.Lag.Events == 0 {
		t.Errorf("behind by %d events, %d trades are counted, want 80", r.Lag.Events, r.Trades)
	}

	next := start(t, db.DB, nil)
	clean(t, settled(t, next, 80))
	if _, err := db.UndoImport(ctx, "A0", again); err != nil {
		t.Fatal(err)
	}
	clean(t, settled(t, next, 50))
}
