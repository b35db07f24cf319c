package maintenance

import (
	"context"
	"time"

	"github.com/blotterdb/blotter/internal/pgerror"
	"github.com/jackc/pgx/v5"
)

// pastRun is a recorded run of a job.
type pastRun struct {
	id         int64
	result     string
	started    time.Time
	ended      time.Time // zero while it runs
	by, reason string
}

// clockSlack is how far in the future a run may have ended before the clock counts as set back.
const clockSlack = time.Minute

// due returns when a job is due, or the zero time if it never is. runs are its last runs, newest first. A job that
// never ran is due now, and so is one whose last run ended in the future: the clock was set back, so the time since
// then is unknown.
func (r *Runner) due(job Job, runs []pastRun, now time.Time) time.Time {
	if job.Every <= 0 {
		return time.Time{}
	}
	if len(runs) == 0 || runs[0].ended.After(now.Add(clockSlack)) {
		return now
	}

	last := runs[0]
	failures := 0
	for failures < len(runs) && runs[failures].result != "ok" {
		failures++
	}

	switch {
	case last.result == "ok":
		return last.started.Add(job.Every)
	case last.result == "running", last.result == "killed" && failures == 1:
		return now // the holder of the lock knows whether it is still running
	}

	return last.ended.Add(min(r.cfg.RetryAfter<<min(failures-1, pastRunsMax), r.cfg.RetryMax, job.Every))
}

// pastRunsMax is the number of runs of a job that are read. More failures do not change the time of the next run.
const pastRunsMax = 12

// sqlPastRuns reads the last runs of jobs for the whole database. Runs for one service are not part of the schedule.
const sqlPastRuns = `
select j.job, r.id, r.result, r.started_at, r.ended_at, r.run_by, r.error
  from unnest($1::text[]) j (job)
 cross join lateral (select * from shared.maintenance_runs m
                      where m.job = j.job and m.service = '' order by m.id desc limit $2) r
 order by j.job, r.id desc`

func (r *Runner) pastRuns(ctx context.Context, conn *pgx.Conn) (map[string][]pastRun, error) {
	var names []string
	for _, job := range r.jobs {
		names = append(names, job.Name)
	}

	rows, err := conn.Query(ctx, sqlPastRuns, names, pastRunsMax)
	if err != nil {
		return nil, pgerror.Translate(ctx, "schedule", err)
	}

	found := map[string][]pastRun{}
	var job string
	var run pastRun
	var ended *time.Time
	columns := []any{&job, &run.id, &run.result, &run.started, &ended, &run.by, &run.reason}
	_, err = pgx.ForEachRow(rows, columns, func() error {
		run.ended = time.Time{}
		if ended != nil {
			run.ended = *ended
		}
		found[job] = append(found[job], run)
		return nil
	})

	return found, pgerror.Translate(ctx, "schedule", err)
}

// dueJobs returns the jobs that are due by their recorded runs.
func (r *Runner) dueJobs(ctx context.Context, conn *pgx.Conn) (due []Job, err error) {
	now, err := r.now(ctx, conn)
	if err != nil {
		return nil, pgerror.Translate(ctx, "schedule", err)
	}

	runs, err := r.pastRuns(ctx, conn)
	if err != nil {
		return nil, err
	}

	for _, job := range r.jobs {
		if at := r.due(job, runs[job.Name], now); !at.IsZero() && !at.After(now) {
			due = append(due, job)
		}
	}

	return due, nil
}
