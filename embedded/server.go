//go:build unix

package embedded

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

const (
	startTimeout = 60 * time.Second // recovery from a crash takes the longest
	stopTimeout  = 20 * time.Second
	pollPeriod   = 10 * time.Millisecond
	// socketPathMax is the longest folder of a socket that every system accepts.
	socketPathMax = 80
)

// Server is a server that this process owns. It ends with Stop, or with the process.
type Server struct {
	State
	cfg      Config
	lock     *os.File
	pipe     io.Closer // closing it makes the watchdog stop the server
	watchdog *exec.Cmd
	exited   chan struct{}
}

// Start starts the server of a data folder, which it creates the first time, and makes this process its owner. It
// returns ErrInUse if another process owns the folder or Up has started its server.
func Start(ctx context.Context, cfg Config) (*Server, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}

	p, err := prepare(ctx, cfg)
	if err != nil {
		return nil, withCause(ctx, err)
	}

	s := &Server{State: p.state, cfg: cfg, lock: p.lock}
	s.OwnerPID = os.Getpid()
	err = p.retry(ctx, func() error {
		s.end()
		return s.launch(ctx, p)
	})
	if err != nil {
		_ = s.Stop()
		return nil, withCause(ctx, err)
	}

	return s, nil
}

// watch runs the server and waits for the end of its standard input, which the owner holds open. When the owner
// closes it or ends in any way, watch stops the server at once. It removes the folders of a temporary server.
const watch = `
remove=$1 socket=$2; shift 2
"$@" </dev/null & server=$!
trap '' INT TERM HUP
cat >/dev/null
kill -QUIT $server 2>/dev/null
wait $server 2>/dev/null
[ -z "$remove" ] || rm -rf "$remove" "$socket"
exit 0`

func (s *Server) launch(ctx context.Context, p *prepared) error {
	remove := ""
	if s.cfg.Temporary {
		remove = s.DataDir
	}

	args := append([]string{"-c", watch, "blotter-watchdog", remove, s.SocketDir}, p.command()...)
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

	s.watchdog.Stdin = read
	if err := s.watchdog.Start(); err != nil {
		_ = write.Close()
		return fmt.Errorf("start PostgreSQL: %w", err)
	}

	s.pipe = write
	s.exited = waited(s.watchdog)
	return p.await(ctx, &s.State)
}

// Stop stops the server and waits for its end. It is safe to call twice.
func (s *Server) Stop() error {
	if s.Running && !s.cfg.Temporary {
		stop(context.Background(), s.PID)
	}
	return s.Kill()
}

// Kill stops the server without the checkpoint for which Stop waits. It loses nothing that is committed, and the next
// start recovers. It is safe to call twice, and after Stop.
func (s *Server) Kill() error {
	s.end()
	if s.lock == nil {
		return nil
	}

	_ = os.Remove(stateFile(s.DataDir))
	var err error
	if s.cfg.Temporary {
		err = errors.Join(os.RemoveAll(s.SocketDir), os.RemoveAll(s.DataDir))
	}

	err = errors.Join(err, unlock(s.lock))
	s.lock = nil
	s.Running = false
	return err
}

// end makes the watchdog stop the server, and waits for both.
func (s *Server) end() {
	if s.pipe == nil {
		return
	}

	_ = s.pipe.Close()
	s.pipe = nil
	select {
	case <-s.exited:
	case <-time.After(stopTimeout):
		_ = syscall.Kill(-s.watchdog.Process.Pid, syscall.SIGKILL)
		<-s.exited
	}
}

// Up starts the server of a data folder and leaves it running, so that any number of processes can Attach to it. If
// the server is running already, Up returns its state.
func Up(ctx context.Context, cfg Config) (State, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return State{}, err
	}

	if state, err := Attach(cfg); err == nil {
		if cfg.Port != 0 && cfg.Port != state.Port {
			return state, fmt.Errorf("the server of %s is already running without port %d; run blotter down first",
				cfg.DataDir, cfg.Port)
		}
		return state, nil
	}

	p, err := prepare(ctx, cfg)
	if err != nil {
		return State{}, withCause(ctx, err)
	}
	defer func() { _ = unlock(p.lock) }()

	if err := p.retry(ctx, func() error { return p.release(ctx) }); err != nil {
		return State{}, withCause(ctx, err)
	}

	return p.state, nil
}

// release starts the server without a watchdog.
func (p *prepared) release(ctx context.Context) error {
	command := p.command()
	server := exec.Command(command[0], command[1:]...)
	log, err := p.detach(server)
	if err != nil {
		return err
	}
	defer log.Close()

	if err := server.Start(); err != nil {
		return fmt.Errorf("start PostgreSQL: %w", err)
	}

	exited := waited(server)
	if err := p.await(ctx, &p.state); err != nil {
		_ = server.Process.Signal(syscall.SIGQUIT)
		select {
		case <-exited:
		case <-time.After(stopTimeout):
			_ = server.Process.Kill()
		}
		return err
	}

	return nil
}

// Attach returns the server that Up left running on the folder. It returns ErrNotRunning if there is none, and
// ErrInUse if another process owns it.
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
	return fmt.Errorf("%w: %s uses %s; wait until it ends, or share one server with blotter up", ErrInUse, owner,
		state.DataDir)
}

// Status returns the state of the folder.
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

	if errors.Is(err, syscall.ENOTDIR) || errors.Is(err, fs.ErrPermission) {
		return state, folderError(cfg.DataDir, err)
	}
	if err != nil {
		return state, fmt.Errorf("the state of the data folder cannot be read (%w); choose another --data-dir", err)
	}
	if err := checkFolderOwner(cfg.DataDir); err != nil {
		return state, err
	}
	if err := json.Unmarshal(text, &state); err != nil {
		return state, fmt.Errorf("%s is damaged (%w); remove it if no server runs there", stateFile(cfg.DataDir), err)
	}

	state.DataDir = cfg.DataDir
	state.Running = state.PID != 0 && serverPID(cfg.DataDir) == state.PID && serves(state.PID, cfg.DataDir)
	if state.OwnerPID != 0 && !alive(state.OwnerPID) {
		state.Running = false // because its watchdog is stopping it
	}

	return state, nil
}

// Down stops the server that Up left running. It returns ErrNotRunning if there is none, and ErrInUse if a process
// owns it.
func Down(ctx context.Context, cfg Config) error {
	state, err := Attach(cfg)
	if err != nil {
		return err
	}
	stop(ctx, state.PID)
	if err := os.Remove(stateFile(state.DataDir)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("the server has ended, but its state file remains (%w); remove it", err)
	}
	return nil
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
		started = started || pid != 0 && serves(pid, state.DataDir) // not the process id of a killed server
		if ctx.Err() != nil || p.fatal() != "" && (pid == 0 || !serves(pid, state.DataDir)) || started && pid == 0 {
			return fmt.Errorf("PostgreSQL did not start: %s", p.reason(ctx))
		}
		time.Sleep(pollPeriod)
	}

	state.PID = serverPID(state.DataDir)
	state.Since = time.Now().UTC().Format(time.RFC3339)
	if err := prepareLogins(ctx, *state); errors.As(err, new(*fs.PathError)) {
		return folderError(state.DataDir, err)
	} else if err != nil {
		return err
	}

	state.Running = true
	text, err := json.MarshalIndent(state, "", "  ")
	if err != nil {
		return err
	}

	if err := writeFile(stateFile(state.DataDir), text); err != nil {
		return folderError(state.DataDir, err)
	}

	return p.handOver()
}
