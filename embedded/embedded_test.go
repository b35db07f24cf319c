package embedded_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/blotterdb/blotter/embedded"
	"github.com/blotterdb/blotter/internal/ramdisk"
	"github.com/jackc/pgx/v5"
)

// TestMain is also the program that some tests kill: it starts a server and waits to be killed.
func TestMain(m *testing.M) {
	if dir := os.Getenv("BLOTTER_TEST_OWNER_OF"); dir != "" {
		runOwner(dir, os.Getenv("BLOTTER_TEST_TEMPORARY") != "")
	}
	os.Exit(m.Run())
}

// runOwner is the helper process: it owns the server of dir, reports that on standard output, and waits.
func runOwner(dir string, temporary bool) {
	server, err := embedded.Start(context.Background(),
		embedded.Config{DataDir: dir, Temporary: temporary, Logger: quiet})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	_ = json.NewEncoder(os.Stdout).Encode(server.State)
	select {}
}

var quiet = slog.New(slog.DiscardHandler)

func config(dir string) embedded.Config { return embedded.Config{DataDir: dir, Logger: quiet} }

// folder returns a new folder that the server's user can enter, and that is removed after the test.
func folder(t *testing.T) string {
	t.Helper()

	dir, err := os.MkdirTemp(ramdisk.Folder(), "blotter-embedded-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return filepath.Join(dir, "data")
}

func start(t *testing.T, cfg embedded.Config) *embedded.Server {
	t.Helper()

	server, err := embedded.Start(t.Context(), cfg)
	if err != nil {
		t.Fatalf("Start: %v", err)
	}
	t.Cleanup(func() { _ = server.Stop() })
	return server
}

// exec runs SQL on the database of a server.
func exec(t *testing.T, url, sql string) {
	t.Helper()

	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatalf("connecting: %v", err)
	}
	defer conn.Close(context.Background())
	if _, err := conn.Exec(t.Context(), sql); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

func count(t *testing.T, url string) (n int) {
	t.Helper()

	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatalf("connecting: %v", err)
	}
	defer conn.Close(context.Background())

	if err := conn.QueryRow(t.Context(), "select count(*) from kept").Scan(&n); err != nil {
		t.Fatal(err)
	}

	return n
}

// until polls to a deadline.
func until(t *testing.T, what string, done func() bool) {
	t.Helper()

	for deadline := time.Now().Add(time.Minute); !done(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not within a minute: %s", what)
		}
	}
}

// sentence checks that an error is one line with every part of want.
func sentence(t *testing.T, err error, want ...string) {
	t.Helper()

	if err == nil {
		t.Fatal("no error")
	}

	for _, part := range want {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%q does not say %q", err, part)
		}
	}

	if strings.Contains(err.Error(), "\n") {
		t.Errorf("more than one line: %q", err)
	}
}

const makeKept = "create table kept as select generate_series(1, 100)"

func TestStartStopStart(t *testing.T) {
	t.Parallel()

	dir := folder(t)
	server := start(t, config(dir))
	exec(t, server.OwnerURL(), makeKept)
	for range 2 {
		if err := server.Stop(); err != nil {
			t.Fatalf("Stop: %v", err)
		}
	}

	if state, err := embedded.Status(config(dir)); err != nil || state.Running {
		t.Errorf("after Stop: %+v, %v", state, err)
	}

	again := start(t, config(dir))
	if n := count(t, again.OwnerURL()); n != 100 {
		t.Errorf("%d rows, want the 100 of the first start", n)
	}
	text, err := os.ReadFile(filepath.Join(dir, "postgres.log"))
	if err != nil || strings.Contains(string(text), "automatic recovery") {
		t.Errorf("Stop left a server to recover: %v\n%s", err, text)
	}
}

func TestKillKeepsWhatIsCommitted(t *testing.T) {
	t.Parallel()

	cfg := config(folder(t))
	server := start(t, cfg)
	exec(t, server.OwnerURL(), makeKept)
	begin := time.Now()
	if err := errors.Join(server.Kill(), server.Kill(), server.Stop()); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(begin); took > time.Second {
		t.Errorf("Kill took %s, want at most a second", took)
	}
	if n := count(t, start(t, cfg).OwnerURL()); n != 100 {
		t.Errorf("%d rows, want 100", n)
	}
}

func TestOneOwner(t *testing.T) {
	t.Parallel()

	cfg := config(folder(t))
	start(t, cfg)
	for name, err := range map[string]error{
		"Start":  second(embedded.Start(t.Context(), cfg)),
		"Up":     second(embedded.Up(t.Context(), cfg)),
		"Attach": second(embedded.Attach(cfg)),
		"Down":   embedded.Down(t.Context(), cfg),
	} {
		if !errors.Is(err, embedded.ErrInUse) {
			t.Errorf("%s: %v, want ErrInUse", name, err)
			continue
		}
		sentence(t, err, fmt.Sprintf("process %d", os.Getpid()), cfg.DataDir, "wait until it ends")
	}
}

func second[T any](_ T, err error) error { return err }

func TestUp(t *testing.T) {
	t.Parallel()

	cfg := config(folder(t))
	if _, err := embedded.Attach(cfg); !errors.Is(err, embedded.ErrNotRunning) {
		t.Fatalf("Attach before Up: %v, want ErrNotRunning", err)
	}
	if err := embedded.Down(t.Context(), cfg); !errors.Is(err, embedded.ErrNotRunning) {
		t.Fatalf("Down before Up: %v, want ErrNotRunning", err)
	}

	first, err := embedded.Up(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = embedded.Down(context.Background(), cfg) })

	again, err := embedded.Up(t.Context(), cfg)
	if err != nil || again.PID != first.PID {
		t.Errorf("Up again: process %d, %v, want the first's, %d", again.PID, err, first.PID)
	}

	attached, err := embedded.Attach(cfg)
	if err != nil || attached.PID != first.PID || !attached.Running || attached.OwnerPID != 0 {
		t.Errorf("Attach: %+v, %v", attached, err)
	}

	exec(t, attached.OwnerURL(), makeKept)
	if _, err := embedded.Start(t.Context(), cfg); !errors.Is(err, embedded.ErrInUse) {
		t.Errorf("Start beside Up: %v, want ErrInUse", err)
	}

	cfg.Port = freePort(t)
	sentence(t, second(embedded.Up(t.Context(), cfg)), fmt.Sprintf("without port %d", cfg.Port), "blotter down")
	if err := embedded.Down(t.Context(), cfg); err != nil {
		t.Fatal(err)
	}
	if state, err := embedded.Status(cfg); err != nil || state.Running {
		t.Errorf("after Down: %+v, %v", state, err)
	}
	if n := count(t, start(t, cfg).OwnerURL()); n != 100 {
		t.Errorf("%d rows after Down and Start, want 100", n)
	}
}

func freePort(t *testing.T) int {
	t.Helper()

	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().(*net.TCPAddr).Port
}

func TestTemporary(t *testing.T) {
	t.Parallel()

	dir := folder(t)
	cfg := config(dir)
	cfg.Temporary = true
	server := start(t, cfg)
	if err := server.Stop(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(dir); !os.IsNotExist(err) {
		t.Errorf("the folder is still there: %v", err)
	}
}
