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
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// stop stops a server, immediately if it does not end in time.
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

// zombie reports whether a process has ended and its parent has not noticed it, so that it still answers signals.
func zombie(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return false
	}
	_, after, _ := bytes.Cut(stat, []byte(") "))
	return len(after) > 0 && after[0] == 'Z'
}

// serverPID returns the process id in postmaster.pid, or 0.
func serverPID(dataDir string) int {
	text, err := os.ReadFile(filepath.Join(dataDir, "pg", "postmaster.pid"))
	if err != nil {
		return 0
	}
	line, _, _ := strings.Cut(string(text), "\n")
	pid, _ := strconv.Atoi(strings.TrimSpace(line))
	return pid
}

// removePIDFile removes the lock file of a dead server whose process id now belongs to another process, for example
// after a restart of the machine. PostgreSQL would take that process for the server and refuse to start.
// removePIDFile first waits for remaining processes of the server, which PostgreSQL would recognise by the file.
func (p *prepared) removePIDFile() error {
	pgData, err := filepath.EvalSymlinks(p.pgData())
	if err != nil {
		return folderError(p.cfg.DataDir, err)
	}

	for deadline := time.Now().Add(stopTimeout); ; time.Sleep(pollPeriod) {
		folders, _ := filepath.Glob("/proc/[0-9]*/cwd")
		inside := slices.IndexFunc(folders, func(link string) bool {
			cwd, err := os.Readlink(link)
			return err == nil && cwd == pgData
		})
		switch {
		case inside < 0:
			return folderError(p.cfg.DataDir, os.Remove(filepath.Join(p.pgData(), "postmaster.pid")))
		case time.Now().After(deadline):
			return fmt.Errorf("process %s still works in %s; end it", filepath.Base(filepath.Dir(folders[inside])),
				pgData)
		}
	}
}

// serves reports whether the process is the server of the data folder, and not another one with the process id of a
// dead server. If the system cannot say, any live process counts.
func serves(pid int, dataDir string) bool {
	if !alive(pid) {
		return false
	}

	line, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	if err != nil {
		return true
	}

	args := strings.Split(string(line), "\x00")
	for i := 1; i < len(args); i++ {
		if args[i-1] != "-D" {
			continue
		}
		running, err := os.Stat(args[i])
		own, ownErr := os.Stat(filepath.Join(dataDir, "pg"))
		return err == nil && ownErr == nil && os.SameFile(running, own)
	}

	return false
}

// endOrphan stops a server whose owner is gone. It returns ErrInUse for one that Up started.
func (p *prepared) endOrphan(ctx context.Context) error {
	state, err := Status(p.cfg)
	if err != nil {
		return err
	}

	pid := serverPID(p.cfg.DataDir)
	if pid == 0 || !alive(pid) {
		return nil
	}
	if !serves(pid, p.cfg.DataDir) {
		return p.removePIDFile()
	}
	if state.Running && state.PID == pid && state.OwnerPID == 0 {
		return fmt.Errorf("%w: blotter up has started its server, process %d; Attach to it or run blotter down",
			ErrInUse, pid)
	}

	stop(ctx, pid)
	return nil
}

// waited returns a channel that is closed when the command has ended.
func waited(cmd *exec.Cmd) chan struct{} {
	exited := make(chan struct{})
	go func() {
		defer close(exited)
		_ = cmd.Wait()
	}()
	return exited
}
