package postgres_test

import (
	"testing"
	"time"

	"github.com/blotterdb/blotter/pgtest"
	"github.com/blotterdb/blotter/postgres"
)

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

		if !one.CreatedAt.Equal(two.CreatedAt) || !one.UpdatedAt.Equal(two.CreatedAt) ||
			one.CreatedAt.Location() != time.UTC && one.CreatedAt.IsZero() {
			t.Errorf("one transaction stamped %s and %s", one.CreatedAt, two.CreatedAt)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// SET TRANSACTION works as the first statement.
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
	for want, opts := range map[string][]postgres.TxOption{
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
