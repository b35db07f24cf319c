package postgres

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"

	"github.com/blotterdb/blotter"
	"github.com/jackc/pgx/v5/pgconn"
)

// book books trades: at first on what is remembered or read without a lock, written in one round trip that takes effect
// only if that is still so; where it is not, with locks, in a transaction that is retried.
func (db *DB) book(ctx context.Context, b *booking) error {
	if len(b.given) == 0 {
		return nil
	}
	if !db.books.contended() {
		err := db.bookAtOnce(ctx, b)
		if err == nil || !stale(err) && !lacksPartition(err) {
			return err
		}
	}
	err := db.Transaction(ctx, func(tx *Tx) error { return tx.bookLocked(ctx, b) })
	if err != nil {
		db.books.forget(b)
		return err
	}
	if !b.needsLook() && len(b.stored) == 0 { // then it was somebody else
		db.books.contend()
	}
	db.books.remember(b)
	return nil
}

// bookLocked books trades with their orders and positions locked.
func (tx *Tx) bookLocked(ctx context.Context, b *booking) error {
	b.begin()
	if err := b.resolve(ctx, tx); err != nil {
		return err
	}
	if err := (&bookReader{booking: b, cache: &tx.db.books, lock: true}).read(ctx, tx); err != nil {
		return err
	}
	if err := b.fold(); err != nil {
		return err
	}
	return b.write(ctx, tx)
}

// bookAtOnce books trades in one transaction that is one round trip, if nobody else is in the way. The context ends it
// before it is sent, not after.
func (db *DB) bookAtOnce(ctx context.Context, b *booking) error {
	p, scope, err := db.poolFor(ctx, false)
	if err != nil {
		return err
	}
	loan, err := p.acquire(ctx)
	if err != nil {
		return err
	}
	s := &Session{loan: loan, scope: scope}
	defer s.end()
	b.begin()
	if err := b.resolve(ctx, s); err != nil {
		return err
	}
	if err := (&bookReader{booking: b, cache: &db.books}).read(ctx, s); err != nil {
		return err
	}
	if err := b.fold(); err != nil || b.needsLook() {
		return errLook
	}
	if err := ctx.Err(); err != nil {
		return translate("execute trades", err)
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), commitTimeout)
	defer cancel()
	err = b.write(ctx, s)
	if err == nil {
		db.books.remember(b)
		return nil
	}
	db.books.forget(b)
	var pg *pgconn.PgError
	if errors.As(err, &pg) && severity(pg) == "ERROR" {
		return translate("execute trades", err) // all of the round trip is undone
	}
	if !loan.IsClosed() {
		loan.close()
	}
	return commitError(err)
}

// errLook: what cannot be booked was judged on what may be old, or may be booked already. It is looked at with locks.
var errLook = &blotter.Error{Kind: blotter.ErrSerialization, Message: "looked at again", Err: &pgconn.PgError{Code: "40001"}}

// needsLook reports that a trade was refused: what is remembered may be old, or the trade booked already.
func (b *booking) needsLook() bool {
	for i := range b.receipts {
		if o := b.receipts[i].Outcome; o != Applied && o != Duplicate {
			return true
		}
	}
	return false
}

const (
	// rememberedMax is how many orders, and how many positions, are remembered. Beyond it all are forgotten.
	rememberedMax = 20_000
	// contendedFor is how many bookings begin with locks after one found that somebody else works on the same.
	contendedFor = 16
)

// bookCache remembers orders and positions as this DB last wrote them. What is remembered may be old: every write checks
// the version.
type bookCache struct {
	mu        sync.Mutex
	orders    map[bookKey]blotter.Order
	positions map[bookKey]blotter.Position
	locks     atomic.Int32
}

func (c *bookCache) contended() bool { return c.locks.Load() > 0 && c.locks.Add(-1) >= 0 }

func (c *bookCache) contend() { c.locks.Store(contendedFor) }

func (c *bookCache) order(key bookKey, lock bool) (o blotter.Order, found bool) {
	if lock {
		return o, false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	o, found = c.orders[key]
	return o, found
}

func (c *bookCache) position(key bookKey, lock bool) (p blotter.Position, found bool) {
	if lock {
		return p, false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	p, found = c.positions[key]
	return p, found
}

// remember keeps what a booking has committed.
func (c *bookCache) remember(b *booking) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.orders == nil || len(c.orders) > rememberedMax {
		c.orders = map[bookKey]blotter.Order{}
	}
	if c.positions == nil || len(c.positions) > rememberedMax {
		c.positions = map[bookKey]blotter.Position{}
	}
	for key, o := range b.orders {
		if o.Version >= c.orders[key].Version {
			c.orders[key] = o.Order
		}
	}
	for key, p := range b.positions {
		if p.Version > 0 && p.Version >= c.positions[key].Version {
			c.positions[key] = p.Position
		}
	}
}

// forget drops what a booking relied on.
func (c *bookCache) forget(b *booking) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for key := range b.orders {
		delete(c.orders, key)
	}
	for key := range b.positions {
		delete(c.positions, key)
	}
}
