package logs_test

import (
	"log/slog"
	"testing"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/logs"
	"github.com/blotterdb/blotter/pgtest"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	// The server of the whole test binary lives until its process ends, and so does the goroutine that waits for it.
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("os/exec.(*Cmd).Wait"))
}

// patience is how long a test waits for what comes soon.
const patience = time.Minute

// newHandler returns a handler on the database of a test. It is not started.
func newHandler(t testing.TB, db *pgtest.Database, change func(*logs.Config)) *logs.Handler {
	t.Helper()

	cfg := logs.Config{DB: db.DB, Service: "test", Next: slog.DiscardHandler, Every: 20 * time.Millisecond}
	if change != nil {
		change(&cfg)
	}

	h, err := logs.NewHandler(cfg)
	if err != nil {
		t.Fatal(err)
	}

	return h
}

// start starts a handler that is stopped, and drained, before the database goes.
func start(t testing.TB, h *logs.Handler) {
	t.Helper()

	for range 2 {
		if err := h.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() {
		if err := h.Stop(t.Context()); err != nil && t.Context().Err() == nil {
			t.Error(err)
		}
	})
}

// stored returns all rows, oldest first.
func stored(t testing.TB, db *pgtest.Database, filter logs.Filter) []blotter.SystemLog {
	t.Helper()

	rows, err := logs.Read(t.Context(), db.DB, filter)
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

// until polls to a deadline.
func until(t testing.TB, what string, done func() bool) {
	t.Helper()

	for deadline := time.Now().Add(patience); !done(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not within %s: %s", patience, what)
		}
	}
}
