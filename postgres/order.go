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

// ordersMax is the most orders that one call may create.
const ordersMax = 10_000

var errNoOrder = programming("the order is nil")

// CreateOrder stores a new order and fills in the values that the database generates. If an order of the same id and
// content exists already, it is returned as it is stored, so a retry after any failure is safe; if its content differs,
// the error is ErrConflict and names the fields. An order that was adopted from its trades takes over the content of o.
// The account is the context's, and is created on first use.
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

// CreateOrder calls Tx.CreateOrder in a transaction of its own.
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

// CreateOrders calls Tx.CreateOrders in a transaction of its own.
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

var newOrderColumns = columns[blotter.Order]{
	columnOf("account_id", "text", func(o *blotter.Order) string { return o.AccountID }),
	columnOf("order_id", "text", func(o *blotter.Order) string { return o.OrderID }),
	columnOf("symbol", "text", func(o *blotter.Order) string { return o.Symbol }),
	columnOf("side", "text", func(o *blotter.Order) string { return string(o.Side) }),
	columnOf("order_type", "text", func(o *blotter.Order) string { return string(o.OrderType) }),
	columnOf("quantity", "numeric", func(o *blotter.Order) blotter.Decimal { return o.Quantity }),
	columnOf("price", "numeric", func(o *blotter.Order) *blotter.Decimal { return o.Price }),
	columnOf("stop_price", "numeric", func(o *blotter.Order) *blotter.Decimal { return o.StopPrice }),
	columnOf("time_in_force", "text", func(o *blotter.Order) string { return string(o.TimeInForce) }),
	columnOf("status", "text", func(o *blotter.Order) string { return string(o.Status) }),
	columnOf("strategy", "text", func(o *blotter.Order) string { return o.Strategy }),
	columnOf("session_id", "text", func(o *blotter.Order) string { return o.SessionID }),
}

// sqlCreateOrders stores orders, in the order of their keys, except those that exist already.
var sqlCreateOrders = `
insert into execution.orders (` + newOrderColumns.names("") + `)
select * from ` + newOrderColumns.unnest(1) + `
 order by account_id, order_id
on conflict do nothing
returning ` + Orders.columnList()

// CreateOrders stores orders as CreateOrder does: all of them, or none with the error of one; then the transaction, or
// the savepoint around the call, can only be rolled back. At most 10,000 orders a call. They are returned as they are
// stored, in the given order.
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
				tx.failure = err // the others are written: without this one the transaction must not commit
			}
			return nil, err
		}
	}

	for i, o := range given {
		given[i] = stored[orderKey(&o)]
	}
	return given, nil
}

// newOrders returns the orders as they are to be stored.
func newOrders(orders []blotter.Order, scope blotter.Scope) ([]blotter.Order, error) {
	if len(orders) > ordersMax {
		return nil, blotter.Invalid("orders", len(orders), fmt.Sprintf("at most %d a call", ordersMax))
	}

	given := slices.Clone(orders)
	for i := range given {
		o := &given[i]
		err := resolveAccount(&o.AccountID, scope)
		if err == nil {
			*o, err = o.New()
		}
		if err != nil {
			return nil, orderError("create", o, err)
		}
	}
	return given, nil
}

// orderError adds the operation and the order to an error without them.
func orderError(op string, o *blotter.Order, err error) error {
	var e *blotter.Error
	if errors.As(err, &e) && e.Op == "" {
		named := *e
		named.Op = fmt.Sprintf("%s order %s/%s", op, o.AccountID, o.OrderID)
		return &named
	}
	return err
}

// insertOrders stores the orders, and returns those that did not exist.
func (tx *Tx) insertOrders(ctx context.Context, orders []blotter.Order) (map[bookKey]blotter.Order, error) {
	accounts := make([]string, len(orders))
	for i := range orders {
		accounts[i] = orders[i].AccountID
	}

	stored := map[bookKey]blotter.Order{}
	batch := &pgx.Batch{}
	batch.Queue(sqlAccounts, sortedSet(accounts))
	create := batch.Queue(sqlCreateOrders, newOrderColumns.appendArrays(nil, pointers(orders))...)
	create.Query(func(rows pgx.Rows) error {
		list, err := scanAll(Orders, rows)
		for _, o := range list {
			stored[orderKey(&o)] = o
		}
		return err
	})
	return stored, tx.SendBatch(ctx, batch).Close()
}

// matchOrders adds the orders that existed already to stored, if their content is what was given.
func (tx *Tx) matchOrders(ctx context.Context, given []blotter.Order, stored map[bookKey]blotter.Order) error {
	var missing keySet
	for i := range given {
		if key := orderKey(&given[i]); stored[key].Version == 0 {
			missing.add(key)
		}
	}
	accounts, ids := missing.columns()
	found, err := collect(ctx, tx, Orders, sqlBookOrders+forUpdate, accounts, ids)
	if err != nil {
		return err
	}
	for i := range found {
		stored[orderKey(&found[i])] = found[i]
	}

	for i := range given {
		key := orderKey(&given[i])
		matched, err := tx.matchOrder(ctx, &given[i], stored[key])
		if err != nil {
			return orderError("create", &given[i], err)
		}
		stored[key] = matched
	}
	return nil
}

// matchOrder returns the stored order. An adopted order first takes over the content of the given one; otherwise
// different content is an error.
func (tx *Tx) matchOrder(ctx context.Context, given *blotter.Order, stored blotter.Order) (blotter.Order, error) {
	if stored.Adopted {
		adopted, err := stored.Adopt(*given)
		if err != nil {
			return stored, err
		}
		err = Orders.Update(ctx, tx, &adopted)
		return adopted, err
	}

	if fields := given.Differences(stored); len(fields) > 0 {
		return stored, &blotter.Error{
			Kind: blotter.ErrConflict, Message: "it exists already, with another " + strings.Join(fields, ", "),
		}
	}
	return stored, nil
}

// UpdateOrder changes an order as blotter.Order.Amend allows, and fills in the values that the database generates.
// Errors: ErrConflict with both versions if another session changed the order since it was read, ErrNotFound, and
// ErrInvalid for a change that is not allowed.
func (tx *Tx) UpdateOrder(ctx context.Context, o *blotter.Order) error {
	if o == nil {
		return errNoOrder
	}
	err := resolveAccount(&o.AccountID, tx.scope)
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

// UpdateOrder calls Tx.UpdateOrder in a transaction of its own.
func (db *DB) UpdateOrder(ctx context.Context, o *blotter.Order) error {
	return db.changeOrder(ctx, o, (*Tx).UpdateOrder)
}

// changeOrder runs a change of an order in a transaction of its own. After an error, o is as it was given.
func (db *DB) changeOrder(
	ctx context.Context, o *blotter.Order, change func(*Tx, context.Context, *blotter.Order) error,
) error {
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

// CancelOrder cancels an order and fills in the values that the database generates; a late trade is booked all the
// same. Cancelling a cancelled order has no effect. Errors are UpdateOrder's.
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

// CancelOrder calls Tx.CancelOrder in a transaction of its own.
func (db *DB) CancelOrder(ctx context.Context, o *blotter.Order) error {
	return db.changeOrder(ctx, o, (*Tx).CancelOrder)
}
