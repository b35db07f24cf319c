package monitor

import (
	"cmp"
	"fmt"
)

// Jobs are what a database needs regularly; each run of one is a row of shared.maintenance_runs.
var Jobs = []string{"vacuum_analyze", "analyze", "archive_logs", "partitions", "verify", "reconcile"}

// sqlJobs is each job's last run that ended, its last that ended well, and since when one runs that is later than these: a
// run that was killed never ends, and the next one takes its place. What a proof found stays true where a later run could
// not look. A job that never ran counts from the making of the
// schema, so that a new database is not overdue; one that ran for a part of the database alone is not done.
const sqlJobs = `
select j.job, coalesce(l.result, ''), coalesce(l.error, ''), coalesce(l.figures -> 'needs_force' = 'true', false), coalesce(l.figures ? 'mismatches', false),
       coalesce((select figures ->> 'mismatches' from shared.maintenance_runs r
                  where r.job = j.job and (figures ? 'mismatches' or result = 'ok') order by id desc limit 1), '0'),
       coalesce(extract(epoch from clock_timestamp() - coalesce(ok.ended_at, (select min(tstamp) at time zone 'UTC' from shared.schema_version))), 0)::float8,
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
	NeedsForce         bool // the last run refused what it would have to do
	Looked             bool // its end says how many figures differ
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

// jobOverdue finds jobs that did not end well for long.
func jobOverdue(t Thresholds) Check {
	return find("maintenance", "maintenance_overdue", sqlJobs, func(r jobRow) Finding {
		if r.Job == "reconcile" && !r.Ever {
			return Finding{} // who has no analytics needs none
		}
		message := fmt.Sprintf("it last ended well %s ago", age(seconds(r.SinceOK)))
		if !r.Ever {
			message = fmt.Sprintf("it never ran, and the database is %s old", age(seconds(r.SinceOK)))
		}
		return Finding{
			Severity: t.JobOverdue.grade(seconds(r.SinceOK)), Subject: "job " + r.Job, Message: message,
			Remedy: "Run " + r.command() + ", and keep blotter serve running, which does it daily.",
		}
	}, Jobs)
}

// jobFailed finds jobs whose last run failed, and those that do not end.
func jobFailed(t Thresholds) Check {
	return find("maintenance", "maintenance_failed", sqlJobs, func(r jobRow) Finding {
		f := Finding{Subject: "job " + r.Job, Remedy: "Mend what it names, then run " + r.command() + "."}
		if r.NeedsForce {
			f.Remedy = "See that the retention and the clock are right, then run " + r.command() + "."
		}
		if f.Severity = t.JobRunning.grade(seconds(r.Running)); f.Severity != "" {
			f.Message = "a run of it began " + age(seconds(r.Running)) + " ago and has not ended"
			f.Remedy = "See in pg_stat_activity whether it still works; a run whose process is gone is replaced by the next."
		}
		if r.Result != "" && r.Result != "ok" && !r.Looked {
			f.Severity, f.Message = worse(f.Severity, Warning), "its last run failed: "+cmp.Or(r.Error, r.Result)
		}
		return f
	}, Jobs)
}

// proof finds that the last run of a job which proves something, and could look, did not.
func proof(job, command, what string) Check {
	return find("maintenance", job+"_result", sqlJobs, func(r jobRow) Finding {
		f := Finding{Subject: "job " + job, Remedy: "Run blotter " + command + " to see what differs, and trust the trades: positions and analytics follow from them."}
		if r.Mismatches != "0" {
			f.Severity, f.Message = Critical, r.Mismatches+" "+what
		}
		return f
	}, []string{job})
}

func verifyResult(Thresholds) Check {
	return proof("verify", "verify", "figures of positions or orders do not follow from their trades")
}

func reconcileResult(Thresholds) Check {
	return proof("reconcile", "analytics reconcile", "rows of the analytics differ from the trades")
}
