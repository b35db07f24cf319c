//go:build unix

package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/pgtest"
	"github.com/blotterdb/blotter/postgres"
	"github.com/jackc/pgx/v5"
)

// committer is a way to commit something with a number.
type committer struct {
	name   string
	commit func(ctx context.Context, db *postgres.DB, n int) error
}

// committers returns every way in which the library commits.
func committers(t *testing.T) []committer {
	emit := func(tx *postgres.Tx, ctx context.Context, n int) error {
		return tx.Emit(ctx, blotter.Event{Channel: "test", Type: "test", Data: []byte(fmt.Sprint(n))})
	}
	insert := func(ctx context.Context, tx *postgres.Tx, n int) error {
		order := newOrder("A1", fmt.Sprint("O", n))
		return postgres.Orders.Insert(ctx, tx, &order)
	}
	trade := func(n int) blotter.Trade { return fill(fmt.Sprint("T", n), blotter.Buy, "1", "5") }
	inTransaction := func(fn func(ctx context.Context, tx *postgres.Tx, n int) error) func(context.Context,
		*postgres.DB, int) error {
		return func(ctx context.Context, db *postgres.DB, n int) error {
			return db.Transaction(ctx, func(tx *postgres.Tx) error { return fn(ctx, tx, n) })
		}
	}

	return []committer{
		{"transaction", inTransaction(insert)},
		{"silenced transaction", inTransaction(func(ctx context.Context, tx *postgres.Tx, n int) error {
			if _, err := tx.Exec(ctx, "set local client_min_messages = error"); err != nil {
				return err
			}
			return insert(ctx, tx, n)
		})},
		{"silenced events", inTransaction(func(ctx context.Context, tx *postgres.Tx, n int) error {
			if _, err := tx.Exec(ctx, "select set_config('client_min_messages', 'error', true)"); err != nil {
				return err
			}
			return emit(tx, ctx, n)
		})},
		{"events", inTransaction(func(ctx context.Context, tx *postgres.Tx, n int) error { return emit(tx, ctx, n) })},
		{"last statement", inTransaction(func(ctx context.Context, tx *postgres.Tx, n int) error {
			tx.Last("update execution.accounts set name = $1::text where account_id = 'A1'", fmt.Sprint(n))
			return nil
		})},
		{"savepoint", inTransaction(func(ctx context.Context, tx *postgres.Tx, n int) error {
			return tx.Savepoint(ctx, func(tx *postgres.Tx) error { return insert(ctx, tx, n) })
		})},
		{"trade in a transaction", inTransaction(func(ctx context.Context, tx *postgres.Tx, n int) error {
			_, err := tx.ExecuteTrade(ctx, trade(n))
			return err
		})},
		{"begin and commit", func(ctx context.Context, db *postgres.DB, n int) error {
			tx, err := db.Begin(ctx)
			if err != nil {
				return err
			}
			defer func() { _ = tx.Rollback(ctx) }()
			if err := insert(ctx, tx, n); err != nil {
				return err
			}
			return tx.Commit(ctx)
		}},
		{"statement alone", func(ctx context.Context, db *postgres.DB, n int) error {
			return db.AutoCommit(ctx, func(s *postgres.Session) error {
				_, err := s.Exec(ctx, "update execution.accounts set name = $1::text where account_id = 'A1'",
					fmt.Sprint(n))
				return err
			})
		}},
		{"rows alone", func(ctx context.Context, db *postgres.DB, n int) error {
			return db.AutoCommit(ctx, func(s *postgres.Session) error {
				var name string
				return s.QueryRow(ctx,
					"update execution.accounts set name = $1::text where account_id = 'A1' returning name",
					fmt.Sprint(n)).Scan(&name)
			})
		}},
		{"batch alone", func(ctx context.Context, db *postgres.DB, n int) error {
			return db.AutoCommit(ctx, func(s *postgres.Session) error {
				batch := &pgx.Batch{}
				batch.Queue("update execution.accounts set name = $1::text where account_id = 'A1'", fmt.Sprint(n))
				return s.SendBatch(ctx, batch).Close()
			})
		}},
		{"ExecuteTrade", func(ctx context.Context, db *postgres.DB, n int) error {
			_, err := db.ExecuteTrade(ctx, trade(n))
			return err
		}},
		{"ExecuteTrades", func(ctx context.Context, db *postgres.DB, n int) error {
			_, err := db.ExecuteTrades(ctx, []blotter.Trade{trade(n), trade(n + 1_000_000)})
			return err
		}},
		{"Book", func(ctx context.Context, db *postgres.DB, n int) error {
			book, err := db.NewBook(postgres.BookConfig{})
			if err != nil {
				return err
			}
			if err := book.Start(ctx); err != nil {
				return err
			}
			_, err = book.ExecuteTrade(ctx, trade(n))
			return errors.Join(err, book.Stop(ctx))
		}},
		{"SQL function", func(ctx context.Context, db *postgres.DB, _ int) error {
			return db.AutoCommit(ctx, func(s *postgres.Session) error {
				_, err := s.Exec(ctx,
					"do $$ begin perform shared.record_access('execution.trades', 'export', null, ''); end $$")
				return err
			})
		}},
		{"import of bars", func(_ context.Context, db *postgres.DB, n int) error {
			symbol := fmt.Sprint("S", n)
			_, err := db.ImportBars(t.Context(),
				postgres.BarImport{File: symbol, Bars: daily(symbol, "csv", date(2024, 1, 1), 3, 1)})
			return err
		}},
	}
}

// hurry ends every wait for a synchronous replica with a function of the server (pg_cancel_backend or
// pg_terminate_backend), until stop is called.
func hurry(t *testing.T, node *pgtest.Node, function string) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	conn, err := pgx.Connect(ctx, node.AdminURL)
	if err != nil {
		t.Fatal(err)
	}

	ended := make(chan struct{})
	go func() {
		defer close(ended)
		defer conn.Close(context.Background())
		for ctx.Err() == nil {
			_, err := conn.Exec(ctx, "select "+function+"(pid) from pg_stat_activity where wait_event = 'SyncRep'")
			if err != nil && ctx.Err() == nil {
				t.Errorf("ending the waits: %v", err)
				return
			}
			time.Sleep(time.Millisecond)
		}
	}()

	return func() {
		cancel()
		<-ended
	}
}

// openWaiting opens the node's database with a value of synchronous_commit.
func openWaiting(t *testing.T, node *pgtest.Node, setting string) *postgres.DB {
	t.Helper()
	cfg := node.Config
	for _, url := range []*string{&cfg.URL, &cfg.ServiceURL} {
		*url += "&synchronous_commit=" + setting
	}
	cfg.MaxConns = 4
	db, err := postgres.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	return db
}

// If a commit waits for a synchronous replica and the wait is cancelled, its error is never nil: for every way to
// commit, every value of synchronous_commit, and a replica that runs, does not replay, or is dead.
func TestNotReplicated(t *testing.T) {
	t.Parallel()
	cluster := pgtest.Replicas(t, 1)
	primary, replica := cluster.Primary, cluster.Replicas[0]
	settings := []string{"off", "local", "remote_write", "on", "remote_apply"}
	dbs := map[string]*postgres.DB{}
	for _, setting := range settings {
		dbs[setting] = openWaiting(t, primary, setting)
	}
	makeAccount(t, dbs["on"], "A1")
	n := 0
	// try commits in every way and compares the kind of the error for each setting; "" is success.
	try := func(state string, settings []string, want map[string]blotter.Kind) {
		t.Helper()
		for _, setting := range settings {
			for _, way := range committers(t) {
				n++
				err := way.commit(as(t, "A1"), dbs[setting], n)
				kind := want[setting]
				if kind == "" && err != nil || kind != "" && !errors.Is(err, kind) {
					t.Errorf("synchronous_commit %s, %s, replica %s: %v, want %q", setting, way.name, state, err, kind)
				}
				if blotter.Retryable(err) {
					t.Errorf("synchronous_commit %s, %s, replica %s: it is retryable: %v", setting, way.name, state, err)
				}
			}
		}
	}
	primary.Synchronous(t, replica)

	try("alive", settings, nil)

	replica.Pause(t)
	try("paused", []string{"off", "local", "remote_write", "on"}, nil)
	stop := hurry(t, primary, "pg_cancel_backend")
	try("paused", []string{"remote_apply"}, map[string]blotter.Kind{"remote_apply": blotter.ErrNotReplicated})
	stop()
	replica.Resume(t)

	replica.Kill(t)
	stop = hurry(t, primary, "pg_cancel_backend")
	try("dead, cancelled", settings, map[string]blotter.Kind{
		"remote_write": blotter.ErrNotReplicated, "on": blotter.ErrNotReplicated,
		"remote_apply": blotter.ErrNotReplicated,
	})
	stop()

	stop = hurry(t, primary, "pg_terminate_backend")
	try("dead, terminated", []string{"on"}, map[string]blotter.Kind{"on": blotter.ErrCommitUnknown})
	stop()
}

// A caller who repeats an unconfirmed call gets success only when a replica has it, even if the repetition writes
// nothing.
func TestRepeatedUntilReplicated(t *testing.T) {
	t.Parallel()
	cluster := pgtest.Replicas(t, 1)
	primary, replica := cluster.Primary, cluster.Replicas[0]
	db := primary.Open(t)
	ctx := as(t, "A1")
	makeAccount(t, db, "A1")
	trade := fill("T1", blotter.Buy, "1", "5")
	look := func() error {
		return db.Transaction(ctx, func(tx *postgres.Tx) error {
			_, err := tx.Exec(ctx, "select 1")
			return err
		})
	}
	primary.Synchronous(t, replica)
	replica.Kill(t)
	if err := look(); err != nil {
		t.Errorf("a transaction that reads, before anything was lost: %v", err)
	}

	stop := hurry(t, primary, "pg_cancel_backend")
	receipt, err := db.ExecuteTrade(ctx, trade)
	if !errors.Is(err, blotter.ErrNotReplicated) || !errors.Is(err, blotter.ErrCommitUnknown) ||
		receipt.Outcome != postgres.Failed {
		t.Errorf("the first call: %s, %v", receipt.Outcome, err)
	}
	receipt, err = db.ExecuteTrade(ctx, trade)
	if !errors.Is(err, blotter.ErrNotReplicated) {
		t.Errorf("repeated while no replica has it: %s, %v", receipt.Outcome, err)
	}
	receipts, err := db.ExecuteTrades(ctx, []blotter.Trade{trade, trade})
	if !errors.Is(err, blotter.ErrNotReplicated) {
		t.Errorf("repeated as one of several: %+v, %v", receipts, err)
	}
	other := openWaiting(t, primary, "on") // like after a restart of the program
	if receipt, err = other.ExecuteTrade(ctx, trade); !errors.Is(err, blotter.ErrNotReplicated) {
		t.Errorf("repeated by another program: %s, %v", receipt.Outcome, err)
	}
	if err := look(); !errors.Is(err, blotter.ErrNotReplicated) {
		t.Errorf("a transaction that may have looked whether the fill is booked: %v", err)
	}
	stop()

	replica.Start(t)
	receipt, err = db.ExecuteTrade(ctx, trade)
	if err != nil || receipt.Outcome != postgres.Duplicate {
		t.Errorf("repeated when the replica is back: %s, %v", receipt.Outcome, err)
	}
	primary.Kill(t)
	replica.Promote(t)
	if n := pgtest.Value[int](t, replica.Database, "select count(*) from execution.trades"); n != 1 {
		t.Errorf("after the failover there are %d trades, want 1", n)
	}
}

// After a confirmed commit nothing waits needlessly, and a warning on a connection reaches no other session.
func TestConfirmationEnds(t *testing.T) {
	t.Parallel()
	cluster := pgtest.Replicas(t, 1)
	primary, replica := cluster.Primary, cluster.Replicas[0]
	db := primary.Open(t)
	ctx := as(t, "A1")
	makeAccount(t, db, "A1")
	rename := func(ctx context.Context, name string) error {
		return db.AutoCommit(ctx, func(s *postgres.Session) error {
			_, err := s.Exec(ctx, "update execution.accounts set name = $1 where account_id = 'A1'", name)
			return err
		})
	}

	primary.Synchronous(t, replica)
	replica.Kill(t)
	bounded, cancel := context.WithTimeout(ctx, 100*time.Millisecond)
	defer cancel()
	if err := rename(bounded, "first"); !errors.Is(err, blotter.ErrNotReplicated) {
		t.Errorf("a statement whose context ended while it waited: %v", err)
	}
	owner, err := postgres.ConnectOwner(t.Context(), primary.OwnerURL, "test")
	if err != nil {
		t.Fatal(err)
	}
	defer owner.Close(context.WithoutCancel(t.Context()))
	if _, err := owner.Exec(t.Context(), "set statement_timeout = 0"); err != nil {
		t.Fatal(err)
	}
	stop := hurry(t, primary, "pg_cancel_backend")
	if _, err := owner.Exec(t.Context(), "comment on table execution.accounts is 'changed'"); err != nil {
		t.Errorf("a statement of the owner: %v", err)
	}
	stop()
	if err := postgres.CheckReplicated(owner); !errors.Is(err, blotter.ErrNotReplicated) {
		t.Errorf("the owner's connection: %v", err)
	}
	if err := postgres.CheckReplicated(owner); err != nil {
		t.Errorf("the owner's connection, asked again: %v", err)
	}

	replica.Start(t)
	look := func() error {
		return db.Transaction(ctx, func(tx *postgres.Tx) error {
			_, err := tx.Exec(ctx, "select 1")
			return err
		})
	}
	if err := look(); err != nil {
		t.Errorf("a transaction with the replica back: %v", err)
	}
	replica.Kill(t)
	if err := look(); err != nil {
		t.Errorf("a transaction that writes nothing, after that: %v", err)
	}
	if n := pgtest.Value[int](t, primary.Database,
		"select count(*) from pg_stat_activity where wait_event = 'SyncRep'"); n != 0 {
		t.Errorf("%d sessions wait", n)
	}

	// An operator who shuts the primary down ends the wait. No caller gets success.
	ended := make(chan error, 1)
	go func() { ended <- rename(ctx, "second") }()
	until(t, "the statement waits", func() bool {
		return pgtest.Value[int](t, primary.Database,
			"select count(*) from pg_stat_activity where wait_event = 'SyncRep'") == 1
	})
	primary.Stop(t)
	if err := <-ended; !errors.Is(err, blotter.ErrCommitUnknown) {
		t.Errorf("a commit that waited when the primary was shut down: %v", err)
	}
}
