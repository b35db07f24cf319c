package monitor

import "fmt"

// sqlDeadTuples sums up the rows of a partitioned table over its partitions.
const sqlDeadTuples = `
select coalesce(pg_partition_root(relid), relid)::regclass::text, sum(n_live_tup)::bigint, sum(n_dead_tup)::bigint,
       (array_agg(relid::regclass::text order by n_dead_tup desc))[1],
       coalesce(extract(epoch from clock_timestamp() - max(greatest(last_vacuum, last_autovacuum))), -1)::float8
  from pg_stat_user_tables
 group by 1`

// deadTuples finds tables with many dead rows.
func deadTuples(t Thresholds) Check {
	type row struct {
		Table      string
		Live, Dead int64
		Worst      string
		Vacuumed   float64
	}

	return find("vacuum", "dead_tuples", sqlDeadTuples, func(r row) Finding {
		if r.Dead < t.DeadTuplesMin {
			return Finding{}
		}

		vacuumed := "never vacuumed"
		if r.Vacuumed >= 0 {
			vacuumed = "vacuumed " + age(seconds(r.Vacuumed)) + " ago"
		}

		percent := int(100 * r.Dead / (r.Live + r.Dead))
		return Finding{
			Severity: t.DeadTuplesPercent.grade(percent), Subject: r.Table,
			Message: fmt.Sprintf("%d dead rows, %d %% of all, most of them in %s; %s", r.Dead, percent, r.Worst,
				vacuumed),
			Remedy: "Run blotter maintain run vacuum_analyze, and look for a long transaction that keeps them.",
		}
	})
}

// sqlVacuumAge looks at each partition and reports its table, because only the newest partition of a table changes.
const sqlVacuumAge = `
select root::regclass::text, sum(changed)::bigint, max(aged)::float8
  from (select coalesce(pg_partition_root(relid), relid) as root, n_dead_tup + n_ins_since_vacuum as changed,
               extract(epoch from clock_timestamp() - coalesce(greatest(last_vacuum, last_autovacuum),
                   (select stats_reset from pg_stat_database where datname = current_database()),
                   pg_postmaster_start_time())) as aged
          from pg_stat_user_tables) s
 where changed >= $1
 group by root`

// vacuumAge finds tables that have changed and were not vacuumed for a long time.
func vacuumAge(t Thresholds) Check {
	type row struct {
		Table   string
		Changed int64
		Age     float64
	}

	return find("vacuum", "vacuum_age", sqlVacuumAge, func(r row) Finding {
		return Finding{
			Severity: t.UnvacuumedAge.grade(seconds(r.Age)), Subject: r.Table,
			Message: fmt.Sprintf("%d rows have changed since the last vacuum, at least %s ago", r.Changed,
				age(seconds(r.Age))),
			Remedy: "Check that autovacuum is on, or run blotter maintain run vacuum_analyze.",
		}
	}, t.DeadTuplesMin)
}

// sqlUnanalyzed finds nothing if the job analyze, which runs daily, has succeeded recently.
const sqlUnanalyzed = `
select p.oid::regclass::text, sum(s.n_live_tup)::bigint
  from pg_class p
  join pg_stat_user_tables s on pg_partition_root(s.relid) = p.oid
 where p.relkind = 'p' and not p.relispartition and pg_stat_get_last_analyze_time(p.oid) is null
   and s.n_live_tup > 0
   and not exists (select from shared.maintenance_runs
                    where job = 'analyze' and service = '' and result = 'ok'
                      and ended_at > clock_timestamp() - interval '25 hours')
 group by p.oid`

// unanalyzedParents finds partitioned tables without statistics of their own. Autovacuum never gathers them, and
// without them joins are planned badly.
func unanalyzedParents(t Thresholds) Check {
	type row struct {
		Table string
		Rows  int64
	}

	return find("vacuum", "parent_never_analyzed", sqlUnanalyzed, func(r row) Finding {
		if r.Rows < t.UnanalyzedRows {
			return Finding{}
		}
		return Finding{
			Severity: Warning, Subject: r.Table,
			Message: fmt.Sprintf("its partitions have %d rows, but the table itself was never analyzed; "+
				"autovacuum does not do that", r.Rows),
			Remedy: "Run blotter maintain run analyze (ANALYZE " + r.Table + ").",
		}
	})
}

// sqlFreezeAge looks at every database of the server, because a neglected one stops all of them.
const sqlFreezeAge = `
select datname::text, age(datfrozenxid)::bigint, mxid_age(datminmxid)::bigint
  from pg_database
 where datallowconn`

// xidAge finds a database whose oldest rows are near the limit of transaction numbers, at which the server stops.
func xidAge(t Thresholds) Check {
	return freezeAge("xid_age", "transactions", t.XIDAge, func(r freezeRow) int64 { return r.XIDs })
}

// multixactAge finds the same for multixacts, the numbers of rows that several transactions lock.
func multixactAge(t Thresholds) Check {
	return freezeAge("multixact_age", "multixacts", t.MultixactAge, func(r freezeRow) int64 { return r.Multixacts })
}

type freezeRow struct {
	Database         string
	XIDs, Multixacts int64
}

func freezeAge(name, what string, level Level[int64], figure func(freezeRow) int64) Check {
	return find("vacuum", name, sqlFreezeAge, func(r freezeRow) Finding {
		return Finding{
			Severity: level.grade(figure(r)), Subject: "database " + r.Database,
			Message: fmt.Sprintf("its oldest unfrozen row is %d %s old; at 2,100 M the server refuses to write",
				figure(r), what),
			Remedy: "End old transactions and drop old slots, then run VACUUM (FREEZE) on the oldest tables.",
		}
	})
}

const sqlSequences = `
select format('%I.%I', s.schemaname, s.sequencename), coalesce(s.last_value, p.last_value, 0),
       least(s.max_value, case t.typname when 'int2' then 32767 when 'int4' then 2147483647
                          else 9223372036854775807 end)
  from pg_sequences s
  join pg_namespace n on n.nspname = s.schemaname
  join pg_class c on c.relnamespace = n.oid and c.relname = s.sequencename
  left join shared.sequence_positions() p on p.sequence = format('%I.%I', s.schemaname, s.sequencename)
  left join pg_depend d on d.objid = c.oid and d.classid = 'pg_class'::regclass and d.refobjsubid > 0
       and d.deptype in ('a', 'i')
  left join pg_attribute a on a.attrelid = d.refobjid and a.attnum = d.refobjsubid
  left join pg_type t on t.oid = a.atttypid
 where not s.cycle`

// sequences finds sequences that run out of numbers, by their own limit or by that of their column.
func sequences(t Thresholds) Check {
	type row struct {
		Sequence  string
		Last, Max int64
	}

	return find("vacuum", "sequences", sqlSequences, func(r row) Finding {
		percent := int(float64(r.Last) / float64(r.Max) * 100)
		return Finding{
			Severity: t.SequencePercent.grade(percent), Subject: r.Sequence,
			Message: fmt.Sprintf("%d of %d numbers are used (%d %%)", r.Last, r.Max, percent),
			Remedy:  "Change the column and its sequence to bigint, or restart the sequence if old numbers are free.",
		}
	})
}
