package maintenance

import (
	"context"
	"time"

	"github.com/blotterdb/blotter/internal/pgerror"
	"github.com/jackc/pgx/v5"
)

// pastRun is one run of a job, as its row says.
type pastRun struct {
	id         int64
	result     string
	started    time.Time
	ended      time.Time // zero while it runs
	by, reason string
}

// clockSlack is how far a run may lie in the future before it is taken for one of a clock that was set back since.
const clockSlack = time.Minute

// due is when a job is to run next; runs are its last ones, newest first. A job that never ran is due now, and so is one
// whose last run ended in the future: the clock was set back, and nobody knows how long ago that was. The zero time is
// never.
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
		return now // whoever has the lock knows whether it still runs
	}
	return last.ended.Add(min(r.cfg.RetryAfter<<min(failures-1, pastRunsMax), r.cfg.RetryMax, job.Every))
}

// pastRunsMax is how many runs of a job are looked at: as many failures as matter.
const pastRunsMax = 12

// sqlPastRuns reads the last runs of jobs, those for the whole database: runs for one service are not of the schedule.
const sqlPastRuns = `
select j.job, r.id, r.result, r.started_at, r.ended_at, r.run_by, r.error
  from unnest($1::text[]) j (job)
 cross join lateral (select * from shared.maintenance_runs m where m.job = j.job and m.service = '' order by m.id desc limit $2) r
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
	_, err = pgx.ForEachRow(rows, []any{&job, &run.id, &run.result, &run.started, &ended, &run.by, &run.reason}, func() error {
		run.ended = time.Time{}
		if ended != nil {
			run.ended = *ended
		}
		found[job] = append(found[job], run)
		return nil
	})
	return found, pgerror.Translate(ctx, "schedule", err)
}

// dueJobs are the jobs that are due by the rows of the last runs.
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
