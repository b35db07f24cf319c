package monitor

import (
	"cmp"
	"fmt"
)

// jobs lists the maintenance jobs that every database needs. Each run of a job is a row of shared.maintenance_runs.
var jobs = []string{"vacuum_analyze", "analyze", "archive_logs", "partitions", "verify", "reconcile"}

// sqlJobs reads for each job its last run that ended, its last successful run, and how long a later run has been
// running. A run that was killed never ends, and the next one takes its place. The result of a proof stays valid if a
// later run could not complete. A job that never ran counts from the creation of the schema, so that a new database
// is not overdue. A run for one service does not count as success.
const sqlJobs = `
select j.job, coalesce(l.result, ''), coalesce(l.error, ''), coalesce(l.figures -> 'needs_force' = 'true', false),
       coalesce(l.figures ? 'mismatches', false),
       coalesce((select figures ->> 'mismatches' from shared.maintenance_runs r
                  where r.job = j.job and (figures ? 'mismatches' or result = 'ok') order by id desc limit 1), '0'),
       coalesce(extract(epoch from clock_timestamp() - coalesce(ok.ended_at,
           (select min(tstamp) at time zone 'UTC' from shared.schema_version))), 0)::float8,
       ok.ended_at is not null,
       coalesce((select extract(epoch from clock_timestamp() - min(started_at)) from shared.maintenance_runs r
                  where r.job = j.job and result = 'running' and id > coalesce(l.id, 0)), 0)::float8
  from unnest($1::text[]) j(job)
  left join lateral (select id, result, error, figures from shared.maintenance_runs r
                      where r.job = j.job and result <> 'running' order by id desc limit 1) l on true
  left join lateral (select ended_at from shared.maintenance_runs r
                      where r.job = j.job and result = 'ok' and service = '' order by id desc limit 1) ok on true`

type jobRow struct {
	Job, Result, Error string
	NeedsForce         bool // the last run refused to go on without --force
	Compared           bool // the last run counted mismatches
	Mismatches         string
	SinceOK            float64
	Ever               bool
	Running            float64
}

// command returns the command that runs the job, with what its last run asked for.
func (r jobRow) command() string {
	if r.NeedsForce {
		return "blotter maintain run " + r.Job + " --force"
	}
	return "blotter maintain run " + r.Job
}

// jobOverdue finds jobs without a recent success.
func jobOverdue(t Thresholds) Check {
	return find("maintenance", "maintenance_overdue", sqlJobs, func(r jobRow) Finding {
		if r.Job == "reconcile" && !r.Ever {
			return Finding{} // a database without analytics does not need it
		}

		message := fmt.Sprintf("it last succeeded %s ago", age(seconds(r.SinceOK)))
		if !r.Ever {
			message = fmt.Sprintf("it has never succeeded, and the database is %s old", age(seconds(r.SinceOK)))
		}

		return Finding{
			Severity: t.JobOverdue.grade(seconds(r.SinceOK)), Subject: "job " + r.Job, Message: message,
			Remedy: "Run " + r.command() + ", and keep blotter serve running, which runs it daily.",
		}
	}, jobs)
}

// jobFailed finds jobs whose last run failed, and jobs that have been running for too long.
func jobFailed(t Thresholds) Check {
	return find("maintenance", "maintenance_failed", sqlJobs, func(r jobRow) Finding {
		f := Finding{Subject: "job " + r.Job, Remedy: "Fix the cause, then run " + r.command() + "."}
		if r.NeedsForce {
			f.Remedy = "Check that the retention and the clock are right, then run " + r.command() + "."
		}
		if f.Severity = t.JobRunning.grade(seconds(r.Running)); f.Severity != "" {
			f.Message = "a run started " + age(seconds(r.Running)) + " ago and has not ended"
			f.Remedy = "Check in pg_stat_activity whether it is still working. The next run replaces one whose " +
				"process is gone."
		}
		if r.Result != "" && r.Result != "ok" && !r.Compared {
			f.Severity = worse(f.Severity, Warning)
			f.Message = "its last run failed: " + cmp.Or(r.Error, r.Result)
		}

		return f
	}, jobs)
}

// proof returns a check of the mismatches that the last complete run of a job counted.
func proof(job, command, what string) Check {
	return find("maintenance", job+"_result", sqlJobs, func(r jobRow) Finding {
		f := Finding{
			Subject: "job " + job,
			Remedy: "Run blotter " + command + " to list the differences. The trades are right: positions and " +
				"analytics derive from them.",
		}

		if r.Mismatches != "0" {
			f.Severity = Critical
			f.Message = r.Mismatches + " " + what
		}

		return f
	}, []string{job})
}

// verifyResult finds positions and orders that disagree with their trades.
func verifyResult(Thresholds) Check {
	return proof("verify", "verify", "values of positions or orders disagree with their trades")
}

// reconcileResult finds analytics that disagree with the trades.
func reconcileResult(Thresholds) Check {
	return proof("reconcile", "analytics reconcile", "rows of the analytics disagree with the trades")
}
