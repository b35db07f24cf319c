package postgres

import (
	"sync"
	"sync/atomic"

	"github.com/blotterdb/blotter"
)

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
	locks     atomic.Int32 // bookings that are still to begin with locks
}

func (c *bookCache) contended() bool { return c.locks.Load() > 0 && c.locks.Add(-1) >= 0 }

func (c *bookCache) contend() { c.locks.Store(contendedFor) }

// order is the order as it is remembered. A nil cache remembers nothing.
func (c *bookCache) order(key bookKey) (o blotter.Order, found bool) {
	if c == nil {
		return o, false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	o, found = c.orders[key]
	return o, found
}

// position is the position as it is remembered.
func (c *bookCache) position(key bookKey) (p blotter.Position, found bool) {
	if c == nil {
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
	if c.positions == nil || len(c.positions) > rememberedMax {
		c.positions = map[bookKey]blotter.Position{}
	}
	for _, o := range b.orders {
		c.rememberOrder(o.Order)
	}
	for key, p := range b.positions {
		if p.Version > 0 && p.Version >= c.positions[key].Version {
			c.positions[key] = p.Position
		}
	}
}

func (c *bookCache) rememberOrder(o blotter.Order) {
	if c.orders == nil || len(c.orders) > rememberedMax {
		c.orders = map[bookKey]blotter.Order{}
	}
	key := bookKey{o.AccountID, o.OrderID}
	switch {
	case o.Version < c.orders[key].Version:
	case o.Done():
		delete(c.orders, key) // hardly any fill will follow
	default:
		c.orders[key] = o
	}
}

// rememberOrders keeps orders that were just committed: fills follow.
func (c *bookCache) rememberOrders(orders []blotter.Order) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, o := range orders {
		c.rememberOrder(o)
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
