//go:build !unix

package main

import (
	"errors"
	"os"
)

// lockFile is not available on this system: nothing is known to be stale, and nothing is removed.
func lockFile(*os.File) error { return errors.ErrUnsupported }
