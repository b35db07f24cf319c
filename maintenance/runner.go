package maintenance

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/internal/advisory"
	"github.com/blotterdb/blotter/internal/pgerror"
	"github.com/blotterdb/blotter/postgres"
	"github.com/jackc/pgx/v5"
)

// Runner runs jobs, one after the other, as the one runner of a database. It is safe for concurrent use.
type Runner struct {
	cfg  Config
	jobs []Job
}

// New makes a runner. It touches nothing. Its error is ErrInvalid.
func New(cfg Config) (*Runner, error) {
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	r := &Runner{cfg: cfg.withDefaults()}
	return r, r.collect()
}

// Jobs are the jobs that it knows, in the order in which all of them run.
func (r *Runner) Jobs() []Job { return append([]Job(nil), r.jobs...) }

// Request asks for runs.
type Request struct {
	Jobs     []string                    // names, or "all"
	Service  string                      // schema to keep to; "" is the whole database
	DryRun   bool                        // say what would be done, and change nothing
	Force    bool                        // also do what needs no doing, or what is refused for its size
	Say      func(job, step string)      // hears what was done, or would be; may be nil
	Progress func(job, text string)      // hears how far long steps are; may be nil
	Begin    func(job string)            // hears that a job begins; may be nil
	End      func(job string, o Outcome) // hears how it ended; may be nil
}

// Outcome is how a run ended.
type Outcome struct {
	Job     string
	Elapsed time.Duration
	Figures Figures
	Err     error // nil where all is well
}

// Run runs the jobs of a request now, whether they are due or not. A job that fails is in its outcome and does not stop
// the others. A dry run takes no lock and leaves no row.
//
// Errors: ErrInvalid for a job or service that is not there, *BusyError where another runner works, and what kept the
// runner from its database.
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

// run runs one job and keeps its row. The error is that of keeping it; the job's own is in the outcome.
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
	why := context.Cause(watched)
	if o.Err != nil && why != nil {
		o.Err = explainEnd(why, o.Err)
	}
	done()
	o.Elapsed = time.Since(start)
	if req.DryRun {
		return o, nil
	}
	r.report(ctx, o, req.Service, errors.Is(why, errLost))
	return o, r.end(ctx, conn, id, o)
}

func newTask(job string, req Request) *Task {
	task := &Task{Service: req.Service, DryRun: req.DryRun, Force: req.Force, Say: func(string) {}, Progress: func(string) {}}
	if req.Say != nil {
		task.Say = func(step string) { req.Say(job, step) }
	}
	if req.Progress != nil {
		task.Progress = func(text string) { req.Progress(job, text) }
	}
	return task
}

// guarded makes a panic of a job its failure: jobs that are handed in must not stop the others.
func (r *Runner) guarded(ctx context.Context, job Job, task *Task) (figures Figures, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = &blotter.Error{Kind: blotter.ErrProgramming, Message: fmt.Sprintf("panic: %v", p)}
			r.cfg.Logger.ErrorContext(ctx, "maintenance job panicked", "job", job.Name, "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
		}
	}()
	return job.Run(ctx, task)
}

var (
	errLimit = errors.New("it took longer than it may")
	errLost  = errors.New("the runner lost the database, and its lock with it")
)

// explainEnd says why a run was ended from outside rather than what that broke.
func explainEnd(why, err error) error {
	switch {
	case errors.Is(why, errLimit), errors.Is(why, errLost):
		return &blotter.Error{Kind: blotter.ErrOperational, Message: why.Error(), Err: err, Retry: true}
	case errors.Is(why, context.Canceled):
		return &blotter.Error{Kind: blotter.ErrOperational, Message: "it was stopped before its end; the next run goes on", Err: errors.Join(why, err), Retry: true}
	}
	return err
}

// report logs how a job ended. A job that the end of the daemon or a lost database cut short is not an error: the next run
// goes on.
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

// connect opens a connection that acts as trading_owner, with limits on every statement and lock.
func (r *Runner) connect(ctx context.Context, what string, opts ...postgres.OwnerOption) (*pgx.Conn, error) {
	opts = append([]postgres.OwnerOption{postgres.OwnerTimeouts(r.cfg.StatementTimeout, r.cfg.LockTimeout)}, opts...)
	return postgres.ConnectOwner(ctx, r.cfg.OwnerURL, "blotter maintenance "+what, opts...)
}

const sqlSchemas = `select nspname::text from pg_namespace where nspowner = 'trading_owner'::regrole order by 1`

// checkService refuses a service that is none of the schemas.
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
	names := ""
	for _, schema := range schemas {
		if schema == service {
			return nil
		}
		names += ", " + schema
	}
	return blotter.Invalid("service", service, "one of "+names[2:])
}
