package postgres_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/pgtest"
	"github.com/blotterdb/blotter/postgres"
)

// If the connection breaks at COMMIT, its outcome is unknown. The error says so, and nothing is retried.
func TestCommitUnknown(t *testing.T) {
	t.Parallel()
	d := pgtest.Open(t)
	cutter, through := pgtest.NewCutter(t, d.Config.URL)
	cfg := d.Config
	cfg.URL = through
	db, err := postgres.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	ctx := as(t, "A1")
	for _, when := range []pgtest.Cut{pgtest.Unheard, pgtest.Heard} {
		after := when == pgtest.Heard
		attempts, id := 0, fmt.Sprintf("A1-%v", after)
		ctx = as(t, id)
		err := db.Transaction(ctx, func(tx *postgres.Tx) error {
			attempts++
			cutter.AtCommit(when)
			return postgres.Accounts.Insert(ctx, tx, &blotter.Account{AccountID: id})
		}, postgres.Serializable)
		wantKind(t, fmt.Sprintf("the link cut at COMMIT (server heard: %v)", after), err, blotter.ErrCommitUnknown)
		if blotter.Retryable(err) || attempts != 1 {
			t.Errorf("an unknown commit is retryable: %v, attempts: %d; want neither", blotter.Retryable(err), attempts)
		}
		if err := db.Transaction(ctx, func(tx *postgres.Tx) error { _, err := tx.Exec(ctx, "select 1"); return err }); err != nil {
			t.Errorf("the session after it: %v", err)
		}
	}

	stored := pgtest.Value[int](t, d, `select count(*) from execution.accounts where account_id = 'A1-false'`)
	if stored != 0 {
		t.Errorf("the COMMIT that the server never heard of took effect")
	}
}

// A context that ends during COMMIT does not make its outcome unknown.
func TestCommitIsNotCancelled(t *testing.T) {
	t.Parallel()
	db := pgtest.Open(t)
	ctx, cancel := context.WithCancel(as(t, "A1"))
	defer cancel()
	db.Exec(t, `create function execution.slow() returns trigger language plpgsql as $$ begin perform pg_sleep(0.2); return null; end $$`)
	db.Exec(t, `create constraint trigger slow after insert on execution.accounts deferrable initially deferred for each row execute function execution.slow()`)
	err := db.Transaction(ctx, func(tx *postgres.Tx) error {
		defer func() { go cancel() }()
		return postgres.Accounts.Insert(ctx, tx, &blotter.Account{AccountID: "A1"})
	})

	stored := pgtest.Value[int](t, db, `select count(*) from execution.accounts`)
	if (err == nil) != (stored == 1) {
		t.Errorf("the transaction returned %v and %d accounts are stored", err, stored)
	}
}
