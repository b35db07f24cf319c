package maintenance

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/internal/health"
	"github.com/jackc/pgx/v5"
)

// Scheduler runs the jobs of a Runner when they are due. Any number of them, in any number of programs, work on one
// database: each job runs once.
type Scheduler struct {
	runner *Runner

	mu       sync.Mutex
	started  bool
	stopping chan struct{}      // closed by Stop: begin nothing more
	cancel   context.CancelFunc // ends what runs
	stopped  chan struct{}      // closed when all has ended
	state    health.State       // of the last look at the database
}

// NewScheduler makes a scheduler. It starts nothing. Its error is ErrInvalid.
func NewScheduler(cfg Config) (*Scheduler, error) {
	runner, err := New(cfg)
	if err != nil {
		return nil, err
	}
	return &Scheduler{runner: runner, stopping: make(chan struct{}), stopped: make(chan struct{})}, nil
}

// Start begins to look what is due, first at once, and returns. A database that cannot be reached is no error: Health
// tells it, and the next look tries again. The context's end does not stop it; Stop does.
func (s *Scheduler) Start(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.started {
		return nil
	}
	select {
	case <-s.stopping:
		return &blotter.Error{Op: "start maintenance", Kind: blotter.ErrProgramming, Message: "the scheduler was stopped; make another one"}
	default:
	}
	ctx, s.cancel = context.WithCancel(context.WithoutCancel(ctx))
	s.started = true
	go s.loop(ctx)
	return nil
}

// Stop begins no more jobs and waits for the one that runs. When ctx ends it is stopped, which its row says, and the next
// run goes on where it was; Stop waits for that too.
func (s *Scheduler) Stop(ctx context.Context) error {
	s.mu.Lock()
	select {
	case <-s.stopping:
	default:
		close(s.stopping)
	}
	started := s.started
	s.mu.Unlock()
	if !started {
		return nil
	}
	defer s.cancel()
	select {
	case <-s.stopped:
	case <-ctx.Done():
		s.cancel()
		<-s.stopped
	}
	return nil
}

// Health is nil while the scheduler runs and reaches its database. That a job fails is told by its row, not here.
func (s *Scheduler) Health() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	select {
	case <-s.stopping:
		return &blotter.Error{Op: "maintenance", Kind: blotter.ErrOperational, Message: "the scheduler was stopped"}
	default:
	}
	if !s.started {
		return &blotter.Error{Op: "maintenance", Kind: blotter.ErrOperational, Message: "the scheduler was not started"}
	}
	return s.state.Err()
}

func (s *Scheduler) loop(ctx context.Context) {
	defer close(s.stopped)
	var conn *pgx.Conn
	defer func() { s.hangUp(ctx, conn) }()
	for {
		err := s.look(ctx, &conn)
		s.remember(ctx, err)
		if err != nil {
			s.hangUp(ctx, conn)
			conn = nil
		}
		poll := s.runner.cfg.Poll
		timer := time.NewTimer(poll*3/4 + rand.N(poll/2+1)) // several of them do not look at the same instant
		select {
		case <-s.stopping:
			timer.Stop()
			return
		case <-timer.C:
		}
	}
}

// hangUp closes the connection, and with it the lock.
func (s *Scheduler) hangUp(ctx context.Context, conn *pgx.Conn) {
	if conn == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), recordTimeout)
	defer cancel()
	_ = conn.Close(ctx)
}

// remember keeps the outcome for Health, and logs it if it is news.
func (s *Scheduler) remember(ctx context.Context, err error) {
	s.state.Report(ctx, s.runner.cfg.Logger, err, health.Messages{
		Failing: "maintenance cannot reach its database", Working: "maintenance reaches its database again",
	})
}

// lookTimeout bounds asking what is due.
const lookTimeout = 15 * time.Second

// look runs what is due, unless another runner does.
func (s *Scheduler) look(ctx context.Context, conn **pgx.Conn) (err error) {
	r := s.runner
	bounded, cancel := context.WithTimeout(ctx, lookTimeout)
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
	if due, err = r.dueJobs(bounded, *conn); err != nil { // others may have run it meanwhile
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
