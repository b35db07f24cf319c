package postgres

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/internal/connection"
)

// undoMax is the most trades of an import that can be undone: each has an event, and all are in one transaction.
const undoMax = emitMax

var (
	sqlLockImport = `select ` + Imports.columnList() + ` from execution.imports
 where account_id = $1 and id = $2 for update`

	sqlImportTrades = `select ` + Trades.columnList() + ` from execution.trades
 where (account_id, trade_id, symbol, side) in (select account_id, trade_id, symbol, side from execution.import_trades
                                                 where account_id = $1 and import_id = $2)
 order by symbol, id limit $3`

	sqlLastBefore = `select ` + Trades.columnList() + ` from execution.trades
 where account_id = $1 and symbol = $2 and id < $3 order by id desc limit 1`

	sqlTradesBetween = `select ` + Trades.columnList() + ` from execution.trades
 where account_id = $1 and symbol = $2 and id >= $3 and id < $4 order by id`
)

const (
	sqlLockOrders = `
select from execution.orders where account_id = $1 and order_id = any($2) order by account_id, order_id for update`
	sqlLockPositions = `
select from execution.positions where account_id = $1 and symbol = any($2) order by account_id, symbol for update`

	// sqlFollowers finds trades that others booked on the import's positions after its first trade.
	sqlFollowers = `
select t.symbol, t.trade_id, coalesce(l.import_id, 0)
  from unnest($3::text[], $4::bigint[]) first(symbol, id)
  join execution.trades t on t.account_id = $1 and t.symbol = first.symbol and t.id > first.id
  left join execution.import_trades l
    on l.account_id = t.account_id and l.symbol = t.symbol and l.trade_id = t.trade_id and l.side = t.side
 where l.import_id is distinct from $2
 order by t.id
 limit 1000`

	sqlRemoveImport = `select trades, round_trips, positions from execution.remove_import($1, $2)`

	sqlRestorePosition = `
update execution.positions
   set quantity = $3, cost_basis = $4, realized_pnl = $5, fees = $6, opened_at = $7, max_quantity = $8, life_pnl = $9,
       life_fees = $10, life_trades = $11, strategy = $12, version = version + 1, last_updated = now()
 where account_id = $1 and symbol = $2`

	// sqlDropAdopted removes adopted orders that have no trades left.
	sqlDropAdopted = `
select execution.remove_orders($1, array(
    select o.order_id from execution.orders o
     where o.account_id = $1 and o.order_id = any($2) and o.adopted
       and not exists (select from execution.trades t where t.account_id = o.account_id and t.order_id = o.order_id)))`

	// sqlRestoreOrders takes the removed trades out of the other orders.
	sqlRestoreOrders = `
update execution.orders o
   set filled_quantity = f.quantity, filled_notional = f.notional,
       quantity = case when o.adopted then f.quantity else o.quantity end,
       status = case when o.status in ('cancelled', 'rejected', 'expired') then o.status
                     when f.quantity = 0 then 'submitted'
                     when f.quantity >= o.quantity or o.adopted then 'filled' else 'partially_filled' end,
       version = o.version + 1, updated_at = now()
  from (select u.order_id, coalesce(sum(t.quantity), 0) as quantity, coalesce(sum(t.quantity * t.price), 0) as notional
          from unnest($2::text[]) u(order_id)
          left join execution.trades t on t.account_id = $1 and t.order_id = u.order_id
         group by u.order_id) f
 where o.account_id = $1 and o.order_id = f.order_id`

	// sqlWrongLives finds positions whose round trips and present life do not add up to the position.
	sqlWrongLives = `
select p.symbol
  from execution.positions p
  left join lateral (select sum(gross) as gross, sum(fees) as fees from execution.round_trips r
                      where r.account_id = p.account_id and r.symbol = p.symbol) l on true
 where p.account_id = $1 and p.symbol = any($2)
   and (p.realized_pnl, p.fees) is distinct from (p.life_pnl + coalesce(l.gross, 0), p.life_fees + coalesce(l.fees, 0))
 order by p.symbol limit 1`
)

// UndoneImport is the result of UndoImport.
type UndoneImport struct {
	Import    blotter.Import
	Trades    int64 // how many were removed
	Positions int   // how many were restored or removed
	Removed   int64 // positions that had no other trade
}

// UndoImport removes the trades of an import from the book, if they are the last trades of their positions. It restores
// positions, round trips and orders, and writes an event for each trade. Afterwards the file can be imported again,
// with other options. With a scope of all accounts, account is required; otherwise "" is the scope's account.
//
// Errors are ErrNotFound for an unknown import, and ErrConflict for one that was undone already or that later trades
// follow, which the message names.
func (db *DB) UndoImport(ctx context.Context, account string, id int64) (undone UndoneImport, err error) {
	scope, _ := blotter.ScopeOf(ctx)
	if err := resolveAccount(&account, scope); err != nil {
		return UndoneImport{}, err
	}

	var u *undo
	err = db.Transaction(ctx, func(tx *Tx) error {
		u = &undo{tx: tx, account: account, id: id}
		return u.run(ctx)
	})
	if err != nil {
		return UndoneImport{}, err
	}
	db.books.forget(u.touched())
	return u.result, nil
}

// undo undoes one import, within its transaction.
type undo struct {
	tx      *Tx
	account string
	id      int64

	trades  []blotter.Trade // sorted by symbol, and by the book's order within it
	symbols []string        // sorted
	first   []int64         // of each symbol, the id of its first trade
	orders  []string        // sorted
	before  map[string]blotter.Position
	result  UndoneImport
}

func (u *undo) conflict(format string, args ...any) error {
	return &blotter.Error{
		Op: fmt.Sprintf("undo import %d", u.id), Kind: blotter.ErrConflict, Message: fmt.Sprintf(format, args...),
	}
}

func (u *undo) run(ctx context.Context) error {
	if _, err := u.tx.Exec(ctx, "set local statement_timeout = "+connection.Milliseconds(importTimeout)); err != nil {
		return err
	}

	steps := []func(context.Context) error{u.lock, u.checkFollowers, u.rewind, u.remove, u.restore, u.checkLives}
	for _, step := range steps {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

// lock locks the import, so that no trades are added to it, reads its trades, and locks their orders and positions.
func (u *undo) lock(ctx context.Context) error {
	if err := u.lockImport(ctx); err != nil {
		return err
	}
	if err := u.readTrades(ctx); err != nil {
		return err
	}
	if _, err := u.tx.Exec(ctx, sqlLockOrders, u.account, u.orders); err != nil {
		return err
	}
	_, err := u.tx.Exec(ctx, sqlLockPositions, u.account, u.symbols)
	return err
}

func (u *undo) lockImport(ctx context.Context) error {
	found, err := collect(ctx, u.tx, Imports, sqlLockImport, u.account, u.id)
	switch {
	case err != nil:
		return err
	case len(found) == 0:
		return &blotter.Error{
			Op: fmt.Sprintf("undo import %d", u.id), Kind: blotter.ErrNotFound,
			Message: fmt.Sprintf("account %s has no such import; blotter trades imports list names them", u.account),
		}
	case found[0].State == blotter.ImportUndone:
		return u.conflict("it was undone already, at %s", found[0].UndoneAt.UTC().Format("2006-01-02 15:04 UTC"))
	}

	u.result.Import = found[0]
	return nil
}

func (u *undo) readTrades(ctx context.Context) (err error) {
	u.trades, err = collect(ctx, u.tx, Trades, sqlImportTrades, u.account, u.id, undoMax+1)
	if err != nil {
		return err
	}
	if len(u.trades) > undoMax {
		return u.conflict("it has more than %d trades, which is the most that one transaction undoes", undoMax)
	}

	for i := range u.trades {
		t := &u.trades[i]
		if len(u.symbols) == 0 || u.symbols[len(u.symbols)-1] != t.Symbol {
			u.symbols = append(u.symbols, t.Symbol)
			u.first = append(u.first, t.ID)
		}
		if t.OrderID != "" {
			u.orders = append(u.orders, t.OrderID)
		}
	}
	slices.Sort(u.orders)
	u.orders = slices.Compact(u.orders)
	return nil
}

// followersNamed is how many positions with later trades an error names.
const followersNamed = 3

// checkFollowers refuses to undo trades that other trades follow, and names these.
func (u *undo) checkFollowers(ctx context.Context) error {
	rows, err := u.tx.Query(ctx, sqlFollowers, u.account, u.id, u.symbols, u.first)
	if err != nil {
		return err
	}
	defer rows.Close()

	var named, imports []string
	positions := map[string]bool{}
	for rows.Next() {
		var symbol, trade string
		var by int64
		if err := rows.Scan(&symbol, &trade, &by); err != nil {
			return err
		}
		from := ""
		if by != 0 {
			from = fmt.Sprintf(" of import %d", by)
			imports = append(imports, fmt.Sprint(by))
		}
		if !positions[symbol] && len(named) < followersNamed {
			named = append(named, fmt.Sprintf("%s trade %s%s", symbol, trade, from))
		}
		positions[symbol] = true
	}
	if err := rows.Err(); err != nil || len(positions) == 0 {
		return err
	}

	if more := len(positions) - len(named); more > 0 {
		named = append(named, fmt.Sprintf("trades of %d more positions", more))
	}
	remedy := "the trades that follow cannot be taken back"
	if len(imports) > 0 {
		remedy = "undo import " + strings.Join(sortedSet(imports), ", ") + " first"
	}
	return u.conflict("later trades follow from it: %s; %s", strings.Join(named, ", "), remedy)
}

// rewind computes each position as it was before the import's first trade. A position that began with this trade is not
// in the map.
func (u *undo) rewind(ctx context.Context) error {
	u.before = map[string]blotter.Position{}
	for i, symbol := range u.symbols {
		last, err := u.lastBefore(ctx, symbol, u.first[i])
		if err != nil {
			return err
		}
		if last == nil {
			continue
		}

		position, err := u.positionAfter(ctx, last)
		if err != nil {
			return err
		}
		u.before[symbol] = position
	}
	return nil
}

// lastBefore returns the position's last trade before the id, or nil.
func (u *undo) lastBefore(ctx context.Context, symbol string, id int64) (*blotter.Trade, error) {
	found, err := collect(ctx, u.tx, Trades, sqlLastBefore, u.account, symbol, id)
	if err != nil || len(found) == 0 {
		return nil, err
	}
	return &found[0], nil
}

const sqlLifeStart = `
select max(id) from execution.trades
 where account_id = $1 and symbol = $2 and id <= $3 and position_effect in ('open', 'flip')`

// positionAfter computes the position after a stored trade. The trade's row has the amounts; the present life is
// computed from its trades, beginning with the one that opened it.
func (u *undo) positionAfter(ctx context.Context, last *blotter.Trade) (blotter.Position, error) {
	if last.QuantityAfter.IsZero() {
		return last.PositionAfter(), nil
	}

	var start int64
	if err := u.tx.QueryRow(ctx, sqlLifeStart, u.account, last.Symbol, last.ID).Scan(&start); err != nil {
		return blotter.Position{}, err
	}
	var position blotter.Position
	earlier, err := u.lastBefore(ctx, last.Symbol, start)
	if err != nil {
		return position, err
	}
	if earlier != nil {
		position = earlier.PositionAfter()
	}

	rows, err := u.tx.Query(ctx, sqlTradesBetween, u.account, last.Symbol, start, last.ID+1)
	if err != nil {
		return position, err
	}
	defer rows.Close()

	for rows.Next() {
		var t blotter.Trade
		if err := Trades.scan(rows, &t, nil); err != nil {
			return position, err
		}
		if position, _, err = position.Apply(t); err != nil {
			return position, err
		}
	}
	if err := rows.Err(); err != nil {
		return position, err
	}

	stored := last.PositionAfter()
	if !position.Quantity.Equal(stored.Quantity) || !position.CostBasis.Equal(stored.CostBasis) ||
		!position.RealizedPnL.Equal(stored.RealizedPnL) || !position.Fees.Equal(stored.Fees) {
		return position, u.conflict("the trades of %s do not add up to their position; "+
			"blotter verify shows what is wrong", last.Symbol)
	}
	return position, nil
}

// remove removes the trades and the rows that belong to them alone. The database's function writes the events of the
// removal, the last trade's first, each with the position before its trade. The positions are locked, so events of
// later trades follow.
func (u *undo) remove(ctx context.Context) error {
	u.tx.booked = true
	var roundTrips int64
	row := u.tx.QueryRow(ctx, sqlRemoveImport, u.account, u.id)
	if err := row.Scan(&u.result.Trades, &roundTrips, &u.result.Removed); err != nil {
		return err
	}

	if u.result.Trades != int64(len(u.trades)) || u.result.Removed != int64(len(u.symbols)-len(u.before)) {
		return u.conflict("%d trades and %d positions would be removed, but %d and %d were expected; "+
			"blotter verify shows what is wrong",
			u.result.Trades, u.result.Removed, len(u.trades), len(u.symbols)-len(u.before))
	}
	u.result.Positions = len(u.symbols)
	u.result.Import.State = blotter.ImportUndone
	return nil
}

// restore writes the positions and orders as they were.
func (u *undo) restore(ctx context.Context) error {
	for _, symbol := range u.symbols {
		p, stays := u.before[symbol]
		if !stays {
			continue
		}
		_, err := u.tx.Exec(ctx, sqlRestorePosition, u.account, symbol, p.Quantity, p.CostBasis, p.RealizedPnL, p.Fees,
			p.OpenedAt, p.MaxQuantity, p.LifePnL, p.LifeFees, p.LifeTrades, p.Strategy)
		if err != nil {
			return err
		}
	}

	if len(u.orders) == 0 {
		return nil
	}
	if _, err := u.tx.Exec(ctx, sqlDropAdopted, u.account, u.orders); err != nil {
		return err
	}
	_, err := u.tx.Exec(ctx, sqlRestoreOrders, u.account, u.orders)
	return err
}

// checkLives checks that the round trips that were removed are those of the trades.
func (u *undo) checkLives(ctx context.Context) error {
	rows, err := u.tx.Query(ctx, sqlWrongLives, u.account, u.symbols)
	if err != nil {
		return err
	}
	defer rows.Close()
	if !rows.Next() {
		return rows.Err()
	}

	var symbol string
	if err := rows.Scan(&symbol); err != nil {
		return err
	}
	return u.conflict("the round trips of %s are not those of its trades; blotter verify shows what is wrong", symbol)
}

// touched returns the keys of the import's orders and positions.
func (u *undo) touched() (orders, positions []bookKey) {
	for _, order := range u.orders {
		orders = append(orders, bookKey{u.account, order})
	}
	for _, symbol := range u.symbols {
		positions = append(positions, bookKey{u.account, symbol})
	}
	return orders, positions
}
