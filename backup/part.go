package backup

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// part is a file that is written beside its target, and is renamed to it when it is complete. Its name is random and
// the file is new, so that two writers never share one. It is locked as long as this process lives, or a program whose
// output it is.
type part struct {
	*os.File
	target string
}

// partTries is the number of names that are tried for a part.
const partTries = 10

// errLocked says that another process holds the lock of a file.
var errLocked = errors.New("locked by another process")

// createPart creates a part of the target, which only its owner can read, and removes the parts of killed runs.
func createPart(target string) (*part, error) {
	removeStaleParts(target)
	for range partTries {
		file, err := os.CreateTemp(filepath.Dir(target), filepath.Base(target)+".*.part") // O_EXCL, 0600
		if err != nil {
			return nil, err
		}

		p := &part{file, target}
		// Between create and lock, another run may take the file for a stale one and remove it.
		if !errors.Is(lockFile(file), errLocked) && p.exists() {
			return p, nil
		}
		p.discard()
	}
	return nil, fmt.Errorf("no temporary file can be kept beside %s", target)
}

// exists reports whether the name of the part still leads to it.
func (p *part) exists() bool {
	named, err := os.Lstat(p.Name())
	if err != nil {
		return false
	}
	own, err := p.Stat()
	return err == nil && os.SameFile(named, own)
}

// discard closes the part, and removes it unless it was published.
func (p *part) discard() {
	if p.exists() {
		_ = os.Remove(p.Name())
	}
	_ = p.Close()
}

// publish writes the part to disk and gives it the name of the target, which must not exist.
func (p *part) publish() error {
	if err := p.Sync(); err != nil {
		return err
	}
	err := os.Link(p.Name(), p.target) // unlike a rename it replaces nothing
	if err != nil && !errors.Is(err, fs.ErrExist) {
		err = p.rename() // the file system has no links
	}
	if err != nil {
		return err
	}

	folder, err := os.Open(filepath.Dir(p.target))
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}

func (p *part) rename() error {
	if _, err := os.Lstat(p.target); err == nil {
		return fs.ErrExist
	}
	return os.Rename(p.Name(), p.target)
}

var partNumber = regexp.MustCompile(`^[0-9]+$`)

// removeStaleParts removes the parts of the target that nobody has locked, because their writers are gone.
func removeStaleParts(target string) {
	folder, prefix := filepath.Dir(target), filepath.Base(target)+"."
	entries, _ := os.ReadDir(folder)
	for _, entry := range entries {
		number, isOfTarget := strings.CutPrefix(entry.Name(), prefix)
		number, isPart := strings.CutSuffix(number, ".part")
		if !isOfTarget || !isPart || !partNumber.MatchString(number) || !entry.Type().IsRegular() {
			continue
		}

		file, err := os.Open(filepath.Join(folder, entry.Name()))
		if err != nil {
			continue
		}
		if lockFile(file) == nil {
			stale := &part{file, target}
			stale.discard()
		}
		_ = file.Close()
	}
}
