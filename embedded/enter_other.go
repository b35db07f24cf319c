//go:build unix && !linux

package embedded

import "syscall"

// letEnter is possible on Linux only.
func letEnter(*syscall.SysProcAttr) bool { return false }
