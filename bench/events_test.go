package bench

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/analytics"
	"github.com/blotterdb/blotter/events"
	"github.com/blotterdb/blotter/pgtest"
	"github.com/blotterdb/blotter/postgres"
	"github.com/jackc/pgx/v5"
)

var (
	eventRate   = flag.Int("event-rate", 5000, "fills a second that BenchmarkEventLatency books")
	eventSpan   = flag.Duration("event-span", 10*time.Second, "how long each variant of BenchmarkEventLatency takes")
	drainEvents = flag.Int("drain-events", 400_000, "events that BenchmarkEventDrain drains")
)

// From a fill to the analytics that count it, beside 5,000 other fills a second: p50 at most 5 ms, p99 at most 15 ms.
// With the synchronizer in the process that books, whose commits wake it, and with one that polls, as in another
// process.
func BenchmarkEventLatency(b *testing.B) {
	for b.Loop() {
		for _, beside := range []bool{false, true} {
			d := newDesk(b, 0)
			db, name := d.db.DB, "synchronizer in the process"
			if beside {
				db, name = again(b, d.db), "synchronizer that polls"
			}

			s := synchronizer(b, db)
			if err := s.Start(b.Context()); err != nil {
				b.Fatal(err)
			}

			load := d.pace(b, *eventRate, *eventSpan)
			inserted, committed := d.probe(b, *eventSpan)
			rate := load()
			if err := s.Stop(context.Background()); err != nil {
				b.Fatal(err)
			}

			fmt.Printf("  %-28s %6.0f fills/s, %d probes\n", name, rate, len(inserted))
			fmt.Printf("    %-26s %s\n    %-26s %s\n", "insert to analytics", spread(inserted), "commit to analytics",
				spread(committed))
		}
	}
}

// again opens the database a second time: its commits do not ring the first one's bell.
func again(b *testing.B, d *pgtest.Database) *postgres.DB {
	b.Helper()
	db, err := postgres.Open(b.Context(), d.Config)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(db.Close)
	return db
}

func synchronizer(b *testing.B, db *postgres.DB) *analytics.Synchronizer {
	b.Helper()
	s, err := analytics.New(analytics.Config{Source: db, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		b.Fatal(err)
	}
	return s
}

// pacers are the callers that book at a rate.
const pacers = 64

// pace books fills at a rate for a while, in the background. The function that it returns waits, and tells the rate.
func (d *desk) pace(b *testing.B, rate int, span time.Duration) (wait func() float64) {
	b.Helper()
	ctx := blotter.WithAllAccounts(b.Context())
	book := d.startBook(b)

	var next atomic.Int64
	var all sync.WaitGroup
	start := time.Now()
	for range pacers {
		all.Go(func() {
			for {
				n := int(next.Add(1))
				due := start.Add(time.Duration(n) * time.Second / time.Duration(rate))
				if due.Sub(start) > span {
					return
				}

				time.Sleep(time.Until(due))
				account, symbol, side := places(n)
				err := book(ctx, blotter.Trade{
					AccountID: account, TradeID: fmt.Sprint("E", n), Symbol: symbol, Side: side, Quantity: d.oneSize,
					Price: blotter.MustDecimal("100.25"), ExecutedAt: time.Now().UTC(),
				})
				if err != nil {
					b.Error(err)
					return
				}
			}
		})
	}

	return func() float64 {
		all.Wait()
		return float64(next.Load()-pacers) / time.Since(start).Seconds()
	}
}

// probe books fills of its own, one after the other, and looks for each in the analytics.
func (d *desk) probe(b *testing.B, span time.Duration) (inserted, committed []time.Duration) {
	b.Helper()
	ctx := blotter.WithAccount(b.Context(), "probe")
	conn := d.db.Connect(b, d.db.Config.ServiceURL)
	const seen = `select coalesce((select event_count from analytics.portfolio_summary
		where account_id = 'probe' and symbol = 'P'), 0), clock_timestamp()`

	var visible []time.Time
	for begin := time.Now(); time.Since(begin) < span; {
		n := int64(len(visible) + 1)
		_, err := d.db.ExecuteTrade(ctx, blotter.Trade{
			TradeID: fmt.Sprint("P", n), Symbol: "P", Side: blotter.Buy, Quantity: d.oneSize, Price: d.oneSize,
		})

		booked := time.Now()
		var count int64
		var at time.Time
		for err == nil && count < n {
			if time.Since(booked) > time.Minute {
				err = errors.New("a fill does not come to the analytics")
				break
			}
			time.Sleep(100 * time.Microsecond)
			err = conn.QueryRow(ctx, seen).Scan(&count, &at)
		}

		if err != nil {
			b.Fatal(err)
		}

		visible = append(visible, at)
		committed = append(committed, at.Sub(booked))
	}

	rows, err := conn.Query(ctx, `select created_at from events.outbox where account_id = 'probe' order by pos`)
	if err != nil {
		b.Fatal(err)
	}
	created, err := pgx.CollectRows(rows, pgx.RowTo[time.Time])
	if err != nil || len(created) != len(visible) {
		b.Fatal(len(created), len(visible), err)
	}

	for i, at := range created {
		inserted = append(inserted, visible[i].Sub(at))
	}

	return inserted, committed
}

func spread(times []time.Duration) string {
	slices.Sort(times)
	at := func(share float64) time.Duration {
		return times[int(share*float64(len(times)-1))].Round(10 * time.Microsecond)
	}
	return fmt.Sprintf("p50 %8s  p90 %8s  p99 %8s  max %8s", at(0.5), at(0.9), at(0.99), at(1))
}

// sqlFilled are events of fills without the fills: 20 accounts, 30 symbols each.
const sqlFilled = `
insert into events.outbox (account_id, channel, key, event_id, type, service, data)
select 'A' || n % 20, 'trades', 'A' || n % 20, gen_random_uuid(), 'trade_executed', 'execution',
       o.data || jsonb_build_object('trade_id', 'D' || n, 'account_id', 'A' || n % 20, 'symbol', 'S' || n / 20 % 30)
  from generate_series(1, $1) n, (select data from events.outbox order by pos limit 1) o`

// How fast a consumer that fell behind catches up: at least 80,000 events a second.
func BenchmarkEventDrain(b *testing.B) {
	for b.Loop() {
		d := newDesk(b, 0)
		s := synchronizer(b, d.db.DB)
		// Its cursor begins before the events.
		if err := errors.Join(s.Start(b.Context()), s.Stop(b.Context())); err != nil {
			b.Fatal(err)
		}

		trade := blotter.Trade{
			AccountID: "A0", TradeID: "T", Symbol: "S0", Side: blotter.Buy, Quantity: d.oneSize, Price: d.oneSize,
		}
		if err := d.execute(blotter.WithAllAccounts(b.Context()), trade); err != nil {
			b.Fatal(err)
		}

		d.db.Exec(b, sqlFilled, *drainEvents)
		d.db.Exec(b, `vacuum analyze events.outbox`)

		c, err := events.NewConsumer(events.Config{
			Source: d.db.DB, Name: "nothing",
			Handler: func(context.Context, *postgres.Tx, []blotter.Event) error { return nil },
		})
		if err != nil {
			b.Fatal(err)
		}

		drain(b, "a handler that does nothing", c)
		drain(b, "analytics", synchronizer(b, d.db.DB))
	}
}

// drainer is a consumer, or the synchronizer.
type drainer interface {
	Start(ctx context.Context) error
	Stop(ctx context.Context) error
	Applied() int64
}

func drain(b *testing.B, name string, c drainer) {
	b.Helper()
	want := int64(*drainEvents + 1)
	begin := time.Now()

	err := c.Start(b.Context())
	for err == nil && c.Applied() < want {
		if time.Since(begin) > 10*time.Minute {
			err = fmt.Errorf("%s drained %d of %d events", name, c.Applied(), want)
		}
		time.Sleep(time.Millisecond)
	}

	took := time.Since(begin)
	if err := errors.Join(err, c.Stop(context.Background())); err != nil {
		b.Fatal(err)
	}

	fmt.Printf("  %-28s %d events in %s: %.0f events/s\n", name, want, took.Round(time.Millisecond),
		float64(want)/took.Seconds())
}

// sqlNoOutbox has the outbox keep nothing: what is left of its cost is that of making the events and sending them.
const sqlNoOutbox = `
alter table events.outbox rename to outbox_away;
create view events.outbox as select * from events.outbox_away;
create function events.away() returns trigger language plpgsql as 'begin return null; end';
create trigger away instead of insert on events.outbox for each row execute function events.away();
grant select, insert on events.outbox to trading_app, trading_service`

// The outbox costs at most 30 % of the fills, compared with an outbox that keeps nothing.
func BenchmarkOutboxCost(b *testing.B) {
	with, without := newDesk(b, 400_000), newDesk(b, 400_000)
	without.db.Exec(b, sqlNoOutbox)

	for b.Loop() {
		for _, way := range []struct {
			name    string
			callers int
			book    func(d *desk) func(context.Context, blotter.Trade) error
		}{
			{"ExecuteTrade", 8, func(d *desk) func(context.Context, blotter.Trade) error { return d.execute }},
			{"Book.ExecuteTrade", 64, func(d *desk) func(context.Context, blotter.Trade) error {
				return d.startBook(b)
			}},
		} {
			bookWith, bookWithout := way.book(with), way.book(without)

			var kept, away []result
			with.run(b, way.callers, bookWarm, bookWith)
			without.run(b, way.callers, bookWarm, bookWithout)

			for range *repetitions {
				away = append(away, without.run(b, way.callers, bookSpan, bookWithout))
				kept = append(kept, with.run(b, way.callers, bookSpan, bookWith))
			}

			base, r := middle(away), middle(kept)
			fmt.Printf("  %s, %d callers\n    %-18s %s\n    %-18s %s  costs %.0f %%\n", way.name, way.callers,
				"kept nowhere", base, "outbox", r, 100*(1-r.rate/base.rate))
		}
	}
}
