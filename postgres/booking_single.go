package postgres

import "github.com/jackc/pgx/v5"

// A booking of one trade is four small statements in one round trip. Each checks that what it was computed from is still
// so, and otherwise ends the transaction: a version by execution.unchanged, a row that should not be there yet by its key
// (a trade that is booked already: 23505), an order that is gone by the trade's foreign key, a position that is gone by the
// trade's condition.
const (
	sqlFillOrder = `
update execution.orders set status = $4, quantity = $5, filled_quantity = $6, filled_notional = $7, version = version + 1, updated_at = now()
 where account_id = $1 and order_id = $2 and execution.unchanged(version = $3 and id = $8)`
	sqlAdoptOrder = `
insert into execution.orders as o (account_id, order_id, symbol, side, quantity, status, strategy, adopted, filled_quantity, filled_notional)
values ($1, $2, $3, $4, $5, $6, $7, true, $8, $9)
on conflict (account_id, order_id) do update set version = excluded.version where execution.unchanged(o.version < 0)`
	sqlMovePosition = `
update execution.positions
   set quantity = $4, cost_basis = $5, realized_pnl = $6, fees = $7, version = version + 1, opened_at = $8, max_quantity = $9,
       life_pnl = $10, life_fees = $11, life_trades = $12, strategy = $13, last_updated = now()
 where account_id = $1 and symbol = $2 and execution.unchanged(version = $3 and created_at = $14)`
	sqlOpenPosition = `
insert into execution.positions as p (account_id, symbol, multiplier, currency, quantity, cost_basis, realized_pnl, fees, opened_at, max_quantity,
       life_pnl, life_fees, life_trades, strategy)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
on conflict (account_id, symbol) do update set version = excluded.version where execution.unchanged(p.version < 0)`
	sqlBookTrade = `
insert into execution.trades (account_id, trade_id, order_id, symbol, side, quantity, price, multiplier, currency, commission, commission_currency,
       realized_pnl, position_effect, strategy, executed_at, settlement_date, quantity_after, cost_basis_after, realized_pnl_after, fees_after)
select $1::text, $2, nullif($3, ''), $4::text, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20
 where execution.unchanged(exists (select from execution.positions where account_id = $1::text and symbol = $4::text and version = $21))
returning id, account_id, trade_id, symbol, side, created_at, xid`
	sqlBookEvent = `
insert into events.outbox (account_id, channel, key, event_id, type, service, correlation_id, data)
values ($1::text, 'trades', $1::text, $2, 'trade_executed', 'execution', $3, $4)`
)

// batchOfOne is what writes a booking of one trade, and the place of sqlBookTrade in it.
func (b *booking) batchOfOne() (batch *pgx.Batch, returning int, err error) {
	batch = &pgx.Batch{}
	i := b.written[0]
	t := &b.trades[i]
	if o := b.orders[bookKey{t.AccountID, t.OrderID}]; o != nil && o.changed {
		if o.version == 0 {
			batch.Queue(sqlAdoptOrder, o.AccountID, o.OrderID, o.Symbol, o.Side, o.Quantity, o.Status, o.Strategy, o.FilledQuantity, o.FilledNotional)
		} else {
			batch.Queue(sqlFillOrder, o.AccountID, o.OrderID, o.version, o.Status, o.Quantity, o.FilledQuantity, o.FilledNotional, o.ID)
		}
	}
	p := b.positions[bookKey{t.AccountID, t.Symbol}]
	if p.version == 0 {
		batch.Queue(sqlOpenPosition, p.AccountID, p.Symbol, p.Multiplier, p.Currency, p.Quantity, p.CostBasis, p.RealizedPnL, p.Fees, p.OpenedAt, p.MaxQuantity,
			p.LifePnL, p.LifeFees, p.LifeTrades, p.Strategy)
	} else {
		batch.Queue(sqlMovePosition, p.AccountID, p.Symbol, p.version, p.Quantity, p.CostBasis, p.RealizedPnL, p.Fees, p.OpenedAt, p.MaxQuantity,
			p.LifePnL, p.LifeFees, p.LifeTrades, p.Strategy, p.CreatedAt)
	}
	b.queueTrips(batch)
	batch.Queue(sqlBookTrade, t.AccountID, t.TradeID, t.OrderID, t.Symbol, t.Side, t.Quantity, t.Price, t.Multiplier, t.Currency, t.Commission, t.CommissionCurrency,
		t.RealizedPnL, t.PositionEffect, t.Strategy, t.ExecutedAt, t.SettlementDate, t.QuantityAfter, t.CostBasisAfter, t.RealizedPnLAfter, t.FeesAfter, p.version+1)
	returning = len(batch.QueuedQueries) - 1
	b.queueOtherFees(batch)
	event, err := newEvent(t, b.ids[i])
	if b.later {
		b.events = append(b.events, event)
	} else {
		batch.Queue(sqlBookEvent, t.AccountID, event.EventID, event.CorrelationID, event.Data)
	}
	return batch, returning, err
}
