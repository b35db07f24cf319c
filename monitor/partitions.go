package monitor

import (
	"fmt"
	"time"
)

// sqlAhead is, for each table that gets partitions by time, the first instant from now on that has none, and whether a
// later one has: a gap.
const sqlAhead = `
with leaves as (
    select p.table_name, p.lower::timestamptz as lower, p.upper::timestamptz as upper
      from shared.partitions p join shared.partitioned_tables t using (table_name)
     where t.ahead in ('month', 'year') and not p.detach_pending and p.lower ~ '^\d' and p.upper ~ '^\d'
), edges as (
    select t.table_name, e.at
      from shared.partitioned_tables t
     cross join lateral (select now() as at union all select l.upper from leaves l where l.table_name = t.table_name and l.upper > now()) e
     where t.ahead in ('month', 'year')
), first as (
    select e.table_name, min(e.at) as at
      from edges e
     where not exists (select from leaves l where l.table_name = e.table_name and l.lower <= e.at and l.upper > e.at)
     group by 1
)
select f.table_name::text, f.at, extract(epoch from f.at - now())::float8,
       (select min(l.lower) from leaves l where l.table_name = f.table_name and l.lower > f.at)
  from first f
 order by 1`

type aheadRow struct {
	Table string
	At    time.Time
	Left  float64
	Next  *time.Time
}

// partitionsAhead finds tables whose partitions end soon.
func partitionsAhead(t Thresholds) Check {
	return find("partitions", "partitions_ahead", sqlAhead, func(r aheadRow) Finding {
		return Finding{
			Severity: t.PartitionsAhead.gradeLow(seconds(r.Left)), Subject: r.Table,
			Message: fmt.Sprintf("its partitions end on %s; rows after that have none", r.At.UTC().Format(time.DateOnly)),
			Remedy:  "Run blotter partitions apply, and have blotter serve or a timer do it daily.",
		}
	})
}

// partitionGaps finds times to come without a partition between times that have one.
func partitionGaps(Thresholds) Check {
	return find("partitions", "partition_gaps", sqlAhead, func(r aheadRow) Finding {
		if r.Next == nil {
			return Finding{}
		}
		return Finding{
			Severity: Critical, Subject: r.Table,
			Message: fmt.Sprintf("there is no partition from %s to %s", r.At.UTC().Format(time.DateOnly), r.Next.UTC().Format(time.DateOnly)),
			Remedy:  "Run blotter partitions apply, which makes what is missing.",
		}
	})
}

const sqlPending = `select table_name::text, leaf::text from shared.partitions where detach_pending order by 2`

// detachPending finds partitions whose detaching was cut short.
func detachPending(Thresholds) Check {
	type row struct{ Table, Leaf string }
	return find("partitions", "partition_detach_pending", sqlPending, func(r row) Finding {
		return Finding{
			Severity: Critical, Subject: r.Leaf,
			Message: "its detaching from " + r.Table + " was cut short: its rows are invisible and rows of its time are refused",
			Remedy:  "Run blotter partitions apply, which ends it.",
		}
	})
}

const sqlForeign = `
select t.table_name::text, c.oid::regclass::text, pg_get_expr(c.relpartbound, c.oid)
  from shared.partitioned_tables t
  join pg_inherits i on i.inhparent = t.table_name
  join pg_class c on c.oid = i.inhrelid
 where pg_get_expr(c.relpartbound, c.oid) !~ '^FOR VALUES FROM \(''?\d[^)]*\) TO \(''?\d[^)]*\)$'`

// foreignPartitions finds partitions with bounds that blotter does not make, as DEFAULT: with one, no partition can be
// detached beside readers, and rows that lie in it keep the right one from being made.
func foreignPartitions(Thresholds) Check {
	type row struct{ Table, Leaf, Bounds string }
	return find("partitions", "partition_foreign", sqlForeign, func(r row) Finding {
		return Finding{
			Severity: Warning, Subject: r.Leaf, Message: "a partition of " + r.Table + " with bounds that blotter does not look after: " + r.Bounds,
			Remedy: "Detach it (ALTER TABLE " + r.Table + " DETACH PARTITION " + r.Leaf + ") and insert its rows into the table again.",
		}
	})
}

const sqlOutboxRoom = `
select t.table_name::text, coalesce(max(case when p.upper ~ '^\d+$' then p.upper::bigint end), 0) - coalesce(max(s.last_value), 0), t.size
  from shared.partitioned_tables t
  left join shared.partitions p on p.table_name = t.table_name and not p.detach_pending
  left join shared.sequence_positions() s on s.sequence = pg_get_serial_sequence(t.table_name::text, 'pos')
 where t.ahead = 'positions'
 group by t.table_name, t.size`

// outboxRoom finds an outbox whose partitions end soon. A transaction makes the next one itself, but then waits for it.
func outboxRoom(t Thresholds) Check {
	type row struct {
		Table      string
		Left, Size int64
	}
	return find("partitions", "outbox_room", sqlOutboxRoom, func(r row) Finding {
		return Finding{
			Severity: t.OutboxRoom.gradeLow(int(100 * r.Left / max(1, r.Size))), Subject: r.Table,
			Message: fmt.Sprintf("its partitions have room for %d events more", max(0, r.Left)),
			Remedy:  "Run blotter partitions apply, which makes the next one.",
		}
	})
}
