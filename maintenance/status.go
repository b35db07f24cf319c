package maintenance

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/internal/pgerror"
	"github.com/blotterdb/blotter/postgres"
	"github.com/jackc/pgx/v5"
)

// Status is the state of one job.
type Status struct {
	Job      string
	Short    string
	Every    time.Duration // 0 means only on request
	Result   string        // of the last run: "", "running", "ok", "failed", "killed"
	Started  time.Time     // of the last run; zero if it never ran
	Elapsed  time.Duration // of the last run, or since it started
	By       string        // the program that ran it
	Error    string
	Failures int       // consecutive, up to 12
	Due      time.Time // for a Scheduler with this configuration; zero if never
	Progress []string  // of running VACUUMs of the same login
}

const sqlProgressOfAll = `
select p.relid::regclass::text, p.phase, p.heap_blks_scanned, p.heap_blks_total
  from pg_stat_progress_vacuum p join pg_stat_activity a using (pid)
 where p.datname = current_database() and a.application_name like 'blotter maintenance%' and p.phase is not null
 order by p.pid`

// Status returns the last run of every job, and when it is due.
func (r *Runner) Status(ctx context.Context) ([]Status, error) {
	conn, err := r.connect(ctx, "status")
	if err != nil {
		return nil, err
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()

	runs, err := r.pastRuns(ctx, conn)
	if err != nil {
		return nil, err
	}

	now, err := r.now(ctx, conn)
	if err != nil {
		return nil, pgerror.Translate(ctx, "maintenance status", err)
	}

	var list []Status
	for _, job := range r.jobs {
		list = append(list, r.status(job, runs[job.Name], now))
	}

	return list, r.addProgress(ctx, conn, list)
}

func (r *Runner) status(job Job, runs []pastRun, now time.Time) Status {
	s := Status{Job: job.Name, Short: job.Short, Every: job.Every, Due: r.due(job, runs, now)}
	if len(runs) == 0 {
		return s
	}

	last := runs[0]
	s.Result = last.result
	s.Started = last.started
	s.By = last.by
	s.Error = last.reason
	s.Elapsed = last.ended.Sub(last.started)
	if last.ended.IsZero() {
		s.Elapsed = max(0, now.Sub(last.started))
	}

	for _, run := range runs {
		if run.result == "ok" || run.result == "running" {
			break
		}
		s.Failures++
	}

	return s
}

// addProgress adds the progress of running VACUUMs.
func (r *Runner) addProgress(ctx context.Context, conn *pgx.Conn, list []Status) error {
	if _, err := conn.Exec(ctx, "set role none"); err != nil {
		return pgerror.Translate(ctx, "maintenance status", err)
	}

	rows, err := conn.Query(ctx, sqlProgressOfAll)
	if err != nil {
		return pgerror.Translate(ctx, "maintenance status", err)
	}

	lines, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (string, error) {
		var table, phase string
		var scanned, total int64
		err := row.Scan(&table, &phase, &scanned, &total)
		return fmt.Sprintf("%s: %s, %d %% of %d pages", table, phase, scanned*100/max(total, 1), total), err
	})

	for i := range list {
		if list[i].Job == "vacuum_analyze" { // includes a run for one service, which is not in the list
			list[i].Progress = lines
		}
	}

	return pgerror.Translate(ctx, "maintenance status", err)
}

// HistoryFilter says which runs History returns.
type HistoryFilter struct {
	Job    string // "" means all
	Failed bool   // only those that failed or were killed
	Limit  int    // the newest so many; default 50
}

const historyDefault = 50

// History returns recorded runs, newest first.
func (r *Runner) History(ctx context.Context, filter HistoryFilter) ([]blotter.MaintenanceRun, error) {
	conn, err := r.connect(ctx, "history")
	if err != nil {
		return nil, err
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()

	clauses := []postgres.Clause{postgres.Desc("id"), postgres.Limit(cmp.Or(filter.Limit, historyDefault))}
	if filter.Job != "" {
		clauses = append(clauses, postgres.Eq("job", filter.Job))
	}
	if filter.Failed {
		clauses = append(clauses, postgres.In("result", []string{"failed", "killed"}))
	}

	return postgres.MaintenanceRuns.Find(ctx, conn, clauses...)
}
