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
)

// deferredActs are the acts that a transaction can defer to COMMIT. Each is its only act: nothing is sent before.
var deferredActs = map[string]struct {
	rows, events int
	run          func(ctx context.Context, tx *postgres.Tx, account string) error
}{
	"nothing": {run: func(context.Context, *postgres.Tx, string) error { return nil }},
	"Last": {rows: 1, run: func(_ context.Context, tx *postgres.Tx, account string) error {
		lastOrder(tx, account, "O-1")
		return nil
	}},
	"Last twice": {rows: 2, run: func(_ context.Context, tx *postgres.Tx, account string) error {
		lastOrder(tx, account, "O-1")
		lastOrder(tx, account, "O-2")
		return nil
	}},
	"Emit": {events: 1, run: func(ctx context.Context, tx *postgres.Tx, _ string) error {
		return tx.Emit(ctx, note(1))
	}},
	"Last and Emit": {rows: 1, events: 2, run: func(ctx context.Context, tx *postgres.Tx, account string) error {
		lastOrder(tx, account, "O-1")
		return tx.Emit(ctx, note(1), note(2))
	}},
}

func lastOrder(tx *postgres.Tx, account, id string) {
	tx.Last(`insert into execution.orders (account_id, order_id, symbol, side, quantity) values ($1, $2, 'MSFT', 'buy', 5)`, account, id)
}

func note(n int) blotter.Event {
	return blotter.Event{Channel: "notes", Type: "note", Data: fmt.Append(nil, n)}
}

// Deferred acts that are a transaction's only acts happen when it commits, and not when it rolls back, with its
// account, user and isolation level.
func TestDeferredActsAlone(t *testing.T) {
	t.Parallel()
	db := pgtest.OpenConfig(t, func(c *postgres.Config) { c.MaxConns, c.AcquireTimeout = 1, time.Minute })

	type act func(tx *postgres.Tx) error
	endings := map[string]struct {
		commits bool
		run     func(ctx context.Context, do act) error
	}{
		"nil": {true, func(ctx context.Context, do act) error {
			return db.Transaction(ctx, do)
		}},
		"serializable": {true, func(ctx context.Context, do act) error {
			return db.Transaction(ctx, func(tx *postgres.Tx) error {
				return errors.Join(do(tx), tx.Savepoint(ctx, func(*postgres.Tx) error { return nil }))
			}, postgres.Serializable)
		}},
		"Begin and Commit": {true, func(ctx context.Context, do act) error {
			tx, err := db.Begin(ctx, postgres.RepeatableRead)
			if err != nil {
				return err
			}
			return errors.Join(do(tx), tx.Commit(ctx))
		}},
		"Begin and Rollback": {false, func(ctx context.Context, do act) error {
			tx, err := db.Begin(ctx)
			if err != nil {
				return err
			}
			return errors.Join(do(tx), tx.Rollback(ctx), errOwn)
		}},
		"a savepoint": {true, func(ctx context.Context, do act) error {
			return db.Transaction(ctx, func(tx *postgres.Tx) error { return tx.Savepoint(ctx, do) })
		}},
		"nested savepoints": {true, func(ctx context.Context, do act) error {
			return db.Transaction(ctx, func(tx *postgres.Tx) error {
				return tx.Savepoint(ctx, func(tx *postgres.Tx) error { return tx.Savepoint(ctx, do) })
			})
		}},
		"an error": {false, func(ctx context.Context, do act) error {
			return db.Transaction(ctx, func(tx *postgres.Tx) error { return errors.Join(do(tx), errOwn) })
		}},
		"a panic": {false, func(ctx context.Context, do act) (err error) {
			defer func() { err = fmt.Errorf("panic: %v", recover()) }()
			return db.Transaction(ctx, func(tx *postgres.Tx) error {
				_ = do(tx)
				panic("boom")
			})
		}},
		"Goexit": {false, func(ctx context.Context, do act) error {
			ended := make(chan struct{})
			go func() {
				defer close(ended)
				_ = db.Transaction(ctx, func(tx *postgres.Tx) error {
					_ = do(tx)
					runtime.Goexit()
					return nil
				})
			}()
			<-ended
			return errOwn
		}},
		"a cancelled context": {false, func(ctx context.Context, do act) error {
			ctx, cancel := context.WithCancel(ctx)
			defer cancel()
			return db.Transaction(ctx, func(tx *postgres.Tx) error {
				err := do(tx)
				cancel()
				return err
			})
		}},
		"a retried attempt": {true, func(ctx context.Context, do act) error {
			attempts := 0
			return db.Transaction(ctx, func(tx *postgres.Tx) error {
				if attempts++; attempts < 3 {
					tx.Last(`do $$ begin raise exception 'again' using errcode = '40001'; end $$`)
				}
				return do(tx)
			})
		}},
		"a Last that fails": {false, func(ctx context.Context, do act) error {
			return db.Transaction(ctx, func(tx *postgres.Tx) error {
				err := do(tx)
				tx.Last(`select 1/0`)
				return err
			})
		}},
	}

	n := 0
	for actName, a := range deferredActs {
		for endName, e := range endings {
			n++
			what := actName + ", ended by " + endName
			account := fmt.Sprint("ACC", n)
			makeAccount(t, db.DB, account)
			ctx := blotter.WithUser(as(t, account), "user of "+account)

			err := e.run(ctx, func(tx *postgres.Tx) error { return a.run(ctx, tx, account) })

			rows, events := a.rows, a.events
			if !e.commits {
				rows, events = 0, 0
			}
			if (err == nil) != e.commits {
				t.Errorf("%s: got error %v, want one: %v", what, err, !e.commits)
			}
			if got := countOrders(t, db.DB, account); got != rows {
				t.Errorf("%s: %d orders are stored, want %d", what, got, rows)
			}
			if got := pgtest.Value[int](t, db,
				`select count(*) from events.outbox where account_id = $1 and channel = 'notes'`,
				account); got != events {
				t.Errorf("%s: %d events are in the outbox, want %d", what, got, events)
			}
			if got := pgtest.Value[int](t, db,
				`select count(*) from shared.audit_log where table_name = 'execution.orders' and user_id = $1`,
				"user of "+account); got != rows {
				t.Errorf("%s: the audit log has %d orders of the user, want %d", what, got, rows)
			}
			if seen := currentAccount(t, db.DB); seen != "" {
				t.Errorf("%s: the next session of the connection has account %q, want none", what, seen)
			}
		}
	}
}

// currentAccount returns the account whose rows a session without an account would see.
func currentAccount(t *testing.T, db *postgres.DB) (account string) {
	t.Helper()
	err := db.Transaction(t.Context(), func(tx *postgres.Tx) error {
		return tx.QueryRow(t.Context(),
			`select coalesce(current_setting('app.current_account_id', true), '')`).Scan(&account)
	})
	if err != nil {
		t.Fatal(err)
	}
	return account
}

// Deferred acts see only the account of their session.
func TestDeferredActsAreTheAccounts(t *testing.T) {
	t.Parallel()
	db := pgtest.Open(t)
	makeAccount(t, db.DB, "A1")
	makeAccount(t, db.DB, "A2")
	err := db.Transaction(as(t, "A1"), func(tx *postgres.Tx) error {
		lastOrder(tx, "A2", "O-1")
		return nil
	})

	wantKind(t, "Last with another account's row", err, blotter.ErrPermission)
	err = db.Transaction(t.Context(), func(tx *postgres.Tx) error {
		lastOrder(tx, "A2", "O-1")
		return nil
	})

	wantKind(t, "Last without an account", err, blotter.ErrPermission)
	if n := countOrders(t, db.DB, "A2"); n != 0 {
		t.Errorf("%d orders of A2 are stored, want 0", n)
	}
}

// The failure of a deferred statement is certain: nothing was committed, and the connection stays usable.
func TestDeferredStatementThatFails(t *testing.T) {
	t.Parallel()
	db := pgtest.OpenConfig(t, func(c *postgres.Config) {
		c.MaxConns = 1
		c.AcquireTimeout = time.Minute
		c.StatementTimeout = 200 * time.Millisecond
	})

	makeAccount(t, db.DB, "A1")
	ctx := as(t, "A1")
	const unsendable = "an argument that its type cannot hold"
	pid := backend(t, db.DB)
	for _, sent := range []bool{false, true} {
		for name, last := range map[string]func(tx *postgres.Tx){
			"a refused statement":        func(tx *postgres.Tx) { tx.Last(`select 1/0`) },
			"a syntax error":             func(tx *postgres.Tx) { tx.Last(`selekt`) },
			unsendable:                   func(tx *postgres.Tx) { tx.Last(`select $1::int`, struct{}{}) },
			"a statement that timed out": func(tx *postgres.Tx) { tx.Last(`select pg_sleep(30)`) },
		} {
			err := db.Transaction(ctx, func(tx *postgres.Tx) error {
				if sent {
					if _, err := tx.Exec(ctx, `select 1`); err != nil {
						return err
					}
				}
				lastOrder(tx, "A1", name)
				last(tx)
				return tx.Emit(ctx, note(1))
			})
			if err == nil || errors.Is(err, blotter.ErrCommitUnknown) {
				t.Errorf("%s (something sent before: %v): got %v, want an error that is certain", name, sent, err)
			}
			again := backend(t, db.DB)
			if again != pid && name != unsendable { // pgx closes the connection if it cannot encode a batch
				t.Errorf("%s (something sent before: %v): the connection was lost", name, sent)
			}
			pid = again
		}
	}
	if n := countOrders(t, db.DB, "A1"); n != 0 {
		t.Errorf("%d orders are stored, want 0", n)
	}
}

// Whatever a deferred statement leaves on its connection does not reach the next session.
func TestDeferredStatementLeavesNothing(t *testing.T) {
	t.Parallel()
	db := pgtest.OpenConfig(t, func(c *postgres.Config) { c.MaxConns = 1 })
	err := db.Transaction(as(t, "A1"), func(tx *postgres.Tx) error {
		tx.Last(`select set_config('app.current_account_id', 'A1', false)`)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if seen := currentAccount(t, db.DB); seen != "" {
		t.Errorf("the next session has account %q, want none", seen)
	}
}

// If the connection breaks at the COMMIT of deferred acts, the outcome is unknown. If it breaks while they are being
// prepared, nothing was committed.
func TestDeferredActsCut(t *testing.T) {
	t.Parallel()
	d := pgtest.Open(t)
	makeAccount(t, d.DB, "A1")
	cutter, through := pgtest.NewCutter(t, d.Config.URL)
	cfg := d.Config
	cfg.URL = through
	db, err := postgres.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	ctx := as(t, "A1")

	const prepare, run = 1, 2 // messages of the first transaction of a connection
	for i, c := range []struct {
		message int
		when    pgtest.Cut
		kind    blotter.Kind
		stored  int
	}{
		{prepare, pgtest.Unheard, blotter.ErrOperational, 0},
		{prepare, pgtest.Answered, blotter.ErrOperational, 0},
		{run, pgtest.Unheard, blotter.ErrCommitUnknown, 0},
		{run, pgtest.Answered, blotter.ErrCommitUnknown, 1},
	} {
		id := fmt.Sprint("O-", i)
		err := db.Transaction(ctx, func(tx *postgres.Tx) error {
			lastOrder(tx, "A1", id)
			cutter.AtMessage(c.message, c.when)
			return nil
		})
		wantKind(t, fmt.Sprintf("the link cut at message %d (%d)", c.message, c.when), err, c.kind)
		if n := pgtest.Value[int](t, d, `select count(*) from execution.orders where order_id = $1`,
			id); n != c.stored {
			t.Errorf("the link cut at message %d (%d): %d orders are stored, want %d", c.message, c.when, n, c.stored)
		}
	}
}

// Acts of a savepoint that panicked are undone, even if the caller of Begin recovers and commits.
func TestSavepointPanic(t *testing.T) {
	t.Parallel()
	db := pgtest.Open(t)
	makeAccount(t, db.DB, "A1")
	ctx := as(t, "A1")
	tx, err := db.Begin(ctx)
	if err != nil {
		t.Fatal(err)
	}

	func() {
		defer func() { _ = recover() }()
		_ = tx.Savepoint(ctx, func(tx *postgres.Tx) error {
			order := newOrder("A1", "undone")
			if err := errors.Join(postgres.Orders.Insert(ctx, tx, &order), tx.Emit(ctx, note(1))); err != nil {
				t.Error(err)
			}
			panic("boom")
		})
	}()

	if err := errors.Join(tx.Emit(ctx, note(2)), tx.Commit(ctx)); err != nil {
		t.Fatal(err)
	}
	if n := countOrders(t, db.DB, "A1"); n != 0 {
		t.Errorf("%d orders are stored, want 0", n)
	}
	if notes := pgtest.Value[string](t, db,
		`select string_agg(data::text, ',') from events.outbox where channel = 'notes'`); notes != "2" {
		t.Errorf("the outbox has notes %s, want 2", notes)
	}
}

// Emitting an event after the end of the transaction is an error.
func TestEmitAfterTheEnd(t *testing.T) {
	t.Parallel()
	db := pgtest.Open(t)
	var kept *postgres.Tx
	if err := db.Transaction(t.Context(), func(tx *postgres.Tx) error { kept = tx; return nil }); err != nil {
		t.Fatal(err)
	}
	wantKind(t, "Emit after the end", kept.Emit(t.Context(), note(1)), blotter.ErrProgramming)
}

// A savepoint that rolls back takes back only the events that it, or its fills, emitted. Events from before it, from a
// later savepoint, and from a released inner savepoint are written in their order.
func TestSavepointTakesBackItsEvents(t *testing.T) {
	t.Parallel()
	db := pgtest.Open(t)
	makeAccount(t, db.DB, "A1")
	ctx := as(t, "A1")
	act := func(tx *postgres.Tx, n int, result error) error {
		if _, err := tx.ExecuteTrade(ctx, fill(fmt.Sprint("T", n), blotter.Buy, "1", "5")); err != nil {
			t.Error(err)
		}
		return errors.Join(tx.Emit(ctx, note(n)), result)
	}
	swallow := func(tx *postgres.Tx, n int) error {
		_, _ = tx.Exec(ctx, `select 1/0`)
		return tx.Emit(ctx, note(n))
	}

	err := db.Transaction(ctx, func(tx *postgres.Tx) error {
		first := act(tx, 1, nil)
		undone := tx.Savepoint(ctx, func(tx *postgres.Tx) error { return act(tx, 2, errOwn) })
		kept := tx.Savepoint(ctx, func(tx *postgres.Tx) error { return act(tx, 3, nil) })
		failed := tx.Savepoint(ctx, func(tx *postgres.Tx) error { return swallow(tx, 4) })
		outer := tx.Savepoint(ctx, func(tx *postgres.Tx) error {
			if err := tx.Savepoint(ctx, func(tx *postgres.Tx) error { return act(tx, 5, nil) }); err != nil {
				t.Error(err)
			}
			return act(tx, 6, errOwn)
		})
		inner := tx.Savepoint(ctx, func(tx *postgres.Tx) error {
			before := act(tx, 7, nil)
			if err := tx.Savepoint(ctx, func(tx *postgres.Tx) error { return act(tx, 8, errOwn) }); !errors.Is(err, errOwn) {
				t.Errorf("the savepoint inside: %v, want the error of its function", err)
			}
			return errors.Join(before, act(tx, 9, nil))
		})
		wantKind(t, "a database error that was swallowed", failed, blotter.ErrData)
		if !errors.Is(undone, errOwn) || !errors.Is(outer, errOwn) {
			t.Errorf("the savepoints returned %v and %v, want the errors of their functions", undone, outer)
		}
		return errors.Join(first, kept, inner)
	})
	if err != nil {
		t.Fatal(err)
	}
	const told = `select string_agg(coalesce(data->>'trade_id', data::text), ' ' order by pos) from events.outbox where account_id = 'A1'`
	if got := pgtest.Value[string](t, db, told); got != "T1 1 T3 3 T7 7 T9 9" {
		t.Errorf("the outbox tells of %s, want T1 1 T3 3 T7 7 T9 9", got)
	}
	if stored := storedIDs(t, db); stored != "T1 T3 T7 T9" {
		t.Errorf("the book has %s, want T1 T3 T7 T9", stored)
	}
}
