package monitor

import (
	"fmt"
	"time"
)

// sqlDetached finds tables that have the name of a partition for a time or for positions that are not over, but are
// not partitions. They were detached and are in the way of the partition that is due. The bounds are those that
// ATTACH takes.
const sqlDetached = `
named as (
    select t.table_name, t.ahead, t.size, c.oid::regclass as leaf,
           regexp_match(substr(c.relname, length(p.relname) + 2),
                        '^(?:y([12]\d{3})|([12]\d{3})_(0[1-9]|1[0-2])|p(\d{1,12}))$') as name
      from shared.partitioned_tables t
      join pg_class p on p.oid = t.table_name
      join pg_class c on c.relnamespace = p.relnamespace and starts_with(c.relname, p.relname || '_')
     where c.relkind in ('r', 'p', 'f') and not c.relispartition
), times as (
    select n.*, make_timestamptz(coalesce(name[1], name[2])::int, coalesce(name[3], '1')::int, 1, 0, 0, 0, 'UTC') as at,
           case when name[1] is null then interval '1 month' else interval '1 year' end as span
      from named n
), detached as (
    select table_name, leaf, at::text as lower, (at + span)::text as upper
      from times
     where ahead in ('month', 'year') and at + span > now()
    union all
    select table_name, leaf, (name[4]::bigint * size)::text, ((name[4]::bigint + 1) * size)::text
      from named
      left join shared.sequence_positions() s
        on s.sequence = case ahead when 'positions' then pg_get_serial_sequence(table_name::text, 'pos') end
     where ahead = 'positions' and (name[4]::bigint + 1) * size > coalesce(s.last_value, 0)
)`

// sqlAhead finds, for each table with partitions by time, the first instant from now on without a partition, the next
// instant with one, if there is one (then there is a gap), and the table that was detached there.
const sqlAhead = `
with leaves as (
    select p.table_name, p.lower::timestamptz as lower, p.upper::timestamptz as upper
      from shared.partitions p join shared.partitioned_tables t using (table_name)
     where t.ahead in ('month', 'year') and not p.detach_pending and p.lower ~ '^\d' and p.upper ~ '^\d'
), edges as (
    select t.table_name, e.at
      from shared.partitioned_tables t
     cross join lateral (select now() as at
                         union all
                         select l.upper from leaves l where l.table_name = t.table_name and l.upper > now()) e
     where t.ahead in ('month', 'year')
), first as (
    select e.table_name, min(e.at) as at
      from edges e
     where not exists (select from leaves l where l.table_name = e.table_name and l.lower <= e.at and l.upper > e.at)
     group by 1
), ` + sqlDetached + `
select f.table_name::text, f.at, extract(epoch from f.at - now())::float8,
       (select min(l.lower) from leaves l where l.table_name = f.table_name and l.lower > f.at),
       coalesce((select d.leaf::text from detached d
                  where d.table_name = f.table_name and d.upper ~ '-'
                    and d.lower::timestamptz <= f.at and d.upper::timestamptz > f.at limit 1), '')
  from first f
 order by 1`

type aheadRow struct {
	Table    string
	At       time.Time
	Left     float64
	Next     *time.Time
	Detached string
}

// remedy returns otherwise, unless a detached table is in the way of the partition.
func (r aheadRow) remedy(otherwise string) string {
	if r.Detached == "" {
		return otherwise
	}
	return "The detached table " + r.Detached + " is in its place: follow the remedy of partition_foreign."
}

// partitionsAhead finds tables whose partitions end soon.
func partitionsAhead(t Thresholds) Check {
	return find("partitions", "partitions_ahead", sqlAhead, func(r aheadRow) Finding {
		return Finding{
			Severity: t.PartitionsAhead.gradeLow(seconds(r.Left)), Subject: r.Table,
			Message: fmt.Sprintf("its partitions end on %s; later rows have none", r.At.UTC().Format(time.DateOnly)),
			Remedy:  r.remedy("Run blotter partitions apply, and let blotter serve or a timer run it daily."),
		}
	})
}

// partitionGaps finds a future time without a partition before one that has a partition.
func partitionGaps(Thresholds) Check {
	return find("partitions", "partition_gaps", sqlAhead, func(r aheadRow) Finding {
		if r.Next == nil {
			return Finding{}
		}
		return Finding{
			Severity: Critical, Subject: r.Table,
			Message: fmt.Sprintf("there is no partition from %s to %s",
				r.At.UTC().Format(time.DateOnly), r.Next.UTC().Format(time.DateOnly)),
			Remedy: r.remedy("Run blotter partitions apply, which creates it."),
		}
	})
}

// sqlPending lists the partitions with a pending DETACH, and whether their time or positions are over. If they are not,
// blotter partitions apply attaches the partition again.
const sqlPending = `
select p.table_name::text, p.leaf::text,
       case when p.upper ~ '^\d+$' then p.upper::bigint <= coalesce(s.last_value, 0)
            when p.upper ~ '^\d' then p.upper::timestamptz <= now() else true end
  from shared.partitions p
  join shared.partitioned_tables t using (table_name)
  left join shared.sequence_positions() s
    on s.sequence = case t.ahead when 'positions' then pg_get_serial_sequence(p.table_name::text, 'pos') end
 where p.detach_pending
 order by 2`

// detachPending finds partitions whose DETACH CONCURRENTLY was interrupted.
func detachPending(Thresholds) Check {
	type row struct {
		Table, Leaf string
		Over        bool
	}

	return find("partitions", "partition_detach_pending", sqlPending, func(r row) Finding {
		remedy := "Run blotter partitions apply, which attaches it again because its time is not over."
		if r.Over {
			remedy = "Run blotter partitions apply, which completes the detach; the partition then is a separate " +
				"table with its rows."
		}

		return Finding{
			Severity: Critical, Subject: r.Leaf, Remedy: remedy,
			Message: "DETACH from " + r.Table + " was interrupted: its rows are invisible, and rows of its time " +
				"are refused",
		}
	})
}

// sqlForeign lists the partitions with bounds that blotter does not create, and the tables that were detached.
const sqlForeign = `
with ` + sqlDetached + `
select t.table_name::text, c.oid::regclass::text, pg_get_expr(c.relpartbound, c.oid), '', ''
  from shared.partitioned_tables t
  join pg_inherits i on i.inhparent = t.table_name
  join pg_class c on c.oid = i.inhrelid
 where pg_get_expr(c.relpartbound, c.oid) !~ '^FOR VALUES FROM \(''?\d[^)]*\) TO \(''?\d[^)]*\)$'
union all
select table_name::text, leaf::text, '', lower, upper from detached
 order by 2`

type foreignRow struct{ Table, Leaf, Bounds, Lower, Upper string }

// foreignPartitions finds partitions with bounds that blotter does not create, for example DEFAULT. With a DEFAULT
// partition, none can be detached without blocking readers, and its rows keep the right partition from being created.
// The check also finds detached tables that are in the way of a partition that is due.
func foreignPartitions(Thresholds) Check {
	return find("partitions", "partition_foreign", sqlForeign, func(r foreignRow) Finding {
		if r.Bounds == "" {
			return r.detached()
		}

		return Finding{
			Severity: Warning, Subject: r.Leaf,
			Message: "a partition of " + r.Table + " with bounds that blotter does not manage: " + r.Bounds,
			Remedy: "In blotter psql --as owner, detach it and move its rows " +
				"(docs/runbook.md has the statements): ALTER TABLE " + r.Table + " DETACH PARTITION " + r.Leaf + ".",
		}
	})
}

func (r foreignRow) detached() Finding {
	return Finding{
		Severity: Warning, Subject: r.Leaf,
		Message: "a detached table with the name of a partition of " + r.Table + " that is due",
		Remedy: fmt.Sprintf("In blotter psql --as owner: "+
			"ALTER TABLE %s ATTACH PARTITION %s FOR VALUES FROM ('%s') TO ('%s'); "+
			"or, to keep it detached, rename it and run blotter partitions apply.",
			r.Table, r.Leaf, r.Lower, r.Upper),
	}
}

const sqlOutboxRoom = `
select t.table_name::text,
       coalesce(max(case when p.upper ~ '^\d+$' then p.upper::bigint end), 0) - coalesce(max(s.last_value), 0), t.size
  from shared.partitioned_tables t
  left join shared.partitions p on p.table_name = t.table_name and not p.detach_pending
  left join shared.sequence_positions() s on s.sequence = pg_get_serial_sequence(t.table_name::text, 'pos')
 where t.ahead = 'positions'
 group by t.table_name, t.size`

// outboxRoom finds an outbox whose partitions end soon. A transaction that finds no room creates the next partition
// itself, and waits for it.
func outboxRoom(t Thresholds) Check {
	type row struct {
		Table      string
		Left, Size int64
	}

	return find("partitions", "outbox_room", sqlOutboxRoom, func(r row) Finding {
		return Finding{
			Severity: t.OutboxRoom.gradeLow(int(100 * r.Left / max(1, r.Size))), Subject: r.Table,
			Message: fmt.Sprintf("its partitions have room for %d more events", max(0, r.Left)),
			Remedy:  "Run blotter partitions apply, which creates the next one.",
		}
	})
}
