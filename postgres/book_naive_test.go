package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/pgtest"
	"github.com/blotterdb/blotter/postgres"
)

const naiveClients, naiveRounds = 8, 5

// naiveTrade books a buy as the code does that this library takes the place of: it reads the position, adds the
// quantity and writes the sum. between is called after the read.
func naiveTrade(ctx context.Context, db *postgres.DB, f blotter.Trade, between func()) error {
	return db.Transaction(ctx, func(tx *postgres.Tx) error {
		var position blotter.Decimal
		err := tx.QueryRow(ctx, `select quantity from execution.positions where account_id = 'A1' and symbol = $1`,
			f.Symbol).Scan(&position)
		if err != nil {
			return err
		}

		between()
		position = position.Add(f.Quantity)
		_, err = tx.Exec(ctx, `insert into execution.trades (account_id, trade_id, symbol, side, quantity, price,
				position_effect, executed_at, quantity_after, cost_basis_after, realized_pnl_after, fees_after)
			values ('A1', $1, $2, $3, $4, $5, 'increase', $6, $7, 0, 0, 0)`,
			f.TradeID, f.Symbol, f.Side, f.Quantity, f.Price, f.ExecutedAt, position)
		if err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `update execution.positions set quantity = $1 where account_id = 'A1' and symbol = $2`,
			position, f.Symbol)
		return err
	})
}

// clientsBuy lets eight clients buy one unit each, at once, some rounds long, and returns what was bought and what is
// held.
func clientsBuy(
	t *testing.T, d *pgtest.Database, book func(trade blotter.Trade, barrier func()) error,
) (bought, held blotter.Decimal) {
	t.Helper()
	for round := range naiveRounds {
		var all, read sync.WaitGroup
		read.Add(naiveClients)
		barrier := func() {
			read.Done()
			read.Wait()
		}
		for i := range naiveClients {
			all.Go(func() {
				if err := book(buy(fmt.Sprintf("T%d-%d", round, i)), barrier); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
	}

	bought = pgtest.Value[blotter.Decimal](t, d, `select sum(quantity) from execution.trades where trade_id like 'T%'`)
	return bought, pgtest.Value[blotter.Decimal](t, d, `select quantity - 1 from execution.positions`)
}

// The lost update, as it happens to code that reads the position without a lock, and not to ours: of eight clients who
// all read before one of them writes, one's trade is in the position in the end.
func TestLostUpdate(t *testing.T) {
	t.Parallel()
	open := func() (*pgtest.Database, context.Context) {
		d := pgtest.Open(t)
		if _, err := d.ExecuteTrade(as(t, "A1"), buy("first")); err != nil {
			t.Fatal(err)
		}
		return d, as(t, "A1")
	}

	d, ctx := open()
	bought, held := clientsBuy(t, d,
		func(f blotter.Trade, barrier func()) error { return naiveTrade(ctx, d.DB, f, barrier) })
	if !bought.Equal(dec(fmt.Sprint(naiveClients*naiveRounds))) || !held.Equal(dec(fmt.Sprint(naiveRounds))) {
		t.Errorf("the naive code: %s bought, %s held; want %d and, all but one of each round lost, %d", bought, held,
			naiveClients*naiveRounds, naiveRounds)
	}

	if v, err := d.Verify(ctx); err != nil || len(v.Mismatches) == 0 {
		t.Errorf("verify does not notice: %+v, %v", v, err)
	}
	for what, book := range map[string]func(*postgres.DB, context.Context, blotter.Trade) error{
		"DB.ExecuteTrade": func(db *postgres.DB, ctx context.Context, f blotter.Trade) error {
			_, err := db.ExecuteTrade(ctx, f)
			return err
		},
		"Tx.ExecuteTrade": func(db *postgres.DB, ctx context.Context, f blotter.Trade) error {
			return db.Transaction(ctx, func(tx *postgres.Tx) error {
				r, err := tx.ExecuteTrade(ctx, f)
				if err == nil && r.Outcome != postgres.Applied {
					return errors.New(string(r.Outcome))
				}
				return err
			})
		},
	} {
		d, ctx := open()
		bought, held := clientsBuy(t, d, func(f blotter.Trade, barrier func()) error {
			barrier()
			return book(d.DB, ctx, f)
		})
		if !bought.Equal(dec(fmt.Sprint(naiveClients*naiveRounds))) || !held.Equal(bought) {
			t.Errorf("%s: %s bought, %s held", what, bought, held)
		}
		verified(t, d)
	}
}
