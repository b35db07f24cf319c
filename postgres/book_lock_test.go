package postgres_test

import (
	"testing"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/pgtest"
	"github.com/blotterdb/blotter/postgres"
)

// Orders are locked before positions, each in the order of their keys: while the first is waited for, the others are
// not locked.
func TestLockOrder(t *testing.T) {
	t.Parallel()
	for _, held := range []string{
		`select from execution.orders for update`, `select from execution.positions where symbol = 'A' for update`,
	} {
		d := pgtest.Open(t)
		ctx := as(t, "A1")
		order := newOrder("A1", "O1")
		order.Symbol = "C"
		if err := d.CreateOrder(ctx, &order); err != nil {
			t.Fatal(err)
		}

		list := func(id string) (fills []blotter.Trade) {
			for _, symbol := range []string{"C", "B", "A"} {
				f := buy(id)
				if f.Symbol = symbol; symbol == "C" {
					f.OrderID = "O1"
				}
				fills = append(fills, f)
			}
			return fills
		}

		if _, err := d.ExecuteTrades(ctx, list("T1")); err != nil {
			t.Fatal(err)
		}
		tx, err := d.Begin(ctx)
		if err == nil {
			_, err = tx.Exec(ctx, held)
		}
		if err != nil {
			t.Fatal(err)
		}

		done := make(chan error, 1)
		go func() {
			done <- d.Transaction(ctx, func(tx *postgres.Tx) error {
				_, err := tx.ExecuteTrades(ctx, list("T2"))
				return err
			})
		}()

		until(t, "the booking waits", waiting(t, d))
		free := pgtest.Value[int](t, d, `
			with free as (select from execution.positions where symbol in ('B', 'C') for update skip locked)
			select count(*) from free`)
		if free != 2 {
			t.Errorf("%s: %d of 2 positions that come later are locked already", held, 2-free)
		}

		if err := tx.Rollback(ctx); err != nil {
			t.Error(err)
		}
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}
