//go:build !unix

package backup

import (
	"errors"
	"os"
)

// lockFile is not supported on this system, so that no part is known to be stale and none is removed.
func lockFile(*os.File) error { return errors.ErrUnsupported }
