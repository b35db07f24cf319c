package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// part is a file that is written beside its target and takes that name when it is whole. Its name is random and the file
// is new, so two writers never share one. It is locked while this process, or a program that got it as its output, lives.
type part struct {
	*os.File
	target string
}

const partTries = 10

// errLocked says that another process has the lock of a file.
var errLocked = errors.New("locked by another process")

// createPart makes the part of a target, which its owner alone can read, and removes those of runs that were killed.
func createPart(target string) (*part, error) {
	removeStaleParts(target)
	for range partTries {
		file, err := os.CreateTemp(filepath.Dir(target), filepath.Base(target)+".*.part") // O_EXCL, 0600
		if err != nil {
			return nil, err
		}
		p := &part{file, target}
		// Another run that starts just now may have taken the new file for a stale one.
		if !errors.Is(lockFile(file), errLocked) && p.isThere() {
			return p, nil
		}
		p.discard()
	}
	return nil, fmt.Errorf("no temporary file can be kept beside %s", target)
}

// isThere reports whether the name of the part is still that of the file.
func (p *part) isThere() bool {
	named, err := os.Lstat(p.Name())
	own, ownErr := p.Stat()
	return err == nil && ownErr == nil && os.SameFile(named, own)
}

// discard removes the part; what publish has named stays.
func (p *part) discard() {
	if p.isThere() {
		_ = os.Remove(p.Name())
	}
	_ = p.Close()
}

// publish puts the part on the disk and gives it the name of the target, which must not be there.
func (p *part) publish() error {
	if err := p.Sync(); err != nil {
		return err
	}
	err := os.Link(p.Name(), p.target) // unlike a rename it replaces nothing
	if err != nil && !errors.Is(err, fs.ErrExist) {
		err = p.rename() // a file system without links
	}
	if errors.Is(err, fs.ErrExist) {
		return isThereAlready(p.target)
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

func isThereAlready(path string) error {
	return fmt.Errorf("%s is there already; remove it or choose another name", path)
}

var partNumber = regexp.MustCompile(`^[0-9]+$`)

// removeStaleParts removes parts of the target that nobody has locked: those who wrote them are gone.
func removeStaleParts(target string) {
	entries, _ := os.ReadDir(filepath.Dir(target))
	for _, entry := range entries {
		number, isOurs := strings.CutPrefix(entry.Name(), filepath.Base(target)+".")
		number, isPart := strings.CutSuffix(number, ".part")
		if !isOurs || !isPart || !partNumber.MatchString(number) || !entry.Type().IsRegular() {
			continue
		}
		if file, err := os.Open(filepath.Join(filepath.Dir(target), entry.Name())); err == nil {
			stale := &part{file, target}
			if lockFile(file) == nil {
				stale.discard()
			}
			_ = file.Close()
		}
	}
}
