package maintenance

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/internal/advisory"
	"github.com/blotterdb/blotter/internal/pgerror"
	"github.com/blotterdb/blotter/postgres"
	"github.com/jackc/pgx/v5"
)

// Runner runs jobs one after the other, as the only runner of a database. It is safe for concurrent use.
type Runner struct {
	cfg  Config
	jobs []Job
}

// New returns a runner. It does not connect to the database. It returns ErrInvalid for an invalid configuration.
func New(cfg Config) (*Runner, error) {
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	r := &Runner{cfg: cfg.withDefaults()}
	return r, r.collect()
}

// Jobs returns the jobs of the runner in the order in which they run.
func (r *Runner) Jobs() []Job { return slices.Clone(r.jobs) }

// Request says which jobs to run, and how.
type Request struct {
	Jobs     []string                    // names, or "all"
	Service  string                      // schema to work on; "" means the whole database
	DryRun   bool                        // report what would be done, and change nothing
	Force    bool                        // also do unnecessary work, and work that is refused for its size
	Say      func(job, step string)      // called for each step that was done, or would be; may be nil
	Progress func(job, text string)      // called with the progress of long steps; may be nil
	Begin    func(job string)            // called before a job; may be nil
	End      func(job string, o Outcome) // called after a job; may be nil
}

// Outcome is the result of a run.
type Outcome struct {
	Job     string
	Elapsed time.Duration
	Figures Figures
	Err     error // nil if it succeeded
}

// Run runs the jobs of a request now, whether they are due or not. The error of a job is in its outcome and does not
// stop the others. A dry run takes no lock and is not recorded.
//
// Run returns ErrInvalid for an unknown job or service, a *BusyError if another runner is working, and errors of the
// connection to the database.
func (r *Runner) Run(ctx context.Context, req Request) ([]Outcome, error) {
	jobs, err := r.choose(req)
	if err != nil {
		return nil, err
	}

	conn, err := r.connect(ctx, "lock")
	if err != nil {
		return nil, err
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()

	if err := checkService(ctx, conn, req.Service); err != nil {
		return nil, err
	}
	if !req.DryRun {
		if err := r.lock(ctx, conn, advisory.Patience); err != nil {
			return nil, err
		}
		defer unlock(ctx, conn)
	}

	var outcomes []Outcome
	for _, job := range jobs {
		if req.Begin != nil {
			req.Begin(job.Name)
		}
		outcome, err := r.run(ctx, conn, job, req)
		if err != nil {
			return outcomes, err
		}
		outcomes = append(outcomes, outcome)
		if req.End != nil {
			req.End(job.Name, outcome)
		}
	}

	return outcomes, nil
}

// run runs one job and records the run. The error is that of recording it; the error of the job is in the outcome.
func (r *Runner) run(ctx context.Context, conn *pgx.Conn, job Job, req Request) (o Outcome, err error) {
	if err := ctx.Err(); err != nil {
		return o, pgerror.Translate(ctx, "maintain", err)
	}

	var id int64
	if !req.DryRun {
		if id, err = r.begin(ctx, conn, job.Name, req.Service); err != nil {
			return o, err
		}
	}

	start := time.Now()
	o = Outcome{Job: job.Name}
	watched, done := r.watch(ctx, conn, job.Limit)
	o.Figures, o.Err = r.guarded(watched, job, newTask(job.Name, req))
	cause := context.Cause(watched)
	if o.Err != nil && cause != nil {
		o.Err = explainEnd(cause, o.Err)
	}

	done()
	o.Elapsed = time.Since(start)
	if req.DryRun {
		return o, nil
	}

	r.report(ctx, o, req.Service, errors.Is(cause, errLost))
	return o, r.end(ctx, conn, id, o)
}

func newTask(job string, req Request) *Task {
	task := &Task{
		Service: req.Service, DryRun: req.DryRun, Force: req.Force,
		Say: func(string) {}, Progress: func(string) {},
	}

	if req.Say != nil {
		task.Say = func(step string) { req.Say(job, step) }
	}
	if req.Progress != nil {
		task.Progress = func(text string) { req.Progress(job, text) }
	}

	return task
}

// guarded runs a job and turns a panic into an error, so that a job of another package does not stop the others.
func (r *Runner) guarded(ctx context.Context, job Job, task *Task) (figures Figures, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = &blotter.Error{Kind: blotter.ErrProgramming, Message: fmt.Sprintf("panic: %v", p)}
			r.cfg.Logger.ErrorContext(ctx, "maintenance job panicked",
				"job", job.Name, "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
		}
	}()
	return job.Run(ctx, task)
}

var (
	errLimit = errors.New("it exceeded its time limit")
	errLost  = errors.New("the runner lost its connection to the database, and so its lock")
)

// explainEnd returns the cause for which a run was stopped, instead of the error that this led to.
func explainEnd(cause, err error) error {
	switch {
	case errors.Is(cause, errLimit), errors.Is(cause, errLost):
		return &blotter.Error{Kind: blotter.ErrOperational, Message: cause.Error(), Err: err, Retry: true}
	case errors.Is(cause, context.Canceled):
		return &blotter.Error{
			Kind: blotter.ErrOperational, Message: "it was stopped before its end; the next run continues",
			Err: errors.Join(cause, err), Retry: true,
		}
	}

	return err
}

// report logs the result of a job. A job that was interrupted by the end of the daemon or a lost connection is not an
// error, because the next run continues.
func (r *Runner) report(ctx context.Context, o Outcome, service string, lost bool) {
	attrs := []any{"job", o.Job, "service", service, "duration_ms", o.Elapsed.Milliseconds()}
	if o.Err == nil {
		r.cfg.Logger.InfoContext(ctx, "maintenance done", append(attrs, "figures", o.Figures)...)
		return
	}

	level := slog.LevelError
	switch {
	case ctx.Err() != nil:
		level = slog.LevelInfo
	case lost:
		level = slog.LevelWarn
	}

	r.cfg.Logger.Log(ctx, level, "maintenance failed", append(attrs, "error", o.Err.Error())...)
}

// connect opens a connection that acts as trading_owner, with timeouts for statements and locks.
func (r *Runner) connect(ctx context.Context, what string, opts ...postgres.OwnerOption) (*pgx.Conn, error) {
	opts = append([]postgres.OwnerOption{postgres.OwnerTimeouts(r.cfg.StatementTimeout, r.cfg.LockTimeout)}, opts...)
	return postgres.ConnectOwner(ctx, r.cfg.OwnerURL, "blotter maintenance "+what, opts...)
}

const sqlSchemas = `select nspname::text from pg_namespace where nspowner = 'trading_owner'::regrole order by 1`

// checkService returns ErrInvalid for a service that is not a schema of blotter.
func checkService(ctx context.Context, conn *pgx.Conn, service string) error {
	if service == "" {
		return nil
	}

	rows, err := conn.Query(ctx, sqlSchemas)
	if err != nil {
		return pgerror.Translate(ctx, "maintain", err)
	}

	schemas, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return pgerror.Translate(ctx, "maintain", err)
	}

	if slices.Contains(schemas, service) {
		return nil
	}

	return blotter.Invalid("service", service, "one of "+strings.Join(schemas, ", "))
}
