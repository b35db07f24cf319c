package backup

import (
	"os/exec"
	"syscall"
)

// endWithParent makes a program end together with the thread that starts it, and so with this process, even if that is
// killed. The caller keeps its thread until the program has ended (runtime.LockOSThread).
func endWithParent(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}
