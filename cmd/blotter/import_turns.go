package main

import (
	"context"
	"sync"
)

// turns makes files that may have bars of the same symbol take effect in their order, even if they are imported at the
// same time. Otherwise, the result of two files that differ would depend on chance.
type turns struct {
	mu      sync.Mutex
	changed sync.Cond
	files   []turn
}

type turn struct {
	isOpen, isDone bool
	symbol         string // "" for a file with several symbols, which are not known yet
}

func newTurns(files int) *turns {
	t := &turns{files: make([]turn, files)}
	t.changed.L = &t.mu
	return t
}

// wait announces the symbol of file i, and waits until no earlier file may have bars of the same symbol, or the context
// ends.
func (t *turns) wait(ctx context.Context, i int, symbol string) {
	defer context.AfterFunc(ctx, t.changed.Broadcast)()
	t.mu.Lock()
	defer t.mu.Unlock()
	t.files[i].isOpen = true
	t.files[i].symbol = symbol
	t.changed.Broadcast()

	for ctx.Err() == nil && t.isBlocked(i) {
		t.changed.Wait()
	}
}

// isBlocked reports whether an earlier file may have bars of the same symbol as file i.
func (t *turns) isBlocked(i int) bool {
	symbol := t.files[i].symbol
	for _, earlier := range t.files[:i] {
		mayShare := !earlier.isOpen || earlier.symbol == "" || symbol == "" || earlier.symbol == symbol
		if mayShare && !earlier.isDone {
			return true
		}
	}
	return false
}

// end announces that file i is imported, or will not be.
func (t *turns) end(i int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.files[i].isDone = true
	t.changed.Broadcast()
}
