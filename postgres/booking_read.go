package postgres

import (
	"context"
	"maps"
	"slices"

	"github.com/blotterdb/blotter"
	"github.com/jackc/pgx/v5"
)

// Keys are read, and where asked locked, in their order: every transaction of ours locks orders before positions, each
// sorted by key.
var (
	sqlBookOrders = `select ` + Orders.columnList() + ` from execution.orders
 where (account_id, order_id) in (select * from unnest($1::text[], $2::text[])) order by account_id, order_id`
	sqlBookOrder     = `select ` + Orders.columnList() + ` from execution.orders where account_id = $1 and order_id = $2`
	sqlBookPosition  = `select ` + Positions.columnList() + ` from execution.positions where account_id = $1 and symbol = $2`
	sqlBookPositions = `select ` + Positions.columnList() + ` from execution.positions
 where (account_id, symbol) in (select * from unnest($1::text[], $2::text[])) order by account_id, symbol`
	// The key alone has trade_id. symbol is written so that idx_trades_position, by which a position of many trades would be
	// read whole, cannot serve.
	sqlStoredTrades = `select ` + Trades.columnList() + ` from execution.trades
 where (account_id, trade_id, symbol || '', side) in (select * from unnest($1::text[], $2::text[], $3::text[], $4::text[]))`
	sqlBookInstruments = `select ` + Instruments.columnList() + ` from data_ingestion.instruments where symbol = any($1)`
)

const (
	forUpdate   = ` for update`
	sqlAccounts = `
with made as (
    insert into execution.accounts (account_id)
    select a from unnest($1::text[]) a where not exists (select from execution.accounts where account_id = a) order by a
    on conflict do nothing returning account_id, currency
)
select account_id, currency from made union all select account_id, currency from execution.accounts where account_id = any($1)`
)

// bookReader reads what trades touch: what the cache lacks or, without a cache, all of it, locked.
type bookReader struct {
	*booking
	cache *bookCache
}

// resolve gives trades that lack symbol or side those of their orders, which never change.
func (b *booking) resolve(ctx context.Context, q Querier, cache *bookCache) error {
	missing := map[bookKey]bool{}
	for i := range b.trades {
		t := &b.trades[i]
		if b.refused(i) || t.OrderID == "" || t.Symbol != "" && t.Side != "" {
			continue
		}
		key := bookKey{t.AccountID, t.OrderID}
		if o, found := cache.order(key); found {
			takeKey(t, &o)
			continue
		}
		missing[key] = true
	}
	if len(missing) == 0 {
		return nil
	}
	accounts, names := columnsOf(missing)
	orders, err := collect(ctx, q, Orders, sqlBookOrders, accounts, names)
	if err != nil {
		return err
	}
	found := map[bookKey]*blotter.Order{}
	for i := range orders {
		found[bookKey{orders[i].AccountID, orders[i].OrderID}] = &orders[i]
	}
	for i := range b.trades {
		if o := found[bookKey{b.trades[i].AccountID, b.trades[i].OrderID}]; o != nil {
			takeKey(&b.trades[i], o)
		}
	}
	return nil
}

// takeKey gives a trade that lacks symbol or side those of its order.
func takeKey(t *blotter.Trade, o *blotter.Order) {
	setDefault(&t.Symbol, o.Symbol)
	setDefault(&t.Side, o.Side)
}

// columnsOf are the keys as two sorted columns.
func columnsOf(keys map[bookKey]bool) (accounts, names []string) {
	for _, k := range slices.SortedFunc(maps.Keys(keys), bookKey.compare) {
		accounts, names = append(accounts, k.account), append(names, k.name)
	}
	return accounts, names
}

// keysOf are the keys of a set, sorted.
func keysOf(set map[string]bool) []string { return slices.Sorted(maps.Keys(set)) }

// collect reads all rows of a query of the table's columns.
func collect[T any](ctx context.Context, q Querier, table *Table[T], sql string, args ...any) ([]T, error) {
	rows, err := q.Query(ctx, sql, args...)
	if err != nil {
		return nil, err
	}
	return scanAll(table, rows)
}

func scanAll[T any](table *Table[T], rows pgx.Rows) ([]T, error) {
	defer rows.Close()
	var found collector[T]
	targets := make([]any, 0, len(table.fields))
	for rows.Next() {
		if err := table.scan(rows, found.next(), targets); err != nil {
			return nil, err
		}
	}
	return found.rows(), rows.Err()
}

// read reads what the trades touch and is not in the cache, in one round trip; with lock, all of it, locked.
func (r *bookReader) read(ctx context.Context, q Querier) error {
	orders, positions, touched := map[bookKey]bool{}, map[bookKey]bool{}, map[bookKey]bool{}
	for i := range r.trades {
		t := &r.trades[i]
		if r.refused(i) {
			continue
		}
		if t.OrderID != "" {
			key := bookKey{t.AccountID, t.OrderID}
			if o, found := r.cache.order(key); found {
				r.orders[key] = &bookOrder{Order: o, version: o.Version}
			} else {
				orders[key] = true
			}
		}
		key := bookKey{t.AccountID, t.Symbol}
		touched[key] = true
		if p, found := r.cache.position(key); found {
			r.positions[key] = &bookPosition{Position: p, version: p.Version}
		} else {
			positions[key] = true
		}
	}
	suffix := ""
	if r.cache == nil {
		suffix = forUpdate
	}
	batch := &pgx.Batch{}
	queueKeys(batch, orders, sqlBookOrder+suffix, sqlBookOrders+suffix, func(rows pgx.Rows) error {
		list, err := scanAll(Orders, rows)
		for _, o := range list {
			r.orders[bookKey{o.AccountID, o.OrderID}] = &bookOrder{Order: o, version: o.Version}
		}
		return err
	})
	queueKeys(batch, positions, sqlBookPosition+suffix, sqlBookPositions+suffix, func(rows pgx.Rows) error {
		list, err := scanAll(Positions, rows)
		for _, p := range list {
			r.positions[bookKey{p.AccountID, p.Symbol}] = &bookPosition{Position: p, version: p.Version}
		}
		return err
	})
	if r.cache == nil { // a trade of the same key has the same position: while that is locked, none appears
		accounts, ids, symbols, sides := make([]string, 0, len(r.trades)), make([]string, 0, len(r.trades)), make([]string, 0, len(r.trades)), make([]string, 0, len(r.trades))
		for i := range r.trades {
			if r.refused(i) {
				continue
			}
			k := keyOf(&r.trades[i])
			accounts, ids, symbols, sides = append(accounts, k.account), append(ids, k.id), append(symbols, k.symbol), append(sides, string(k.side))
		}
		batch.Queue(sqlStoredTrades, accounts, ids, symbols, sides).Query(func(rows pgx.Rows) error {
			list, err := scanAll(Trades, rows)
			for _, t := range list {
				r.stored[keyOf(&t)] = t
			}
			return err
		})
	}
	if len(batch.QueuedQueries) > 0 {
		if err := q.SendBatch(ctx, batch).Close(); err != nil {
			return err
		}
	}
	for key := range touched {
		if r.positions[key] == nil {
			r.positions[key] = &bookPosition{}
		}
	}
	return r.readFirst(ctx, q)
}

// fewKeys are read by a statement each, which is cheaper than one over arrays.
const fewKeys = 4

// queueKeys queues the reading of rows by their keys, in the order of these.
func queueKeys(batch *pgx.Batch, keys map[bookKey]bool, one, many string, read func(pgx.Rows) error) {
	accounts, names := columnsOf(keys)
	switch {
	case len(keys) == 0:
	case len(keys) > fewKeys:
		batch.Queue(many, accounts, names).Query(read)
	default:
		for i := range accounts {
			batch.Queue(one, accounts[i], names[i]).Query(read)
		}
	}
}

// readFirst reads what first trades of a position need, and makes accounts on first use.
func (r *bookReader) readFirst(ctx context.Context, q Querier) error {
	symbols, accounts := map[string]bool{}, map[string]bool{}
	for i := range r.trades {
		t := &r.trades[i]
		if r.refused(i) {
			continue
		}
		first := r.positions[bookKey{t.AccountID, t.Symbol}].version == 0
		if first || t.Price.Sign() <= 0 {
			symbols[t.Symbol] = true
		}
		if first {
			accounts[t.AccountID] = true
		}
	}
	if len(symbols) == 0 {
		return nil
	}
	instruments, err := collect(ctx, q, Instruments, sqlBookInstruments, keysOf(symbols))
	if err != nil {
		return err
	}
	for _, i := range instruments {
		r.instruments[i.Symbol] = i
	}
	if len(accounts) == 0 {
		return nil
	}
	rows, err := q.Query(ctx, sqlAccounts, keysOf(accounts))
	if err != nil {
		return err
	}
	var account, currency string
	_, err = pgx.ForEachRow(rows, []any{&account, &currency}, func() error {
		r.currencies[account] = currency
		return nil
	})
	return err
}
