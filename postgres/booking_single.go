package postgres

import (
	"encoding/json"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/jackc/pgx/v5"
)

// A booking of one trade of a known order and position, as nearly all are, is one statement: each statement costs the
// server as much as two rows. It writes the order, the position, the trade and, in this order because consumers see
// events in it, the event. Its parameters are the columns of the trade, then those of movedPositionColumns,
// filledOrderColumns and singleEventColumns. The figures of the position after the trade are the trade's own.
//
// The trade's part runs first, and evaluates its condition from left to right: with "filled" the order is locked, with
// "moved" the position. The event's part, to which nothing refers, runs when all others are done. CASE calls
// execution.unchanged only to end the transaction: a call costs as much as a row.
var (
	movedPositionColumns = columns[positionChange]{
		columnOf("version", "bigint", func(p *positionChange) int64 { return p.stored }),
		columnOf("created_at", "timestamptz", func(p *positionChange) time.Time { return p.CreatedAt }),
		columnOf("opened_at", "timestamptz", func(p *positionChange) *time.Time { return p.OpenedAt }),
		columnOf("max_quantity", "numeric", func(p *positionChange) blotter.Decimal { return p.MaxQuantity }),
		columnOf("life_pnl", "numeric", func(p *positionChange) blotter.Decimal { return p.LifePnL }),
		columnOf("life_fees", "numeric", func(p *positionChange) blotter.Decimal { return p.LifeFees }),
		columnOf("life_trades", "bigint", func(p *positionChange) int64 { return p.LifeTrades }),
		columnOf("strategy", "text", func(p *positionChange) string { return p.Strategy }),
	}
	filledOrderColumns = columns[orderChange]{
		columnOf("version", "bigint", func(o *orderChange) int64 { return o.stored }),
		columnOf("id", "bigint", func(o *orderChange) int64 { return o.ID }),
		columnOf("status", "text", func(o *orderChange) string { return string(o.Status) }),
		columnOf("filled_quantity", "numeric", func(o *orderChange) blotter.Decimal { return o.FilledQuantity }),
		columnOf("filled_notional", "numeric", func(o *orderChange) blotter.Decimal { return o.FilledNotional }),
	}
	singleEventColumns = columns[blotter.Event]{
		columnOf("event_id", "uuid", func(e *blotter.Event) [16]byte { return e.EventID }),
		columnOf("correlation_id", "text", func(e *blotter.Event) string { return e.CorrelationID }),
		columnOf("data", "jsonb", func(e *blotter.Event) json.RawMessage { return e.Data }),
	}
)

// singleParts says which rows a booking of one trade has beside the trade and its position.
type singleParts struct{ order, event bool }

// sqlSingles are the statements for one trade.
var sqlSingles = map[singleParts]string{
	{}:                         sqlSingle(singleParts{}),
	{event: true}:              sqlSingle(singleParts{event: true}),
	{order: true}:              sqlSingle(singleParts{order: true}),
	{order: true, event: true}: sqlSingle(singleParts{order: true, event: true}),
}

func sqlSingle(parts singleParts) string {
	trade := tradeColumns.parameterNames(1)
	next := 1 + len(tradeColumns)
	position := movedPositionColumns.parameterNames(next)
	next += len(movedPositionColumns)

	sql := `
with moved as (
    update execution.positions
       set quantity = ` + trade["quantity_after"] + `, cost_basis = ` + trade["cost_basis_after"] + `,
           realized_pnl = ` + trade["realized_pnl_after"] + `, fees = ` + trade["fees_after"] + `,
           opened_at = ` + position["opened_at"] + `, max_quantity = ` + position["max_quantity"] + `,
           life_pnl = ` + position["life_pnl"] + `, life_fees = ` + position["life_fees"] + `,
           life_trades = ` + position["life_trades"] + `, strategy = ` + position["strategy"] + `,
           last_at = ` + trade["executed_at"] + `, last_seq = ` + trade["sequence"] + `,
           version = version + 1, last_updated = now()
     where account_id = ` + trade["account_id"] + ` and symbol = ` + trade["symbol"] + `
       and version = ` + position["version"] + ` and created_at = ` + position["created_at"] + `
    returning 1
), `
	unchanged := `exists (select from moved)`

	if parts.order {
		order := filledOrderColumns.parameterNames(next)
		next += len(filledOrderColumns)
		unchanged = `exists (select from filled) and ` + unchanged
		sql += `filled as (
    update execution.orders
       set status = ` + order["status"] + `, filled_quantity = ` + order["filled_quantity"] + `,
           filled_notional = ` + order["filled_notional"] + `, version = version + 1, updated_at = now()
     where account_id = ` + trade["account_id"] + ` and order_id = ` + trade["order_id"] + `
       and version = ` + order["version"] + ` and id = ` + order["id"] + `
    returning 1
), `
	}

	sql += `booked as (
    insert into execution.trades (` + tradeColumns.names("") + `)
    select ` + tradeColumns.parameters(1) + `
     where case when ` + unchanged + ` then true else execution.unchanged(false) end
    returning id, created_at, xid
)`

	if parts.event {
		event := singleEventColumns.parameterNames(next)
		sql += `, event as (
    insert into events.outbox (account_id, channel, key, event_id, type, service, correlation_id, data)
    select ` + trade["account_id"] + `, 'trades', ` + trade["account_id"] + `, ` + event["event_id"] + `,
           'trade_executed', 'execution', ` + event["correlation_id"] + `, ` + event["data"] + `
      from booked
)`
	}
	return sql + `
select id, created_at, xid from booked`
}

// parameterNames returns the parameters of a single row by the names of their columns.
func (c columns[R]) parameterNames(first int) map[string]string {
	names := make(map[string]string, len(c))
	for i := range c {
		names[c[i].name] = parameter(first+i) + "::" + c[i].typ
	}
	return names
}

// single returns the order (nil for a trade without one) and the position of a booking of one trade, and whether one
// statement can write them: both are stored, the order does not grow with the trade, and the trade is not late.
func (w *bookWriter) single() (order *orderChange, position *positionChange, ok bool) {
	t := &w.trades[w.applied[0]]
	order = w.orders[bookKey{t.AccountID, t.OrderID}]
	position = w.positions[bookKey{t.AccountID, t.Symbol}]
	ok = position.stored != 0 && len(w.refolds) == 0 && (order == nil || order.stored != 0 && !order.Adopted)
	return order, position, ok
}

// queueSingle queues the statement that writes one trade. In a session of an account, the event follows in a statement
// of its own, because it is proved by what earlier statements stored (policy book_events_are_proved); so does an event
// that tells of other fees, which prove it.
func (w *bookWriter) queueSingle(order *orderChange, position *positionChange, fees []*tradeFee) {
	apart := w.ofAccount || len(fees) > 0
	parts := singleParts{order: order != nil, event: len(w.events) > 0 && !apart}
	count := len(tradeColumns) + len(movedPositionColumns) + len(filledOrderColumns) + len(singleEventColumns)

	args := make([]any, 0, count)
	args = tradeColumns.appendValues(args, &w.trades[w.applied[0]])
	args = movedPositionColumns.appendValues(args, position)
	if parts.order {
		args = filledOrderColumns.appendValues(args, order)
	}
	if parts.event {
		args = singleEventColumns.appendValues(args, &w.events[0])
	}

	w.queueRoundTrips()
	w.returning = len(w.batch.QueuedQueries)
	w.read = w.readSingle
	w.batch.Queue(sqlSingles[parts], args...)
	if apart {
		w.queueOtherFees(fees)
		w.queueEvent()
	}
}

// queueEvent queues the event of one trade.
func (w *bookWriter) queueEvent() {
	for _, e := range w.events {
		w.batch.Queue(sqlBookEvent, e.AccountID, e.EventID, e.CorrelationID, e.Data)
	}
}

// readSingle completes the receipt of the trade that was written.
func (w *bookWriter) readSingle(results pgx.BatchResults) error {
	var id int64
	var created time.Time
	var xid uint64
	if err := results.QueryRow().Scan(&id, &created, &xid); err != nil {
		return err
	}
	w.complete(w.applied[0], id, created, xid)
	return nil
}
