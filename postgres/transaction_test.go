package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/pgtest"
	"github.com/blotterdb/blotter/postgres"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

var errOwn = errors.New("the caller's own error")

// Every path out of the function ends the transaction and gives the connection back, clean and alive.
func TestEveryPathEndsTheTransaction(t *testing.T) {
	t.Parallel()
	db := pgtest.OpenConfig(t, func(c *postgres.Config) { c.MaxConns, c.AcquireTimeout = 1, 5*time.Second })
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

// backend is the process that serves the app pool's only connection.
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

// Two sessions each read both rows and change one: without serializable isolation the sum would go below zero.
func TestSerializableWriteSkewIsRetried(t *testing.T) {
	t.Parallel()
	db := pgtest.Open(t)
	ctx := blotter.WithAllAccounts(t.Context())
	for _, symbol := range []string{"X", "Y"} {
		db.Exec(t, `insert into data_ingestion.latest_prices values ($1, 60, now(), 'test')`, symbol)
	}
	var attempts atomic.Int32
	both := make(chan struct{})
	withdraw := func(symbol string) error {
		return db.Transaction(ctx, func(tx *postgres.Tx) error {
			var sum int
			if err := tx.QueryRow(ctx, `select sum(price)::int from data_ingestion.latest_prices`).Scan(&sum); err != nil {
				return err
			}
			if attempts.Add(1) == 2 { // the first attempts of both have read before either writes
				close(both)
			}
			<-both
			if sum < 100 {
				return nil
			}
			_, err := tx.Exec(ctx, `update data_ingestion.latest_prices set price = price - 100 where symbol = $1`, symbol)
			return err
		}, postgres.Serializable)
	}
	var wait sync.WaitGroup
	for _, symbol := range []string{"X", "Y"} {
		wait.Go(func() {
			if err := withdraw(symbol); err != nil {
				t.Error(err)
			}
		})
	}
	wait.Wait()
	if n := attempts.Load(); n != 3 {
		t.Errorf("%d attempts, want 3: one of the two retried once", n)
	}
	if sum := pgtest.Value[int](t, db, `select sum(price)::int from data_ingestion.latest_prices`); sum != 20 {
		t.Errorf("the sum is %d, want 20", sum)
	}
}

func TestRetriesAreBounded(t *testing.T) {
	t.Parallel()
	db := pgtest.Open(t)
	for _, code := range []string{"40001", "40P01"} {
		attempts := 0
		err := db.Transaction(t.Context(), func(tx *postgres.Tx) error {
			attempts++
			return raise(t.Context(), tx, code)
		}, postgres.MaxRetries(2))
		wantKind(t, code, err, blotter.ErrSerialization)
		if attempts != 3 {
			t.Errorf("%s: %d attempts, want 3", code, attempts)
		}
	}
	attempts := 0
	err := db.Transaction(t.Context(), func(tx *postgres.Tx) error {
		attempts++
		return raise(t.Context(), tx, "23505")
	})
	if wantKind(t, "23505", err, blotter.ErrIntegrity); attempts != 1 {
		t.Errorf("23505: %d attempts, want 1", attempts)
	}
}

// raise makes the server fail with a code.
func raise(ctx context.Context, q postgres.Querier, code string) error {
	_, err := q.Exec(ctx, "do $$ begin raise exception 'made by a test' using errcode = '"+code+"'; end $$")
	return err
}

// A commit that fails for certain is no unknown commit: a deferred constraint is checked there.
func TestCommitRefusedByTheServer(t *testing.T) {
	t.Parallel()
	db := pgtest.Open(t)
	db.Exec(t, `create table execution.deferred (i int unique deferrable initially deferred)`)
	db.Exec(t, `grant insert on execution.deferred to trading_app`)
	err := db.Transaction(t.Context(), func(tx *postgres.Tx) error {
		_, err := tx.Exec(t.Context(), `insert into execution.deferred values (1), (1)`)
		return err
	})
	if wantKind(t, "deferred unique key", err, blotter.ErrIntegrity); errors.Is(err, blotter.ErrCommitUnknown) {
		t.Errorf("a refused commit was called unknown: %v", err)
	}
}

func TestTransactionSeesOneTime(t *testing.T) {
	t.Parallel()
	db := pgtest.Open(t)
	makeAccount(t, db.DB, "A1")
	ctx := as(t, "A1")
	err := db.Transaction(ctx, func(tx *postgres.Tx) error {
		one, two := newOrder("A1", "O-1"), newOrder("A1", "O-2")
		if err := postgres.Orders.Insert(ctx, tx, &one); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, "select pg_sleep(0.01)"); err != nil {
			return err
		}
		if err := postgres.Orders.Insert(ctx, tx, &two); err != nil {
			return err
		}
		if !one.CreatedAt.Equal(two.CreatedAt) || !one.UpdatedAt.Equal(two.CreatedAt) || one.CreatedAt.Location() != time.UTC && one.CreatedAt.IsZero() {
			t.Errorf("one transaction stamped %s and %s", one.CreatedAt, two.CreatedAt)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// The original's listing sets the isolation level as the first statement.
func TestSetTransactionIsolationLevelFirst(t *testing.T) {
	t.Parallel()
	db := pgtest.Open(t)
	ctx := as(t, "A1")
	err := db.Transaction(ctx, func(tx *postgres.Tx) error {
		if _, err := tx.Exec(ctx, "SET TRANSACTION ISOLATION LEVEL SERIALIZABLE"); err != nil {
			return err
		}
		var level, account string
		err := tx.QueryRow(ctx, `select current_setting('transaction_isolation'), current_setting('app.current_account_id')`).Scan(&level, &account)
		if level != "serializable" || account != "A1" {
			t.Errorf("the session has level %q and account %q", level, account)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestIsolationLevels(t *testing.T) {
	t.Parallel()
	db := pgtest.Open(t)
	for want, opts := range map[string][]postgres.Option{
		"read committed":   nil,
		"repeatable read":  {postgres.RepeatableRead},
		"serializable":     {postgres.Serializable},
		"read uncommitted": {postgres.ReadUncommitted},
	} {
		var level string
		err := db.Transaction(t.Context(), func(tx *postgres.Tx) error {
			return tx.QueryRow(t.Context(), `select current_setting('transaction_isolation')`).Scan(&level)
		}, opts...)
		if err != nil || level != want {
			t.Errorf("level %q, %v; want %q", level, err, want)
		}
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

// A batch whose results the caller never closed is carried out and committed, or its error returned: never lost.
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
	wantKind(t, "a batch that failed", run(`insert into data_ingestion.instruments (symbol) values ('ES')`), blotter.ErrIntegrity)
}

// No fill fails because no runner made the partition: it is made, and the closure runs again, once.
func TestMissingPartitionIsMadeAndTheClosureRunsAgain(t *testing.T) {
	t.Parallel()
	db := pgtest.Open(t)
	makeAccount(t, db.DB, "A1")
	const (
		event = `insert into events.outbox (account_id, channel, key, event_id, type, service, data)
			values ('A1', 'c', 'A1', gen_random_uuid(), 't', 's', '{}')`
		entry = `select shared.record_access('t', 'o', null, 'A1')`
	)
	drop := func() {
		for _, leaf := range pgtest.Value[[]string](t, db, `select array_agg(leaf::text) from shared.partitions
			where table_name in ('events.outbox'::regclass, 'shared.audit_log'::regclass)`) {
			db.Exec(t, "drop table "+leaf)
		}
	}
	run := func(ctx context.Context, sql string) (calls int, err error) {
		err = db.Transaction(ctx, func(tx *postgres.Tx) error {
			calls++
			_, err := tx.Exec(ctx, sql)
			return err
		}, postgres.MaxRetries(0))
		return calls, err
	}
	for _, ctx := range []context.Context{as(t, "A1"), blotter.WithAllAccounts(t.Context())} {
		for _, sql := range []string{event, entry} {
			drop()
			if calls, err := run(ctx, sql); err != nil || calls != 2 {
				t.Errorf("%s: %v after %d calls, want 2", sql, err, calls)
			}
			if calls, err := run(ctx, sql); err != nil || calls != 1 {
				t.Errorf("%s with its partition: %v after %d calls, want 1", sql, err, calls)
			}
		}
	}
	far := `insert into events.outbox (pos, account_id, channel, key, event_id, type, service, data) overriding system value
		values (9e15, 'A1', 'c', 'A1', gen_random_uuid(), 't', 's', '{}')`
	if calls, err := run(blotter.WithAllAccounts(t.Context()), far); !errors.Is(err, blotter.ErrIntegrity) || calls != 2 {
		t.Errorf("a row that gets no partition: %v after %d calls, want ErrIntegrity after 2", err, calls)
	}
	bar := `insert into data_ingestion.market_data (symbol, timestamp, open, high, low, close, volume, source) values ('A', '1950-01-01', 1, 1, 1, 1, 1, 's')`
	if calls, err := run(blotter.WithAllAccounts(t.Context()), bar); !errors.Is(err, blotter.ErrIntegrity) || calls != 1 {
		t.Errorf("a bar without a partition: %v after %d calls, want ErrIntegrity after 1", err, calls)
	}
}
