package monitor

import (
	"fmt"
	"time"

	"github.com/blotterdb/blotter/internal/shell"
)

// sqlOutboxLag counts what is committed and not applied by each consumer, at most 100,000 events of each: what its done
// snapshot does not contain, less what it has read of the window that it is in. One that was expired is waited for by
// nobody.
const sqlOutboxLag = `
select c.consumer, o.events, coalesce(extract(epoch from clock_timestamp() - o.oldest), 0)::float8,
       extract(epoch from clock_timestamp() - c.updated_at)::float8
  from events.cursor c
 cross join lateral (
    select count(*) as events, min(created_at) as oldest
      from ((select created_at, xid, pos from events.outbox where xid >= pg_snapshot_xmax(c.snap_done) order by xid limit 100000)
            union all
            (select created_at, xid, pos from events.outbox where xid = any(array(select pg_snapshot_xip(c.snap_done))) limit 100000)) w
     where not (c.snap_target is not null and w.pos <= c.pos_done and pg_visible_in_snapshot(w.xid, c.snap_target))) o
 where c.expired_at is null
 order by 1`

type outboxRow struct {
	Consumer string
	Events   int64
	Age      float64
	Idle     float64 // since it last applied something
}

// outboxLag finds consumers of events that are behind, as the analytics or the relay to Redis.
func outboxLag(t Thresholds) Check {
	check := outboxLagSince(t, time.Time{})
	check.beside = func(start time.Time) Check { return outboxLagSince(t, start) }
	return check
}

// atWork is how long ago a consumer that catches up applied something at the most.
const atWork = 10 * time.Second

// outboxLagSince is outboxLag beside consumers that have been running since start; the zero time is since ever. One
// that catches up is a warning at worst.
func outboxLagSince(t Thresholds, start time.Time) Check {
	return find("events", "outbox_lag", sqlOutboxLag, func(r outboxRow) Finding {
		if r.Events == 0 {
			return Finding{}
		}

		lag := seconds(r.Age)
		if !start.IsZero() {
			lag = min(lag, time.Since(start))
		}
		f := Finding{
			Severity: t.OutboxLag.grade(lag), Subject: "consumer " + r.Consumer,
			Message: fmt.Sprintf("it has not applied %s, the oldest %s old", plural(r.Events, "event"), age(seconds(r.Age))),
			Remedy:  "See that blotter serve runs and what it logs; end transactions that are open for long.",
		}
		if f.Severity == Critical && seconds(r.Idle) < atWork {
			f.Severity = Warning
			f.Message += "; it is catching up"
			f.Remedy = "Wait until it has caught up, and see that it falls behind no further."
		}
		return f
	})
}

// sqlDeadLetters names one event of each consumer that failed by itself, the first: the others may be parked behind it.
const sqlDeadLetters = `
select d.consumer, count(*), count(distinct d.key), first.pos, first.key, first.error
  from events.dead_letter d
 cross join lateral (
    select f.pos, f.key, f.error
      from events.dead_letter f
     where f.consumer = d.consumer and f.resolved_at is null
     order by f.error like 'parked behind %', f.pos
     limit 1) first
 where d.resolved_at is null
 group by 1, 4, 5, 6
 order by 1`

// deadLetters finds events that a consumer could not apply; later ones of the same key wait behind them.
func deadLetters(t Thresholds) Check {
	type row struct {
		Consumer     string
		Events, Keys int64
		Pos          int64
		Key, Error   string
	}
	return find("events", "dead_letters", sqlDeadLetters, func(r row) Finding {
		remedy := "Mend that, then run: blotter events resolve " + shell.Quote(r.Consumer) + " " + shell.Quote(r.Key)
		if r.Keys > 1 {
			remedy += "; blotter events status says it for each key"
		}
		return Finding{
			Severity: t.DeadLetters.grade(r.Events), Subject: "consumer " + r.Consumer,
			Message: fmt.Sprintf("%s of %s could not be applied; event %d of key %s, which came first, because: %s",
				plural(r.Events, "event"), plural(r.Keys, "key"), r.Pos, r.Key, r.Error),
			Remedy: remedy + ".",
		}
	})
}

// plural is how many there are: "1 event", "2 events".
func plural(n int64, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
