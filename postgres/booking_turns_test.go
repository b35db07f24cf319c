package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/pgtest"
	"github.com/blotterdb/blotter/postgres"
	"github.com/jackc/pgx/v5"
)

// failureCounter is a tracer that counts batches that failed.
type failureCounter struct{ failed atomic.Int64 }

func (c *failureCounter) TraceQueryStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceQueryStartData) context.Context {
	return ctx
}

func (c *failureCounter) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

func (c *failureCounter) TraceBatchStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceBatchStartData) context.Context {
	return ctx
}

func (c *failureCounter) TraceBatchQuery(_ context.Context, _ *pgx.Conn, data pgx.TraceBatchQueryData) {
	if data.Err != nil {
		c.failed.Add(1)
	}
}

func (c *failureCounter) TraceBatchEnd(context.Context, *pgx.Conn, pgx.TraceBatchEndData) {}

// Callers of one process that book into one position take turns: none of them writes on an old version and is computed
// again.
func TestCallersOfOnePositionTakeTurns(t *testing.T) {
	t.Parallel()
	counter := &failureCounter{}
	db := pgtest.OpenConfig(t, func(c *postgres.Config) { c.Tracer = counter })
	ctx := as(t, "A1")
	if _, err := db.ExecuteTrade(ctx, buy("0")); err != nil {
		t.Fatal(err)
	}

	counter.failed.Store(0)
	var wait sync.WaitGroup
	for caller := range 8 {
		wait.Go(func() {
			for n := range 10 {
				if _, err := db.ExecuteTrade(ctx, buy(fmt.Sprintf("%d-%d", caller, n))); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wait.Wait()
	if n := counter.failed.Load(); n > 0 {
		t.Errorf("%d statements failed and were tried again, want none", n)
	}
	verified(t, db)
}

// A caller that waits for its turn goes when its context ends, and goes on without a turn when it has waited as long as
// for a lock: here a transaction keeps the position's row.
func TestTurnsAreNotWaitedForWithoutEnd(t *testing.T) {
	t.Parallel()
	db := pgtest.OpenConfig(t, func(c *postgres.Config) { c.LockTimeout = 2 * time.Second })
	ctx := as(t, "A1")
	if _, err := db.ExecuteTrade(ctx, buy("0")); err != nil {
		t.Fatal(err)
	}

	holder := db.Connect(t, db.AdminURL)
	if _, err := holder.Exec(t.Context(), `begin; select from execution.positions for update`); err != nil {
		t.Fatal(err)
	}
	errs := make(chan error)
	wait := func(id string) {
		_, err := db.ExecuteTrade(ctx, buy(id))
		errs <- err
	}
	go wait("has the turn")
	for waiting := 0; waiting == 0; {
		waiting = pgtest.Value[int](t, db, `
			select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`)
	}

	short, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
	defer cancel()
	if _, err := db.ExecuteTrade(short, buy("cancelled")); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("the context ended: %v", err)
	}
	go wait("second")
	go wait("third")
	for range 3 {
		if err := <-errs; !blotter.Retryable(err) {
			t.Errorf("the row stays locked: %v", err)
		}
	}

	if _, err := holder.Exec(t.Context(), `rollback`); err != nil {
		t.Fatal(err)
	}
	if _, err := db.ExecuteTrade(ctx, buy("after")); err != nil {
		t.Error(err)
	}
	verified(t, db)
}
