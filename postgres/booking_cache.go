package postgres

import (
	"maps"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/blotterdb/blotter"
)

const (
	// rememberedMax is how many orders, and how many positions, are remembered. Beyond it all are forgotten.
	rememberedMax = 20_000
	// contendedFor is how many bookings begin with locks after one that met another session at the same rows.
	contendedFor = 16
)

// bookCache remembers orders and positions as this DB last wrote them. They may be old: every write checks their
// versions. Remembered rows are shared and never change; a nil cache remembers nothing.
type bookCache struct {
	mu        sync.Mutex
	orders    map[bookKey]*blotter.Order
	positions map[bookKey]*blotter.Position
	locks     atomic.Int32 // how many more bookings begin with locks
}

func (c *bookCache) contended() bool { return c.locks.Load() > 0 && c.locks.Add(-1) >= 0 }

func (c *bookCache) contend() { c.locks.Store(contendedFor) }

// order returns the remembered order, or nil.
func (c *bookCache) order(key bookKey) *blotter.Order {
	if c == nil {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.orders[key]
}

// position returns the remembered position, or nil.
func (c *bookCache) position(key bookKey) *blotter.Position {
	if c == nil {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.positions[key]
}

// remember keeps the rows of a decision that was committed: those that it changed, and those that it only read.
func (c *bookCache) remember(d *decision) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, o := range d.orders {
		c.rememberOrder(&o.Order)
	}
	for _, p := range d.positions {
		c.rememberPosition(&p.Position)
	}
	for key, o := range d.rows.orders {
		if d.orders[key] == nil {
			c.rememberOrder(new(*o)) // a copy, because o is in an array of all that was read
		}
	}
	for key, p := range d.rows.positions {
		if d.positions[key] == nil {
			c.rememberPosition(new(*p))
		}
	}
}

// rememberOrders keeps orders that were just committed: trades follow.
func (c *bookCache) rememberOrders(orders []blotter.Order) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, o := range orders {
		c.rememberOrder(&o)
	}
}

// rememberOrder keeps an order unless a newer version is remembered. A closed order is forgotten: hardly any trade
// follows.
func (c *bookCache) rememberOrder(o *blotter.Order) {
	if c.orders == nil || len(c.orders) > rememberedMax {
		c.orders = map[bookKey]*blotter.Order{}
	}
	key := orderKey(o)
	if known := c.orders[key]; known != nil && known.Version > o.Version {
		return
	}
	if o.Done() {
		delete(c.orders, key)
		return
	}
	c.orders[key] = o
}

func (c *bookCache) rememberPosition(p *blotter.Position) {
	if c.positions == nil || len(c.positions) > rememberedMax {
		c.positions = map[bookKey]*blotter.Position{}
	}
	key := positionKey(p)
	if known := c.positions[key]; known == nil || known.Version <= p.Version {
		c.positions[key] = p
	}
}

// forget drops the rows that a decision is based on.
func (c *bookCache) forget(d *decision) {
	c.forgetRows(slices.Collect(maps.Keys(d.rows.orders)), slices.Collect(maps.Keys(d.rows.positions)))
}

func (c *bookCache) forgetRows(orders, positions []bookKey) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, key := range orders {
		delete(c.orders, key)
	}
	for _, key := range positions {
		delete(c.positions, key)
	}
}
