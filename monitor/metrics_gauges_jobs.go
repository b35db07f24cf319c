package monitor

import (
	"context"

	"github.com/blotterdb/blotter/postgres"
)

// sqlJobGauges reads for each job how long a run has been running that is later than all that ended, as in sqlJobs,
// and the results of its runs for the whole database. A run that was killed has no duration, because its end is
// unknown.
const sqlJobGauges = `
select g.name, j.job, g.value
  from (select distinct job from shared.maintenance_runs order by job limit $1) j
  left join lateral (select id, ended_at from shared.maintenance_runs r
                      where r.job = j.job and result = 'ok' and service = '' order by id desc limit 1) ok on true
  left join lateral (select ended_at - started_at as took from shared.maintenance_runs r
                      where r.job = j.job and result in ('ok', 'failed') and service = ''
                      order by id desc limit 1) l on true
 cross join lateral (values
       ('job_last_success_timestamp_seconds', extract(epoch from ok.ended_at)::float8),
       ('job_last_duration_seconds', extract(epoch from l.took)::float8),
       ('job_running_seconds', (
         select greatest(0, extract(epoch from clock_timestamp() - min(started_at))) from shared.maintenance_runs r
          where r.job = j.job and result = 'running'
            and id > coalesce((select max(id) from shared.maintenance_runs e
                                where e.job = j.job and e.result <> 'running'), 0))::float8),
       ('job_failures', (
         select count(*) from shared.maintenance_runs r
          where r.job = j.job and result in ('failed', 'killed') and service = ''
            and id > coalesce(ok.id, 0))::float8)) g(name, value)
 where g.value is not null`

// sqlVacuumProgress reads the progress of each VACUUM, including those of autovacuum. A partitioned table counts as
// one.
const sqlVacuumProgress = `
select 'vacuum_progress_ratio', coalesce(pg_partition_root(c.oid), c.oid)::regclass::text,
       (sum(p.heap_blks_scanned) / greatest(sum(p.heap_blks_total), 1))::float8
  from pg_stat_progress_vacuum p
  join pg_class c on c.oid = p.relid
  join pg_namespace n on n.oid = c.relnamespace
 where p.datname = current_database()
   and n.nspname in ` + schemas + `
 group by 2
 order by 2
 limit $1`

// jobGauges returns the state of maintenance jobs and the progress of running VACUUMs.
func jobGauges(ctx context.Context, q postgres.Querier) ([]Gauge, error) {
	jobs, err := read[Gauge](ctx, q, sqlJobGauges, labelsMax)
	if err != nil {
		return nil, err
	}

	vacuums, err := read[Gauge](ctx, q, sqlVacuumProgress, labelsMax)
	return append(jobs, vacuums...), err
}
