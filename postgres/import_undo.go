package postgres

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/internal/connection"
	"github.com/jackc/pgx/v5"
)

// undoMax is the most trades of an import that can be undone: each has an event, and all are in one transaction.
const undoMax = emitMax

var (
	sqlLockPositions = `select ` + Positions.columnList() + ` from execution.positions
 where account_id = $1 and symbol = any($2) order by account_id, symbol for update`

	sqlLockImport = `select ` + Imports.columnList() + ` from execution.imports
 where account_id = $1 and id = $2 for update`

	sqlImportTrades = `select ` + Trades.columnList() + ` from execution.trades
 where (account_id, trade_id, symbol, side) in (select account_id, trade_id, symbol, side from execution.import_trades
                                                 where account_id = $1 and import_id = $2)
 order by symbol, executed_at, sequence, id limit $3`
)

const (
	sqlLockOrders = `
select from execution.orders where account_id = $1 and order_id = any($2) order by account_id, order_id for update`
	sqlRemoveImport = `select trades, positions from execution.remove_import($1, $2)`

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
       quantity = case when o.adopted and f.quantity > 0 then f.quantity else o.quantity end,
       status = case when o.status in ('cancelled', 'rejected', 'expired') then o.status
                     when f.quantity = 0 then 'submitted'
                     when f.quantity >= o.quantity or o.adopted then 'filled' else 'partially_filled' end,
       version = o.version + 1, updated_at = now()
  from (select u.order_id, coalesce(sum(t.quantity), 0) as quantity, coalesce(sum(t.quantity * t.price), 0) as notional
          from unnest($2::text[]) u(order_id)
          left join execution.trades t
            on t.account_id = $1 and t.order_id = u.order_id and t.position_effect <> 'void'
         group by u.order_id) f
 where o.account_id = $1 and o.order_id = f.order_id`

	// sqlWrongLives finds positions whose round trips and present life do not add up to the position.
	sqlWrongLives = `
select p.symbol
  from execution.positions p
  left join lateral (select sum(gross) as gross, sum(fees) as fees from execution.round_trips r
                      where r.account_id = p.account_id and r.symbol = p.symbol) l on true
  left join lateral (select sum(case when a.from_symbol = '' then -a.moved_pnl else a.moved_pnl end) as pnl,
                            sum(case when a.from_symbol = '' then -a.moved_fees else a.moved_fees end) as fees
                       from execution.position_adjustments a
                      where a.account_id = p.account_id and a.symbol = p.symbol) moved on true
 where p.account_id = $1 and p.symbol = any($2)
   and (p.realized_pnl + coalesce(moved.pnl, 0), p.fees + coalesce(moved.fees, 0))
       is distinct from (p.life_pnl + coalesce(l.gross, 0), p.life_fees + coalesce(l.fees, 0))
 order by p.symbol limit 1`
)

// UndoneImport is the result of UndoImport.
type UndoneImport struct {
	Import    blotter.Import
	Trades    int64 // how many were removed
	Positions int   // how many were restored or removed
	Removed   int64 // positions that had no other trade
}

// UndoImport removes the trades of an import from the book, and computes again what follows from the trades after them.
// It writes an event for each trade. Afterwards the file can be imported again,
// with other options. With a scope of all accounts, account is required; otherwise "" is the scope's account.
//
// Errors are ErrNotFound for an unknown import, and ErrConflict for one that was undone already.
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
	first   []time.Time     // of each symbol, the time of its first trade
	orders  []string        // sorted
	stored  map[string]blotter.Position
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

	steps := []func(context.Context) error{u.lock, u.remove, u.refold, u.restoreOrders, u.checkLives}
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

	positions, err := collect(ctx, u.tx, Positions, sqlLockPositions, u.account, u.symbols)
	u.stored = map[string]blotter.Position{}
	for _, p := range positions {
		u.stored[p.Symbol] = p
	}
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
			u.first = append(u.first, t.ExecutedAt)
		}
		if t.OrderID != "" {
			u.orders = append(u.orders, t.OrderID)
		}
	}
	slices.Sort(u.orders)
	u.orders = slices.Compact(u.orders)
	return nil
}

// remove removes the trades and the rows that belong to them alone. The database's function writes the events of the
// removal, the last trade's first. The positions are locked, so events of later trades follow.
func (u *undo) remove(ctx context.Context) error {
	u.tx.booked = true
	row := u.tx.QueryRow(ctx, sqlRemoveImport, u.account, u.id)
	if err := row.Scan(&u.result.Trades, &u.result.Removed); err != nil {
		return err
	}

	if u.result.Trades != int64(len(u.trades)) {
		return u.conflict("%d trades would be removed, but %d were expected; blotter verify shows what is wrong",
			u.result.Trades, len(u.trades))
	}
	u.result.Positions = len(u.symbols)
	u.result.Import.State = blotter.ImportUndone
	return nil
}

const sqlPositionsLeft = `
select symbol from execution.positions where account_id = $1 and symbol = any($2) order by symbol`

// refold computes the positions that have other entries again.
func (u *undo) refold(ctx context.Context) error {
	rows, err := u.tx.Query(ctx, sqlPositionsLeft, u.account, u.symbols)
	if err != nil {
		return err
	}
	left, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return err
	}

	cause := blotter.RefoldCause{Kind: "undo", IDs: []string{fmt.Sprint(u.id)}}
	for i, symbol := range u.symbols {
		if !slices.Contains(left, symbol) {
			continue
		}
		r := &refold{key: bookKey{u.account, symbol}, since: u.first[i], cause: cause, identity: u.stored[symbol]}
		if err := u.tx.refold(ctx, r); err != nil {
			return err
		}
	}
	return nil
}

// restoreOrders takes the removed trades out of their orders.
func (u *undo) restoreOrders(ctx context.Context) error {
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
