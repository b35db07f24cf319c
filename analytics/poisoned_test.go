package analytics_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/analytics"
	"github.com/blotterdb/blotter/events"
	"github.com/blotterdb/blotter/pgtest"
	"github.com/blotterdb/blotter/postgres"
)

// caughtUp waits until the synchronizer has read everything.
func caughtUp(t *testing.T, s *analytics.Synchronizer) analytics.Reconciliation {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); ; {
		r, err := s.Reconcile(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if r.Lag.Events == 0 || time.Now().After(deadline) {
			return r
		}
	}
}

const valuedAt = `select coalesce(string_agg(distinct coalesce(trim_scale(market_price)::text, 'none'), ' '), '')
	from analytics.portfolio_summary where symbol = 'S1'`

// Whatever the outbox held before it refused such events: what an event of one account says of another changes nothing
// of either, and holds up nobody's fills.
func TestForgedEventsChangeNothing(t *testing.T) {
	t.Parallel()
	db := pgtest.Open(t)
	s := start(t, db.DB, nil)
	ctx := blotter.WithAllAccounts(t.Context())
	book := func(account, id string) {
		t.Helper()
		_, err := db.ExecuteTrade(ctx, blotter.Trade{
			AccountID: account, TradeID: id, Symbol: "S1", Side: blotter.Buy, Quantity: blotter.MustDecimal("1"),
			Price:      blotter.MustDecimal("10"),
			ExecutedAt: time.Date(2024, 3, 1, 0, 0, 0, 0, time.UTC),
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	book("A", "T1")
	book("B", "T1")
	db.Exec(t, `drop trigger outbox_is_what_it_says on events.outbox`)
	long := fmt.Sprintf("%05000d", 7)
	for _, data := range []string{
		`{"account_id": "B", "trade_id": "F", "symbol": "S1", "side": "buy", "quantity": "777777", "price": "1", ` +
			`"position": {"quantity": "777777"}}`,
		`{"trade_id": "F", "symbol": "S1", "quantity": "777777"}`, `{"account_id": 7}`, `[]`,
	} {
		db.Exec(t, `insert into events.outbox (account_id, channel, key, event_id, type, service, data)
			values ('A', 'trades', 'A', gen_random_uuid(), 'trade_executed', 'execution', $1)`, data)
	}
	for _, price := range []string{
		`{"symbol": "S1", "price": "1", "price_at": "2200-01-01T00:00:00Z", "source": "mine"}`,
		`{"symbol": "` + long + `", "price": "1", "price_at": "2024-03-01T00:00:00Z"}`,
	} {
		db.Exec(t, `insert into events.outbox (account_id, channel, key, event_id, type, service, data) values
			('A', 'market_data', 'A', gen_random_uuid(), 'market_data_updated', 'feed', $1),
			(null, 'market_data', 'S1', gen_random_uuid(), 'market_data_updated', 'feed', $1)`, price)
	}
	book("A", "T2")
	book("B", "T2")

	r := caughtUp(t, s)
	clean(t, r)
	if r.Trades != 4 || s.Health() != nil {
		t.Errorf("%d trades are folded, want 4; %v", r.Trades, s.Health())
	}
	if n := pgtest.Value[string](t, db, `select count(*) || ' ' || count(resolved_at) from events.dead_letter
		where error like 'refused: %'`); n != "8 8" {
		t.Errorf("the dead letters are %s, want 8 refused, none of which parks", n)
	}
	if at := pgtest.Value[string](t, db, valuedAt); at != "none" {
		t.Errorf("S1 is valued at %s, want no price", at)
	}
}

// A wrong price is taken back, here and in analytics elsewhere, also by a rebuild that comes first, and the next one
// counts.
func TestWrongPriceIsTakenBack(t *testing.T) {
	t.Parallel()
	db, elsewhere := pgtest.Open(t), pgtest.Open(t)
	ctx := blotter.WithAllAccounts(t.Context())
	here, there := start(t, db.DB, nil), start(t, db.DB, elsewhere.DB)
	_, err := db.ExecuteTrade(ctx, blotter.Trade{
		AccountID: "A", TradeID: "T1", Symbol: "S1", Side: blotter.Buy, Quantity: blotter.MustDecimal("1"),
		Price:      blotter.MustDecimal("10"),
		ExecutedAt: time.Date(2024, 3, 1, 0, 0, 0, 0, time.UTC),
	})
	if err != nil {
		t.Fatal(err)
	}
	valued := func(want string) {
		t.Helper()
		for s, d := range map[*analytics.Synchronizer]*pgtest.Database{here: db, there: elsewhere} {
			clean(t, caughtUp(t, s))
			if got := pgtest.Value[string](t, d, valuedAt); got != want {
				t.Errorf("S1 is valued at %s, want %s", got, want)
			}
		}
	}
	source := "feed"
	publish := func(price string, at time.Time) {
		t.Helper()
		data := fmt.Sprintf(`{"symbol": "S1", "price": %q, "price_at": %q, "source": %q}`, price,
			at.UTC().Format(time.RFC3339), source)
		n, err := events.Publish(ctx, db.DB, events.Message{
			Type:      blotter.MarketDataUpdated,
			Service:   "feed",
			Data:      []byte(data),
			Timestamp: events.Time(at),
		})
		if n != 1 || err != nil {
			t.Fatalf("%d were published, %v", n, err)
		}
	}
	now := time.Now().Truncate(time.Second)
	publish("777", now.Add(time.Hour))
	valued("777")
	publish("12", now)
	valued("777")
	if known, err := db.ForgetPrice(ctx, "S1"); !known || err != nil {
		t.Fatalf("the price was known: %v, %v", known, err)
	}
	valued("none")
	publish("13", now.Add(time.Second))
	valued("13")
	source = "another"
	publish("666", now.Add(time.Second)) // of one instant, the first source's stays
	valued("13")
	source = "feed"
	publish("888", now.Add(time.Hour))
	valued("888")
	set, err := db.SetPrice(ctx, blotter.LatestPrice{Symbol: "S1", Price: blotter.MustDecimal("14"), At: now}, "USD")
	if err != nil || set.Source != postgres.PriceByHand {
		t.Fatalf("%+v, %v", set, err)
	}
	valued("14")
	for _, s := range []*analytics.Synchronizer{here, there} {
		if _, err := s.Rebuild(ctx); err != nil {
			t.Fatal(err)
		}
	}
	valued("14")

	publish("999", now.Add(2*time.Hour))
	valued("999")
	if err := here.Stop(ctx); err != nil {
		t.Fatal(err)
	}
	if _, err := db.ForgetPrice(ctx, "S1"); err != nil {
		t.Fatal(err)
	}
	if _, err := here.Rebuild(ctx); err != nil { // which moves the cursor past the event
		t.Fatal(err)
	}
	valued("none")
	if n := pgtest.Value[string](t, db, `select string_agg(operation, ', ' order by id) from shared.audit_log
		where table_name = 'data_ingestion.latest_prices'`); n != "FORGET PRICE, SET PRICE, FORGET PRICE" {
		t.Errorf("the audit log has %s", n)
	}
}

// An account with a zone that this program does not know has its events parked. It holds up no other account.
func TestUnknownZoneHoldsUpNobodyElse(t *testing.T) {
	t.Parallel()
	db := pgtest.Open(t)
	db.Exec(t, `insert into execution.accounts (account_id, zone) values ('A', 'Asia/Tokyo')`)
	start(t, db.DB, nil)
	ctx := blotter.WithAllAccounts(t.Context())
	trades := map[string]int{}
	book := func(account string) {
		t.Helper()
		trades[account]++
		_, err := db.ExecuteTrade(ctx, blotter.Trade{
			AccountID: account, TradeID: fmt.Sprint("T", trades[account]), Symbol: "S1", Side: blotter.Buy,
			Quantity: blotter.MustDecimal("1"), Price: blotter.MustDecimal("10"),
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	folded := func(account string) bool {
		return trades[account] == pgtest.Value[int](t, db,
			`select coalesce(sum(event_count), 0)::int from analytics.portfolio_summary where account_id = $1`, account)
	}
	wait := func(what string, done func() bool) {
		t.Helper()
		for deadline := time.Now().Add(time.Minute); !done(); time.Sleep(20 * time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("waiting until %s took too long", what)
			}
		}
	}

	book("A")
	book("B")
	wait("both accounts are folded", func() bool { return folded("A") && folded("B") })
	db.Exec(t, `alter table execution.accounts disable trigger known_zone`)
	db.Exec(t, `update execution.accounts set zone = 'Nowhere/Land' where account_id = 'A'`)
	wait("the account is parked", func() bool {
		book("A")
		return pgtest.Value[int](t, db, `select count(*) from events.dead_letter where key = 'A'`) > 0
	})
	book("B")
	wait("the other account is folded", func() bool { return folded("B") })
}
