package postgres

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/blotterdb/blotter"
	"github.com/jackc/pgx/v5"
)

// ordersMax is how many orders one call may create.
const ordersMax = 10_000

var errNoOrder = programming("the order is nil")

// CreateOrder stores a new order and fills in what the database made. An order of the same id and content that is there
// already is returned as it is stored, so a retry after any failure is safe; one with other content is ErrConflict, which
// names the fields. An order that was adopted from its fills takes over what this one says. The account is the context's,
// and is created on first use.
func (tx *Tx) CreateOrder(ctx context.Context, o *blotter.Order) error {
	if o == nil {
		return errNoOrder
	}
	orders, err := tx.CreateOrders(ctx, []blotter.Order{*o})
	if err == nil {
		*o = orders[0]
	}
	return err
}

// CreateOrder is Tx.CreateOrder in a transaction of its own.
func (db *DB) CreateOrder(ctx context.Context, o *blotter.Order) error {
	if o == nil {
		return errNoOrder
	}
	orders, err := db.CreateOrders(ctx, []blotter.Order{*o})
	if err == nil {
		*o = orders[0]
	}
	return err
}

// CreateOrders is Tx.CreateOrders in a transaction of its own.
func (db *DB) CreateOrders(ctx context.Context, orders []blotter.Order) (stored []blotter.Order, err error) {
	err = db.Transaction(ctx, func(tx *Tx) error {
		stored, err = tx.CreateOrders(ctx, orders)
		return err
	})
	if err != nil {
		return nil, err
	}
	db.books.rememberOrders(stored)
	return stored, nil
}

// sqlCreateOrders stores orders in the order of their keys. Those that are there already are left alone.
const sqlCreateOrders = `
insert into execution.orders (account_id, order_id, symbol, side, order_type, quantity, price, stop_price, time_in_force, status, strategy, session_id)
select * from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::numeric[], $7::numeric[], $8::numeric[], $9::text[], $10::text[],
                     $11::text[], $12::text[]) u(account_id, order_id) order by account_id, order_id
on conflict do nothing`

var returningOrder = ` returning ` + Orders.columnList()

// CreateOrders stores orders as CreateOrder does: all of them or, with the error of one, none; the transaction, or the
// savepoint around, can then only be rolled back. At most 10,000 a call. They are returned as they are stored, in the given
// order.
func (tx *Tx) CreateOrders(ctx context.Context, orders []blotter.Order) ([]blotter.Order, error) {
	given, err := newOrders(orders, tx.scope)
	if err != nil || len(given) == 0 {
		return nil, err
	}
	stored, err := tx.insertOrders(ctx, given)
	if err != nil {
		return nil, err
	}
	if len(stored) < len(given) {
		if err := tx.matchOrders(ctx, given, stored); err != nil {
			if tx.failure == nil {
				tx.failure = err // the others are written: the transaction may not commit without this one
			}
			return nil, err
		}
	}
	for i, o := range given {
		given[i] = stored[orderKey(&o)]
	}
	return given, nil
}

func orderKey(o *blotter.Order) bookKey { return bookKey{o.AccountID, o.OrderID} }

func newOrders(orders []blotter.Order, scope blotter.Scope) ([]blotter.Order, error) {
	if len(orders) > ordersMax {
		return nil, blotter.Invalid("orders", len(orders), fmt.Sprintf("at most %d a call", ordersMax))
	}
	given := slices.Clone(orders)
	for i := range given {
		o := &given[i]
		err := intoScope(&o.AccountID, scope)
		if err == nil {
			*o, err = o.New()
		}
		if err != nil {
			return nil, orderError("create", o, err)
		}
	}
	return given, nil
}

// orderError says which order an error is about.
func orderError(op string, o *blotter.Order, err error) error {
	var e *blotter.Error
	if errors.As(err, &e) && e.Op == "" {
		named := *e
		named.Op = fmt.Sprintf("%s order %s/%s", op, o.AccountID, o.OrderID)
		return &named
	}
	return err
}

func (tx *Tx) insertOrders(ctx context.Context, orders []blotter.Order) (map[bookKey]blotter.Order, error) {
	var texts [9][]string
	var quantities []blotter.Decimal
	var prices [2][]*blotter.Decimal
	accounts := map[string]bool{}
	for i := range orders {
		o := &orders[i]
		accounts[o.AccountID] = true
		appendEach(texts[:], o.AccountID, o.OrderID, o.Symbol, string(o.Side), string(o.OrderType), string(o.TimeInForce), string(o.Status), o.Strategy, o.SessionID)
		appendEach(prices[:], o.Price, o.StopPrice)
		quantities = append(quantities, o.Quantity)
	}
	stored := map[bookKey]blotter.Order{}
	batch := &pgx.Batch{}
	batch.Queue(sqlAccounts, keysOf(accounts))
	batch.Queue(sqlCreateOrders+returningOrder, texts[0], texts[1], texts[2], texts[3], texts[4], quantities, prices[0], prices[1], texts[5], texts[6], texts[7], texts[8]).
		Query(func(rows pgx.Rows) error {
			list, err := scanAll(Orders, rows)
			for _, o := range list {
				stored[orderKey(&o)] = o
			}
			return err
		})
	return stored, tx.SendBatch(ctx, batch).Close()
}

// matchOrders adds the orders that were there already, where they are what was given.
func (tx *Tx) matchOrders(ctx context.Context, given []blotter.Order, stored map[bookKey]blotter.Order) error {
	missing := map[bookKey]bool{}
	for i := range given {
		if key := orderKey(&given[i]); stored[key].Version == 0 {
			missing[key] = true
		}
	}
	accounts, ids := columnsOf(missing)
	found, err := collect(ctx, tx, Orders, sqlBookOrders+forUpdate, accounts, ids)
	if err != nil {
		return err
	}
	for i := range found {
		stored[orderKey(&found[i])] = found[i]
	}
	for i := range given {
		o := &given[i]
		there := stored[orderKey(o)]
		if there.Adopted {
			if there, err = there.Adopt(*o); err == nil {
				err = Orders.Update(ctx, tx, &there)
			}
			if err != nil {
				return orderError("create", o, err)
			}
			stored[orderKey(o)] = there
			continue
		}
		if fields := o.Differences(there); len(fields) > 0 {
			return orderError("create", o, &blotter.Error{
				Kind: blotter.ErrConflict, Message: "it exists already, with another " + strings.Join(fields, ", "),
			})
		}
	}
	return nil
}

// UpdateOrder changes an order as blotter.Order.Amend allows, and fills in what the database made. Errors: ErrConflict
// with both versions if another session changed it since it was read, ErrNotFound, and ErrInvalid for what may not change.
func (tx *Tx) UpdateOrder(ctx context.Context, o *blotter.Order) error {
	if o == nil {
		return errNoOrder
	}
	err := intoScope(&o.AccountID, tx.scope)
	if err != nil {
		return orderError("update", o, err)
	}
	stored, err := Orders.Get(ctx, tx, o.AccountID, o.OrderID)
	if err != nil {
		return err
	}
	if o.Status == blotter.Cancelled && stored.Status == blotter.Cancelled && len(o.Differences(stored)) == 0 {
		*o = stored
		return nil
	}
	amended := stored
	if stored.Version == o.Version {
		if amended, err = stored.Amend(*o); err != nil {
			return orderError("update", o, err)
		}
	}
	amended.Version = o.Version
	if err := Orders.Update(ctx, tx, &amended); err != nil {
		return err
	}
	*o = amended
	return nil
}

// UpdateOrder is Tx.UpdateOrder in a transaction of its own.
func (db *DB) UpdateOrder(ctx context.Context, o *blotter.Order) error {
	return db.changeOrder(ctx, o, (*Tx).UpdateOrder)
}

func (db *DB) changeOrder(ctx context.Context, o *blotter.Order, change func(*Tx, context.Context, *blotter.Order) error) error {
	if o == nil {
		return errNoOrder
	}
	given := *o
	err := db.Transaction(ctx, func(tx *Tx) error {
		*o = given
		return change(tx, ctx, o)
	})
	if err != nil {
		*o = given
		return err
	}
	db.books.rememberOrders([]blotter.Order{*o})
	return nil
}

// CancelOrder cancels an order and fills in what the database made; a fill that comes late is booked all the same. One that
// is cancelled already stays so. Errors are UpdateOrder's.
func (tx *Tx) CancelOrder(ctx context.Context, o *blotter.Order) error {
	if o == nil {
		return errNoOrder
	}
	changed := *o
	changed.Status = blotter.Cancelled
	if err := tx.UpdateOrder(ctx, &changed); err != nil {
		return err
	}
	*o = changed
	return nil
}

// CancelOrder is Tx.CancelOrder in a transaction of its own.
func (db *DB) CancelOrder(ctx context.Context, o *blotter.Order) error {
	return db.changeOrder(ctx, o, (*Tx).CancelOrder)
}
