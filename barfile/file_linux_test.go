package barfile_test

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"github.com/blotterdb/blotter/barfile"
)

// A file that the user may not read is an error of one line. Root may read every file, so the test runs the call as
// another user.
func TestOpenUnreadable(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "AAPL.csv")
	if err := os.WriteFile(path, []byte(header), 0o000); err != nil {
		t.Fatal(err)
	}
	asUser(t, func() {
		_, err := barfile.Open(path, barfile.Options{})
		if err == nil || !strings.Contains(err.Error(), "this user may not read it") {
			t.Errorf("Open: %v, want that this user may not read it", err)
		}
	})
}

// asUser runs fn in a thread that is not root.
func asUser(t *testing.T, fn func()) {
	t.Helper()
	if os.Getuid() != 0 {
		fn()
		return
	}

	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // and never unlocked: the thread ends with the goroutine
		if _, _, errno := syscall.RawSyscall(syscall.SYS_SETFSUID, 65534, 0, 0); errno != 0 {
			t.Errorf("setfsuid: %v", errno)
			return
		}
		fn()
	}()

	<-done
}
