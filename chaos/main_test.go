package chaos_test

import (
	"flag"
	"math/rand/v2"
	"os"
	"testing"
	"time"

	"go.uber.org/goleak"
)

var (
	seedFlag       = flag.Uint64("seed", 0, "seed of the random numbers; 0 is another one each time")
	killsFlag      = flag.Int("kills", 8, "projector processes that are killed")
	crashesFlag    = flag.Int("crashes", 1, "kills of PostgreSQL")
	relayKillsFlag = flag.Int("relay-kills", 8, "relay processes that are killed")
	redisKillsFlag = flag.Int("redis-kills", 2, "kills of Redis, which loses what it has not saved")
	flushFlag      = flag.Bool("flush", false, "empty Redis once")
	openFlag       = flag.Duration("open-transaction", 0,
		"take the figures of TestOpenTransactions, in phases of so long")
	spanFlag = flag.Duration("span", 0, "how long the writers write at least")
)

// TestMain is also the program of the processes that are killed.
func TestMain(m *testing.M) {
	if orders := os.Getenv(projectorOf); orders != "" {
		work(orders, startProjector)
	}
	if orders := os.Getenv(relayOf); orders != "" {
		work(orders, startRelay)
	}
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("os/exec.(*Cmd).Wait"))
}

// seedOf prints the seed of a test's random numbers.
func seedOf(t *testing.T) uint64 {
	t.Helper()
	seed := *seedFlag
	if seed == 0 {
		seed = rand.Uint64()
	}
	t.Logf("seed %d (-seed %[1]d repeats it)", seed)
	return seed
}

// until polls for a condition.
func until(t *testing.T, what string, limit time.Duration, ok func() bool) bool {
	t.Helper()
	for deadline := time.Now().Add(limit); !ok(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Errorf("not within %s: %s", limit, what)
			return false
		}
	}
	return true
}
