//go:build unix

package embedded

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

const (
	startTimeout = 60 * time.Second // a server that recovers from a crash takes longest
	stopTimeout  = 20 * time.Second
	pollPeriod   = 10 * time.Millisecond
	// socketPathMax is the longest path of a socket that every system accepts, less the file's name.
	socketPathMax = 80
)

// Server is a server owned by this process: it ends with Stop, or with the process.
type Server struct {
	State
	cfg      Config
	lock     *os.File
	pipe     io.Closer // its closing tells the watchdog to stop the server
	watchdog *exec.Cmd
	exited   chan struct{}
}

// Start runs the server of a data folder, which is made the first time, as this process's own. ErrInUse if another
// process owns the folder or Up has started its server.
func Start(ctx context.Context, cfg Config) (*Server, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	p, err := prepare(ctx, cfg)
	if err != nil {
		return nil, err
	}
	s := &Server{State: p.state, cfg: cfg, lock: p.lock}
	s.OwnerPID = os.Getpid()
	if err := s.launch(ctx, p); err != nil {
		_ = s.Stop()
		return nil, err
	}
	return s, nil
}

// watch runs the server and waits on standard input, whose other end the owner holds. When that closes, because the
// owner has stopped the server or is gone however it went, the server is ended at once and, if it is temporary, its
// folder removed.
const watch = `
remove=$1; shift
"$@" </dev/null & server=$!
trap '' INT TERM HUP
cat >/dev/null
kill -QUIT $server 2>/dev/null
wait $server 2>/dev/null
[ -z "$remove" ] || rm -rf "$remove"
exit 0`

func (s *Server) launch(ctx context.Context, p *prepared) error {
	remove := ""
	if s.cfg.Temporary {
		remove = s.DataDir
	}
	args := append([]string{"-c", watch, "blotter-watchdog", remove}, p.command()...)
	s.watchdog = exec.Command("/bin/sh", args...)
	log, err := p.detach(s.watchdog)
	if err != nil {
		return err
	}
	defer log.Close()
	read, write, err := os.Pipe()
	if err != nil {
		return err
	}
	defer read.Close()
	s.watchdog.Stdin, s.pipe = read, write
	if err := s.watchdog.Start(); err != nil {
		return fmt.Errorf("starting PostgreSQL: %w", err)
	}
	s.exited = make(chan struct{})
	go func() {
		defer close(s.exited)
		_ = s.watchdog.Wait()
	}()
	return p.await(ctx, &s.State)
}

// Stop ends the server and waits for that. It is safe to call twice.
func (s *Server) Stop() error {
	if s.Running && !s.cfg.Temporary {
		stop(context.Background(), s.PID)
	}
	return s.Kill()
}

// Kill ends the server without the checkpoint that Stop waits for, as when a command is interrupted: nothing committed
// is lost, and the next start recovers. It is safe to call twice, and after Stop.
func (s *Server) Kill() error {
	if s.pipe != nil {
		_ = s.pipe.Close()
		s.pipe = nil
		select {
		case <-s.exited:
		case <-time.After(stopTimeout):
			_ = syscall.Kill(-s.watchdog.Process.Pid, syscall.SIGKILL)
			<-s.exited
		}
	}
	if s.lock == nil {
		return nil
	}
	_ = os.Remove(stateFile(s.DataDir))
	err := s.lock.Close()
	s.lock, s.Running = nil, false
	if s.cfg.Temporary {
		err = errors.Join(err, os.RemoveAll(s.DataDir))
	}
	return err
}

// Up starts the server of a data folder and leaves it running, for any number of processes to Attach to. It is no error
// if it runs already.
func Up(ctx context.Context, cfg Config) (State, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return State{}, err
	}
	if state, err := Attach(cfg); err == nil {
		if cfg.Port != 0 && cfg.Port != state.Port {
			return state, fmt.Errorf("the server of %s runs already without port %d; run blotter down first", cfg.DataDir, cfg.Port)
		}
		return state, nil
	}
	p, err := prepare(ctx, cfg)
	if err != nil {
		return State{}, err
	}
	defer p.lock.Close()
	command := p.command()
	server := exec.Command(command[0], command[1:]...)
	log, err := p.detach(server)
	if err != nil {
		return State{}, err
	}
	defer log.Close()
	if err := server.Start(); err != nil {
		return State{}, fmt.Errorf("starting PostgreSQL: %w", err)
	}
	go func() { _ = server.Wait() }()
	if err := p.await(ctx, &p.state); err != nil {
		_ = server.Process.Signal(syscall.SIGQUIT)
		return State{}, err
	}
	return p.state, nil
}

// Attach finds the server that Up left running on the folder: ErrNotRunning if there is none, ErrInUse if another
// process owns it.
func Attach(cfg Config) (State, error) {
	state, err := Status(cfg)
	switch {
	case err != nil:
		return state, err
	case !state.Running:
		return state, fmt.Errorf("%w on %s; start it with blotter up", ErrNotRunning, state.DataDir)
	case state.OwnerPID != 0:
		return state, inUse(state)
	}
	return state, nil
}

func inUse(state State) error {
	owner := "another process"
	if state.OwnerPID != 0 {
		owner = fmt.Sprintf("process %d", state.OwnerPID)
	}
	return fmt.Errorf("%w: %s works on %s; wait until it ends, or share one server by blotter up", ErrInUse, owner, state.DataDir)
}

// Status reports what runs on the folder.
func Status(cfg Config) (State, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return State{}, err
	}
	state := State{DataDir: cfg.DataDir}
	text, err := os.ReadFile(stateFile(cfg.DataDir))
	if errors.Is(err, os.ErrNotExist) {
		return state, nil
	}
	if err != nil {
		return state, fmt.Errorf("reading the state of the data folder: %w", err)
	}
	if err := json.Unmarshal(text, &state); err != nil {
		return state, fmt.Errorf("%s is damaged (%w); remove it if no server runs there", stateFile(cfg.DataDir), err)
	}
	state.DataDir = cfg.DataDir
	state.Running = state.PID != 0 && serverPID(cfg.DataDir) == state.PID && alive(state.PID)
	if state.OwnerPID != 0 && !alive(state.OwnerPID) {
		state.Running = false // its watchdog is stopping it
	}
	return state, nil
}

// Down stops the server that Up left running. ErrNotRunning if there is none, ErrInUse if a process owns it.
func Down(ctx context.Context, cfg Config) error {
	state, err := Attach(cfg)
	if err != nil {
		return err
	}
	stop(ctx, state.PID)
	return os.Remove(stateFile(state.DataDir))
}

// stop asks a server to end, and after a while makes it.
func stop(ctx context.Context, pid int) {
	_ = syscall.Kill(pid, syscall.SIGINT)
	deadline := time.Now().Add(stopTimeout)
	for alive(pid) {
		if time.Now().After(deadline) || ctx.Err() != nil {
			_ = syscall.Kill(pid, syscall.SIGQUIT)
			deadline = time.Now().Add(stopTimeout)
			ctx = context.WithoutCancel(ctx)
		}
		time.Sleep(pollPeriod)
	}
}

func stateFile(dataDir string) string { return filepath.Join(dataDir, "server.json") }

func alive(pid int) bool {
	err := syscall.Kill(pid, 0)
	if err != nil && !errors.Is(err, syscall.EPERM) {
		return false
	}
	return !zombie(pid)
}

// zombie reports a process that has ended and whose parent has not noticed: it answers signals but does nothing.
func zombie(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return false
	}
	_, after, _ := bytes.Cut(stat, []byte(") "))
	return len(after) > 0 && after[0] == 'Z'
}

// serverPID is the first line of postmaster.pid, or 0.
func serverPID(dataDir string) int {
	text, err := os.ReadFile(filepath.Join(dataDir, "pg", "postmaster.pid"))
	if err != nil {
		return 0
	}
	line, _, _ := strings.Cut(string(text), "\n")
	pid, _ := strconv.Atoi(strings.TrimSpace(line))
	return pid
}

// await waits until the server answers, prepares its logins, and records its state.
func (p *prepared) await(ctx context.Context, state *State) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	started := false
	for {
		conn, err := pgx.Connect(ctx, state.AdminURL("postgres"))
		if err == nil {
			_ = conn.Close(ctx)
			break
		}
		pid := serverPID(state.DataDir)
		started = started || pid != 0
		if ctx.Err() != nil || p.logHas("FATAL:  ") && (pid == 0 || !alive(pid)) || started && pid == 0 {
			return fmt.Errorf("PostgreSQL did not start: %s", p.reason(ctx))
		}
		time.Sleep(pollPeriod)
	}
	state.PID = serverPID(state.DataDir)
	state.Since = time.Now().UTC().Format(time.RFC3339)
	if err := prepareLogins(ctx, *state); err != nil {
		return err
	}
	state.Running = true
	text, err := json.MarshalIndent(state, "", "  ")
	if err != nil {
		return err
	}
	return writeFile(stateFile(state.DataDir), text)
}
