package postgres

import (
	"context"
	"encoding/json"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// write writes the decision on q in one round trip, and completes the receipts with the values that the database
// generated. It returns the events if the booking defers them.
func (d *decision) write(ctx context.Context, q Querier) (deferred []blotter.Event, err error) {
	if len(d.applied) == 0 {
		return nil, nil
	}
	scope, _ := blotter.ScopeOf(ctx)
	w, err := newBookWriter(d, scope)
	if err != nil {
		return nil, err
	}

	d.countVersions()
	results := q.SendBatch(ctx, w.batch)
	for i := range w.batch.QueuedQueries {
		if i == w.returning {
			err = w.read(results)
		} else {
			_, err = results.Exec()
		}
		if err != nil {
			_ = results.Close()
			return nil, err
		}
	}
	if err := results.Close(); err != nil {
		return nil, err
	}
	d.completeCopies()
	return w.deferred, nil
}

// bookWriter is the batch of statements that write a decision.
type bookWriter struct {
	*decision
	batch     *pgx.Batch
	ofAccount bool                         // the session is an account's, not a service's
	returning int                          // index of the statement that writes the trades and returns their generated values
	read      func(pgx.BatchResults) error // reads these values
	events    []blotter.Event              // to be written in this batch
	deferred  []blotter.Event
}

// newBookWriter queues the statements. One trade, as in most bookings, is written by a statement of its own.
func newBookWriter(d *decision, scope blotter.Scope) (*bookWriter, error) {
	w := &bookWriter{decision: d, batch: &pgx.Batch{}, ofAccount: !scope.All, read: d.readWritten}
	events, err := d.newEvents()
	if err != nil {
		return nil, err
	}
	if d.booking.deferEvents {
		w.deferred = events
	} else {
		w.events = events
	}

	fees := d.otherFees()
	if len(d.applied) == 1 {
		w.queueOne(fees)
	} else {
		w.queueMany(fees)
	}
	if d.booking.imports != nil {
		w.addImports()
	}
	return w, nil
}

// newEvents returns the event of each applied trade.
func (d *decision) newEvents() ([]blotter.Event, error) {
	events := make([]blotter.Event, len(d.applied))
	for n, i := range d.applied {
		t := &d.trades[i]
		id, err := uuid.NewV7()
		if err != nil {
			return nil, err
		}
		data, err := json.Marshal(t.EventData())
		if err != nil {
			return nil, err
		}

		events[n] = blotter.Event{
			AccountID: t.AccountID, Channel: blotter.ChannelTrades, Key: t.AccountID, EventID: id,
			Type: blotter.TradeExecuted, V: 1, Service: blotter.ServiceExecution,
			CorrelationID: d.booking.correlations[i], Data: data,
		}
	}
	return events, nil
}

// countVersions counts up the versions of the rows, as the statements do.
func (d *decision) countVersions() {
	for _, o := range d.orders {
		o.Version = o.stored + 1
	}
	for _, p := range d.positions {
		p.Version = p.stored + 1
	}
}

// readWritten completes the receipts of the trades that were written.
func (d *decision) readWritten(results pgx.BatchResults) error {
	rows, err := results.Query()
	if err != nil {
		return err
	}

	var key tradeKey
	var id int64
	var created time.Time
	var xid uint64
	values := []any{&id, &key.account, &key.id, &key.symbol, &key.side, &created, &xid}
	_, err = pgx.ForEachRow(rows, values, func() error {
		d.complete(d.first[key], id, created, xid)
		return nil
	})
	return err
}

// complete completes the receipt of trade i, its order and its position with the values that the database generated.
func (d *decision) complete(i int, id int64, created time.Time, xid uint64) {
	r := &d.receipts[i]
	r.Trade.ID = id
	r.Trade.CreatedAt = created
	r.Trade.XID = xid

	position := d.positions[positionKey(&r.Position)]
	position.LastUpdated = created
	if position.stored == 0 {
		position.CreatedAt = created
	}
	r.Position.Version = position.Version
	r.Position.LastUpdated = created
	r.Position.CreatedAt = position.CreatedAt

	if r.Order != nil {
		order := d.orders[orderKey(r.Order)]
		order.UpdatedAt = created
		r.Order.Version = order.Version
		r.Order.UpdatedAt = created
	}
}

// completeCopies completes the receipts of trades that were given more than once.
func (d *decision) completeCopies() {
	for i := range d.receipts {
		copied := &d.receipts[i]
		first, applied := d.first[keyOf(&d.trades[i])]
		if !applied || copied.Outcome != Duplicate {
			continue
		}
		copied.Trade = d.receipts[first].Trade
		copied.Order = d.receipts[first].Order
		copied.Position = d.receipts[first].Position
	}
}
