package postgres

import (
	"maps"
	"slices"
	"time"

	"github.com/blotterdb/blotter"
)

// A booking of one trade that queueSingle cannot write is four small statements in one round trip. Each checks that what it was computed from is
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
       max_quantity = $9, life_pnl = $10, life_fees = $11, life_trades = $12, strategy = $13, last_at = $15,
       last_seq = $16, last_updated = now()
 where account_id = $1 and symbol = $2 and execution.unchanged(version = $3 and created_at = $14)`

	sqlOpenPosition = `
insert into execution.positions as p (account_id, symbol, multiplier, currency, quantity, cost_basis, realized_pnl,
       fees, opened_at, max_quantity, life_pnl, life_fees, life_trades, strategy, base_currency, last_at, last_seq)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)
on conflict (account_id, symbol) do update set version = excluded.version where execution.unchanged(p.version < 0)`

	sqlBookEvent = `
insert into events.outbox (account_id, channel, key, event_id, type, service, correlation_id, data)
values ($1::text, 'trades', $1::text, $2, 'trade_executed', 'execution', $3, $4)`
)

// sqlBookTrade takes the version of the position as $1, then the columns of the trade: account_id is $2, symbol is $3.
var sqlBookTrade = `
insert into execution.trades (` + tradeColumns.names("") + `)
select ` + tradeColumns.parameters(2) + `
 where execution.unchanged(exists (
    select from execution.positions where account_id = $2::text and symbol = $3::text and version = $1))
returning id, account_id, trade_id, symbol, side, created_at, xid`

// queueOne queues the writing of one trade. An event that tells of other fees goes behind these, which prove it.
func (w *bookWriter) queueOne(fees []*tradeFee) {
	o, p, ok := w.single()
	if ok {
		w.queueSingle(o, p, fees)
		return
	}

	t := &w.trades[w.applied[0]]
	if o != nil {
		w.queueOrder(o)
	}
	w.queuePosition(p)
	w.queueRoundTrips()

	args := append(make([]any, 0, 1+len(tradeColumns)), p.stored+1)
	w.returning = len(w.batch.QueuedQueries)
	w.batch.Queue(sqlBookTrade, tradeColumns.appendValues(args, t)...)

	w.queueOtherFees(fees)
	w.queueEvent()
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
			p.RealizedPnL, p.Fees, p.OpenedAt, p.MaxQuantity, p.LifePnL, p.LifeFees, p.LifeTrades, p.Strategy,
			p.Base, p.LastAt, p.LastSeq)
		return
	}
	w.batch.Queue(sqlMovePosition, p.AccountID, p.Symbol, p.stored, p.Quantity, p.CostBasis, p.RealizedPnL, p.Fees,
		p.OpenedAt, p.MaxQuantity, p.LifePnL, p.LifeFees, p.LifeTrades, p.Strategy, p.CreatedAt, p.LastAt,
		p.LastSeq)
}

func (w *bookWriter) queueOtherFees(fees []*tradeFee) {
	if len(fees) > 0 {
		w.batch.Queue(sqlOtherFees, tradeFeeColumns.appendArrays(nil, fees)...)
	}
}

var roundTripColumns = columns[blotter.RoundTrip]{
	columnOf("account_id", "text", func(r *blotter.RoundTrip) string { return r.AccountID }),
	columnOf("symbol", "text", func(r *blotter.RoundTrip) string { return r.Symbol }),
	columnOf("opened_at", "timestamptz", func(r *blotter.RoundTrip) time.Time { return r.OpenedAt }),
	columnOf("closed_at", "timestamptz", func(r *blotter.RoundTrip) time.Time { return r.ClosedAt }),
	columnOf("max_quantity", "numeric", func(r *blotter.RoundTrip) blotter.Decimal { return r.MaxQuantity }),
	columnOf("gross", "numeric", func(r *blotter.RoundTrip) blotter.Decimal { return r.Gross }),
	columnOf("fees", "numeric", func(r *blotter.RoundTrip) blotter.Decimal { return r.Fees }),
	columnOf("strategy", "text", func(r *blotter.RoundTrip) string { return r.Strategy }),
	columnOf("trades", "bigint", func(r *blotter.RoundTrip) int64 { return r.Trades }),
}

var sqlRoundTrips = `
insert into execution.round_trips (` + roundTripColumns.names("") + `)
select * from ` + roundTripColumns.unnest(1)

func (w *bookWriter) queueRoundTrips() {
	if len(w.roundTrips) > 0 {
		w.batch.Queue(sqlRoundTrips, roundTripColumns.appendArrays(nil, w.roundTrips)...)
	}
}

// tradeColumns begin with the key of the position, which sqlBookTrade names by number.
var tradeColumns = columns[blotter.Trade]{
	columnOf("account_id", "text", func(t *blotter.Trade) string { return t.AccountID }),
	columnOf("symbol", "text", func(t *blotter.Trade) string { return t.Symbol }),
	columnOf("trade_id", "text", func(t *blotter.Trade) string { return t.TradeID }),
	columnOf("order_id", "text", func(t *blotter.Trade) *string { return nullIfEmpty(&t.OrderID) }),
	columnOf("side", "text", func(t *blotter.Trade) string { return string(t.Side) }),
	columnOf("quantity", "numeric", func(t *blotter.Trade) blotter.Decimal { return t.Quantity }),
	columnOf("price", "numeric", func(t *blotter.Trade) blotter.Decimal { return t.Price }),
	columnOf("multiplier", "numeric", func(t *blotter.Trade) blotter.Decimal { return t.Multiplier }),
	columnOf("currency", "text", func(t *blotter.Trade) string { return t.Currency }),
	columnOf("commission", "numeric", func(t *blotter.Trade) blotter.Decimal { return t.Commission }),
	columnOf("commission_currency", "text", func(t *blotter.Trade) string { return t.CommissionCurrency }),
	columnOf("realized_pnl", "numeric", func(t *blotter.Trade) blotter.Decimal { return t.RealizedPnL }),
	columnOf("position_effect", "text", func(t *blotter.Trade) string { return string(t.PositionEffect) }),
	columnOf("strategy", "text", func(t *blotter.Trade) string { return t.Strategy }),
	columnOf("executed_at", "timestamptz", func(t *blotter.Trade) time.Time { return t.ExecutedAt }),
	columnOf("sequence", "bigint", func(t *blotter.Trade) int64 { return t.Sequence }),
	columnOf("settlement_date", "date", func(t *blotter.Trade) *time.Time { return t.SettlementDate }),
	columnOf("quantity_after", "numeric", func(t *blotter.Trade) blotter.Decimal { return t.QuantityAfter }),
	columnOf("cost_basis_after", "numeric", func(t *blotter.Trade) blotter.Decimal { return t.CostBasisAfter }),
	columnOf("realized_pnl_after", "numeric", func(t *blotter.Trade) blotter.Decimal { return t.RealizedPnLAfter }),
	columnOf("fees_after", "numeric", func(t *blotter.Trade) blotter.Decimal { return t.FeesAfter }),
}

// The rows of sqlBook, and where the parameters of each begin.
var (
	changedOrderColumns = columns[orderChange]{
		columnOf("account_id", "text", func(o *orderChange) string { return o.AccountID }),
		columnOf("order_id", "text", func(o *orderChange) string { return o.OrderID }),
		columnOf("version", "bigint", func(o *orderChange) int64 { return o.stored }),
		columnOf("id", "bigint", func(o *orderChange) int64 { return o.ID }), // 0 for an adopted order
		columnOf("status", "text", func(o *orderChange) string { return string(o.Status) }),
		columnOf("quantity", "numeric", func(o *orderChange) blotter.Decimal { return o.Quantity }),
		columnOf("filled_quantity", "numeric", func(o *orderChange) blotter.Decimal { return o.FilledQuantity }),
		columnOf("filled_notional", "numeric", func(o *orderChange) blotter.Decimal { return o.FilledNotional }),
	}
	changedPositionColumns = columns[positionChange]{
		columnOf("account_id", "text", func(p *positionChange) string { return p.AccountID }),
		columnOf("symbol", "text", func(p *positionChange) string { return p.Symbol }),
		columnOf("version", "bigint", func(p *positionChange) int64 { return p.stored }),
		columnOf("created_at", "timestamptz", (*positionChange).storedCreation),
		columnOf("quantity", "numeric", func(p *positionChange) blotter.Decimal { return p.Quantity }),
		columnOf("cost_basis", "numeric", func(p *positionChange) blotter.Decimal { return p.CostBasis }),
		columnOf("realized_pnl", "numeric", func(p *positionChange) blotter.Decimal { return p.RealizedPnL }),
		columnOf("fees", "numeric", func(p *positionChange) blotter.Decimal { return p.Fees }),
		columnOf("opened_at", "timestamptz", func(p *positionChange) *time.Time { return p.OpenedAt }),
		columnOf("max_quantity", "numeric", func(p *positionChange) blotter.Decimal { return p.MaxQuantity }),
		columnOf("life_pnl", "numeric", func(p *positionChange) blotter.Decimal { return p.LifePnL }),
		columnOf("life_fees", "numeric", func(p *positionChange) blotter.Decimal { return p.LifeFees }),
		columnOf("life_trades", "bigint", func(p *positionChange) int64 { return p.LifeTrades }),
		columnOf("strategy", "text", func(p *positionChange) string { return p.Strategy }),
		columnOf("last_at", "timestamptz", func(p *positionChange) time.Time { return p.LastAt }),
		columnOf("last_seq", "bigint", func(p *positionChange) int64 { return p.LastSeq }),
	}
	tradeEventColumns = columns[blotter.Event]{
		columnOf("account_id", "text", func(e *blotter.Event) string { return e.AccountID }),
		columnOf("event_id", "uuid", func(e *blotter.Event) [16]byte { return e.EventID }),
		columnOf("correlation_id", "text", func(e *blotter.Event) string { return e.CorrelationID }),
		columnOf("data", "text", func(e *blotter.Event) string { return string(e.Data) }),
	}

	positionsAt = 1 + len(changedOrderColumns)
	tradesAt    = positionsAt + len(changedPositionColumns)
	eventsAt    = tradesAt + len(tradeColumns)
	countsAt    = eventsAt + len(tradeEventColumns)
)

// storedCreation returns when the position was created, or nil for one that the booking opens. Checked beside the
// version, it tells a position from one that was deleted and created again. An order has its id for that.
func (p *positionChange) storedCreation() *time.Time {
	if p.stored == 0 {
		return nil
	}
	return &p.CreatedAt
}

// sqlBook writes trades and what they changed, in one statement: orders, positions, trades in the book's order, events
// last. PostgreSQL runs the parts of a statement in any order that their results allow, so each part asks how many rows
// the one before it wrote. Otherwise a transaction could lock positions before orders, and deadlock with another, or
// write events before it has locked all rows, and consumers would see them in the wrong order. In the end the statement
// checks that all rows were still those that the decision is based on (execution.unchanged), and otherwise ends the
// transaction.
var sqlBook = `
with changed_orders as (` + sqlChangeOrders + `
), changed_positions as (` + sqlChangePositions + `
), new_trades as (` + sqlNewTrades + `
), events as (` + sqlNewEvents + `
)
select id, account_id, trade_id, symbol, side, created_at, xid from new_trades
 where execution.unchanged((select count(*) from changed_orders) = ` + parameter(countsAt) + `
       and (select count(*) from changed_positions) = ` + parameter(countsAt+1) + `
       and (select count(*) from new_trades) = ` + parameter(countsAt+2) + `)`

var (
	sqlChangeOrders = `
    update execution.orders o
       set status = u.status, quantity = u.quantity, filled_quantity = u.filled_quantity,
           filled_notional = u.filled_notional, version = o.version + 1, updated_at = now()
      from ` + changedOrderColumns.unnest(1) + `
     where o.account_id = u.account_id and o.order_id = u.order_id and o.version = u.version and u.id in (o.id, 0)
    returning 1`

	sqlChangePositions = `
    update execution.positions p
       set quantity = u.quantity, cost_basis = u.cost_basis, realized_pnl = u.realized_pnl, fees = u.fees,
           version = p.version + 1, opened_at = u.opened_at, max_quantity = u.max_quantity, life_pnl = u.life_pnl,
           life_fees = u.life_fees, life_trades = u.life_trades, strategy = u.strategy, last_at = u.last_at,
           last_seq = u.last_seq, last_updated = now()
      from ` + changedPositionColumns.unnest(positionsAt) + `
     where p.account_id = u.account_id and p.symbol = u.symbol and p.version = u.version
       and p.created_at = coalesce(u.created_at, p.created_at) and (select count(*) from changed_orders) >= 0
    returning 1`

	sqlNewTrades = `
    insert into execution.trades (` + tradeColumns.names("") + `)
    select ` + tradeColumns.names("u.") + `
      from ` + tradeColumns.unnestInOrder(tradesAt) + `
     where (select count(*) from changed_positions) >= 0
     order by place
    returning id, account_id, trade_id, symbol, side, created_at, xid`

	sqlNewEvents = `
    insert into events.outbox (account_id, channel, key, event_id, type, service, correlation_id, data)
    select u.account_id, 'trades', u.account_id, u.event_id, 'trade_executed', 'execution', u.correlation_id,
           u.data::jsonb
      from ` + tradeEventColumns.unnestInOrder(eventsAt) + `
     where (select count(*) from new_trades) >= 0
     order by place`
)

// queueMany queues the writing of many trades. Rows that sqlBook updates have to exist, so adopted orders and new
// positions go before it. The events of an account's session go behind it, because they are proved by what
// earlier statements stored (policy book_events_are_proved).
func (w *bookWriter) queueMany(fees []*tradeFee) {
	orders := sortedRows(w.orders)
	positions := sortedRows(w.positions)
	w.queueAdoptedOrders(orders)
	w.queueNewPositions(positions)
	w.queueRoundTrips()

	trades := make([]*blotter.Trade, len(w.applied))
	for n, i := range w.applied {
		trades[n] = &w.trades[i]
	}
	events := w.events
	if w.ofAccount {
		events = nil
	}

	args := make([]any, 0, countsAt+2)
	args = changedOrderColumns.appendArrays(args, orders)
	args = changedPositionColumns.appendArrays(args, positions)
	args = tradeColumns.appendArrays(args, trades)
	args = tradeEventColumns.appendArrays(args, pointers(events))
	args = append(args, len(orders), len(positions), len(trades))
	w.returning = len(w.batch.QueuedQueries)
	w.batch.Queue(sqlBook, args...)

	w.queueOtherFees(fees)
	if w.ofAccount && len(w.events) > 0 {
		queueEvents(w.batch, w.events)
	}
}

var adoptedOrderColumns = columns[orderChange]{
	columnOf("account_id", "text", func(o *orderChange) string { return o.AccountID }),
	columnOf("order_id", "text", func(o *orderChange) string { return o.OrderID }),
	columnOf("symbol", "text", func(o *orderChange) string { return o.Symbol }),
	columnOf("side", "text", func(o *orderChange) string { return string(o.Side) }),
	columnOf("quantity", "numeric", func(o *orderChange) blotter.Decimal { return o.Quantity }),
	columnOf("strategy", "text", func(o *orderChange) string { return o.Strategy }),
}

var sqlAdoptOrders = `
with made as (
    insert into execution.orders (status, adopted, version, ` + adoptedOrderColumns.names("") + `)
    select 'submitted', true, 0, ` + adoptedOrderColumns.names("u.") + `
      from ` + adoptedOrderColumns.unnest(1) + `
    on conflict do nothing returning 1
)
select 1 where execution.unchanged((select count(*) from made) = cardinality($1::text[]))`

func (w *bookWriter) queueAdoptedOrders(orders []*orderChange) {
	var adopted []*orderChange
	for _, o := range orders {
		if o.stored == 0 {
			adopted = append(adopted, o)
		}
	}
	if len(adopted) > 0 {
		w.batch.Queue(sqlAdoptOrders, adoptedOrderColumns.appendArrays(nil, adopted)...)
	}
}

var newPositionColumns = columns[positionChange]{
	columnOf("account_id", "text", func(p *positionChange) string { return p.AccountID }),
	columnOf("symbol", "text", func(p *positionChange) string { return p.Symbol }),
	columnOf("multiplier", "numeric", func(p *positionChange) blotter.Decimal { return p.Multiplier }),
	columnOf("currency", "text", func(p *positionChange) string { return p.Currency }),
	columnOf("base_currency", "text", func(p *positionChange) string { return p.Base }),
}

var sqlNewPositions = `
with made as (
    insert into execution.positions (version, ` + newPositionColumns.names("") + `)
    select 0, ` + newPositionColumns.names("u.") + `
      from ` + newPositionColumns.unnest(1) + `
    on conflict do nothing returning 1
)
select 1 where execution.unchanged((select count(*) from made) = cardinality($1::text[]))`

func (w *bookWriter) queueNewPositions(positions []*positionChange) {
	var opened []*positionChange
	for _, p := range positions {
		if p.stored == 0 {
			opened = append(opened, p)
		}
	}
	if len(opened) > 0 {
		w.batch.Queue(sqlNewPositions, newPositionColumns.appendArrays(nil, opened)...)
	}
}

// sortedRows returns the rows in the order of their keys, in which every transaction locks them.
func sortedRows[T any](rows map[bookKey]*T) []*T {
	sorted := make([]*T, 0, len(rows))
	for _, key := range slices.SortedFunc(maps.Keys(rows), bookKey.compare) {
		sorted = append(sorted, rows[key])
	}
	return sorted
}
