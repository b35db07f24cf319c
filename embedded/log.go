//go:build unix

package embedded

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

func (p *prepared) logPath() string { return filepath.Join(p.cfg.DataDir, "postgres.log") }

// logBytesMax is the size of the server's log from which a start begins a new one. The old one is kept.
const logBytesMax = 16 << 20

// detach makes the command run in a session of its own, so that Ctrl-C does not reach it, as the server's user, and
// with its output in the server's log.
func (p *prepared) detach(cmd *exec.Cmd) (*os.File, error) {
	if info, err := os.Stat(p.logPath()); err == nil && info.Size() > logBytesMax {
		_ = os.Rename(p.logPath(), p.logPath()+".old")
	}

	log, err := os.OpenFile(p.logPath(), os.O_CREATE|os.O_APPEND|os.O_WRONLY|syscall.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, folderError(p.cfg.DataDir, err)
	}

	if info, err := log.Stat(); err == nil {
		p.logOffset = info.Size()
	}

	cmd.Stdout = log
	cmd.Stderr = log
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
	cmd.Env = append(serverEnvironment(os.Environ()), "LC_ALL=C")
}

// serverEnvironment returns the part of the environment that the server needs: the locations of programs and
// libraries. The server may run as another user, who must not see the rest, for example passwords of other databases.
func serverEnvironment(all []string) (some []string) {
	for _, variable := range all {
		switch name, _, _ := strings.Cut(variable, "="); name {
		case "PATH", "HOME", "TMPDIR", "TZDIR", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "ICU_DATA", "OPENSSL_CONF":
			some = append(some, variable)
		}
	}
	return some
}

// newLog returns the log of the server since this start.
func (p *prepared) newLog() []byte {
	text, err := os.ReadFile(p.logPath())
	if err != nil || int64(len(text)) < p.logOffset {
		return nil
	}
	return text[p.logOffset:]
}

func (p *prepared) logHas(text string) bool { return bytes.Contains(p.newLog(), []byte(text)) }

// fatal returns the first fatal error of this start, or "". It skips the messages with which the processes of a
// killed server end, because they are in the same log.
func (p *prepared) fatal() string {
	for line := range strings.Lines(string(p.newLog())) {
		_, fatal, found := strings.Cut(line, "FATAL:  ")
		if found && !strings.Contains(fatal, "unexpected postmaster exit") &&
			!strings.Contains(fatal, "connection to client lost") {
			return strings.TrimSpace(fatal)
		}
	}
	return ""
}

// reason returns the reason why the server did not start.
func (p *prepared) reason(ctx context.Context) string {
	text := p.newLog()
	if reason := diagnose(text); reason != "" {
		return reason
	}
	if fatal := p.fatal(); fatal != "" {
		return fatal + " (see " + p.logPath() + ")"
	}
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return fmt.Sprintf("it did not answer within %s (see %s)", startTimeout.Round(time.Second), p.logPath())
	}
	if ctx.Err() != nil {
		return "interrupted"
	}

	return "see " + p.logPath()
}

// diagnose returns advice for problems in the output of PostgreSQL's programs that a user can fix, or "".
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
