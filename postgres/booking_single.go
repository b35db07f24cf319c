package postgres

// A booking of one trade is four small statements in one round trip. Each checks that what it was computed from is
// still so, and otherwise ends the transaction: a version by execution.unchanged, a row that should not be there yet by
// its key (a trade that is booked already: 23505), an order that is gone by the trade's foreign key, a position that is
// gone by the trade's condition.
const (
	sqlFillOrder = `
update execution.orders
   set status = $4, quantity = $5, filled_quantity = $6, filled_notional = $7, version = version + 1, updated_at = now()
 where account_id = $1 and order_id = $2 and execution.unchanged(version = $3 and id = $8)`

	sqlAdoptOrder = `
insert into execution.orders as o (account_id, order_id, symbol, side, quantity, status, strategy, adopted,
       filled_quantity, filled_notional)
values ($1, $2, $3, $4, $5, $6, $7, true, $8, $9)
on conflict (account_id, order_id) do update set version = excluded.version where execution.unchanged(o.version < 0)`

	sqlMovePosition = `
update execution.positions
   set quantity = $4, cost_basis = $5, realized_pnl = $6, fees = $7, version = version + 1, opened_at = $8,
       max_quantity = $9, life_pnl = $10, life_fees = $11, life_trades = $12, strategy = $13, last_updated = now()
 where account_id = $1 and symbol = $2 and execution.unchanged(version = $3 and created_at = $14)`

	sqlOpenPosition = `
insert into execution.positions as p (account_id, symbol, multiplier, currency, quantity, cost_basis, realized_pnl,
       fees, opened_at, max_quantity, life_pnl, life_fees, life_trades, strategy)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
on conflict (account_id, symbol) do update set version = excluded.version where execution.unchanged(p.version < 0)`

	sqlBookEvent = `
insert into events.outbox (account_id, channel, key, event_id, type, service, correlation_id, data)
values ($1, 'trades', $1, $2, 'trade_executed', 'execution', $3, $4)`
)

// sqlBookTrade takes the version of the position as $1, then the columns of the trade: account_id is $2, symbol is $3.
var sqlBookTrade = `
insert into execution.trades (` + tradeColumns.names("") + `)
select ` + tradeColumns.parameters(2) + `
 where execution.unchanged(exists (
    select from execution.positions where account_id = $2 and symbol = $3 and version = $1))
returning id, account_id, trade_id, symbol, side, created_at, xid`

// queueOne queues the writing of one trade.
func (w *bookWriter) queueOne() {
	t := &w.trades[w.applied[0]]
	if o := w.orders[bookKey{t.AccountID, t.OrderID}]; o != nil {
		w.queueOrder(o)
	}
	p := w.positions[bookKey{t.AccountID, t.Symbol}]
	w.queuePosition(p)
	w.queueRoundTrips()

	args := append(make([]any, 0, 1+len(tradeColumns)), p.stored+1)
	w.returning = len(w.batch.QueuedQueries)
	w.batch.Queue(sqlBookTrade, tradeColumns.appendValues(args, t)...)

	w.queueOtherFees()
	for _, e := range w.events {
		w.batch.Queue(sqlBookEvent, e.AccountID, e.EventID, e.CorrelationID, e.Data)
	}
}

func (w *bookWriter) queueOrder(o *orderChange) {
	if o.stored == 0 {
		w.batch.Queue(sqlAdoptOrder, o.AccountID, o.OrderID, o.Symbol, o.Side, o.Quantity, o.Status, o.Strategy,
			o.FilledQuantity, o.FilledNotional)
		return
	}
	w.batch.Queue(sqlFillOrder, o.AccountID, o.OrderID, o.stored, o.Status, o.Quantity, o.FilledQuantity,
		o.FilledNotional, o.ID)
}

func (w *bookWriter) queuePosition(p *positionChange) {
	if p.stored == 0 {
		w.batch.Queue(sqlOpenPosition, p.AccountID, p.Symbol, p.Multiplier, p.Currency, p.Quantity, p.CostBasis,
			p.RealizedPnL, p.Fees, p.OpenedAt, p.MaxQuantity, p.LifePnL, p.LifeFees, p.LifeTrades, p.Strategy)
		return
	}
	w.batch.Queue(sqlMovePosition, p.AccountID, p.Symbol, p.stored, p.Quantity, p.CostBasis, p.RealizedPnL, p.Fees,
		p.OpenedAt, p.MaxQuantity, p.LifePnL, p.LifeFees, p.LifeTrades, p.Strategy, p.CreatedAt)
}
