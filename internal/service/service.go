package service

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/internal/health"
)

// ErrStopped is in the error of a second Start after Stop, which is ErrProgramming.
var ErrStopped = errors.New("it was stopped; make a new one")

// Runner runs one goroutine. Its methods may be called twice and from several goroutines.
type Runner struct {
	// Name is the service's name in errors, with its article: "the sealer". Set it before the first call.
	Name string
	// State is the outcome of the service's last attempt.
	State health.State

	mu      sync.Mutex
	cancel  context.CancelFunc // nil before Start
	done    chan struct{}      // closed when the goroutine has ended
	stopped bool
}

// Start calls prepare, if it is not nil, and then runs run in a goroutine. The context of run lives until Stop, however
// short the caller's is. Start does nothing if the service is running. If prepare fails, Start returns its error and
// may be called again. A service that was stopped returns ErrStopped.
func (r *Runner) Start(ctx context.Context, prepare func() error, run func(ctx context.Context)) error {
	r.mu.Lock()
	defer r.mu.Unlock()

	switch {
	case r.stopped:
		return &blotter.Error{
			Op: "start " + r.Name, Kind: blotter.ErrProgramming, Err: ErrStopped, Message: ErrStopped.Error(),
		}
	case r.cancel != nil:
		return nil
	}
	if prepare != nil {
		if err := prepare(); err != nil {
			return err
		}
	}

	ctx, r.cancel = context.WithCancel(context.WithoutCancel(ctx))
	done := make(chan struct{})
	r.done = done
	go func() {
		defer close(done)
		run(ctx)
	}()
	return nil
}

// Stop ends the goroutine's context and waits until the goroutine has returned. Its error says that ctx ended first.
func (r *Runner) Stop(ctx context.Context) error {
	cancel, done := r.stop()
	if cancel == nil {
		return nil
	}
	cancel()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("stop %s: %w", r.Name, ctx.Err())
	}
}

// Drain waits until the goroutine, which its owner has told to finish, has returned. If ctx ends first, the goroutine's
// context ends too, and Drain waits for what remains.
func (r *Runner) Drain(ctx context.Context) {
	cancel, done := r.stop()
	if cancel == nil {
		return
	}
	defer cancel()
	select {
	case <-done:
	case <-ctx.Done():
		cancel()
		<-done
	}
}

func (r *Runner) stop() (cancel context.CancelFunc, done chan struct{}) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.stopped = r.cancel != nil
	return r.cancel, r.done
}

// Started reports whether Start has started the goroutine, whether or not it has ended since.
func (r *Runner) Started() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.cancel != nil
}

// Health returns nil while the service runs and its last attempt succeeded, and otherwise what is wrong.
func (r *Runner) Health() error {
	r.mu.Lock()
	running := r.cancel != nil && !r.stopped
	r.mu.Unlock()

	if !running {
		return &blotter.Error{Op: "check " + r.Name, Kind: blotter.ErrOperational, Message: "it is not running"}
	}
	return r.State.Err()
}
