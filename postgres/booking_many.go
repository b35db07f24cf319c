package postgres

import (
	"maps"
	"slices"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
)

// sqlBook writes trades and what they changed, in one statement: orders, positions, trades in the book's order, round
// trips, events last. Each part asks how many rows the one before it wrote, and so runs when that is done. In the end it
// checks that all that it was computed from was still so (execution.unchanged), which otherwise ends the transaction.
const sqlBook = `
with changed_orders as (
    update execution.orders o
       set status = u.status, quantity = u.quantity, filled_quantity = u.filled_quantity, filled_notional = u.filled_notional,
           version = o.version + 1, updated_at = now()
      from unnest($1::text[], $2::text[], $3::bigint[], $4::text[], $5::numeric[], $6::numeric[], $46::numeric[], $47::bigint[])
           u(account_id, order_id, version, status, filled_quantity, filled_notional, quantity, id)
     where o.account_id = u.account_id and o.order_id = u.order_id and o.version = u.version and u.id in (o.id, 0)
    returning 1
), changed_positions as (
    update execution.positions p
       set quantity = u.quantity, cost_basis = u.cost_basis, realized_pnl = u.realized_pnl, fees = u.fees, version = p.version + 1,
           opened_at = u.opened_at, max_quantity = u.max_quantity, life_pnl = u.life_pnl, life_fees = u.life_fees,
           life_trades = u.life_trades, strategy = u.strategy, last_updated = now()
      from unnest($7::text[], $8::text[], $9::bigint[], $10::numeric[], $11::numeric[], $12::numeric[], $13::numeric[], $14::timestamptz[],
                  $15::numeric[], $16::numeric[], $17::numeric[], $18::bigint[], $19::text[], $48::timestamptz[])
           u(account_id, symbol, version, quantity, cost_basis, realized_pnl, fees, opened_at, max_quantity, life_pnl, life_fees, life_trades, strategy, created_at)
     where p.account_id = u.account_id and p.symbol = u.symbol and p.version = u.version and p.created_at = coalesce(u.created_at, p.created_at)
       and (select count(*) from changed_orders) >= 0
    returning 1
), new_trades as (
    insert into execution.trades (account_id, trade_id, order_id, symbol, side, quantity, price, multiplier, currency, commission, commission_currency,
           realized_pnl, position_effect, strategy, executed_at, settlement_date, quantity_after, cost_basis_after, realized_pnl_after, fees_after)
    select u.account_id, u.trade_id, nullif(u.order_id, ''), u.symbol, u.side, u.quantity, u.price, u.multiplier, u.currency, u.commission, u.commission_currency,
           u.realized_pnl, u.position_effect, u.strategy, u.executed_at, u.settlement_date, u.quantity_after, u.cost_basis_after, u.realized_pnl_after, u.fees_after
      from unnest($21::text[], $22::text[], $23::text[], $24::text[], $25::text[], $26::numeric[], $27::numeric[], $28::numeric[], $29::text[],
                  $30::numeric[], $31::text[], $32::numeric[], $33::text[], $34::text[], $35::timestamptz[], $36::date[],
                  $37::numeric[], $38::numeric[], $39::numeric[], $40::numeric[]) with ordinality
           u(account_id, trade_id, order_id, symbol, side, quantity, price, multiplier, currency, commission, commission_currency,
             realized_pnl, position_effect, strategy, executed_at, settlement_date, quantity_after, cost_basis_after, realized_pnl_after, fees_after, place)
     where (select count(*) from changed_positions) >= 0
     order by place
    returning id, account_id, trade_id, symbol, side, created_at, xid
), events as (
    insert into events.outbox (account_id, channel, key, event_id, type, service, correlation_id, data)
    select u.account_id, 'trades', u.account_id, u.event_id, 'trade_executed', 'execution', u.correlation_id, u.data::jsonb
      from unnest($49::text[], $42::uuid[], $43::text[], $44::text[]) with ordinality u(account_id, event_id, correlation_id, data, place)
     where (select count(*) from new_trades) >= 0
     order by place
)
select id, account_id, trade_id, symbol, side, created_at, xid from new_trades
 where execution.unchanged((select count(*) from changed_orders) = $20 and (select count(*) from changed_positions) = $41
       and (select count(*) from new_trades) = $45)`

// What is rarely written is in statements of its own, which go before sqlBook in the same round trip.
const (
	sqlNewPositions = `
with made as (
    insert into execution.positions (account_id, symbol, multiplier, currency, version)
    select u.account_id, u.symbol, u.multiplier, u.currency, 0 from unnest($1::text[], $2::text[], $3::numeric[], $4::text[]) u(account_id, symbol, multiplier, currency)
    on conflict do nothing returning 1
)
select 1 where execution.unchanged((select count(*) from made) = cardinality($1::text[]))`
	sqlRoundTrips = `
insert into execution.round_trips (account_id, symbol, opened_at, closed_at, max_quantity, gross, fees, strategy, trades)
select * from unnest($1::text[], $2::text[], $3::timestamptz[], $4::timestamptz[], $5::numeric[], $6::numeric[], $7::numeric[], $8::text[], $9::bigint[])`
	sqlAdoptOrders = `
with made as (
    insert into execution.orders (account_id, order_id, symbol, side, quantity, status, strategy, adopted, version)
    select u.account_id, u.order_id, u.symbol, u.side, u.quantity, 'submitted', u.strategy, true, 0
      from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::numeric[], $6::text[]) u(account_id, order_id, symbol, side, quantity, strategy)
    on conflict do nothing returning 1
)
select 1 where execution.unchanged((select count(*) from made) = cardinality($1::text[]))`
)

// batchOfMany returns what writes a booking of many trades, and the place of sqlBook in it. The events of an account's session
// are a statement behind it, because they are proved by what earlier statements stored (policy book_events_are_proved).
func (b *booking) batchOfMany(ofAccount bool) (batch *pgx.Batch, returning int, err error) {
	batch = &pgx.Batch{}
	b.queueAdopted(batch)
	b.queueNew(batch)
	b.queueTrips(batch)
	args := newBookArgs(len(b.orders), len(b.positions), len(b.written))
	for _, k := range sortedKeys(b.orders) {
		if o := b.orders[k]; o.changed {
			args.order(o)
		}
	}
	for _, k := range sortedKeys(b.positions) {
		if p := b.positions[k]; p.changed {
			args.position(p)
		}
	}
	var events []blotter.Event
	for _, i := range b.written {
		args.trade(&b.trades[i])
		event, err := newEvent(&b.trades[i], b.ids[i])
		if err != nil {
			return nil, 0, err
		}
		switch {
		case b.later:
			b.events = append(b.events, event)
		case ofAccount:
			events = append(events, event)
		default:
			args.event(&event)
		}
	}

	returning = len(batch.QueuedQueries)
	batch.Queue(sqlBook, args.list()...)
	b.queueOtherFees(batch)
	if len(events) > 0 {
		queueEvents(batch, events)
	}
	return batch, returning, nil
}

func sortedKeys[T any](m map[bookKey]T) []bookKey {
	return slices.SortedFunc(maps.Keys(m), bookKey.compare)
}

func (b *booking) queueAdopted(batch *pgx.Batch) {
	var accounts, ids, symbols, sides, strategies []string
	var quantities []blotter.Decimal
	for _, k := range sortedKeys(b.orders) {
		if o := b.orders[k]; o.changed && o.Version == 0 {
			accounts, ids, symbols, sides = append(accounts, o.AccountID), append(ids, o.OrderID), append(symbols, o.Symbol), append(sides, string(o.Side))
			quantities, strategies = append(quantities, o.Quantity), append(strategies, o.Strategy)
		}
	}
	if len(accounts) > 0 {
		batch.Queue(sqlAdoptOrders, accounts, ids, symbols, sides, quantities, strategies)
	}
}

func (b *booking) queueNew(batch *pgx.Batch) {
	var accounts, symbols, currencies []string
	var multipliers []blotter.Decimal
	for _, k := range sortedKeys(b.positions) {
		if p := b.positions[k]; p.changed && p.version == 0 {
			accounts, symbols, currencies = append(accounts, p.AccountID), append(symbols, p.Symbol), append(currencies, p.Currency)
			multipliers = append(multipliers, p.Multiplier)
		}
	}
	if len(accounts) > 0 {
		batch.Queue(sqlNewPositions, accounts, symbols, multipliers, currencies)
	}
}

func (b *booking) queueTrips(batch *pgx.Batch) {
	if len(b.trips) == 0 {
		return
	}
	var accounts, symbols, strategies []string
	var opened, closed []time.Time
	var quantities, gross, fees []blotter.Decimal
	var trades []int64
	for _, r := range b.trips {
		accounts, symbols, strategies = append(accounts, r.AccountID), append(symbols, r.Symbol), append(strategies, r.Strategy)
		opened, closed, quantities = append(opened, r.OpenedAt), append(closed, r.ClosedAt), append(quantities, r.MaxQuantity)
		gross, fees, trades = append(gross, r.Gross), append(fees, r.Fees), append(trades, r.Trades)
	}
	batch.Queue(sqlRoundTrips, accounts, symbols, opened, closed, quantities, gross, fees, strategies, trades)
}

// bookArgs are the columns of sqlBook.
type bookArgs struct {
	orderTexts      [3][]string // account, id, status
	orderVersions   []int64
	orderIDs        []int64 // 0 for one that this booking makes: an order may be deleted and made anew
	orderNumbers    [3][]blotter.Decimal
	positionTexts   [3][]string // account, symbol, strategy
	positionCounts  [2][]int64  // version, trades of the life
	positionNumbers [7][]blotter.Decimal
	opened          []*time.Time
	created         []*time.Time // nil for one that this booking makes: a position may be deleted and made anew
	tradeTexts      [9][]string
	tradeNumbers    [9][]blotter.Decimal
	executed        []time.Time
	settled         []*time.Time
	events          [][16]byte
	eventTexts      [3][]string // account, correlation, data
}

// newBookArgs makes room for so many rows.
func newBookArgs(orders, positions, trades int) *bookArgs {
	a := &bookArgs{
		orderVersions: make([]int64, 0, orders), orderIDs: make([]int64, 0, orders), opened: make([]*time.Time, 0, positions), created: make([]*time.Time, 0, positions),
		executed: make([]time.Time, 0, trades), settled: make([]*time.Time, 0, trades), events: make([][16]byte, 0, trades),
	}
	makeRoom(a.orderTexts[:], orders)
	makeRoom(a.orderNumbers[:], orders)
	makeRoom(a.positionTexts[:], positions)
	makeRoom(a.positionCounts[:], positions)
	makeRoom(a.positionNumbers[:], positions)
	makeRoom(a.tradeTexts[:], trades)
	makeRoom(a.tradeNumbers[:], trades)
	makeRoom(a.eventTexts[:], trades)
	return a
}

func makeRoom[T any](columns [][]T, n int) {
	for i := range columns {
		columns[i] = make([]T, 0, n)
	}
}

func appendEach[T any](columns [][]T, values ...T) {
	for i, v := range values {
		columns[i] = append(columns[i], v)
	}
}

func (a *bookArgs) order(o *bookOrder) {
	appendEach(a.orderTexts[:], o.AccountID, o.OrderID, string(o.Status))
	a.orderVersions, a.orderIDs = append(a.orderVersions, o.version), append(a.orderIDs, o.ID)
	appendEach(a.orderNumbers[:], o.FilledQuantity, o.FilledNotional, o.Quantity)
}

func (a *bookArgs) position(p *bookPosition) {
	appendEach(a.positionTexts[:], p.AccountID, p.Symbol, p.Strategy)
	appendEach(a.positionCounts[:], p.version, p.LifeTrades)
	appendEach(a.positionNumbers[:], p.Quantity, p.CostBasis, p.RealizedPnL, p.Fees, p.MaxQuantity, p.LifePnL, p.LifeFees)
	a.opened = append(a.opened, p.OpenedAt)
	var created *time.Time
	if p.version > 0 {
		created = &p.CreatedAt
	}
	a.created = append(a.created, created)
}

func (a *bookArgs) trade(t *blotter.Trade) {
	appendEach(a.tradeTexts[:], t.AccountID, t.TradeID, t.OrderID, t.Symbol, string(t.Side), t.Currency, t.CommissionCurrency, string(t.PositionEffect), t.Strategy)
	appendEach(a.tradeNumbers[:], t.Quantity, t.Price, t.Multiplier, t.Commission, t.RealizedPnL, t.QuantityAfter, t.CostBasisAfter, t.RealizedPnLAfter, t.FeesAfter)
	a.executed, a.settled = append(a.executed, t.ExecutedAt), append(a.settled, t.SettlementDate)
}

func (a *bookArgs) event(e *blotter.Event) {
	a.events = append(a.events, e.EventID)
	appendEach(a.eventTexts[:], e.AccountID, e.CorrelationID, string(e.Data))
}

// flat spares pgx the reflection by which it encodes slices of types that it does not know.
func flat[T any](values []T) pgtype.FlatArray[T] { return values }

// list are the arguments in their order.
func (a *bookArgs) list() []any {
	o, on, p, pn, t, tn, e := &a.orderTexts, &a.orderNumbers, &a.positionTexts, &a.positionNumbers, &a.tradeTexts, &a.tradeNumbers, &a.eventTexts
	return []any{
		o[0], o[1], a.orderVersions, o[2], flat(on[0]), flat(on[1]),
		p[0], p[1], a.positionCounts[0], flat(pn[0]), flat(pn[1]), flat(pn[2]), flat(pn[3]), flat(a.opened), flat(pn[4]), flat(pn[5]), flat(pn[6]), a.positionCounts[1], p[2], len(o[0]),
		t[0], t[1], t[2], t[3], t[4], flat(tn[0]), flat(tn[1]), flat(tn[2]), t[5], flat(tn[3]), t[6], flat(tn[4]), t[7], t[8], flat(a.executed), flat(a.settled),
		flat(tn[5]), flat(tn[6]), flat(tn[7]), flat(tn[8]), len(p[0]), flat(a.events), e[1], e[2], len(t[0]), flat(on[2]), a.orderIDs, flat(a.created), e[0],
	}
}
