package pgtest

import (
	"context"
	"fmt"
	"testing"
)

// OpenExample is Open for Example functions, which have no testing.TB. The caller calls done at the end; what goes
// wrong panics.
func OpenExample() (db *Database, done func()) {
	ctx, cancel := context.WithCancel(context.Background())
	tb := &exampleTB{ctx: ctx}
	return Open(tb), func() {
		cancel()
		for i := len(tb.cleanups) - 1; i >= 0; i-- {
			tb.cleanups[i]()
		}
	}
}

// exampleTB is as much of a testing.TB as Open needs.
type exampleTB struct {
	testing.TB
	ctx      context.Context
	cleanups []func()
}

func (e *exampleTB) Helper()                        {}
func (e *exampleTB) Context() context.Context       { return e.ctx }
func (e *exampleTB) Cleanup(f func())               { e.cleanups = append(e.cleanups, f) }
func (e *exampleTB) Fatalf(format string, a ...any) { panic(fmt.Sprintf(format, a...)) }
func (e *exampleTB) Errorf(format string, a ...any) { panic(fmt.Sprintf(format, a...)) }
