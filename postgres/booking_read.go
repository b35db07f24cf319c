package postgres

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/blotterdb/blotter"
	"github.com/jackc/pgx/v5"
)

// bookRows are the stored rows that trades touch. A row that does not exist is not in its map.
type bookRows struct {
	orders      map[bookKey]*blotter.Order
	positions   map[bookKey]*blotter.Position
	trades      map[tradeKey]blotter.Trade // read under locks only
	instruments map[string]blotter.Instrument
	currencies  map[string]string // of accounts; as instruments, read for the first trades of positions
}

// Rows are read, and under locks locked, in the order of their keys, orders before positions, as in every transaction.
var (
	sqlBookOrder = `select ` + Orders.columnList() + ` from execution.orders
 where account_id = $1 and order_id = $2`
	sqlBookOrders = `select ` + Orders.columnList() + ` from execution.orders
 where (account_id, order_id) in (select * from unnest($1::text[], $2::text[])) order by account_id, order_id`

	sqlBookPosition = `select ` + Positions.columnList() + ` from execution.positions
 where account_id = $1 and symbol = $2`
	sqlBookPositions = `select ` + Positions.columnList() + ` from execution.positions
 where (account_id, symbol) in (select * from unnest($1::text[], $2::text[])) order by account_id, symbol`

	// The key alone has trade_id. symbol is written so that idx_trades_position, by which a position of many trades
	// would be read whole, cannot serve.
	sqlStoredTrades = `select ` + Trades.columnList() + ` from execution.trades
 where (account_id, trade_id, symbol || '', side) in (select * from ` + tradeKeyColumns.unnest(1) + `)`

	sqlBookInstruments = `select ` + Instruments.columnList() + ` from data_ingestion.instruments
 where symbol = any($1)`
)

const (
	forUpdate = ` for update`

	// sqlAccounts creates the accounts that do not exist yet, and reads all.
	sqlAccounts = `
with made as (
    insert into execution.accounts (account_id)
    select a from unnest($1::text[]) a where not exists (select from execution.accounts where account_id = a) order by a
    on conflict do nothing returning account_id, currency
)
select account_id, currency from made
union all
select account_id, currency from execution.accounts where account_id = any($1)`
)

var tradeKeyColumns = columns[blotter.Trade]{
	columnOf("account_id", "text", func(t *blotter.Trade) string { return t.AccountID }),
	columnOf("trade_id", "text", func(t *blotter.Trade) string { return t.TradeID }),
	columnOf("symbol", "text", func(t *blotter.Trade) string { return t.Symbol }),
	columnOf("side", "text", func(t *blotter.Trade) string { return string(t.Side) }),
}

// bookReader reads the rows that trades touch. With a cache it reads only what the cache does not remember, without
// locks; without one it locks all orders and positions.
type bookReader struct {
	querier Querier
	cache   *bookCache
	rows    *bookRows
}

// readRows reads the rows that the trades touch, remembered ones from the cache. They may be old: a write has to check
// their versions.
func readRows(ctx context.Context, q Querier, cache *bookCache, trades []*blotter.Trade) (*bookRows, error) {
	return (&bookReader{querier: q, cache: cache}).read(ctx, trades)
}

// readLocked reads the rows that the trades touch and locks the orders and positions until the transaction ends. It
// also reads the trades that are stored under the same keys.
func readLocked(ctx context.Context, tx *Tx, trades []*blotter.Trade) (*bookRows, error) {
	return (&bookReader{querier: tx}).read(ctx, trades)
}

func (r *bookReader) read(ctx context.Context, trades []*blotter.Trade) (*bookRows, error) {
	r.rows = &bookRows{orders: map[bookKey]*blotter.Order{}, positions: map[bookKey]*blotter.Position{}}
	if r.cache != nil {
		r.cache.recall(trades, r.rows)
	}

	if err := r.completeKeys(ctx, trades); err != nil {
		return nil, err
	}
	if err := r.readTouched(ctx, trades); err != nil {
		return nil, err
	}
	if err := r.readFirst(ctx, trades); err != nil {
		return nil, err
	}
	return r.rows, nil
}

// completeKeys gives trades without symbol or side those of their orders, which never change.
func (r *bookReader) completeKeys(ctx context.Context, trades []*blotter.Trade) error {
	var incomplete []*blotter.Trade
	var missing keySet
	for _, t := range trades {
		if t.OrderID != "" && (t.Symbol == "" || t.Side == "") {
			incomplete = append(incomplete, t)
			missing.add(bookKey{t.AccountID, t.OrderID})
		}
	}
	if len(incomplete) == 0 {
		return nil
	}

	accounts, ids := missing.columns()
	orders, err := collect(ctx, r.querier, Orders, sqlBookOrders, accounts, ids)
	if err != nil {
		return err
	}
	found := map[bookKey]*blotter.Order{}
	for i := range orders {
		found[orderKey(&orders[i])] = &orders[i]
	}
	for _, t := range incomplete {
		if o := found[bookKey{t.AccountID, t.OrderID}]; o != nil {
			completeKey(t, o)
		}
	}
	return nil
}

func completeKey(t *blotter.Trade, o *blotter.Order) {
	setDefault(&t.Symbol, o.Symbol)
	setDefault(&t.Side, o.Side)
}

// readTouched reads the orders and positions of the trades that are not remembered, in one round trip.
func (r *bookReader) readTouched(ctx context.Context, trades []*blotter.Trade) error {
	var orders, positions keySet
	for _, t := range trades {
		order := bookKey{t.AccountID, t.OrderID}
		if t.OrderID != "" && r.rows.orders[order] == nil {
			orders.add(order)
		}
		position := bookKey{t.AccountID, t.Symbol}
		if r.rows.positions[position] == nil {
			positions.add(position)
		}
	}
	if r.cache != nil && len(orders) == 0 && len(positions) == 0 {
		return nil
	}

	suffix := ""
	if r.cache == nil {
		suffix = forUpdate
	}
	batch := &pgx.Batch{}
	queueKeys(batch, orders, sqlBookOrder+suffix, sqlBookOrders+suffix, r.scanOrders)
	queueKeys(batch, positions, sqlBookPosition+suffix, sqlBookPositions+suffix, r.scanPositions)
	if r.cache == nil { // a trade of the same key has the same position: while that is locked, none appears
		batch.Queue(sqlStoredTrades, tradeKeyColumns.appendArrays(nil, trades)...).Query(r.scanTrades)
	}
	return r.querier.SendBatch(ctx, batch).Close()
}

func (r *bookReader) scanOrders(rows pgx.Rows) error {
	list, err := scanAll(Orders, rows)
	for i := range list {
		r.rows.orders[orderKey(&list[i])] = &list[i]
	}
	return err
}

func (r *bookReader) scanPositions(rows pgx.Rows) error {
	list, err := scanAll(Positions, rows)
	for i := range list {
		r.rows.positions[positionKey(&list[i])] = &list[i]
	}
	return err
}

func (r *bookReader) scanTrades(rows pgx.Rows) error {
	list, err := scanAll(Trades, rows)
	r.rows.trades = make(map[tradeKey]blotter.Trade, len(list))
	for i := range list {
		r.rows.trades[keyOf(&list[i])] = list[i]
	}
	return err
}

// fewKeys is up to how many keys are read by a statement each, which is cheaper than one over arrays.
const fewKeys = 4

// queueKeys queues the reading of rows by their keys, in the order of the keys.
func queueKeys(batch *pgx.Batch, keys keySet, sqlOne, sqlMany string, scan func(pgx.Rows) error) {
	if len(keys) == 0 {
		return
	}
	accounts, names := keys.columns()
	if len(keys) > fewKeys {
		batch.Queue(sqlMany, accounts, names).Query(scan)
		return
	}
	for i := range accounts {
		batch.Queue(sqlOne, accounts[i], names[i]).Query(scan)
	}
}

// readFirst reads what the first trades of positions need: their instruments and their accounts, which are created on
// first use.
func (r *bookReader) readFirst(ctx context.Context, trades []*blotter.Trade) error {
	var symbols, accounts []string
	for _, t := range trades {
		first := r.rows.positions[bookKey{t.AccountID, t.Symbol}] == nil
		if first || t.Price.Sign() <= 0 {
			symbols = append(symbols, t.Symbol)
		}
		if first {
			accounts = append(accounts, t.AccountID)
		}
	}
	if len(symbols) == 0 {
		return nil
	}

	instruments, err := collect(ctx, r.querier, Instruments, sqlBookInstruments, sortedSet(symbols))
	if err != nil {
		return err
	}
	r.rows.instruments = make(map[string]blotter.Instrument, len(instruments))
	for _, i := range instruments {
		r.rows.instruments[i.Symbol] = i
	}
	if len(accounts) == 0 {
		return nil
	}
	return r.readAccounts(ctx, sortedSet(accounts))
}

func (r *bookReader) readAccounts(ctx context.Context, accounts []string) error {
	rows, err := r.querier.Query(ctx, sqlAccounts, accounts)
	if err != nil {
		return err
	}
	r.rows.currencies = make(map[string]string, len(accounts))
	var account, currency string
	_, err = pgx.ForEachRow(rows, []any{&account, &currency}, func() error {
		r.rows.currencies[account] = currency
		return nil
	})
	return err
}

// bookKey is the key of an order (account and order id) or of a position (account and symbol).
type bookKey struct{ account, name string }

func (k bookKey) compare(other bookKey) int {
	return cmp.Or(strings.Compare(k.account, other.account), strings.Compare(k.name, other.name))
}

func orderKey(o *blotter.Order) bookKey { return bookKey{o.AccountID, o.OrderID} }

func positionKey(p *blotter.Position) bookKey { return bookKey{p.AccountID, p.Symbol} }

// tradeKey is the key of a trade.
type tradeKey struct {
	account, id, symbol string
	side                blotter.Side
}

func keyOf(t *blotter.Trade) tradeKey { return tradeKey{t.AccountID, t.TradeID, t.Symbol, t.Side} }

// keySet is a set of keys. The zero value is empty.
type keySet map[bookKey]struct{}

func (s *keySet) add(key bookKey) {
	if *s == nil {
		*s = keySet{}
	}
	(*s)[key] = struct{}{}
}

// columns returns the keys as two columns, sorted.
func (s keySet) columns() (accounts, names []string) {
	for _, key := range slices.SortedFunc(maps.Keys(s), bookKey.compare) {
		accounts = append(accounts, key.account)
		names = append(names, key.name)
	}
	return accounts, names
}

// sortedSet sorts the list and removes duplicates.
func sortedSet(list []string) []string {
	slices.Sort(list)
	return slices.Compact(list)
}

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
