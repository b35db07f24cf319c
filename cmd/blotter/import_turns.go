package main

import (
	"context"
	"sync"
)

// turns lets files that are imported at once, and may have bars of the same symbol, take effect in their order: which of two
// that differ comes first must not depend on how many are imported at once.
type turns struct {
	mu      sync.Mutex
	changed sync.Cond
	files   []turn
}

type turn struct {
	opened, done bool
	symbol       string // "" for many, which may be anybody's
}

func newTurns(files int) *turns {
	t := &turns{files: make([]turn, files)}
	t.changed.L = &t.mu
	return t
}

// wait says which symbol file i has, and waits until no file before it may have bars of the same. It ends with the context.
func (t *turns) wait(ctx context.Context, i int, symbol string) {
	defer context.AfterFunc(ctx, t.changed.Broadcast)()
	t.mu.Lock()
	defer t.mu.Unlock()
	t.files[i].opened, t.files[i].symbol = true, symbol
	t.changed.Broadcast()
	for ctx.Err() == nil && t.blocked(i) {
		t.changed.Wait()
	}
}

func (t *turns) blocked(i int) bool {
	for _, before := range t.files[:i] {
		if !before.done && (!before.opened || before.symbol == "" || t.files[i].symbol == "" || before.symbol == t.files[i].symbol) {
			return true
		}
	}
	return false
}

// end says that file i is imported, or will not be.
func (t *turns) end(i int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.files[i].done = true
	t.changed.Broadcast()
}
