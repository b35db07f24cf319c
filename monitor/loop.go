package monitor

import (
	"context"
	"sync"
)

// loop is a goroutine that runs from start to stop. Both are safe to call twice and concurrently.
type loop struct {
	guard  sync.Mutex
	cancel context.CancelFunc
	done   chan struct{}
}

// start runs fn in a goroutine with a context that ends with stop and not with the caller's context. It does nothing
// if fn is already running.
func (l *loop) start(ctx context.Context, fn func(context.Context)) {
	l.guard.Lock()
	defer l.guard.Unlock()

	if l.cancel != nil {
		return
	}

	ctx, l.cancel = context.WithCancel(context.WithoutCancel(ctx))
	done := make(chan struct{})
	l.done = done
	go func() {
		defer close(done)
		fn(ctx)
	}()
}

// stop ends fn and waits until it has returned, or ctx ends.
func (l *loop) stop(ctx context.Context) error {
	l.guard.Lock()
	cancel := l.cancel
	done := l.done
	l.guard.Unlock()

	if cancel == nil {
		return nil
	}

	cancel()
	select {
	case <-done:
	case <-ctx.Done():
		return ctx.Err()
	}

	l.guard.Lock()
	defer l.guard.Unlock()

	if l.done == done {
		l.cancel = nil
		l.done = nil
	}

	return nil
}
