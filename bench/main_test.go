package bench

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"testing"

	"github.com/blotterdb/blotter/embedded"
)

// TestMain measures on a server like that of a user: with fsync and autovacuum, which the servers of tests go without.
func TestMain(m *testing.M) {
	os.Exit(run(m))
}

func run(m *testing.M) int {
	if os.Getenv("BLOTTER_TEST_URL") != "" {
		return m.Run()
	}

	dir, err := os.MkdirTemp("", "blotter-bench-")
	if err == nil {
		defer os.RemoveAll(dir)
		var server *embedded.Server
		cfg := embedded.Config{DataDir: dir, Logger: slog.New(slog.DiscardHandler)}
		if server, err = embedded.Start(context.Background(), cfg); err == nil {
			defer func() { _ = server.Stop() }()
			err = os.Setenv("BLOTTER_TEST_URL", server.AdminURL("postgres"))
		}
	}

	if err != nil {
		fmt.Fprintln(os.Stderr, "no server to measure on:", err)
		return 1
	}
	return m.Run()
}
