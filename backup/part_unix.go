//go:build unix

package backup

import (
	"errors"
	"os"
	"syscall"
)

// lockFile locks the file until this process and the programs that inherit the file have ended. It returns errLocked if
// another process has locked it.
func lockFile(file *os.File) error {
	err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return errLocked
	}
	return err
}
