//go:build unix

package ownership_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/blotterdb/blotter/internal/ownership"
)

// folder returns a new folder that only its owner may write, independent of the umask.
func folder(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "ownership-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

// put writes a file with mode into a folder with folderMode.
func put(t *testing.T, path string, mode, folderMode os.FileMode) string {
	t.Helper()
	for _, err := range []error{
		os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte("x"), 0o644), os.Chmod(path, mode),
		os.Chmod(filepath.Dir(path), folderMode),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	return path
}

func TestCheck(t *testing.T) {
	t.Parallel()

	for name, test := range map[string]struct {
		mode, folder os.FileMode
		want         string // in the error; "" means no error
	}{
		"private":         {0o600, 0o700, ""},
		"readable":        {0o644, 0o755, ""},
		"group writes":    {0o664, 0o755, "f: its group can write it; chmod go-w "},
		"all write":       {0o666, 0o755, "f: everybody can write it; chmod go-w "},
		"group's folder":  {0o644, 0o775, "d: its group can write it; chmod go-w "},
		"open folder":     {0o644, 0o777, "d: everybody can write it; chmod go-w "},
		"sticky folder":   {0o644, 0o777 | os.ModeSticky, ""},
		"open and sticky": {0o666, 0o777 | os.ModeSticky, "f: everybody can write it"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			dir := folder(t)
			path := put(t, filepath.Join(dir, "d", "f"), test.mode, test.folder)
			link := filepath.Join(dir, "link")
			if err := os.Symlink(filepath.Join("d", "..", "d", "f"), link); err != nil {
				t.Fatal(err)
			}

			for _, asked := range []string{path, link} {
				err := ownership.Check(asked)
				if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
					t.Errorf("%s: %v, want %q", asked, err, test.want)
				}
				if open := new(ownership.OpenError); err != nil && !errors.As(err, &open) {
					t.Errorf("%s: %T", asked, err)
				}
			}
		})
	}
}

// Check covers the folders and links that a link leads through, not only its target.
func TestCheckFoldersOfLinks(t *testing.T) {
	t.Parallel()

	dir := folder(t)
	put(t, filepath.Join(dir, "safe", "f"), 0o644, 0o755)
	put(t, filepath.Join(dir, "open", "other"), 0o644, 0o777)
	for link, target := range map[string]string{"open/second": "../safe/f", "first": "open/second", "loop": "loop"} {
		if err := os.Symlink(target, filepath.Join(dir, link)); err != nil {
			t.Fatal(err)
		}
	}
	if err := ownership.Check(filepath.Join(dir, "first")); err == nil ||
		!strings.Contains(err.Error(), "open: everybody") {
		t.Errorf("%v", err)
	}
	if err := ownership.Check(filepath.Join(dir, "loop")); err == nil {
		t.Error("a loop of links was accepted")
	}
	if err := ownership.Check(filepath.Join(dir, "none")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%v", err)
	}
}

// Files of root are trusted, files of other users are not. Only root can create one of the latter.
func TestCheckOwner(t *testing.T) {
	t.Parallel()

	if err := ownership.Check("/bin/sh"); err != nil {
		t.Errorf("root's own program: %v", err)
	}
	if os.Geteuid() != 0 {
		return
	}

	dir := folder(t)
	path := put(t, filepath.Join(dir, "f"), 0o644, 0o755)
	if err := os.Chown(path, 65534, 65534); err != nil {
		t.Fatal(err)
	}
	if err := ownership.Check(path); err == nil || !strings.Contains(err.Error(), "it belongs to ") ||
		!strings.Contains(err.Error(), "chown root ") {
		t.Errorf("%v", err)
	}
}

func TestRead(t *testing.T) {
	t.Parallel()

	dir := folder(t)
	path := put(t, filepath.Join(dir, "f"), 0o644, 0o755)
	if text, err := ownership.Read(path, 1); string(text) != "x" || err != nil {
		t.Errorf("%q, %v", text, err)
	}
	if _, err := ownership.Read(path, 0); err == nil || !strings.Contains(err.Error(), "more than 0 bytes") {
		t.Errorf("%v", err)
	}

	link, pipe := filepath.Join(dir, "link"), filepath.Join(dir, "pipe")
	if err := errors.Join(os.Symlink(path, link), syscall.Mkfifo(pipe, 0o600)); err != nil {
		t.Fatal(err)
	}
	for _, other := range []string{link, pipe, dir} {
		if _, err := ownership.Read(other, 10); !errors.Is(err, ownership.ErrNotAFile) {
			t.Errorf("%s: %v", other, err)
		}
	}
}

// LookPath skips the working folder, and folders that everybody can write.
func TestLookPath(t *testing.T) {
	dir := folder(t)
	program := func(name string, mode, folderMode os.FileMode) string {
		return put(t, filepath.Join(dir, name, "tool-of-test"), mode, folderMode)
	}
	program("relative", 0o755, 0o755)
	program("open", 0o755, 0o777)
	program("sticky", 0o755, 0o777|os.ModeSticky)
	program("loose", 0o777, 0o755)
	program("text", 0o644, 0o755)
	want := program("good", 0o755, 0o755)
	put(t, filepath.Join(dir, "tool-of-test"), 0o755, 0o755)
	t.Chdir(dir)

	var folders []string
	for _, name := range []string{"open", "sticky", "loose", "text"} {
		folders = append(folders, filepath.Join(dir, name))
	}
	unsafe := "relative:.::" + strings.Join(folders, ":")
	t.Setenv("PATH", unsafe+":"+filepath.Dir(want))
	if path, err := ownership.LookPath("tool-of-test"); path != want || err != nil {
		t.Errorf("%q, %v, want %s", path, err, want)
	}
	t.Setenv("PATH", unsafe)
	if path, err := ownership.LookPath("tool-of-test"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%q, %v", path, err)
	}
}
