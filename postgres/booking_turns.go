package postgres

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/blotterdb/blotter"
)

// turns lets the bookings of one position in this process go one after the other. Without it, concurrent bookings of a
// position would all be computed from the same row, and all but one would fail and be computed again. It is only a
// courtesy: what is booked is right without it, because every write checks the versions of its rows.
//
// Each booking takes the turns of its positions in the order of their keys, and takes them before a connection, so that
// whoever waits for a turn keeps no connection from others. An order has one symbol, so its fills share a position.
type turns struct {
	mu    sync.Mutex
	taken map[bookKey]*turn

	contended map[bookKey]int // how many more bookings of a position begin with locks
}

// turn is the right to book trades of a position. Its channel holds a value while nobody has the turn.
type turn struct {
	users int // who has it or waits for it
	free  chan struct{}
}

// take waits for the turns of the positions, at most for the given time, and returns how to give them back. If the time
// runs out, because another session keeps a booking waiting, it returns without turns. Errors: that of the context.
func (t *turns) take(ctx context.Context, positions []bookKey, patience time.Duration) (giveBack func(), err error) {
	for n, key := range positions {
		ok, err := t.takeOne(ctx, key, patience)
		if err != nil || !ok {
			t.giveBack(positions[:n])
			return func() {}, err
		}
	}
	return func() { t.giveBack(positions) }, nil
}

func (t *turns) takeOne(ctx context.Context, key bookKey, patience time.Duration) (ok bool, err error) {
	t.mu.Lock()
	own := t.taken[key]
	if own == nil {
		if t.taken == nil {
			t.taken = map[bookKey]*turn{}
		}
		t.taken[key] = &turn{users: 1}
		t.mu.Unlock()
		return true, nil
	}
	if own.free == nil {
		own.free = make(chan struct{}, 1)
	}
	own.users++
	t.mu.Unlock()

	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-own.free:
		return true, nil
	case <-ctx.Done():
		err = translate(ctx, "execute trades", ctx.Err())
	case <-timer.C:
	}

	t.mu.Lock()
	defer t.mu.Unlock()
	t.leave(key, own)
	return false, err
}

// giveBack passes the turns of the positions on to the next who wait.
func (t *turns) giveBack(positions []bookKey) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, key := range positions {
		own := t.taken[key]
		if own.free != nil {
			own.free <- struct{}{}
		}
		t.leave(key, own)
	}
}

// leave forgets one of the turn's users, and the turn with its last one.
func (t *turns) leave(key bookKey, own *turn) {
	own.users--
	if own.users == 0 {
		delete(t.taken, key)
	}
}

// contendedFor is how many bookings of a position begin with locks after one that met another session.
const contendedFor = 16

// contendedMax is how many positions are remembered as contended. Beyond it, all are forgotten.
const contendedMax = 10_000

// isContended reports whether a booking of the positions should begin with locks, and counts it.
func (t *turns) isContended(positions []bookKey) (contended bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.contended) == 0 {
		return false
	}

	for _, key := range positions {
		left := t.contended[key]
		if left == 0 {
			continue
		}
		contended = true
		t.contended[key] = left - 1
		if left == 1 {
			delete(t.contended, key)
		}
	}
	return contended
}

// contend notes that a booking of the positions met another session.
func (t *turns) contend(positions []bookKey) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.contended == nil || len(t.contended) > contendedMax {
		t.contended = map[bookKey]int{}
	}
	for _, key := range positions {
		t.contended[key] = contendedFor
	}
}

// positionKeys returns the keys of the positions of the trades, sorted and each once. A trade without a symbol has that
// of its order, if that is remembered; otherwise its position is not known yet.
func (c *bookCache) positionKeys(trades []blotter.Trade) []bookKey {
	keys := make([]bookKey, 0, len(trades))
	for i := range trades {
		t := &trades[i]
		key := bookKey{t.AccountID, t.Symbol}
		if key.name == "" {
			key.name = c.symbolOf(bookKey{t.AccountID, t.OrderID})
		}
		if key.name != "" {
			keys = append(keys, key)
		}
	}

	if len(keys) > 1 {
		slices.SortFunc(keys, bookKey.compare)
		keys = slices.Compact(keys)
	}
	return keys
}

// symbolOf returns the symbol of a remembered order, or "".
func (c *bookCache) symbolOf(order bookKey) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	if o := c.orders[order]; o != nil {
		return o.Symbol
	}
	return ""
}
