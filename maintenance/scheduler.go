package maintenance

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/blotterdb/blotter/internal/health"
	"github.com/blotterdb/blotter/internal/service"
	"github.com/jackc/pgx/v5"
)

// Scheduler runs jobs when they are due. Any number of schedulers, in any number of programs, may share a database:
// each job runs once.
type Scheduler struct {
	runner *Runner

	service  service.Runner
	stop     sync.Once
	stopping chan struct{} // closed by Stop: start no more jobs
}

// NewScheduler returns a scheduler. It returns ErrInvalid for an invalid configuration.
func NewScheduler(cfg Config) (*Scheduler, error) {
	runner, err := New(cfg)
	if err != nil {
		return nil, err
	}
	return &Scheduler{
		runner: runner, service: service.Runner{Name: "the scheduler of maintenance"}, stopping: make(chan struct{}),
	}, nil
}

// Start starts the scheduler, which polls for jobs that are due, for the first time at once. If the database cannot be
// reached, Start succeeds, Health returns the error, and the next poll tries again. The end of ctx does not stop the
// scheduler; Stop does. A scheduler that was stopped is not started again.
func (s *Scheduler) Start(ctx context.Context) error { return s.service.Start(ctx, nil, s.loop) }

// Stop starts no more jobs and waits for the running one. When ctx ends it stops that job, which is recorded, waits
// for its end, and leaves the rest to the next run. It does nothing before Start.
func (s *Scheduler) Stop(ctx context.Context) error {
	if !s.service.Started() {
		return nil
	}

	s.stop.Do(func() { close(s.stopping) })
	s.service.Drain(ctx)
	return nil
}

// Health returns nil while the scheduler runs and reaches its database. Failures of jobs are recorded and do not count.
func (s *Scheduler) Health() error { return s.service.Health() }

func (s *Scheduler) loop(ctx context.Context) {
	var conn *pgx.Conn
	defer func() { s.disconnect(ctx, conn) }()

	for {
		err := s.poll(ctx, &conn)
		s.report(ctx, err)
		if err != nil {
			s.disconnect(ctx, conn)
			conn = nil
		}

		period := s.runner.cfg.Poll
		// Several schedulers do not poll at the same time.
		timer := time.NewTimer(period*3/4 + rand.N(period/2+1))
		select {
		case <-s.stopping:
			timer.Stop()
			return
		case <-timer.C:
		}
	}
}

// disconnect closes the connection, which releases the lock.
func (s *Scheduler) disconnect(ctx context.Context, conn *pgx.Conn) {
	if conn == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), recordTimeout)
	defer cancel()
	_ = conn.Close(ctx)
}

// report keeps the result of a poll for Health, and logs it if it is news.
func (s *Scheduler) report(ctx context.Context, err error) {
	s.service.State.Report(ctx, s.runner.cfg.Logger, err, health.Messages{
		Failing: "maintenance cannot reach its database", Working: "maintenance reaches its database again",
	})
}

// pollTimeout bounds finding the jobs that are due.
const pollTimeout = 15 * time.Second

// poll runs the jobs that are due, unless another runner is working.
func (s *Scheduler) poll(ctx context.Context, conn **pgx.Conn) (err error) {
	r := s.runner
	bounded, cancel := context.WithTimeout(ctx, pollTimeout)
	defer cancel()

	if *conn == nil {
		if *conn, err = r.connect(bounded, "scheduler"); err != nil {
			return err
		}
	}

	due, err := r.dueJobs(bounded, *conn)
	if err != nil || len(due) == 0 {
		return err
	}

	var busy *BusyError
	if err := r.lock(bounded, *conn, 0); errors.As(err, &busy) {
		return nil
	} else if err != nil {
		return err
	}
	defer unlock(ctx, *conn)

	if due, err = r.dueJobs(bounded, *conn); err != nil { // another scheduler may have run them meanwhile
		return err
	}

	for _, job := range due {
		select {
		case <-s.stopping:
			return nil
		default:
		}
		if _, err := r.run(ctx, *conn, job, Request{Progress: s.debug}); err != nil {
			return fmt.Errorf("%s: %w", job.Name, err)
		}
	}

	return nil
}

func (s *Scheduler) debug(job, text string) {
	s.runner.cfg.Logger.Debug("maintenance goes on", "job", job, "progress", text)
}
