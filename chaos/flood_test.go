package chaos_test

import (
	"context"
	"flag"
	"fmt"
	"log/slog"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/analytics"
	"github.com/blotterdb/blotter/audit"
	"github.com/blotterdb/blotter/embedded"
	"github.com/blotterdb/blotter/events"
	"github.com/blotterdb/blotter/logs"
	"github.com/blotterdb/blotter/pgtest"
	"github.com/blotterdb/blotter/postgres"
	"github.com/jackc/pgx/v5"
)

var floodFlag = flag.Duration("flood", 0,
	"how long TestFloodingTenant floods, and takes figures before; 0 is a short look without figures")

const (
	// floodMemoryMax is the most memory that the daemon's services may take while an account floods.
	floodMemoryMax = 200 << 20
	// floodFills is how many fills of the other account the short form waits for.
	floodFills = 20
)

// floods lists the statements that the account runs at full speed, each in a connection of its login: as large and as
// fast as its tables let it.
var floods = []string{
	// on a channel that nobody reads, and on the relay's
	`insert into events.outbox (account_id, channel, key, event_id, type, service, data)
	 select 'FLOOD', (array['unused', 'trades'])[1 + n % 2], 'FLOOD', gen_random_uuid(), 'noise', 'noise',
	        jsonb_build_object('x', repeat(md5(random()::text), 2000))
	   from generate_series(1, 20) n`,
	`insert into execution.orders (account_id, order_id, symbol, side, quantity)
	 select 'FLOOD', gen_random_uuid(), 'FLOOD', 'buy', 1 from generate_series(1, 200)`,
	`update risk_management.risk_limits set limit_value = limit_value + 1`,
	`insert into logging.system_logs (service, level, message, data)
	 select 'flood', 'info', repeat('x', 16000), jsonb_build_object('x', repeat(md5(random()::text), 2000))
	     from generate_series(1, 20)`,
	`select shared.record_access('execution.orders', 'read', jsonb_build_object('x', repeat(md5(n::text), 500)), null)
		from generate_series(1, 50) n`,
}

// flood floods until the context ends, and counts what it did.
func flood(ctx context.Context, t *testing.T, db *pgtest.Database) (counts []atomic.Int64, wait func()) {
	t.Helper()
	counts = make([]atomic.Int64, len(floods))
	var running sync.WaitGroup
	for i, sql := range floods {
		conn := db.Connect(t, db.Config.URL)
		if _, err := conn.Exec(ctx, `select set_config('app.current_account_id', 'FLOOD', false)`); err != nil {
			t.Fatal(err)
		}
		running.Add(1)
		go func() {
			defer running.Done()
			for ctx.Err() == nil {
				if _, err := conn.Exec(ctx, sql, pgx.QueryExecModeSimpleProtocol); err != nil && ctx.Err() == nil {
					t.Errorf("%.60s: %v", sql, err)
					return
				}
				counts[i].Add(1)
			}
		}()
	}

	return counts, running.Wait
}

// foldTime books a fill of the account and returns how long that took, and how long from there until the analytics had
// it.
func foldTime(ctx context.Context, db *postgres.DB, n int) (booked, folded time.Duration, err error) {
	account := blotter.WithAccount(ctx, "QUIET")
	start := time.Now()
	_, err = db.ExecuteTrade(account, blotter.Trade{
		TradeID: fmt.Sprint("T-", n), Symbol: "KO", Side: blotter.Buy, Quantity: blotter.MustDecimal("1"),
		Price: blotter.MustDecimal("60.25"), ExecutedAt: start,
	})
	booked = time.Since(start)
	committed := time.Now()
	for count := int64(0); err == nil && count < int64(n); {
		err = db.ReadOnly(account, func(s *postgres.Session) error {
			const sql = `select coalesce(sum(event_count), 0)::bigint from analytics.portfolio_summary
				where account_id = 'QUIET'`
			return s.QueryRow(account, sql).Scan(&count)
		})
	}

	return booked, time.Since(committed), err
}

// percentile99 returns the 99th percentile of times.
func percentile99(times []time.Duration) time.Duration {
	slices.Sort(times)
	return times[len(times)*99/100]
}

// median returns the median of times.
func median(times []time.Duration) time.Duration {
	slices.Sort(times)
	return times[len(times)/2]
}

// fold books fills for so long, or so many where that is 0, and returns the 99th percentile of the times from their
// commits to the analytics, and how many.
func fold(ctx context.Context, t *testing.T, db *postgres.DB, from int, span time.Duration) (p99 time.Duration, n int) {
	t.Helper()
	var times, bookings []time.Duration
	for start := time.Now(); span > 0 && time.Since(start) < span || span == 0 && len(times) < floodFills; {
		booked, took, err := foldTime(ctx, db, from+len(times)+1)
		if err != nil {
			t.Fatalf("fill %d: %v", from+len(times)+1, err)
		}
		times, bookings = append(times, took), append(bookings, booked)
	}
	t.Logf("until booked: median %v, p99 %v; from there to the analytics: median %v", median(bookings),
		percentile99(bookings), median(times))
	return percentile99(times), len(times)
}

// memory watches what the process has from the system, until done, which returns the most it had.
func memory() (done func() uint64) {
	stop, stopped := make(chan struct{}), make(chan struct{})
	most := uint64(0)

	go func() {
		defer close(stopped)
		ticker := time.NewTicker(20 * time.Millisecond)
		defer ticker.Stop()

		for {
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			most = max(most, m.Sys-m.HeapReleased)

			select {
			case <-stop:
				return
			case <-ticker.C:
			}
		}
	}()

	return func() uint64 {
		close(stop)
		<-stopped
		return most
	}
}

// service is a part of the daemon.
type service interface {
	Start(ctx context.Context) error
	Stop(ctx context.Context) error
	Health() error
}

// daemonServices starts what blotter serve runs of one database.
func daemonServices(t *testing.T, db *postgres.DB) []service {
	t.Helper()
	redis, err := embedded.StartRedis()
	if err != nil {
		t.Fatal(err)
	}

	t.Cleanup(func() { redis.Close() })
	quiet := slog.New(slog.DiscardHandler)
	synchronizer, err := analytics.New(analytics.Config{Source: db, Logger: quiet})
	if err != nil {
		t.Fatal(err)
	}

	relay, err := events.NewRelay(events.RelayConfig{
		DB: db, URL: redis.URL, Prefix: "flood:",
		StreamMax: 500, Logger: quiet,
	})
	if err != nil {
		t.Fatal(err)
	}

	sealer, err := audit.New(db, audit.Config{Logger: quiet})
	if err != nil {
		t.Fatal(err)
	}

	handler, err := logs.NewHandler(logs.Config{Service: "daemon", Next: slog.DiscardHandler})
	if err != nil {
		t.Fatal(err)
	}

	handler.Use(db)
	services := []service{handler, synchronizer, relay, sealer}
	for _, s := range services {
		if err := s.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := s.Stop(context.Background()); err != nil {
				t.Error(err)
			}
		})
	}

	return services
}

// One account floods the database with events, orders, changes that are audited, logs and audit entries, as fast and as
// large as its login lets it. The fills of another are folded all the same, and the services of the daemon stay small.
//
// With -flood 60s it also compares how long a fill takes to the analytics with the time before the flood.
func TestFloodingTenant(t *testing.T) {
	db := pgtest.Open(t) // alone: it looks at the memory of the program
	db.Exec(t, `insert into execution.accounts (account_id) values ('QUIET'), ('FLOOD')`)
	db.Exec(t, `insert into risk_management.risk_limits (account_id, limit_type, limit_value)
		values ('FLOOD', 'loss', 1)`)
	services := daemonServices(t, db.DB)

	quiet, n := fold(t.Context(), t, db.DB, 0, *floodFlag)
	peak := memory()
	ctx, stop := context.WithCancel(t.Context())
	counts, wait := flood(ctx, t, db)
	begun := func() bool {
		for i := range counts {
			if counts[i].Load() == 0 {
				return false
			}
		}
		return true
	}
	until(t, "every flood has begun", time.Minute, begun)
	flooded, more := fold(t.Context(), t, db.DB, n, *floodFlag)
	stop()
	wait()

	most := peak()
	for i := range counts {
		t.Logf("%8d times %.70s", counts[i].Load(), floods[i])
	}
	t.Logf("p99 from fill to analytics: %v quiet (%d fills), %v flooded (%d), %.1f times; %d MB at most",
		quiet, n, flooded, more, float64(flooded)/float64(quiet), most>>20)
	if most > floodMemoryMax {
		t.Errorf("the services took %d MB", most>>20)
	}
	for _, s := range services {
		if err := s.Health(); err != nil {
			t.Errorf("%T: %v", s, err)
		}
	}
	if *floodFlag > 0 && flooded > 3*quiet {
		t.Errorf("a fill takes %.1f times as long to the analytics as in quiet, want 3",
			float64(flooded)/float64(quiet))
	}
}
