package audit_test

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/audit"
	"github.com/blotterdb/blotter/pgtest"
	"github.com/blotterdb/blotter/postgres"
	"github.com/jackc/pgx/v5"
	"go.uber.org/goleak"
)

var (
	changesFlag = flag.Int("changes", 4_000, "changes that writers make while sealers are killed; 100,000 is all")
	seedFlag    = flag.Uint64("seed", 0, "seed of the random tests; 0 is a new one each time")
)

// TestMain is also the sealer that TestSealersAreKilled kills.
func TestMain(m *testing.M) {
	if text := os.Getenv(sealerOf); text != "" {
		sealForEver(text)
	}
	// The server of the whole test binary lives until its process ends, and so does the goroutine that waits for it.
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("os/exec.(*Cmd).Wait"))
}

func newRand(t *testing.T) *rand.Rand {
	t.Helper()
	seed := *seedFlag
	if seed == 0 {
		seed = rand.Uint64()
	}
	t.Logf("-seed %d", seed)
	return rand.New(rand.NewPCG(seed, 0))
}

// sealerOf is the environment variable that makes the test binary a sealer: the database's configuration as JSON.
const sealerOf = "BLOTTER_TEST_SEALER"

// sealForEver seals small batches without a pause until it is killed, and says when it begins.
func sealForEver(text string) {
	var cfg postgres.Config
	ctx := context.Background()
	err := json.Unmarshal([]byte(text), &cfg)
	cfg.Logger, cfg.MaxConns = slog.New(slog.DiscardHandler), 2
	var db *postgres.DB
	if err == nil {
		db, err = postgres.Open(ctx, cfg)
	}

	fmt.Println("begins")
	for err == nil {
		_, err = audit.Seal(ctx, db, 100)
	}

	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

var changes atomic.Int64

// change makes n changes that the audit log records, each in a transaction of its own.
func change(t *testing.T, db *pgtest.Database, n int) {
	t.Helper()
	ctx := blotter.WithAccount(t.Context(), "A1")
	for range n {
		err := db.Transaction(ctx, func(tx *postgres.Tx) error {
			_, err := tx.Exec(ctx, `insert into execution.accounts (account_id, name) values ('A1', '')
				on conflict (account_id) do update set name = $1`, fmt.Sprint(changes.Add(1)))
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

func sealAll(t *testing.T, db *pgtest.Database, batchMax int) int64 {
	t.Helper()
	n, err := audit.Seal(t.Context(), db.DB, batchMax)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// intact verifies and reports what is broken as an error.
func intact(t *testing.T, db *pgtest.Database, heads ...audit.Head) audit.Report {
	t.Helper()
	r, err := audit.VerifyDatabase(t.Context(), db.DB, heads)
	if err != nil {
		t.Fatal(err)
	}
	for i, b := range r.Breaks {
		if i < 5 {
			t.Errorf("%s: %s", b.Kind, b)
		}
	}
	return r
}

// verifyIn verifies inside a superuser's transaction.
func verifyIn(t *testing.T, tx pgx.Tx, heads ...audit.Head) audit.Report {
	t.Helper()
	r, err := audit.Verify(t.Context(), tx, heads)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// until polls to a deadline.
func until(t *testing.T, what string, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !done(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not in time: %s", what)
		}
	}
}

func writeFile(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func readFile(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
