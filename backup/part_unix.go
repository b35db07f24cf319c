//go:build unix

package main

import (
	"errors"
	"os"
	"syscall"
)

// lockFile locks the file for this process and the programs that get it, until the last of them ends; errLocked where
// somebody has it.
func lockFile(file *os.File) error {
	err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return errLocked
	}
	return err
}
