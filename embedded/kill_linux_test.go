package embedded_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	osexec "os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/blotterdb/blotter/embedded"
	"github.com/jackc/pgx/v5"
)

// startOwner starts a helper process that owns the server of dir.
func startOwner(t *testing.T, dir string, env ...string) (*os.Process, embedded.State) {
	t.Helper()

	cmd := osexec.Command(os.Args[0])
	cmd.Env = append(append(os.Environ(), "BLOTTER_TEST_OWNER_OF="+dir), env...)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}

	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = cmd.Process.Kill(), cmd.Wait() })

	var state embedded.State
	if err := json.NewDecoder(bufio.NewReader(out)).Decode(&state); err != nil {
		t.Fatalf("the owner did not start: %v", err)
	}

	return cmd.Process, state
}

// processes returns the processes of the folder: its server, the server's children and the watchdog.
func processes(dir string) map[int]string {
	found := map[int]string{}
	lines, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, path := range lines {
		text, err := os.ReadFile(path)
		cwd, _ := os.Readlink(filepath.Join(filepath.Dir(path), "cwd"))
		if err != nil || len(text) == 0 || !strings.Contains(string(text), dir) && !strings.HasPrefix(cwd, dir) {
			continue
		}
		if pid, err := strconv.Atoi(filepath.Base(filepath.Dir(path))); err == nil && pid != os.Getpid() {
			found[pid] = strings.ReplaceAll(string(text), "\x00", " ")
		}
	}

	return found
}

// watchdog returns the shell that stops the folder's server.
func watchdog(t *testing.T, dir string) int {
	t.Helper()

	for pid, line := range processes(dir) {
		if strings.Contains(line, "blotter-watchdog") {
			return pid
		}
	}
	t.Fatalf("no watchdog among %v", processes(dir))
	return 0
}

func kill(t *testing.T, pids ...int) {
	t.Helper()

	for _, pid := range pids {
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
			t.Fatalf("killing %d: %v", pid, err)
		}
	}
}

func gone(t *testing.T, dir string) {
	t.Helper()

	until(t, "every process of the folder has ended", func() bool { return len(processes(dir)) == 0 })
}

func TestOwnerKilled(t *testing.T) {
	t.Parallel()

	dir := folder(t)
	process, state := startOwner(t, dir)
	exec(t, state.OwnerURL(), makeKept)
	if len(processes(dir)) < 3 {
		t.Fatalf("only %v run on the folder", processes(dir))
	}

	kill(t, process.Pid)
	gone(t, dir)
	if n := count(t, start(t, config(dir)).OwnerURL()); n != 100 {
		t.Errorf("%d rows, want 100", n)
	}
}

// TestOwnerKilledAndStartAtOnce checks that the next Start does not have to wait for the watchdog.
func TestOwnerKilledAndStartAtOnce(t *testing.T) {
	t.Parallel()

	dir := folder(t)
	process, state := startOwner(t, dir)
	exec(t, state.OwnerURL(), makeKept)
	kill(t, process.Pid)
	if _, err := process.Wait(); err != nil {
		t.Fatal(err)
	}
	if n := count(t, start(t, config(dir)).OwnerURL()); n != 100 {
		t.Errorf("%d rows, want 100", n)
	}
}

func TestServerKilled(t *testing.T) {
	t.Parallel()

	dir := folder(t)
	server := start(t, config(dir))
	exec(t, server.OwnerURL(), makeKept)
	kill(t, server.PID)
	if err := server.Stop(); err != nil {
		t.Fatal(err)
	}
	if n := count(t, start(t, config(dir)).OwnerURL()); n != 100 {
		t.Errorf("%d rows, want 100", n)
	}
}

func TestServerOfUpKilled(t *testing.T) {
	t.Parallel()

	cfg := config(folder(t))
	state, err := embedded.Up(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}

	exec(t, state.OwnerURL(), makeKept)
	kill(t, state.PID)
	until(t, "the server is dead", func() bool { return syscall.Kill(state.PID, 0) != nil })
	again, err := embedded.Up(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}

	if n := count(t, again.OwnerURL()); n != 100 || again.PID == state.PID {
		t.Errorf("%d rows of process %d, want 100 of another than %d", n, again.PID, state.PID)
	}
	if err := embedded.Down(t.Context(), cfg); err != nil {
		t.Fatal(err)
	}

	gone(t, cfg.DataDir)
}

// TestOwnerAndWatchdogKilled checks that the next Start stops the server if both were killed.
func TestOwnerAndWatchdogKilled(t *testing.T) {
	t.Parallel()

	dir := folder(t)
	process, state := startOwner(t, dir)
	exec(t, state.OwnerURL(), makeKept)
	kill(t, watchdog(t, dir), process.Pid)
	if _, alive := processes(dir)[state.PID]; !alive {
		t.Fatal("the server did not outlive both; the test shows nothing")
	}
	if running, err := embedded.Status(config(dir)); err != nil || running.Running {
		until(t, "Status says that it does not run", func() bool {
			running, err := embedded.Status(config(dir))
			return err == nil && !running.Running
		})
	}

	server := start(t, config(dir))
	if n := count(t, server.OwnerURL()); n != 100 || server.PID == state.PID {
		t.Errorf("%d rows of process %d, want 100 of another than %d", n, server.PID, state.PID)
	}
	if err := server.Stop(); err != nil {
		t.Fatal(err)
	}

	gone(t, dir)
}

func TestTemporaryOwnerKilled(t *testing.T) {
	t.Parallel()

	dir, err := os.MkdirTemp("", "blotter-temporary-"+strings.Repeat("x", 80))
	if err != nil {
		t.Fatal(err)
	}

	process, state := startOwner(t, dir, "BLOTTER_TEST_TEMPORARY=1")
	if strings.HasPrefix(state.SocketDir, dir) {
		t.Fatalf("the socket is in %s; the test wants a path too long for it", state.SocketDir)
	}

	kill(t, process.Pid)
	gone(t, dir)
	for _, path := range []string{dir, state.SocketDir} {
		until(t, path+" is removed", func() bool {
			_, err := os.Stat(path)
			return os.IsNotExist(err)
		})
	}
}

// TestProcessIDReused checks that a process with the process id of a dead server is neither taken for it nor
// stopped.
func TestProcessIDReused(t *testing.T) {
	t.Parallel()

	other := start(t, config(folder(t)))
	dir := folder(t)
	server := start(t, config(dir))
	exec(t, server.OwnerURL(), makeKept)
	if err := server.Stop(); err != nil {
		t.Fatal(err)
	}

	stale := fmt.Sprintf("%d\n%s\n", other.PID, filepath.Join(dir, "pg"))
	if err := os.WriteFile(filepath.Join(dir, "pg", "postmaster.pid"), []byte(stale), 0o644); err != nil {
		t.Fatal(err)
	}

	text := fmt.Sprintf(`{"running": true, "pid": %d}`, other.PID)
	if err := os.WriteFile(filepath.Join(dir, "server.json"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if state, err := embedded.Status(config(dir)); err != nil || state.Running {
		t.Errorf("Status takes another folder's server for this one's: %+v, %v", state, err)
	}
	if n := count(t, start(t, config(dir)).OwnerURL()); n != 100 {
		t.Errorf("%d rows, want 100", n)
	}

	exec(t, other.OwnerURL(), "select 1")
}

// TestServerKilledWithClients checks that the messages with which the processes of a killed server end are not
// attributed to the next one.
func TestServerKilledWithClients(t *testing.T) {
	t.Parallel()

	cfg := config(folder(t))
	server := start(t, cfg)
	exec(t, server.OwnerURL(), makeKept)
	for range 3 {
		for range 60 {
			conn, err := pgx.Connect(t.Context(), server.AdminURL(embedded.Database))
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close(context.Background())
		}
		kill(t, server.PID)
		if err := server.Stop(); err != nil {
			t.Fatal(err)
		}
		server = start(t, cfg)
	}

	if n := count(t, server.OwnerURL()); n != 100 {
		t.Errorf("%d rows, want 100", n)
	}
}
