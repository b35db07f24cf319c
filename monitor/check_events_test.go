package monitor_test

import (
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/blotterdb/blotter/monitor"
	"github.com/blotterdb/blotter/pgtest"
)

const sqlEmit = `insert into events.outbox (account_id, channel, key, event_id, type, service, data)
	values ('A', 'trades', 'A', gen_random_uuid(), 'noted', 'test', '{}')`

// TestOutboxLag checks that events that are committed after the snapshot of a stopped consumer count, except those
// of a window that it has applied, and that nothing is found when it continues.
func TestOutboxLag(t *testing.T) {
	t.Parallel()

	db, thresholds := pgtest.Open(t), monitor.Thresholds{OutboxLag: atOnce}
	conn := admin(t, db)
	run(t, conn, sqlEmit)
	quiet(t, db.DB, pick(t, "outbox_lag", thresholds), "") // nobody consumes: nobody is behind
	run(t, conn, "insert into events.cursor (consumer, snap_done) values ('analytics', pg_current_snapshot())")
	quiet(t, db.DB, pick(t, "outbox_lag", thresholds), "")
	for range 3 {
		run(t, conn, sqlEmit)
	}

	fires(t, db.DB, "outbox_lag", thresholds, monitor.Warning, "consumer analytics", "has not applied 3 events")
	quiet(t, db.DB, pick(t, "outbox_lag", monitor.Thresholds{}), "")
	run(t, conn, "update events.cursor set snap_target = pg_current_snapshot(), pos_done = (select max(pos) - 1 "+
		"from events.outbox)")
	fires(t, db.DB, "outbox_lag", thresholds, monitor.Warning, "consumer analytics", "has not applied 1 event,")
	run(t, conn, "update events.cursor set expired_at = now()")
	quiet(t, db.DB, pick(t, "outbox_lag", thresholds), "")
	run(t, conn, "update events.cursor set snap_done = pg_current_snapshot(), snap_target = null, pos_done = 0, "+
		"expired_at = null")
	quiet(t, db.DB, pick(t, "outbox_lag", thresholds), "")
}

// TestOutboxLagOfOpenTransaction checks that an event counts whose transaction was open when the snapshot was
// taken.
func TestOutboxLagOfOpenTransaction(t *testing.T) {
	t.Parallel()

	db, thresholds := pgtest.Open(t), monitor.Thresholds{OutboxLag: atOnce}
	open, conn := admin(t, db), admin(t, db)
	run(t, open, "begin")
	run(t, open, sqlEmit)
	run(t, conn, sqlEmit)
	run(t, conn, "insert into events.cursor (consumer, snap_done) values ('relay', pg_current_snapshot())")
	quiet(t, db.DB, pick(t, "outbox_lag", thresholds), "")
	run(t, open, "commit")
	fires(t, db.DB, "outbox_lag", thresholds, monitor.Warning, "consumer relay", "has not applied 1 event,")
}

// TestOutboxLagWhileCatchingUp checks that in a daemon a backlog counts from its start, and that nothing is logged
// while it shrinks. Without a daemon, a consumer that makes progress is a warning at worst.
func TestOutboxLagWhileCatchingUp(t *testing.T) {
	t.Parallel()

	db, log := pgtest.Open(t), &writer{}
	conn := admin(t, db)
	run(t, conn, `insert into events.cursor (consumer, snap_done, updated_at)
		values ('analytics', pg_current_snapshot(), now() - interval '3 days')`)
	run(t, conn, `insert into events.outbox (account_id, channel, key, event_id, type, service, data, created_at)
		values ('A', 'trades', 'A', gen_random_uuid(), 'noted', 'test', '{}', now() - interval '2 days')`)
	none := monitor.Thresholds{}
	fires(t, db.DB, "outbox_lag", none, monitor.Critical, "consumer analytics", "has not applied 1 event")

	w, err := monitor.NewWatcher(db.DB, []monitor.Check{pick(t, "outbox_lag", none)}, monitor.WatcherConfig{
		Period: time.Millisecond, Logger: slog.New(slog.NewTextHandler(log, nil)),
	})
	if err != nil {
		t.Fatal(err)
	}

	for range 2 { // a watcher that is started again counts anew
		start(t, w)
		for range 3 {
			last := w.Sight().At
			until(t, "the watcher has looked again", func() bool { return w.Sight().At.After(last) })
		}
		stop(t, w)
	}

	if found := monitor.Findings(w.Sight().Outcomes); len(found) > 0 || log.String() != "" {
		t.Errorf("beside a daemon that has just started: %+v, and in the log:\n%s", found, log)
	}

	late := monitor.Thresholds{
		OutboxLag: monitor.Level[time.Duration]{Warning: time.Nanosecond, Critical: 2 * time.Nanosecond},
	}
	w, err = monitor.NewWatcher(db.DB, []monitor.Check{pick(t, "outbox_lag", late)}, monitor.WatcherConfig{
		Period: time.Millisecond, Logger: slog.New(slog.NewTextHandler(log, nil)),
	})
	if err != nil {
		t.Fatal(err)
	}

	start(t, w)
	until(t, "what still waits after that is logged",
		func() bool { return strings.Contains(log.String(), "level=ERROR") })
	stop(t, w)

	run(t, conn, `update events.cursor set updated_at = now()`)
	fires(t, db.DB, "outbox_lag", none, monitor.Warning, "consumer analytics", "it is catching up")
}

func TestDeadLetters(t *testing.T) {
	t.Parallel()

	db, none := pgtest.Open(t), monitor.Thresholds{}
	quiet(t, db.DB, pick(t, "dead_letters", none), "")
	dead := func(pos int, key, reason string) {
		db.Exec(t, "insert into events.dead_letter (consumer, pos, account_id, key, error) values ('analytics', "+
			"$1, 'A', $2, $3)", pos, key, reason)
	}

	const cause = "the first, event 7 of key A 'b', failed with: a bad price"
	dead(7, "A 'b'", "a bad price")
	f := fires(t, db.DB, "dead_letters", none, monitor.Warning, "consumer analytics",
		"1 event of 1 key could not be applied; "+cause)
	if want := `Fix that, then run: blotter events resolve analytics 'A '\''b'\'''.`; f.Remedy != want {
		t.Errorf("remedy %q, want %q", f.Remedy, want)
	}

	dead(5, "A 'b'", "parked behind an earlier event of its key") // that one was applied since
	dead(8, "A 'b'", "parked behind an earlier event of its key")
	dead(9, "B", "an unknown symbol")
	f = fires(t, db.DB, "dead_letters", none, monitor.Warning, "consumer analytics",
		"4 events of 2 keys could not be applied; "+cause)
	if !strings.Contains(f.Remedy, "blotter events status prints the command for each key") {
		t.Errorf("%q", f.Remedy)
	}

	db.Exec(t, "update events.dead_letter set resolved_at = now()")
	quiet(t, db.DB, pick(t, "dead_letters", none), "")
}
