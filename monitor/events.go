package monitor

import "fmt"

// sqlOutboxLag counts what is committed and not applied by each consumer, at most 100,000 events of each: what its done
// snapshot does not contain, less what it has read of the window that it is in. One that was expired is waited for by nobody.
const sqlOutboxLag = `
select c.consumer, o.events, coalesce(extract(epoch from clock_timestamp() - o.oldest), 0)::float8
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
}

// outboxLag finds consumers of events that are behind, as the analytics or the relay to Redis.
func outboxLag(t Thresholds) Check {
	return find("events", "outbox_lag", sqlOutboxLag, func(r outboxRow) Finding {
		if r.Events == 0 {
			return Finding{}
		}
		return Finding{
			Severity: t.OutboxLag.grade(seconds(r.Age)), Subject: "consumer " + r.Consumer,
			Message: fmt.Sprintf("it has not applied %d events, the oldest %s old", r.Events, age(seconds(r.Age))),
			Remedy:  "See that blotter serve runs and what it logs; end transactions that are open for long.",
		}
	})
}

const sqlDeadLetters = `
select consumer, count(*), count(distinct key), max(error)
  from events.dead_letter
 where resolved_at is null
 group by 1
 order by 1`

// deadLetters finds events that a consumer could not apply; later ones of the same key wait behind them.
func deadLetters(t Thresholds) Check {
	type row struct {
		Consumer     string
		Events, Keys int64
		Error        string
	}
	return find("events", "dead_letters", sqlDeadLetters, func(r row) Finding {
		return Finding{
			Severity: t.DeadLetters.grade(r.Events), Subject: "consumer " + r.Consumer,
			Message: fmt.Sprintf("%d events of %d keys could not be applied, one because: %s", r.Events, r.Keys, r.Error),
			Remedy:  "Mend the cause that the error names, then run blotter events resolve.",
		}
	})
}
