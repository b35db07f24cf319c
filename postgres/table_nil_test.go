package postgres_test

import (
	"context"
	"testing"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/pgtest"
	"github.com/blotterdb/blotter/postgres"
)

// A nil argument is an error of the call. It leaves the transaction as it was and never panics.
func TestNilArguments(t *testing.T) {
	t.Parallel()
	db := pgtest.Open(t)
	makeAccount(t, db.DB, "A1")
	ctx := as(t, "A1")
	var noTx *postgres.Tx
	var noSession *postgres.Session
	order := newOrder("A1", "O-1")
	find := func(q postgres.Querier) error {
		_, err := postgres.Orders.Find(ctx, q)
		return err
	}

	get := func(q postgres.Querier) error {
		_, err := postgres.Orders.Get(ctx, q, "A1", "O-1")
		return err
	}

	copyIn := func(q postgres.Querier) error {
		_, err := postgres.Orders.CopyIn(ctx, q, []blotter.Order{order})
		return err
	}

	withoutRow := map[string]func(tx *postgres.Tx) error{
		"Insert":         func(tx *postgres.Tx) error { return postgres.Orders.Insert(ctx, tx, nil) },
		"Upsert":         func(tx *postgres.Tx) error { return postgres.Orders.Upsert(ctx, tx, nil) },
		"Update":         func(tx *postgres.Tx) error { return postgres.Orders.Update(ctx, tx, nil) },
		"Tx.CreateOrder": func(tx *postgres.Tx) error { return tx.CreateOrder(ctx, nil) },
		"Tx.UpdateOrder": func(tx *postgres.Tx) error { return tx.UpdateOrder(ctx, nil) },
		"Tx.CancelOrder": func(tx *postgres.Tx) error { return tx.CancelOrder(ctx, nil) },
		"CreateOrder":    func(*postgres.Tx) error { return db.CreateOrder(ctx, nil) },
		"UpdateOrder":    func(*postgres.Tx) error { return db.UpdateOrder(ctx, nil) },
		"CancelOrder":    func(*postgres.Tx) error { return db.CancelOrder(ctx, nil) },
		"Quarantine": func(*postgres.Tx) error {
			return db.Quarantine(blotter.WithAllAccounts(ctx), "a.csv", []*blotter.RejectedRow{nil})
		},
	}

	withoutSession := map[string]func(q postgres.Querier) error{
		"Insert": func(q postgres.Querier) error { return postgres.Orders.Insert(ctx, q, &order) },
		"Upsert": func(q postgres.Querier) error { return postgres.Orders.Upsert(ctx, q, &order) },
		"Update": func(q postgres.Querier) error { return postgres.Orders.Update(ctx, q, &order) },
		"Delete": func(q postgres.Querier) error { return postgres.Orders.Delete(ctx, q, "A1", "O-1") },
		"Find":   find,
		"Get":    get,
		"CopyIn": copyIn,
	}

	err := db.Transaction(ctx, func(tx *postgres.Tx) error {
		for name, call := range withoutRow {
			wantKind(t, name+" of nil", call(tx), blotter.ErrProgramming)
		}
		for name, call := range withoutSession {
			wantKind(t, name+" with no session", call(nil), blotter.ErrProgramming)
			wantKind(t, name+" with a nil transaction", call(noTx), blotter.ErrProgramming)
			wantKind(t, name+" with a nil session", call(noSession), blotter.ErrProgramming)
		}
		if n, err := postgres.Orders.CopyIn(ctx, tx, nil); n != 0 || err != nil {
			t.Errorf("CopyIn of no rows: got %d, %v, want 0 and no error", n, err)
		}
		return postgres.Orders.Insert(ctx, tx, &order)
	})
	if err != nil {
		t.Errorf("the transaction after calls with nil: %v", err)
	}

	_, err = db.ImportBars(context.Background(), postgres.BarImport{File: "a.csv"})
	wantKind(t, "ImportBars without bars", err, blotter.ErrInvalid)
}
