package postgres

import (
	"maps"
	"slices"
	"sync"

	"github.com/blotterdb/blotter"
)

// rememberedMax is how many orders, and how many positions, are remembered. Beyond it all are forgotten.
const rememberedMax = 20_000

// bookCache remembers orders and positions as this DB last wrote them. They may be old: every write checks their
// versions. Remembered rows are shared and never change.
type bookCache struct {
	turns     turns
	mu        sync.Mutex
	orders    map[bookKey]*blotter.Order
	positions map[bookKey]*blotter.Position
}

// recall adds the remembered rows that the trades touch. It gives trades without symbol or side those of their orders.
func (c *bookCache) recall(trades []*blotter.Trade, rows *bookRows) {
	c.mu.Lock()
	defer c.mu.Unlock()

	for _, t := range trades {
		if t.OrderID != "" {
			key := bookKey{t.AccountID, t.OrderID}
			if o := c.orders[key]; o != nil {
				rows.orders[key] = o
				completeKey(t, o)
			}
		}

		key := bookKey{t.AccountID, t.Symbol}
		if p := c.positions[key]; p != nil {
			rows.positions[key] = p
		}
	}
}

// update remembers the rows of a decision that was committed, or forgets those of one that failed.
func (c *bookCache) update(d *decision, err error) {
	if err != nil {
		c.forget(slices.Collect(maps.Keys(d.rows.orders)), slices.Collect(maps.Keys(d.rows.positions)))
		return
	}
	c.remember(d)
}

// remember keeps the rows of a decision: those that it changed, and those that it only read.
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

// forget drops orders and positions.
func (c *bookCache) forget(orders, positions []bookKey) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, key := range orders {
		delete(c.orders, key)
	}
	for _, key := range positions {
		delete(c.positions, key)
	}
}
