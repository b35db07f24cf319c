package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/pgtest"
	"github.com/blotterdb/blotter/postgres"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

var errOwn = errors.New("the caller's own error")

// However the function ends, the transaction ends and the connection returns to the pool, clean and usable.
func TestEveryPathEndsTheTransaction(t *testing.T) {
	t.Parallel()
	db := pgtest.OpenConfig(t, func(c *postgres.Config) { c.MaxConns, c.AcquireTimeout = 1, time.Minute })
	makeAccount(t, db.DB, "A1")
	for name, leave := range map[string]func(ctx context.Context, cancel func(), tx *postgres.Tx) error{
		"error":             func(context.Context, func(), *postgres.Tx) error { return errOwn },
		"panic":             func(context.Context, func(), *postgres.Tx) error { panic("boom") },
		"Goexit":            func(context.Context, func(), *postgres.Tx) error { runtime.Goexit(); return nil },
		"cancelled":         func(_ context.Context, cancel func(), _ *postgres.Tx) error { cancel(); return nil },
		"cancelled in wait": cancelledInStatement,
		"database error": func(ctx context.Context, _ func(), tx *postgres.Tx) error {
			_, err := tx.Exec(ctx, "select 1/0")
			return err
		},
		"swallowed error": func(ctx context.Context, _ func(), tx *postgres.Tx) error {
			_, _ = tx.Exec(ctx, "select 1/0")
			return nil
		},
		"swallowed syntax error": func(ctx context.Context, _ func(), tx *postgres.Tx) error {
			_, _ = tx.Exec(ctx, "selekt")
			return nil
		},
		"rows left open": func(ctx context.Context, _ func(), tx *postgres.Tx) error {
			_, err := tx.Query(ctx, "select generate_series(1, 100000)")
			return errors.Join(err, errOwn)
		},
	} {

		pid := backend(t, db.DB)
		ended := make(chan error, 1)
		go func() {
			var err error
			defer func() {
				if p := recover(); p != nil {
					err = fmt.Errorf("panic: %v", p)
				}
				ended <- err
			}()

			ctx, cancel := context.WithCancel(as(t, "A1"))
			defer cancel()
			err = errors.New("Goexit")
			err = db.Transaction(ctx, func(tx *postgres.Tx) error {
				order := newOrder("A1", name)
				if err := postgres.Orders.Insert(ctx, tx, &order); err != nil {
					return fmt.Errorf("set-up: %w", err)
				}
				return leave(ctx, cancel, tx)
			})
		}()

		if err := <-ended; err == nil {
			t.Errorf("%s: Transaction returned no error", name)
		}
		if n := countOrders(t, db.DB, "A1"); n != 0 {
			t.Errorf("%s: %d orders were stored, want 0", name, n)
		}
		if again := backend(t, db.DB); again != pid {
			t.Errorf("%s: the connection was lost: backend %d became %d", name, pid, again)
		}
	}
}

func cancelledInStatement(ctx context.Context, cancel func(), tx *postgres.Tx) error {
	time.AfterFunc(50*time.Millisecond, cancel)
	_, err := tx.Exec(ctx, "select pg_sleep(30)")
	return err
}

// backend returns the process that serves the app pool's only connection.
func backend(t *testing.T, db *postgres.DB) (pid int) {
	t.Helper()
	err := db.Transaction(t.Context(), func(tx *postgres.Tx) error {
		return tx.QueryRow(t.Context(), "select pg_backend_pid()").Scan(&pid)
	})
	if err != nil {
		t.Fatal(err)
	}
	return pid
}

func TestSwallowedErrorIsReturned(t *testing.T) {
	t.Parallel()
	db := pgtest.Open(t)
	for _, first := range []bool{true, false} {
		err := db.Transaction(t.Context(), func(tx *postgres.Tx) error {
			if !first {
				_, _ = tx.Exec(t.Context(), "select 1")
			}

			_, _ = tx.Exec(t.Context(), "select 1/0")
			if _, err := tx.Exec(t.Context(), "select 1"); !errors.Is(err, blotter.ErrProgramming) {
				t.Errorf("a statement after the failure: %v, want ErrProgramming", err)
			}
			return nil
		})
		wantKind(t, "swallowed division by zero", err, blotter.ErrData)
	}
}

func TestErrorsOfTheCallerPassUnchanged(t *testing.T) {
	t.Parallel()
	db := pgtest.Open(t)
	if err := db.Transaction(t.Context(), func(*postgres.Tx) error { return errOwn }); err != errOwn {
		t.Errorf("got %v, want the very error", err)
	}
}

func TestSavepointRollsBackAlone(t *testing.T) {
	t.Parallel()
	db := pgtest.Open(t)
	makeAccount(t, db.DB, "A1")
	ctx := as(t, "A1")
	insert := func(tx *postgres.Tx, id string) error {
		order := newOrder("A1", id)
		return postgres.Orders.Insert(ctx, tx, &order)
	}

	err := db.Transaction(ctx, func(tx *postgres.Tx) error {
		if err := insert(tx, "kept-1"); err != nil {
			return err
		}
		err := tx.Savepoint(ctx, func(tx *postgres.Tx) error {
			return errors.Join(insert(tx, "undone"), insert(tx, "undone"))
		})
		wantKind(t, "a duplicate inside the savepoint", err, blotter.ErrIntegrity)
		swallowed := tx.Savepoint(ctx, func(tx *postgres.Tx) error { _ = insert(tx, "kept-1"); return nil })
		wantKind(t, "an error that the savepoint's function swallowed", swallowed, blotter.ErrIntegrity)
		nested := tx.Savepoint(ctx, func(tx *postgres.Tx) error {
			if err := insert(tx, "kept-2"); err != nil {
				return err
			}
			if err := tx.Savepoint(ctx, func(*postgres.Tx) error { return errOwn }); !errors.Is(err, errOwn) {
				t.Errorf("the inner savepoint returned %v", err)
			}
			return nil
		})
		return nested
	})
	if err != nil {
		t.Fatal(err)
	}
	if n := countOrders(t, db.DB, "A1"); n != 2 {
		t.Errorf("%d orders are stored, want kept-1 and kept-2", n)
	}
}

func TestBeginByHand(t *testing.T) {
	t.Parallel()
	db := pgtest.OpenConfig(t, func(c *postgres.Config) { c.MaxConns = 1 })
	makeAccount(t, db.DB, "A1")
	ctx := as(t, "A1")
	for _, commit := range []bool{false, true} {
		tx, err := db.Begin(ctx)
		if err != nil {
			t.Fatal(err)
		}
		order := newOrder("A1", "O-1")
		if err := postgres.Orders.Insert(ctx, tx, &order); err != nil {
			t.Fatal(err)
		}
		if commit {
			if err := tx.Commit(ctx); err != nil {
				t.Fatal(err)
			}
			wantKind(t, "a second Commit", tx.Commit(ctx), blotter.ErrProgramming)
		}
		if err := tx.Rollback(ctx); err != nil {
			t.Fatalf("Rollback (after Commit: %v): %v", commit, err)
		}
		_, err = tx.Exec(ctx, "select 1")
		wantKind(t, "a statement after the end", err, blotter.ErrProgramming)
	}
	if n := countOrders(t, db.DB, "A1"); n != 1 {
		t.Errorf("%d orders are stored, want the committed one", n)
	}

	err := db.Transaction(ctx, func(tx *postgres.Tx) error { return tx.Commit(ctx) })
	wantKind(t, "Commit inside Transaction", err, blotter.ErrProgramming)
}

func TestErrorsReachPgconn(t *testing.T) {
	t.Parallel()
	db := pgtest.Open(t)
	err := db.Transaction(t.Context(), func(tx *postgres.Tx) error {
		_, err := tx.Exec(t.Context(), "select 1/0")
		return err
	})
	var pg *pgconn.PgError
	if !errors.As(err, &pg) || pg.Code != "22012" {
		t.Errorf("errors.As found %v in %v", pg, err)
	}
}

// A batch whose results the caller did not close is committed, or its error returned.
func TestBatchLeftOpenIsCommitted(t *testing.T) {
	t.Parallel()
	db := pgtest.Open(t)
	ctx := blotter.WithAllAccounts(t.Context())
	run := func(sql string) error {
		return db.Transaction(ctx, func(tx *postgres.Tx) error {
			batch := &pgx.Batch{}
			batch.Queue(sql)
			tx.SendBatch(ctx, batch)
			return nil
		})
	}
	if err := run(`insert into data_ingestion.instruments (symbol) values ('ES')`); err != nil {
		t.Error(err)
	}
	if n := pgtest.Value[int](t, db, `select count(*) from data_ingestion.instruments`); n != 1 {
		t.Errorf("%d rows are stored, want 1", n)
	}

	wantKind(t, "a batch that failed", run(`insert into data_ingestion.instruments (symbol) values ('ES')`),
		blotter.ErrIntegrity)
}
