package postgres

import (
	"context"
	"errors"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// batch returns what writes the booking, and which of its statements returns the trades. ofAccount says that the session is
// one of an account, which does not write for all of them.
func (b *booking) batch(ofAccount bool) (batch *pgx.Batch, returning int, err error) {
	if len(b.written) == 1 {
		batch, returning, err = b.batchOfOne()
	} else {
		batch, returning, err = b.batchOfMany(ofAccount)
	}
	if err != nil {
		return nil, 0, err
	}
	if b.imports != nil {
		batch, returning = b.linked(batch), returning+1
	}
	return batch, returning, nil
}

// write writes the booking on q, which ends the round trip, and completes the receipts with what the database made.
func (b *booking) write(ctx context.Context, q Querier) error {
	if len(b.written) == 0 {
		return nil
	}
	scope, _ := blotter.ScopeOf(ctx)
	batch, returning, err := b.batch(!scope.All)
	if err != nil {
		return err
	}
	b.count()
	results := q.SendBatch(ctx, batch)
	for i := range batch.QueuedQueries {
		if i != returning {
			_, err = results.Exec()
		} else {
			err = b.readWritten(results)
		}
		if err != nil {
			_ = results.Close()
			return err
		}
	}
	if err = results.Close(); err == nil {
		b.completeCopies()
	}
	return err
}

// readWritten completes the receipts with what the database made of their trades.
func (b *booking) readWritten(results pgx.BatchResults) error {
	rows, err := results.Query()
	if err != nil {
		return err
	}
	var key tradeKey
	var id int64
	var created time.Time
	var xid uint64
	_, err = pgx.ForEachRow(rows, []any{&id, &key.account, &key.id, &key.symbol, &key.side, &created, &xid}, func() error {
		b.complete(b.booked[key], id, created, xid)
		return nil
	})
	return err
}

// count counts up the versions of what was written.
func (b *booking) count() {
	for _, o := range b.orders {
		if o.changed {
			o.Version = o.version + 1
		}
	}
	for _, p := range b.positions {
		if p.changed {
			p.Version = p.version + 1
		}
	}
}

// complete fills in a receipt what the database made.
func (b *booking) complete(i int, id int64, created time.Time, xid uint64) {
	r := &b.receipts[i]
	r.Trade.ID, r.Trade.CreatedAt, r.Trade.XID = id, created, xid
	b.trades[i] = r.Trade
	position := b.positions[bookKey{r.Trade.AccountID, r.Trade.Symbol}]
	r.Position.Version, r.Position.LastUpdated, position.LastUpdated = position.Version, created, created
	if position.version == 0 { // made by this booking
		position.CreatedAt = created
	}
	r.Position.CreatedAt = position.CreatedAt
	if r.Order != nil {
		order := b.orders[bookKey{r.Trade.AccountID, r.Trade.OrderID}]
		r.Order.Version, r.Order.UpdatedAt, order.UpdatedAt = order.Version, created, created
	}
}

// completeCopies fills in the receipts of trades that were given more than once.
func (b *booking) completeCopies() {
	for i := range b.receipts {
		if first, copied := b.booked[keyOf(&b.trades[i])]; copied && b.receipts[i].Outcome == Duplicate {
			booked := b.receipts[first]
			b.receipts[i].Trade, b.receipts[i].Order, b.receipts[i].Position = booked.Trade, booked.Order, booked.Position
		}
	}
}

// stale reports that the booking was computed from what has changed meanwhile, or that it was in a deadlock: without
// locks, what is made is locked before what is changed.
func stale(err error) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && (pg.Code == "40001" || pg.Code == "40P01" || pg.Code == "23505")
}
