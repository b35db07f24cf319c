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

// Status is how one job stands.
type Status struct {
	Job      string
	Short    string
	Every    time.Duration // 0 is only when asked
	Result   string        // of the last run: "", "running", "ok", "failed", "killed"
	Started  time.Time     // of the last run; zero where it never ran
	Elapsed  time.Duration // of the last run, or since it began
	By       string        // who ran it
	Error    string
	Failures int       // in a row, up to 12
	Due      time.Time // by a Scheduler with this configuration; zero is never
	Progress []string  // of a VACUUM that runs, for the same login
}

const sqlProgressOfAll = `
select p.relid::regclass::text, p.phase, p.heap_blks_scanned, p.heap_blks_total
  from pg_stat_progress_vacuum p join pg_stat_activity a using (pid)
 where p.datname = current_database() and a.application_name like 'blotter maintenance%' and p.phase is not null
 order by p.pid`

// Status tells of every job how its last run went and when it is due.
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
	s.Result, s.Started, s.By, s.Error = last.result, last.started, last.by, last.reason
	if s.Elapsed = last.ended.Sub(last.started); last.ended.IsZero() {
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

// addProgress tells how far the VACUUM is that runs, if one does.
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
		if list[i].Job == "vacuum_analyze" { // also of a run for one service, which is not in the list
			list[i].Progress = lines
		}
	}
	return pgerror.Translate(ctx, "maintenance status", err)
}

// HistoryFilter says which runs History lists.
type HistoryFilter struct {
	Job    string // "" is all
	Failed bool   // only those that failed or were killed
	Limit  int    // the newest so many; 0 is 50
}

const historyDefault = 50

// History lists runs, the newest first.
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
