package fileerror_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/blotterdb/blotter/internal/fileerror"
)

// Text describes errors of real files without the words of system calls.
func TestText(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file, loop := filepath.Join(dir, "file"), filepath.Join(dir, "loop")
	if err := errors.Join(os.WriteFile(file, nil, 0o600), os.Symlink(loop, loop)); err != nil {
		t.Fatal(err)
	}

	for path, want := range map[string]string{
		filepath.Join(dir, "none"):                     "there is no such file",
		filepath.Join(file, "below"):                   "not a folder",
		filepath.Join(dir, strings.Repeat("n", 3_000)): "longer than",
		loop: "in a circle",
	} {
		_, err := os.Open(path)
		text := fileerror.Text(err)
		if !strings.Contains(text, want) || strings.Contains(text, dir) || strings.Contains(text, "open ") {
			t.Errorf("%.80s: got %q, want %q in it, and no path", path, text, want)
		}
	}

	if text := fileerror.Text(errors.New("something else")); text != "something else" {
		t.Errorf("an error of nobody's: got %q", text)
	}
}
