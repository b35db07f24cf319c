package main

import (
	"os/exec"
	"syscall"
)

// endWithParent makes a program end when the thread that starts it does, at the latest with this process, however that
// ends. The caller keeps its thread until the program has ended (runtime.LockOSThread).
func endWithParent(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}
