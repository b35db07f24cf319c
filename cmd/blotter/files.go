package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

// fileError is an error about a file in words that say what to do.
type fileError struct {
	text  string
	cause error
}

func (e *fileError) Error() string { return e.text }
func (e *fileError) Unwrap() error { return e.cause }

// cannotRead returns the error for a file that cannot be read because of err, or nil if err is nil.
func cannotRead(path string, err error) error {
	if err == nil {
		return nil
	}

	text := ""
	switch {
	case errors.Is(err, fs.ErrNotExist):
		text = noSuchFile(path)
	case errors.Is(err, syscall.EISDIR):
		text = fmt.Sprintf("%s is a folder; want a file", path)
	case errors.Is(err, fs.ErrPermission):
		text = fmt.Sprintf("this user may not read %s; change its permissions, or run blotter as its owner", path)
	default:
		text = cmp.Or(badPath(path, err), fmt.Sprintf("%s cannot be read: %s", path, plainCause(err)))
	}
	return &fileError{text, err}
}

// cannotWrite returns the error for a file that cannot be written because of err, or nil if err is nil.
func cannotWrite(path string, err error) error {
	if err == nil {
		return nil
	}
	folder := filepath.Dir(path)
	_, missing := os.Stat(folder)

	text := ""
	switch {
	case errors.Is(err, fs.ErrNotExist) && missing != nil:
		text = fmt.Sprintf("%s cannot be written: there is no folder %s; create it, or choose another", path, folder)
	case errors.Is(err, fs.ErrNotExist):
		text = fmt.Sprintf("%s cannot be written: the folder %s takes no new files; choose another", path, folder)
	case errors.Is(err, fs.ErrExist):
		text = alreadyExists(path).Error()
	case errors.Is(err, syscall.EISDIR):
		text = fmt.Sprintf("%s is a folder; want a file", path)
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS):
		text = fmt.Sprintf("%s cannot be written: this user may not write into %s; "+
			"change its permissions, or choose another", path, folder)
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		text = fmt.Sprintf("%s cannot be written: the disk is full; free space and repeat", path)
	default:
		text = cmp.Or(badPath(path, err), fmt.Sprintf("%s cannot be written: %s", path, plainCause(err)))
	}
	return &fileError{text, err}
}

// badPath returns an error text for a path that can be neither read nor written, or "".
func badPath(path string, err error) string {
	switch {
	case errors.Is(err, syscall.ENOTDIR):
		return fmt.Sprintf("%s: %s is not a folder; check the path", path, existingPart(path))
	case errors.Is(err, syscall.ENAMETOOLONG):
		return fmt.Sprintf("%s: the name is too long; choose a shorter one", path)
	case errors.Is(err, syscall.ELOOP):
		return fmt.Sprintf("%s: its symbolic links lead to each other; check the path", path)
	case errors.Is(err, syscall.EMFILE), errors.Is(err, syscall.ENFILE):
		return fmt.Sprintf("%s: too many files are open; raise the limit (ulimit -n)", path)
	}
	return ""
}

// existingPart returns the longest beginning of a path that exists.
func existingPart(path string) string {
	for {
		if _, err := os.Lstat(path); err == nil || path == filepath.Dir(path) {
			return path
		}
		path = filepath.Dir(path)
	}
}

// noSuchFile returns the text for a file that does not exist, with the file that was probably meant.
func noSuchFile(path string) string {
	folder := filepath.Dir(path)
	entries, err := os.ReadDir(folder)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Sprintf("there is no file %s: there is no folder %s; check the path", path, folder)
	}
	var names []string
	for _, entry := range entries {
		if entry.Type().IsRegular() {
			names = append(names, entry.Name())
		}
	}
	return fmt.Sprintf("there is no file %s%s",
		path, cmp.Or(didYouMean(filepath.Base(path), names), "; check the path"))
}

// plainCause returns the text of the last cause of an error, without the operation and the path.
func plainCause(err error) string {
	var cause syscall.Errno
	if errors.As(err, &cause) {
		return cause.Error()
	}
	return err.Error()
}

// writing are the operations of package os that create or change a file.
var writing = []string{
	"write", "mkdir", "mkdirtemp", "createtemp", "rename", "link", "symlink", "sync", "close", "truncate", "chmod",
	"remove", "unlink",
}

// explainFile returns the text of err, in which an error of the operating system about a file is replaced by that of
// cannotRead or cannotWrite.
func explainFile(err error) string {
	text := err.Error()
	var known *fileError
	if errors.As(err, &known) {
		return text
	}

	var onPath *fs.PathError
	var onLink *os.LinkError
	switch {
	case errors.As(err, &onPath) && onPath.Op == "fork/exec":
		better := fmt.Sprintf("%s cannot be run: %s; check its permissions", onPath.Path, plainCause(onPath.Err))
		return strings.Replace(text, onPath.Error(), better, 1)
	case errors.As(err, &onPath) && slices.Contains(writing, strings.ToLower(onPath.Op)):
		return strings.Replace(text, onPath.Error(), cannotWrite(onPath.Path, onPath.Err).Error(), 1)
	case errors.As(err, &onPath):
		return strings.Replace(text, onPath.Error(), cannotRead(onPath.Path, onPath.Err).Error(), 1)
	case errors.As(err, &onLink):
		return strings.Replace(text, onLink.Error(), cannotWrite(onLink.New, onLink.Err).Error(), 1)
	}
	return text
}

// checkReadable returns an error if the path is not a file that can be read.
func checkReadable(path string) error {
	file, err := os.Open(path)
	if err != nil {
		return cannotRead(path, err)
	}
	defer file.Close()
	info, err := file.Stat()
	if err == nil && info.IsDir() {
		err = syscall.EISDIR
	}
	return cannotRead(path, err)
}

// checkTarget returns an error if no file can be created at the path, before the work for the file begins. An empty
// path is not checked.
func checkTarget(path string) error {
	if path == "" {
		return nil
	}
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		return cannotWrite(path, syscall.EISDIR)
	}
	info, err := os.Stat(filepath.Dir(path))
	if err == nil && !info.IsDir() {
		err = syscall.ENOTDIR
	}
	return cannotWrite(path, err)
}

// writeBytes writes a file as writeFile does, from memory.
func writeBytes(path string, content []byte) error {
	return writeFile(path, func(w io.Writer) error {
		_, err := w.Write(content)
		return err
	})
}

// writeFile writes a file that appears when it is complete, and not at all if write fails. Only its owner can read it.
func writeFile(path string, write func(io.Writer) error) error {
	file, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return cannotWrite(path, err)
	}

	err = write(file)
	if err == nil {
		err = cannotWrite(path, file.Sync())
	}
	if closeErr := file.Close(); err == nil {
		err = cannotWrite(path, closeErr)
	}
	if err == nil {
		err = cannotWrite(path, os.Rename(file.Name(), path))
	}
	if err != nil {
		_ = os.Remove(file.Name())
	}
	return err
}

func alreadyExists(path string) error {
	return fmt.Errorf("%s is there already; remove it or choose another name", path)
}
