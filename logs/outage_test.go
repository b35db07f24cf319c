package logs_test

import (
	"context"
	"flag"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/blotterdb/blotter/logs"
	"github.com/blotterdb/blotter/pgtest"
	"github.com/jackc/pgx/v5"
)

// shut keeps everybody out of the database until open is called.
func shut(t *testing.T, db *pgtest.Database) (open func()) {
	t.Helper()

	cfg, err := pgx.ParseConfig(db.AdminURL)
	if err != nil {
		t.Fatal(err)
	}

	cfg.Database = "postgres"
	allow := func(allowed bool) {
		conn, err := pgx.ConnectConfig(t.Context(), cfg)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = conn.Close(context.WithoutCancel(t.Context())) }()

		if _, err := conn.Exec(t.Context(), fmt.Sprintf("alter database %s allow_connections %t", db.Name,
			allowed)); err != nil {
			t.Fatal(err)
		}
		if _, err := conn.Exec(t.Context(), "select pg_terminate_backend(pid) from pg_stat_activity where "+
			"datname = $1", db.Name); err != nil {
			t.Fatal(err)
		}
	}

	allow(false)
	return func() { allow(true) }
}

var gone = flag.Duration("gone", 0, "how long the database is gone at least")

// TestDatabaseGone checks that the program goes on while the database is gone, and that everything in the queue is
// stored afterwards.
func TestDatabaseGone(t *testing.T) {
	t.Parallel()

	db := pgtest.Open(t)
	h := newHandler(t, db, func(c *logs.Config) { c.Queue = 1_000 })
	start(t, h)
	log := slog.New(h)
	log.Info("before")
	until(t, "it is stored", func() bool { return h.Stats().Written == 1 && h.Health() == nil })
	open := shut(t, db)
	log.Info("while it is gone")
	until(t, "the handler says that it cannot", func() bool { return h.Health() != nil })
	slowest, offered := time.Duration(0), int64(0)
	ticker := time.NewTicker(time.Millisecond)
	defer ticker.Stop()

	for left := time.Now(); offered < 4_000 || time.Since(left) < *gone; offered++ {
		begin := time.Now()
		log.Info(fmt.Sprint("row ", offered))
		if slowest = max(slowest, time.Since(begin)); offered > 4_000 {
			<-ticker.C
		}
	}

	if slowest > 15*time.Second {
		t.Errorf("a caller waited for %s", slowest)
	}

	open()
	until(t, "it works again", func() bool { return h.Health() == nil && h.Stats().Queued == 0 })
	log.Info("after")
	if err := h.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}

	s := h.Stats()
	if s.Offered != offered+3 || s.Written+s.Dropped != s.Offered || s.Dropped == 0 || s.Written < 1_000 {
		t.Errorf("%+v", s)
	}

	reported := pgtest.Value[int64](t, db, `select coalesce(sum((data->>'dropped')::bigint), 0) from logging.system_logs
			where event_type = 'logs_dropped'`)
	rows := pgtest.Value[int64](t, db, `select count(*) from logging.system_logs where event_type = ''`)
	if reported != s.Dropped || rows != s.Written {
		t.Errorf("%d rows are reported as missing and %d are stored, %+v", reported, rows, s)
	}
	if doubled := pgtest.Value[int](t, db, `select count(*) - count(distinct message)
			from logging.system_logs`); doubled != 0 {
		t.Errorf("%d rows are there twice", doubled)
	}
}

// TestCutConnections checks that no row is lost or stored twice when connections are cut at any instant.
func TestCutConnections(t *testing.T) {
	t.Parallel()

	db := pgtest.Open(t)
	const offered, cuts = 3_000, 12
	h := newHandler(t, db, func(c *logs.Config) {
		c.Every = time.Millisecond
		c.Batch = 1
		c.Queue = 2 * offered
	})
	log := slog.New(h)
	for n := range offered {
		log.Info(fmt.Sprint("row ", n))
	}

	killer := db.Connect(t, db.AdminURL)
	start(t, h)
	cut := 0
	for n := 0; cut < cuts || h.Stats().Written < h.Stats().Offered; n++ {
		var killed int
		if err := killer.QueryRow(t.Context(), `select count(*) filter (where pg_terminate_backend(pid)),
				pg_sleep(random() * 0.02)
			  from pg_stat_activity
			where datname = current_database() and usename like '%service' and $1 and random() < 0.3`,
			cut < cuts).Scan(&killed, nil); err != nil {
			t.Fatal(err)
		}

		cut += killed
		if n > 6_000 { // after about a minute
			t.Fatalf("after %d cuts: %+v", cut, h.Stats())
		}
		if cut < cuts {
			log.Info(fmt.Sprint("late row ", n))
		}
	}

	if err := h.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}

	s := h.Stats()
	if s.Written != s.Offered || s.Dropped != 0 {
		t.Errorf("%+v", s)
	}
	if rows := pgtest.Value[int64](t, db, `select count(*) from logging.system_logs`); rows != s.Offered {
		t.Errorf("%d rows are stored, want %d", rows, s.Offered)
	}
	if n := pgtest.Value[int64](t, db, `select count(distinct message) from logging.system_logs`); n != s.Offered {
		t.Errorf("%d different rows are stored, want %d", n, s.Offered)
	}
}

// TestStopWithoutDatabase checks that Stop ends with its context, and reports how many rows were not stored.
func TestStopWithoutDatabase(t *testing.T) {
	t.Parallel()

	db := pgtest.Open(t)
	h := newHandler(t, db, nil)
	if err := h.Start(t.Context()); err != nil {
		t.Fatal(err)
	}

	open := shut(t, db)
	defer open()

	slog.New(h).Info("never stored")
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()

	begin := time.Now()
	if err := h.Stop(ctx); err == nil || time.Since(begin) > 5*time.Second {
		t.Errorf("after %s: %v", time.Since(begin), err)
	}
	if s := h.Stats(); s != (logs.Stats{Offered: 1, Dropped: 1}) {
		t.Errorf("%+v", s)
	}
}

// TestStartStop checks that handlers that start and stop while others log lose no record from before Stop.
func TestStartStop(t *testing.T) {
	t.Parallel()

	db := pgtest.Open(t)
	var written, dropped, offered int64
	for n := range 10 {
		h := newHandler(t, db, nil)
		log := slog.New(h)
		var callers sync.WaitGroup
		for c := range 4 {
			callers.Go(func() {
				for i := range 50 {
					log.Info(fmt.Sprint(n, c, i))
				}
			})
		}

		if err := h.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		if n%2 == 0 {
			callers.Wait()
		}

		var both sync.WaitGroup
		for range 2 {
			both.Go(func() {
				if err := h.Stop(t.Context()); err != nil {
					t.Error(err)
				}
			})
		}

		both.Wait()
		callers.Wait()
		s := h.Stats()
		written += s.Written
		dropped += s.Dropped
		offered += s.Offered
		if n%2 == 0 && s.Dropped > 0 {
			t.Errorf("round %d: %+v", n, s)
		}
	}

	rows := pgtest.Value[int64](t, db, "select count(*) from logging.system_logs where event_type = ''")
	if rows != written || written+dropped != offered || offered != 2000 {
		t.Errorf("%d rows are stored; written %d, dropped %d, offered %d", rows, written, dropped, offered)
	}
}

// TestLossesAreReportedOnce checks that dropped rows are reported once, even if the batch that reports them fails
// at first.
func TestLossesAreReportedOnce(t *testing.T) {
	t.Parallel()

	db := pgtest.Open(t)
	h := newHandler(t, db, func(c *logs.Config) { c.Queue = 10 })
	for n := range 25 {
		slog.New(h).Info(fmt.Sprint(n))
	}

	open := shut(t, db)
	start(t, h)
	until(t, "the handler says that it cannot", func() bool { return h.Health() != nil })
	open()
	until(t, "all is stored", func() bool { return h.Stats().Written == 10 })
	if err := h.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}

	reported := pgtest.Value[string](t, db, `select string_agg(data->>'dropped', ' ') from logging.system_logs
			where event_type = 'logs_dropped'`)
	if reported != "15" {
		t.Errorf("reported: %s", reported)
	}
}
