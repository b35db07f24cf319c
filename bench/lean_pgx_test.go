package bench

import (
	"context"
	"encoding/json"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// leanQueries are the statements of a lean schema, as sqlc would generate constants for them.
type leanQueries struct {
	lockOrder, lockPosition, fillOrder, insertTrade, movePosition, insertRoundTrip, insertEvent string
}

func newLeanQueries(schema string) leanQueries {
	return leanQueries{
		lockOrder: in(schema, `
select account_id, order_id, symbol, side, quantity, filled_quantity, filled_notional, status, strategy, version
  from lean.orders where account_id = $1 and order_id = $2 for update`),
		lockPosition: in(schema, `
select account_id, symbol, quantity, cost_basis, realized_pnl, fees, multiplier, currency, opened_at, max_quantity,
       life_pnl, life_fees, life_trades, strategy
  from lean.positions where account_id = $1 and symbol = $2 for update`),

		fillOrder: in(schema, `
update lean.orders set filled_quantity = $3, filled_notional = $4, status = $5, version = version + 1,
       updated_at = now()
 where account_id = $1 and order_id = $2`),
		insertTrade: in(schema, `
insert into lean.trades (account_id, trade_id, order_id, symbol, side, quantity, price, multiplier, currency,
       commission, commission_currency, realized_pnl, position_effect, strategy, executed_at, quantity_after,
       cost_basis_after, realized_pnl_after, fees_after)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19) returning id`),
		movePosition: in(schema, `
update lean.positions set quantity = $3, cost_basis = $4, realized_pnl = $5, fees = $6, opened_at = $7,
       max_quantity = $8, life_pnl = $9, life_fees = $10, life_trades = $11, strategy = $12, version = version + 1,
       last_updated = now()
 where account_id = $1 and symbol = $2`),
		insertRoundTrip: in(schema, `
insert into lean.round_trips (account_id, symbol, opened_at, closed_at, max_quantity, gross, fees, strategy, trades)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9)`),
		insertEvent: in(schema, `
insert into lean.events (account_id, event_id, type, data) values ($1, $2, 'trade_executed', $3)`),
	}
}

// leanPgx books fills in plain pgx.
type leanPgx struct {
	pool *pgxpool.Pool
	sql  leanQueries
}

// leanFill is a fill and the rows that it changes.
type leanFill struct {
	trade    blotter.Trade
	order    blotter.Order
	position blotter.Position
	closed   *blotter.RoundTrip
}

// apply applies the trade to the order and the position, by the rules that blotter applies.
func (f *leanFill) apply() error {
	filled, err := f.order.WithFill(f.trade, false)
	if err != nil {
		return err
	}
	after, effect, err := f.position.Apply(f.trade)
	if err != nil {
		return err
	}

	f.order = filled
	f.position = after
	f.trade = f.trade.WithEffect(after, effect)
	f.closed = effect.Closed
	return nil
}

func (f *leanFill) orderTargets() []any {
	o := &f.order
	return []any{
		&o.AccountID, &o.OrderID, &o.Symbol, &o.Side, &o.Quantity, &o.FilledQuantity, &o.FilledNotional, &o.Status,
		&o.Strategy, &o.Version,
	}
}

func (f *leanFill) positionTargets() []any {
	p := &f.position
	return []any{
		&p.AccountID, &p.Symbol, &p.Quantity, &p.CostBasis, &p.RealizedPnL, &p.Fees, &p.Multiplier, &p.Currency,
		&p.OpenedAt, &p.MaxQuantity, &p.LifePnL, &p.LifeFees, &p.LifeTrades, &p.Strategy,
	}
}

// statement is a statement with its arguments.
type statement struct {
	sql  string
	args []any
}

// writes returns the statements that write the fill.
func (q leanQueries) writes(f *leanFill) ([]statement, error) {
	o := &f.order
	p := &f.position
	t := &f.trade
	data, err := json.Marshal(t.EventData())
	if err != nil {
		return nil, err
	}

	list := []statement{
		{q.fillOrder, []any{t.AccountID, t.OrderID, o.FilledQuantity, o.FilledNotional, string(o.Status)}},
		{q.insertTrade, []any{
			t.AccountID, t.TradeID, t.OrderID, t.Symbol, string(t.Side), t.Quantity, t.Price, t.Multiplier,
			t.Currency, t.Commission, t.CommissionCurrency, t.RealizedPnL, string(t.PositionEffect), t.Strategy,
			t.ExecutedAt, t.QuantityAfter, t.CostBasisAfter, t.RealizedPnLAfter, t.FeesAfter,
		}},
		{q.movePosition, []any{
			p.AccountID, p.Symbol, p.Quantity, p.CostBasis, p.RealizedPnL, p.Fees, p.OpenedAt, p.MaxQuantity,
			p.LifePnL, p.LifeFees, p.LifeTrades, p.Strategy,
		}},
		{q.insertEvent, []any{t.AccountID, uuid.Must(uuid.NewV7()), data}},
	}
	if r := f.closed; r != nil {
		list = append(list, statement{q.insertRoundTrip, []any{
			r.AccountID, r.Symbol, r.OpenedAt, r.ClosedAt, r.MaxQuantity, r.Gross, r.Fees, r.Strategy, r.Trades,
		}})
	}
	return list, nil
}

// naive books a fill as a correct program does, a statement at a time: lock the order, lock the position, compute,
// write, commit. BEGIN goes with the first statement.
func (l *leanPgx) naive(ctx context.Context, t blotter.Trade) error {
	conn, err := l.pool.Acquire(ctx)
	if err != nil {
		return err
	}
	defer conn.Release()

	f := leanFill{trade: t}
	lock := &pgx.Batch{}
	lock.Queue("begin")
	lock.Queue(l.sql.lockOrder, t.AccountID, t.OrderID).QueryRow(func(row pgx.Row) error {
		return row.Scan(f.orderTargets()...)
	})
	err = conn.SendBatch(ctx, lock).Close()
	if err == nil {
		err = conn.QueryRow(ctx, l.sql.lockPosition, t.AccountID, t.Symbol).Scan(f.positionTargets()...)
	}
	if err == nil {
		err = l.writeEach(ctx, conn, &f)
	}
	if err != nil {
		_, _ = conn.Exec(context.WithoutCancel(ctx), "rollback")
		return err
	}
	_, err = conn.Exec(ctx, "commit")
	return err
}

// executor is a connection or a transaction.
type executor interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
}

func (l *leanPgx) writeEach(ctx context.Context, to executor, f *leanFill) error {
	if err := f.apply(); err != nil {
		return err
	}

	list, err := l.sql.writes(f)
	if err != nil {
		return err
	}

	for _, s := range list {
		rows, err := to.Query(ctx, s.sql, s.args...)
		if err != nil {
			return err
		}
		rows.Close()
		if err := rows.Err(); err != nil {
			return err
		}
	}

	return nil
}

// sqlc books a fill as code that sqlc generates does: constants with typed arguments, in a pgx.Tx.
func (l *leanPgx) sqlc(ctx context.Context, t blotter.Trade) error {
	return pgx.BeginFunc(ctx, l.pool, func(tx pgx.Tx) error {
		f := leanFill{trade: t}
		if err := tx.QueryRow(ctx, l.sql.lockOrder, t.AccountID, t.OrderID).Scan(f.orderTargets()...); err != nil {
			return err
		}
		err := tx.QueryRow(ctx, l.sql.lockPosition, t.AccountID, t.Symbol).Scan(f.positionTargets()...)
		if err != nil {
			return err
		}
		return l.writeEach(ctx, tx, &f)
	})
}

// pipelined books a fill in two round trips, the fewest for one that locks before it computes.
func (l *leanPgx) pipelined(ctx context.Context, t blotter.Trade) error {
	conn, err := l.pool.Acquire(ctx)
	if err != nil {
		return err
	}
	defer conn.Release()

	f := leanFill{trade: t}
	read := &pgx.Batch{}
	read.Queue("begin")
	read.Queue(l.sql.lockOrder, t.AccountID, t.OrderID).QueryRow(func(row pgx.Row) error {
		return row.Scan(f.orderTargets()...)
	})
	read.Queue(l.sql.lockPosition, t.AccountID, t.Symbol).QueryRow(func(row pgx.Row) error {
		return row.Scan(f.positionTargets()...)
	})
	err = conn.SendBatch(ctx, read).Close()
	if err == nil {
		err = f.apply()
	}
	var list []statement
	if err == nil {
		list, err = l.sql.writes(&f)
	}
	if err != nil {
		_, _ = conn.Exec(context.WithoutCancel(ctx), "rollback")
		return err
	}

	write := &pgx.Batch{}
	for _, s := range list {
		write.Queue(s.sql, s.args...)
	}
	write.Queue("commit")
	return conn.SendBatch(ctx, write).Close()
}

// bulk books a batch of fills as well as plain pgx can: rows locked and read by two statements over arrays, trades
// and events by COPY, orders and positions updated from arrays.
func (l *leanPgx) bulk(ctx context.Context, schema string, trades []blotter.Trade) error {
	return pgx.BeginFunc(ctx, l.pool, func(tx pgx.Tx) error {
		b := &leanBatch{schema: schema, sql: l.sql, trades: trades}
		if err := b.lock(ctx, tx); err != nil {
			return err
		}
		if err := b.compute(); err != nil {
			return err
		}
		return b.write(ctx, tx)
	})
}

// leanBatch is a batch of fills and the rows that they change.
type leanBatch struct {
	schema    string
	sql       leanQueries
	trades    []blotter.Trade
	orders    map[[2]string]*leanFill
	positions map[[2]string]*leanFill
	rows      [][]any // of trades
	events    [][]any
	trips     [][]any
}

func (b *leanBatch) lock(ctx context.Context, tx pgx.Tx) error {
	b.orders = map[[2]string]*leanFill{}
	b.positions = map[[2]string]*leanFill{}
	accounts := make([]string, len(b.trades))
	ids := make([]string, len(b.trades))
	symbols := make([]string, len(b.trades))
	for i, t := range b.trades {
		accounts[i] = t.AccountID
		ids[i] = t.OrderID
		symbols[i] = t.Symbol
	}

	orders := in(b.schema, `
select account_id, order_id, symbol, side, quantity, filled_quantity, filled_notional, status, strategy, version
  from lean.orders where (account_id, order_id) in (select * from unnest($1::text[], $2::text[]))
 order by account_id, order_id for update`)
	if err := b.read(ctx, tx, orders, accounts, ids, func(f *leanFill) []any {
		return f.orderTargets()
	}, func(f *leanFill) { b.orders[[2]string{f.order.AccountID, f.order.OrderID}] = f }); err != nil {
		return err
	}

	positions := in(b.schema, `
select account_id, symbol, quantity, cost_basis, realized_pnl, fees, multiplier, currency, opened_at, max_quantity,
       life_pnl, life_fees, life_trades, strategy
  from lean.positions where (account_id, symbol) in (select * from unnest($1::text[], $2::text[]))
 order by account_id, symbol for update`)
	return b.read(ctx, tx, positions, accounts, symbols, func(f *leanFill) []any {
		return f.positionTargets()
	}, func(f *leanFill) { b.positions[[2]string{f.position.AccountID, f.position.Symbol}] = f })
}

func (b *leanBatch) read(ctx context.Context, tx pgx.Tx, sql string, accounts, names []string,
	targets func(*leanFill) []any, keep func(*leanFill),
) error {
	rows, err := tx.Query(ctx, sql, accounts, names)
	if err != nil {
		return err
	}
	defer rows.Close()

	for rows.Next() {
		f := &leanFill{}
		if err := rows.Scan(targets(f)...); err != nil {
			return err
		}
		keep(f)
	}

	return rows.Err()
}

func (b *leanBatch) compute() error {
	for _, t := range b.trades {
		order := b.orders[[2]string{t.AccountID, t.OrderID}]
		position := b.positions[[2]string{t.AccountID, t.Symbol}]
		f := leanFill{trade: t, order: order.order, position: position.position}
		if err := f.apply(); err != nil {
			return err
		}

		list, err := b.sql.writes(&f)
		if err != nil {
			return err
		}
		order.order = f.order
		position.position = f.position
		b.rows = append(b.rows, list[1].args)
		b.events = append(b.events, append(list[3].args, "trade_executed"))
		if len(list) > 4 {
			b.trips = append(b.trips, list[4].args)
		}
	}
	return nil
}

func (b *leanBatch) write(ctx context.Context, tx pgx.Tx) error {
	if err := b.updateOrders(ctx, tx); err != nil {
		return err
	}
	if err := b.updatePositions(ctx, tx); err != nil {
		return err
	}

	for table, content := range map[string]struct {
		columns []string
		rows    [][]any
	}{
		"trades": {[]string{
			"account_id", "trade_id", "order_id", "symbol", "side", "quantity", "price", "multiplier", "currency",
			"commission", "commission_currency", "realized_pnl", "position_effect", "strategy", "executed_at",
			"quantity_after", "cost_basis_after", "realized_pnl_after", "fees_after",
		}, b.rows},
		"events": {[]string{"account_id", "event_id", "data", "type"}, b.events},
		"round_trips": {[]string{
			"account_id", "symbol", "opened_at", "closed_at", "max_quantity", "gross", "fees", "strategy", "trades",
		}, b.trips},
	} {
		to := pgx.Identifier{b.schema, table}
		if _, err := tx.CopyFrom(ctx, to, content.columns, pgx.CopyFromRows(content.rows)); err != nil {
			return err
		}
	}
	return nil
}

func (b *leanBatch) updateOrders(ctx context.Context, tx pgx.Tx) error {
	var accounts, ids, statuses []string
	var quantities, notionals []blotter.Decimal
	for key, f := range b.orders {
		accounts = append(accounts, key[0])
		ids = append(ids, key[1])
		statuses = append(statuses, string(f.order.Status))
		quantities = append(quantities, f.order.FilledQuantity)
		notionals = append(notionals, f.order.FilledNotional)
	}

	_, err := tx.Exec(ctx, in(b.schema, `
update lean.orders o set filled_quantity = u.quantity, filled_notional = u.notional, status = u.status,
       version = o.version + 1, updated_at = now()
  from unnest($1::text[], $2::text[], $3::numeric[], $4::numeric[], $5::text[])
       u(account_id, order_id, quantity, notional, status)
 where o.account_id = u.account_id and o.order_id = u.order_id`), accounts, ids, quantities, notionals, statuses)
	return err
}

func (b *leanBatch) updatePositions(ctx context.Context, tx pgx.Tx) error {
	var accounts, symbols, strategies []string
	var opened []*time.Time
	var trades []int64
	numbers := make([][]blotter.Decimal, 7)
	for key, f := range b.positions {
		p := &f.position
		accounts = append(accounts, key[0])
		symbols = append(symbols, key[1])
		strategies = append(strategies, p.Strategy)
		opened = append(opened, p.OpenedAt)
		trades = append(trades, p.LifeTrades)
		for i, n := range []blotter.Decimal{
			p.Quantity, p.CostBasis, p.RealizedPnL, p.Fees, p.MaxQuantity, p.LifePnL, p.LifeFees,
		} {
			numbers[i] = append(numbers[i], n)
		}
	}

	_, err := tx.Exec(ctx, in(b.schema, `
update lean.positions p set quantity = u.quantity, cost_basis = u.cost_basis, realized_pnl = u.realized_pnl,
       fees = u.fees, max_quantity = u.max_quantity, life_pnl = u.life_pnl, life_fees = u.life_fees,
       opened_at = u.opened_at, life_trades = u.life_trades, strategy = u.strategy, version = p.version + 1,
       last_updated = now()
  from unnest($1::text[], $2::text[], $3::numeric[], $4::numeric[], $5::numeric[], $6::numeric[], $7::numeric[],
              $8::numeric[], $9::numeric[], $10::timestamptz[], $11::bigint[], $12::text[])
       u(account_id, symbol, quantity, cost_basis, realized_pnl, fees, max_quantity, life_pnl, life_fees, opened_at,
         life_trades, strategy)
 where p.account_id = u.account_id and p.symbol = u.symbol`), accounts, symbols, numbers[0], numbers[1], numbers[2],
		numbers[3], numbers[4], numbers[5], numbers[6], opened, trades, strategies)
	return err
}
