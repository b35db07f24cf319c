package monitor_test

import (
	"strings"
	"testing"
	"time"

	"github.com/blotterdb/blotter/monitor"
	"github.com/blotterdb/blotter/pgtest"
)

// addRun stores a run of a job that began some hours ago and took a minute.
func addRun(t *testing.T, db *pgtest.Database, job, result, message string, hours int, figures string) {
	t.Helper()

	db.Exec(t, `insert into shared.maintenance_runs (job, started_at, ended_at, run_by, result, error, figures)
		values ($1, now() - make_interval(hours => $4),
			case when $2 <> 'running' then now() - make_interval(hours => $4) + interval '1 min' end,
			'test', $2, $3, $5::text::jsonb)`,
		job, result, message, hours, figures)
}

func TestMaintenanceOverdue(t *testing.T) {
	t.Parallel()

	db, none := pgtest.Open(t), monitor.Thresholds{}
	quiet(t, db.DB, pick(t, "maintenance_overdue", none), "") // it is new
	addRun(t, db, "analyze", "ok", "", 60, "{}")
	addRun(t, db, "analyze", "failed", "no", 1, "{}")
	db.Exec(t, "insert into shared.maintenance_runs (job, service, ended_at, run_by, result) values ('analyze', "+
		"'execution', now(), 'test', 'ok')")
	fires(t, db.DB, "maintenance_overdue", none, monitor.Warning, "job analyze", "it last succeeded 2 days ago")
	addRun(t, db, "analyze", "ok", "", 1, "{}")
	quiet(t, db.DB, pick(t, "maintenance_overdue", none), "")
	db.Exec(t, "update shared.schema_version set tstamp = now() - interval '8 days'")
	fires(t, db.DB, "maintenance_overdue", none, monitor.Critical, "job partitions",
		"it has never succeeded, and the database is 8 days old")
	quiet(t, db.DB, pick(t, "maintenance_overdue", none), "job analyze")
	quiet(t, db.DB, pick(t, "maintenance_overdue", none), "job reconcile")
	addRun(t, db, "partitions", "killed", "", 1, "{}")
	fires(t, db.DB, "maintenance_failed", none, monitor.Warning, "job partitions", "its last run failed: killed")
}

func TestMaintenanceFailed(t *testing.T) {
	t.Parallel()

	db, none := pgtest.Open(t), monitor.Thresholds{}
	addRun(t, db, "archive_logs", "ok", "", 3, "{}")
	quiet(t, db.DB, pick(t, "maintenance_failed", none), "")
	addRun(t, db, "archive_logs", "failed", "no space is left", 2, "{}")
	fires(t, db.DB, "maintenance_failed", none, monitor.Warning, "job archive_logs",
		"its last run failed: no space is left")
	addRun(t, db, "archive_logs", "failed", "it would drop too much", 2, `{"needs_force": true}`)
	for _, check := range []string{"maintenance_failed", "maintenance_overdue"} {
		f := fires(t, db.DB, check, monitor.Thresholds{
			JobOverdue: monitor.Level[time.Duration]{Warning: time.Hour, Critical: 24 * time.Hour},
		},
			monitor.Warning, "job archive_logs", "")
		if !strings.Contains(f.Remedy, "blotter maintain run archive_logs --force") {
			t.Errorf("%s: %q", check, f.Remedy)
		}
	}

	addRun(t, db, "archive_logs", "ok", "", 1, "{}")
	quiet(t, db.DB, pick(t, "maintenance_failed", none), "")
	addRun(t, db, "vacuum_analyze", "running", "", 5, "{}")
	quiet(t, db.DB, pick(t, "maintenance_failed", none), "")
	addRun(t, db, "vacuum_analyze", "running", "", 7, "{}")
	fires(t, db.DB, "maintenance_failed", none, monitor.Warning, "job vacuum_analyze", "has not ended")
	addRun(t, db, "vacuum_analyze", "ok", "", 1, "{}") // the one after a run that was killed
	quiet(t, db.DB, pick(t, "maintenance_failed", none), "")
}

func TestVerifyAndReconcileResults(t *testing.T) {
	t.Parallel()

	db, none := pgtest.Open(t), monitor.Thresholds{}
	for _, job := range []string{"verify", "reconcile"} {
		addRun(t, db, job, "ok", "", 3, `{"mismatches": 0}`)
		quiet(t, db.DB, pick(t, job+"_result", none), "")
		addRun(t, db, job, "failed", "no login for it", 3, `{}`) // without a count of mismatches
		quiet(t, db.DB, pick(t, job+"_result", none), "")
		fires(t, db.DB, "maintenance_failed", none, monitor.Warning, "job "+job, "its last run failed: no login for it")
		addRun(t, db, job, "failed", "", 2, `{"mismatches": 2}`)
		fires(t, db.DB, job+"_result", none, monitor.Critical, "job "+job, "2 ")
		quiet(t, db.DB, pick(t, "maintenance_failed", none), "")
		addRun(t, db, job, "failed", "no login for it", 2, `{}`) // nor that they are right again
		fires(t, db.DB, job+"_result", none, monitor.Critical, "job "+job, "2 ")
		addRun(t, db, job, "ok", "", 1, `{}`)
		quiet(t, db.DB, pick(t, job+"_result", none), "")
	}

	quiet(t, db.DB, pick(t, "maintenance_failed", none), "")
}
