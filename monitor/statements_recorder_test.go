package monitor_test

import (
	"context"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/blotterdb/blotter/monitor"
	"github.com/blotterdb/blotter/pgtest"
	"github.com/blotterdb/blotter/postgres"
)

var silent = slog.New(slog.DiscardHandler)

func newRecorder(t *testing.T, db *pgtest.Database, tracer *monitor.Tracer, period time.Duration) *monitor.Recorder {
	t.Helper()

	r, err := monitor.NewRecorder(db.DB, tracer, monitor.RecorderConfig{Period: period, Logger: silent})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func start(t *testing.T, s interface{ Start(context.Context) error }) {
	t.Helper()

	if err := s.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func stop(t *testing.T, s interface{ Stop(context.Context) error }) {
	t.Helper()

	if err := s.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// TestRecorderWrites checks that a slow call is written at once, that the row of a minute is written at its end,
// here at Stop, and that the sums over the minutes are the counts.
func TestRecorderWrites(t *testing.T) {
	t.Parallel()

	db, tracer := pgtest.Open(t), newTracer(t, monitor.TracerConfig{})
	r := newRecorder(t, db, tracer, time.Hour)
	start(t, r)
	start(t, r)
	tracer.Track("strategy", "fetch", 1500*time.Millisecond)
	until(t, "the slow call is written", func() bool {
		return pgtest.Value[bool](t, db, `select exists (select from logging.performance_logs
			where service = 'strategy' and operation = 'fetch' and kind = 'call' and calls = 1
			  and execution_time_ms = 1500)`)
	})

	tracer.Track("strategy", "fetch", 500*time.Millisecond)
	tracer.Track("strategy", "fetch", 400*time.Millisecond)
	stop(t, r)
	stop(t, r)
	got := pgtest.Value[string](t, db, `select concat_ws(' ', calls, errors, execution_time_ms, max_ms,
			p50_ms between 500 and 532, p99_ms, memory_usage_mb > 1, rows)
		from logging.performance_logs where kind = 'minute' and operation = 'fetch'`)
	if got != "3 0 800.000 1500 t 1500 t 0" && got != "3 0 800 1500 t 1500 t 0" {
		t.Errorf("the minute's row is %q", got)
	}
	if n := pgtest.Value[int](t, db, "select count(*)::int from logging.performance_logs"); n != 2 {
		t.Errorf("%d rows, want one of the slow call and one of the minute", n)
	}
	if err := r.Health(); err != nil {
		t.Error(err)
	}
}

// TestRecorderLosesNothing checks that each call is in one minute's row, whatever fails in between, and that the
// longest call is kept.
func TestRecorderLosesNothing(t *testing.T) {
	t.Parallel()

	db, tracer := pgtest.Open(t), newTracer(t, monitor.TracerConfig{})
	db.Exec(t, "revoke insert on logging.performance_logs from trading_service")
	r := newRecorder(t, db, tracer, 10*time.Millisecond)
	start(t, r)
	tracer.Track("s", "o", 900*time.Millisecond)
	until(t, "a write fails", func() bool { return r.Health() != nil })
	tracer.Track("s", "o", 100*time.Millisecond)
	db.Exec(t, "grant insert on logging.performance_logs to trading_service")
	until(t, "a write works", func() bool { return r.Health() == nil })
	for range 50 {
		tracer.Track("s", "o", time.Millisecond)
		time.Sleep(time.Millisecond) // so that several periods end in between
	}

	stop(t, r)
	n := pgtest.Value[int](t, db, "select sum(calls)::int from logging.performance_logs where kind = 'minute'")
	if n != 52 {
		t.Errorf("%d calls are written, want 52", n)
	}
	if got := pgtest.Value[string](t, db, "select string_agg(trim_scale(max_ms)::text, ' ') from "+
		"logging.performance_logs where max_ms > 500"); got != "900" {
		t.Errorf("the longest call, of 900 ms, is in rows %q", got)
	}
}

// TestRecorderDoesNotFeedItself checks that the recorder's own calls are counted if they are slow, and do not cause
// more writes.
func TestRecorderDoesNotFeedItself(t *testing.T) {
	t.Parallel()

	tracer := newTracer(t, monitor.TracerConfig{SlowAfter: time.Nanosecond})
	db := pgtest.OpenConfig(t, func(c *postgres.Config) { c.Tracer = tracer })
	r := newRecorder(t, db, tracer, time.Hour)
	start(t, r)
	tracer.Track("s", "o", time.Millisecond)
	until(t, "the slow call is written", func() bool {
		return pgtest.Value[bool](t, db, "select exists (select from logging.performance_logs where operation = 'o')")
	})
	// A first connection, which is checked, may ring once more.
	calls, quiet := int64(0), false
	for range 5 {
		before := calls
		time.Sleep(1500 * time.Millisecond) // longer than the pause between two writes
		calls = operations(t, tracer, "blotter")["monitor.record"].Calls
		if quiet = calls > 0 && calls == before; quiet {
			break
		}
	}

	if !quiet {
		t.Errorf("%d statements of the recorder, and more all the time", calls)
	}

	stop(t, r)
}

func TestStartAndStopAtOnce(t *testing.T) {
	t.Parallel()

	db, tracer := pgtest.Open(t), newTracer(t, monitor.TracerConfig{})
	r := newRecorder(t, db, tracer, time.Millisecond)
	var wait sync.WaitGroup
	for range 8 {
		wait.Go(func() {
			for range 20 {
				start(t, r)
				stop(t, r)
			}
		})
	}

	wait.Wait()
	stop(t, r)
}

// TestReadPerformance checks that minutes count if a service writes them, otherwise single calls, and slow calls in
// both cases.
func TestReadPerformance(t *testing.T) {
	t.Parallel()

	db := pgtest.Open(t)
	db.Exec(t, "select shared.ensure_partitions('performance_logs', now() - interval '2 hours', now())")
	for _, row := range []string{
		"('a', 'o', 10, 5, now(), 'minute', 4, 1, 90)",
		"('a', 'o', 40, 1, now() - interval '1 minute', 'minute', 2, 0, 30)",
		"('a', 'o', 1500, 1, now(), 'call', 1, 0, null)", // one of the four above
		"('a', 'o', 7, 1, now() - interval '2 hours', 'minute', 100, 0, 8)",
		"('b', 'p', 2000, 3, now(), 'call', 1, 1, null)", "('b', 'p', 1000, 3, now(), 'call', 1, 0, null)",
	} {
		db.Exec(t, "insert into logging.performance_logs (service, operation, execution_time_ms, rows, "+
			"timestamp, kind, calls, errors, max_ms) values "+row)
	}

	list, err := monitor.ReadPerformance(t.Context(), db.DB, time.Hour, "")
	if err != nil || len(list) != 2 {
		t.Fatalf("%v %+v", err, list)
	}

	if p := list[0]; p.Service != "b" || p.Calls != 2 || p.Errors != 1 || p.Slow != 2 || p.Rows != 6 ||
		p.MeanMS.String() != "1500" || p.MaxMS.String() != "2000" || p.Seconds.String() != "3" {
		t.Errorf("two calls of a second and two: %+v", p)
	}
	if p := list[1]; p.Calls != 6 || p.Errors != 1 || p.Slow != 1 || p.Rows != 6 || p.MeanMS.String() != "20" ||
		p.MaxMS.String() != "1500" {
		t.Errorf("two minutes and one slow call of them: %+v", p)
	}
	if list, err = monitor.ReadPerformance(t.Context(), db.DB, 3*time.Hour, "a"); err != nil || len(list) != 1 ||
		list[0].Calls != 106 {
		t.Errorf("%v %+v", err, list)
	}
}
