package ownership

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// OpenError says that others can change a file.
type OpenError struct {
	// Path is the file, folder or symbolic link that others can change: the checked file, or one on the way to it.
	Path string
	// Reason says how they can, for example "everybody can write it".
	Reason string
	// Remedy is the command that prevents it, for example "chmod go-w /etc/blotter.toml".
	Remedy string
}

func (e *OpenError) Error() string { return fmt.Sprintf("%s: %s; %s", e.Path, e.Reason, e.Remedy) }

// linksMax is the greatest number of symbolic links on a path.
const linksMax = 40

// Check returns an *OpenError if users other than root and the user of this process can change the file at the path: by
// writing it, or by replacing it, a folder or a symbolic link on the way to it. A folder that everybody may write, such
// as /tmp, is accepted if it has the sticky bit, which prevents users from replacing the files of others.
//
// Windows has no such owners and modes. There, Check only reports files that do not exist.
func Check(path string) error {
	path, err := filepath.Abs(path)
	if err != nil {
		return err
	}

	done := filepath.VolumeName(path) + string(filepath.Separator)
	rest := split(strings.TrimPrefix(path, done))
	if err := checkEntry(done); err != nil {
		return err
	}

	for links := 0; len(rest) > 0; {
		next := filepath.Join(done, rest[0])
		info, err := os.Lstat(next)
		if err != nil {
			return err
		}
		if err := checkEntry(next); err != nil {
			return err
		}
		if info.Mode().Type() != fs.ModeSymlink {
			done = next
			rest = rest[1:]
			continue
		}

		if links++; links > linksMax {
			return fmt.Errorf("%s has more than %d symbolic links", path, linksMax)
		}
		target, err := os.Readlink(next)
		if err != nil {
			return err
		}
		if filepath.IsAbs(target) {
			done = filepath.VolumeName(target) + string(filepath.Separator)
			target = strings.TrimPrefix(target, done)
		}
		rest = append(split(target), rest[1:]...)
	}
	return nil
}

// split returns the names in a relative path. It keeps "..", which is followed like the system does.
func split(path string) (names []string) {
	for name := range strings.SplitSeq(filepath.ToSlash(path), "/") {
		if name != "" && name != "." {
			names = append(names, name)
		}
	}
	return names
}

// ErrNotAFile says that a path is not a regular file.
var ErrNotAFile = errors.New("it is not a regular file")

// Read returns the content of a regular file of at most limit bytes, without following a symbolic link at its end and
// without waiting for a pipe.
func Read(path string, limit int64) ([]byte, error) {
	info, err := os.Lstat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, ErrNotAFile
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()

	opened, err := file.Stat()
	if err != nil {
		return nil, err
	}
	if !os.SameFile(info, opened) {
		return nil, fmt.Errorf("%s was replaced while it was read", path)
	}
	text, err := io.ReadAll(io.LimitReader(file, limit+1))
	if err == nil && int64(len(text)) > limit {
		return nil, fmt.Errorf("it has more than %d bytes", limit)
	}
	return text, err
}

// LookPath returns the program of the name in the first folder of PATH that has it. Unlike exec.LookPath, it skips
// entries that are empty or relative, which mean the working folder or one in it, and folders and programs that
// everybody may write.
func LookPath(name string) (string, error) {
	for _, folder := range filepath.SplitList(os.Getenv("PATH")) {
		if !filepath.IsAbs(folder) || everybodyWrites(folder) {
			continue
		}
		path := filepath.Join(folder, name)
		if runnable, err := executable(path); err == nil && !everybodyWrites(runnable) {
			return runnable, nil
		}
	}
	return "", fmt.Errorf("%s: %w in an absolute folder of PATH that only its owner may write", name, os.ErrNotExist)
}
