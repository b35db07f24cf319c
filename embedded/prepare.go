//go:build unix

package embedded

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
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
	closed    bool // that user may not enter a folder above the data
	logOffset int64
}

// prepare locks the data folder, stops a server that a killed owner left behind, and creates the database cluster the
// first time. If it returns an error, it has released the lock.
func prepare(ctx context.Context, cfg Config) (*prepared, error) {
	p := &prepared{cfg: cfg, uid: os.Getuid(), gid: os.Getgid()}
	var err error
	if p.uid == 0 {
		if p.uid, p.gid, err = serverUser(p.pgData()); err != nil {
			return nil, err
		}
	}
	if err := p.makeDataDir(); err != nil {
		return nil, err
	}
	if err := p.takeLock(); err != nil {
		return nil, err
	}
	if err := p.makeReady(ctx); err != nil {
		_ = unlock(p.lock)
		return nil, err
	}

	return p, nil
}

// makeReady does the part of prepare that needs the lock.
func (p *prepared) makeReady(ctx context.Context) (err error) {
	cfg := p.cfg
	if err := p.endOrphan(ctx); err != nil {
		return err
	}
	if p.bin, err = Find(ctx, cfg.BinDir, p.cache(), p.clusterMajor()); err != nil {
		return err
	}
	if err := p.openWay(p.bin.Dir); err != nil {
		return err
	}
	if err := checkPort(cfg.Port); err != nil {
		return err
	}
	if err := p.makeCluster(ctx); err != nil {
		return err
	}

	p.state = State{DataDir: cfg.DataDir, Port: cfg.Port, Major: p.bin.Major, BinDir: p.bin.Dir}
	p.state.SocketDir, err = p.makeSocketDir()
	return err
}

func (p *prepared) pgData() string { return filepath.Join(p.cfg.DataDir, "pg") }

// clusterMajor returns the major version of the cluster in the folder, or 0 if there is none yet.
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
		return fmt.Errorf("invalid port %d: choose one from 1024 to 65535", port)
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

// makeCluster runs initdb the first time. It works in a separate folder until it is complete, so that an interrupted
// cluster is created again.
func (p *prepared) makeCluster(ctx context.Context) error {
	if p.clusterMajor() != 0 {
		return nil
	}

	incomplete := p.pgData() + ".new"
	if err := os.RemoveAll(incomplete); err != nil {
		return folderError(p.cfg.DataDir, err)
	}

	args := []string{
		"-D", incomplete, "-U", "blotter_admin", "-E", "UTF8", "--locale=C", "--auth=trust",
		"--no-instructions",
	}

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
			return fmt.Errorf("create the database cluster: %s", reason)
		}
		return fmt.Errorf("create the database cluster with %s: %w: %s", p.bin.Path("initdb"), err, lastLines(out, 3))
	}

	// The socket's folder is private, so its users are trusted. The TCP port needs passwords.
	hba := "local all all trust\nhost all all 127.0.0.1/32 scram-sha-256\n"
	if err := replaceText(filepath.Join(incomplete, "pg_hba.conf"), hba); err != nil {
		return folderError(p.cfg.DataDir, err)
	}

	return folderError(p.cfg.DataDir, os.Rename(incomplete, p.pgData()))
}

// replaceText replaces the content of an existing file. It never follows a link, which the server's user could have put
// there for root.
func replaceText(path, text string) error {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_TRUNC|syscall.O_NOFOLLOW, 0)
	if err != nil {
		return err
	}
	_, err = file.WriteString(text)
	return errors.Join(err, file.Close())
}

// command returns the command line of the server. The settings are not in postgresql.conf, so that they follow the
// version of blotter.
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
		settings = append(settings, "fsync=off", "full_page_writes=off", "autovacuum=off", "max_wal_size=1GB")
	}

	command := []string{p.bin.Path("postgres"), "-D", p.pgData()}
	for _, setting := range settings {
		command = append(command, "-c", setting)
	}

	return command
}

// retryTime is how long a start waits for the rest of a killed server: processes that have not noticed its end yet,
// or a server that was just starting.
const retryTime = 10 * time.Second

// retry repeats start while the rest of a killed server is in its way.
func (p *prepared) retry(ctx context.Context, start func() error) error {
	for deadline := time.Now().Add(retryTime); ; time.Sleep(pollPeriod) {
		err := start()
		if err == nil || ctx.Err() != nil || time.Now().After(deadline) ||
			!p.logHas("pre-existing shared memory block") && !p.logHas(`lock file "postmaster.pid" already exists`) {
			return err
		}
		if err := p.endOrphan(ctx); err != nil {
			return err
		}
	}
}
