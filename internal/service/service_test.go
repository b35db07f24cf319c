package service_test

import (
	"context"
	"errors"
	"testing"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/internal/service"
)

// untilDone is a goroutine that works until its context ends.
func untilDone(ctx context.Context) { <-ctx.Done() }

func TestStartAndStopTwice(t *testing.T) {
	t.Parallel()
	r := &service.Runner{Name: "the test"}
	short, cancel := context.WithCancel(t.Context())
	runs := 0
	for range 2 {
		if err := r.Start(short, nil, func(ctx context.Context) { runs++; untilDone(ctx) }); err != nil {
			t.Fatal(err)
		}
	}
	cancel()
	if err := r.Health(); err != nil || !r.Started() {
		t.Errorf("after the context of Start has ended: Health is %v, Started %v; want a running service", err,
			r.Started())
	}

	for range 2 {
		if err := r.Stop(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if runs != 1 {
		t.Errorf("the goroutine ran %d times, want once", runs)
	}
	if err := r.Health(); !errors.Is(err, blotter.ErrOperational) {
		t.Errorf("Health after Stop is %v, want ErrOperational", err)
	}
	if err := r.Start(t.Context(), nil, untilDone); !errors.Is(err, blotter.ErrProgramming) ||
		!errors.Is(err, service.ErrStopped) {
		t.Errorf("Start after Stop is %v, want ErrProgramming", err)
	}
}

func TestStopBeforeStart(t *testing.T) {
	t.Parallel()
	r := &service.Runner{Name: "the test"}
	r.Drain(t.Context())
	if err := errors.Join(r.Stop(t.Context()), r.Stop(t.Context())); err != nil {
		t.Fatal(err)
	}
	if err := r.Health(); !errors.Is(err, blotter.ErrOperational) || r.Started() {
		t.Errorf("before Start: Health is %v, Started %v; want ErrOperational", err, r.Started())
	}
	if err := errors.Join(r.Start(t.Context(), nil, untilDone), r.Health(), r.Stop(t.Context())); err != nil {
		t.Errorf("a service that was stopped before Start: %v", err)
	}
}

func TestFailedPreparation(t *testing.T) {
	t.Parallel()
	r := &service.Runner{Name: "the test"}
	away := errors.New("the database is away")
	if err := r.Start(t.Context(), func() error { return away }, untilDone); !errors.Is(err, away) || r.Started() {
		t.Fatalf("Start is %v, Started %v; want the error of prepare", err, r.Started())
	}
	if err := r.Start(t.Context(), func() error { return nil }, untilDone); err != nil {
		t.Fatal(err)
	}
	if err := r.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// Stop returns when its context ends, though the goroutine goes on. Drain cuts the goroutine short and waits for it.
func TestStopOfBusyService(t *testing.T) {
	t.Parallel()

	r := &service.Runner{Name: "the test"}
	release := make(chan struct{})
	if err := r.Start(t.Context(), nil, func(context.Context) { <-release }); err != nil {
		t.Fatal(err)
	}

	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := r.Stop(ended); !errors.Is(err, context.Canceled) {
		t.Errorf("Stop with an ended context is %v, want its error", err)
	}

	close(release)
	if err := r.Stop(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestDrain(t *testing.T) {
	t.Parallel()
	queue := make(chan int, 3)
	read := 0
	r := &service.Runner{Name: "the test"}
	if err := r.Start(t.Context(), nil, func(context.Context) {
		for range queue {
			read++
		}
	}); err != nil {
		t.Fatal(err)
	}
	for i := range 3 {
		queue <- i
	}
	close(queue)
	r.Drain(t.Context())
	if read != 3 {
		t.Errorf("%d of 3 were read before Drain returned", read)
	}

	cut := &service.Runner{Name: "the test"}
	if err := cut.Start(t.Context(), nil, untilDone); err != nil {
		t.Fatal(err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	cut.Drain(ended) // returns, because it ends the goroutine's context
}
