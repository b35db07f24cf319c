//go:build unix

package embedded

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// prepared is a locked data folder, ready to start its server.
type prepared struct {
	cfg       Config
	bin       Binaries
	lock      *os.File
	state     State
	uid, gid  int  // of the user that runs the server
	closed    bool // that user may not enter a folder on the way to the data
	logOffset int64
}

// prepare locks the data folder, ends what a killed owner left behind, and makes the database cluster the first time.
// It has released the lock if it returns an error.
func prepare(ctx context.Context, cfg Config) (p *prepared, err error) {
	p = &prepared{cfg: cfg, uid: os.Getuid(), gid: os.Getgid()}
	if p.uid == 0 {
		if p.uid, p.gid, err = serverUser(); err != nil {
			return nil, err
		}
	}
	if err := p.makeDataDir(); err != nil {
		return nil, err
	}
	if err := p.takeLock(); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			_ = p.lock.Close()
		}
	}()
	if err := p.endOrphan(ctx); err != nil {
		return nil, err
	}
	if p.bin, err = Find(ctx, cfg.BinDir, filepath.Join(cfg.DataDir, "postgresql"), p.clusterMajor()); err != nil {
		return nil, err
	}
	if err := checkPort(cfg.Port); err != nil {
		return nil, err
	}
	if err := p.makeCluster(ctx); err != nil {
		return nil, err
	}
	p.state = State{DataDir: cfg.DataDir, Port: cfg.Port, Major: p.bin.Major, BinDir: p.bin.Dir}
	p.state.SocketDir, err = p.makeSocketDir()
	return p, err
}

// serverUser is who runs the server for root, whom PostgreSQL refuses: postgres if there is such a user, else nobody.
func serverUser() (uid, gid int, err error) {
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		if uid, err = strconv.Atoi(u.Uid); err != nil {
			continue
		}
		gid, err = strconv.Atoi(u.Gid)
		return uid, gid, err
	}
	return 0, 0, errors.New("PostgreSQL does not run as root, and there is no user postgres or nobody to run it as; run blotter as another user")
}

func (p *prepared) makeDataDir() error {
	dir := p.cfg.DataDir
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return folderError(dir, err)
	}
	if os.Getuid() != 0 {
		return nil
	}
	for parent := filepath.Dir(dir); ; parent = filepath.Dir(parent) {
		p.closed = p.closed || !p.canEnter(parent)
		if !p.canEnter(parent) && !letEnter(&syscall.SysProcAttr{}) {
			return fmt.Errorf("as root the server runs as another user, who cannot enter %s; choose a --data-dir elsewhere, such as /var/lib/blotter", parent)
		}
		if parent == filepath.Dir(parent) {
			break
		}
	}
	return folderError(dir, os.Chown(dir, p.uid, p.gid))
}

// canEnter reports whether the server's user may pass through the folder.
func (p *prepared) canEnter(dir string) bool {
	info, err := os.Stat(dir)
	if err != nil {
		return false
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return true
	}
	switch mode := info.Mode().Perm(); {
	case int(stat.Uid) == p.uid:
		return mode&0o100 != 0
	case int(stat.Gid) == p.gid:
		return mode&0o010 != 0
	default:
		return mode&0o001 != 0
	}
}

func folderError(dir string, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, syscall.EROFS):
		return fmt.Errorf("the file system of %s is read-only; choose another --data-dir", dir)
	case errors.Is(err, syscall.ENOSPC):
		return fmt.Errorf("the disk of %s is full; free space or choose another --data-dir", dir)
	case errors.Is(err, os.ErrPermission):
		return fmt.Errorf("the data folder %s cannot be written by this user; choose another --data-dir", dir)
	case errors.Is(err, syscall.ENOTDIR), errors.Is(err, os.ErrExist):
		return fmt.Errorf("the data folder %s cannot be made: a file is in its way; choose another --data-dir", dir)
	}
	return fmt.Errorf("making the data folder: %w", err)
}

// takeLock makes this process the folder's only owner until the lock's file closes, at the latest when it dies.
func (p *prepared) takeLock() error {
	path := filepath.Join(p.cfg.DataDir, "lock")
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return folderError(p.cfg.DataDir, err)
	}
	if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = file.Close()
		state, _ := Status(p.cfg)
		state.DataDir = p.cfg.DataDir
		return inUse(state)
	}
	p.lock = file
	return nil
}

// endOrphan stops a server whose owner is gone, and refuses one that Up started.
func (p *prepared) endOrphan(ctx context.Context) error {
	state, err := Status(p.cfg)
	if err != nil {
		return err
	}
	pid := serverPID(p.cfg.DataDir)
	if pid == 0 || !alive(pid) || !isPostgres(pid) {
		return nil
	}
	if state.Running && state.PID == pid && state.OwnerPID == 0 {
		return fmt.Errorf("%w: blotter up has started its server, process %d; Attach to it or run blotter down", ErrInUse, pid)
	}
	stop(ctx, pid)
	return nil
}

// isPostgres guards against a process that got the number of a dead server. Where the system does not tell, it is
// assumed to be one.
func isPostgres(pid int) bool {
	name, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid))
	return err != nil || strings.HasPrefix(string(name), "postgres")
}

func (p *prepared) pgData() string { return filepath.Join(p.cfg.DataDir, "pg") }

// clusterMajor is the version that the folder's cluster was made by, or 0 if there is none yet.
func (p *prepared) clusterMajor() int {
	text, err := os.ReadFile(filepath.Join(p.pgData(), "PG_VERSION"))
	if err != nil {
		return 0
	}
	major, _ := strconv.Atoi(strings.TrimSpace(string(text)))
	return major
}

func checkPort(port int) error {
	if port == 0 {
		return nil
	}
	if port < 1 || port > 65535 {
		return fmt.Errorf("port %d does not exist; choose one from 1024 to 65535", port)
	}
	listener, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	if errors.Is(err, syscall.EACCES) {
		return fmt.Errorf("port %d is reserved for root; choose one from 1024 up", port)
	}
	if err != nil {
		return fmt.Errorf("port %d is in use by another program; choose another --port", port)
	}
	return listener.Close()
}

// makeCluster runs initdb the first time. It works in a folder of its own name until it is complete, so that a cluster
// that was cut short is made anew.
func (p *prepared) makeCluster(ctx context.Context) error {
	if p.clusterMajor() != 0 {
		return nil
	}
	making := p.pgData() + ".new"
	if err := os.RemoveAll(making); err != nil {
		return folderError(p.cfg.DataDir, err)
	}
	args := []string{"-D", making, "-U", "blotter_admin", "-E", "UTF8", "--locale=C", "--auth=trust", "--no-instructions"}
	if p.cfg.Temporary {
		args = append(args, "--no-sync")
	} else {
		args = append(args, "--data-checksums")
	}
	cmd := exec.CommandContext(ctx, p.bin.Path("initdb"), args...)
	cmd.Dir = "/"
	p.asServerUser(cmd)
	if out, err := cmd.CombinedOutput(); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if reason := diagnose(out); reason != "" {
			return fmt.Errorf("making the database cluster: %s", reason)
		}
		return fmt.Errorf("making the database cluster with %s: %w: %s", p.bin.Path("initdb"), err, lastLines(out, 3))
	}
	// Whoever can enter the socket's folder is trusted; the TCP port wants passwords.
	hba := "local all all trust\nhost all all 127.0.0.1/32 scram-sha-256\n"
	if err := os.WriteFile(filepath.Join(making, "pg_hba.conf"), []byte(hba), 0o600); err != nil {
		return folderError(p.cfg.DataDir, err)
	}
	return folderError(p.cfg.DataDir, os.Rename(making, p.pgData()))
}

// makeSocketDir makes the private folder of the socket: inside the data folder, unless that path is too long for one.
func (p *prepared) makeSocketDir() (string, error) {
	dir := filepath.Join(p.cfg.DataDir, "socket")
	if len(dir) > socketPathMax {
		hash := fnv.New64a()
		_, _ = hash.Write([]byte(p.cfg.DataDir))
		dir = filepath.Join("/tmp", fmt.Sprintf("blotter-%d-%x", p.uid, hash.Sum64()))
	}
	err := os.Mkdir(dir, 0o700)
	if err != nil && !errors.Is(err, os.ErrExist) {
		return "", folderError(dir, err)
	}
	if os.Getuid() == 0 {
		if err := os.Chown(dir, p.uid, p.gid); err != nil {
			return "", folderError(dir, err)
		}
	}
	info, err := os.Lstat(dir)
	if err != nil {
		return "", err
	}
	if stat, ok := info.Sys().(*syscall.Stat_t); !info.IsDir() || info.Mode().Perm() != 0o700 || ok && int(stat.Uid) != p.uid {
		return "", fmt.Errorf("the folder %s is not private to the server; remove it", dir)
	}
	return dir, nil
}

// command is the server's command line. Its settings are here, not in postgresql.conf, so that they follow the version
// of blotter.
func (p *prepared) command() []string {
	settings := []string{
		"listen_addresses=", "unix_socket_directories=" + p.state.SocketDir, "unix_socket_permissions=0700",
		"port=" + strconv.Itoa(p.state.socketPort()), "max_connections=250", "password_encryption=scram-sha-256",
		"timezone=UTC", "log_timezone=UTC", "lc_messages=C",
	}
	if p.cfg.Port != 0 {
		settings[0] = "listen_addresses=127.0.0.1"
	}
	if p.cfg.Temporary {
		settings = append(settings, "fsync=off", "full_page_writes=off", "autovacuum=off", "max_wal_size=4GB")
	}
	command := []string{p.bin.Path("postgres"), "-D", p.pgData()}
	for _, setting := range settings {
		command = append(command, "-c", setting)
	}
	return command
}

func (p *prepared) logPath() string { return filepath.Join(p.cfg.DataDir, "postgres.log") }

// detach lets the command run in a session of its own, out of reach of the terminal's Ctrl-C, as the server's user, with
// its output in the server's log.
func (p *prepared) detach(cmd *exec.Cmd) (*os.File, error) {
	log, err := os.OpenFile(p.logPath(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, folderError(p.cfg.DataDir, err)
	}
	if info, err := log.Stat(); err == nil {
		p.logOffset = info.Size()
	}
	cmd.Stdout, cmd.Stderr = log, log
	cmd.Dir = "/"
	p.asServerUser(cmd)
	cmd.SysProcAttr.Setsid = true
	return log, nil
}

func (p *prepared) asServerUser(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{}
	if os.Getuid() == 0 {
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: uint32(p.uid), Gid: uint32(p.gid)}
		if p.closed {
			letEnter(cmd.SysProcAttr)
		}
	}
	cmd.Env = append(os.Environ(), "LC_ALL=C")
}

// newLog is what the server has written since this start.
func (p *prepared) newLog() []byte {
	text, err := os.ReadFile(p.logPath())
	if err != nil || int64(len(text)) < p.logOffset {
		return nil
	}
	return text[p.logOffset:]
}

func (p *prepared) logHas(text string) bool { return bytes.Contains(p.newLog(), []byte(text)) }

// reason says why the server did not start.
func (p *prepared) reason(ctx context.Context) string {
	text := p.newLog()
	if reason := diagnose(text); reason != "" {
		return reason
	}
	for line := range strings.Lines(string(text)) {
		if _, fatal, found := strings.Cut(line, "FATAL:  "); found {
			return strings.TrimSpace(fatal) + " (see " + p.logPath() + ")"
		}
	}
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return fmt.Sprintf("it did not answer within %s (see %s)", startTimeout.Round(time.Second), p.logPath())
	}
	if ctx.Err() != nil {
		return "interrupted"
	}
	return "see " + p.logPath()
}

// diagnose recognises in the output of PostgreSQL's programs what a user can mend.
func diagnose(out []byte) string {
	for _, known := range []struct{ text, reason string }{
		{"No space left on device", "the disk is full; free space or choose another --data-dir"},
		{"Read-only file system", "the file system is read-only; choose another --data-dir"},
		{"Address already in use", "the port is in use by another program; choose another --port"},
		{"Permission denied", "the server may not read or write its data folder; choose another --data-dir"},
		{"could not map anonymous shared memory", "there is too little memory for PostgreSQL"},
	} {
		if bytes.Contains(out, []byte(known.text)) {
			return known.reason
		}
	}
	return ""
}

func lastLines(out []byte, n int) string {
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "; ")
}
