package fileerror

import (
	"errors"
	"io/fs"
	"syscall"
)

// Text returns what is wrong with a file and what to do about it, without the file's name and the name of the system
// call that failed.
func Text(err error) string {
	for _, known := range []struct {
		err  error
		text string
	}{
		{syscall.ENOTDIR, "a part of its path is a file, not a folder; check the path"},
		{syscall.ENAMETOOLONG, "its name is longer than the file system allows"},
		{syscall.ELOOP, "its links lead in a circle; name the file that is meant"},
		{syscall.EISDIR, "it is a folder; name a file in it"},
		{syscall.EROFS, "its file system is read-only; choose another place"},
		{syscall.ENOSPC, "the disk is full; free space or choose another place"},
		{syscall.EIO, "the disk fails to read or write it (input/output error); copy the file from its source again"},
		{syscall.EMFILE, "this process has too many files open; raise the limit (ulimit -n)"},
		{fs.ErrNotExist, "there is no such file or folder; check the path"},
		{fs.ErrPermission, "this user may not read or write it; check the permissions of the file and its folder"},
		{fs.ErrExist, "it exists already; choose another name"},
	} {
		if errors.Is(err, known.err) {
			return known.text
		}
	}

	var path *fs.PathError
	if errors.As(err, &path) {
		return path.Err.Error()
	}
	return err.Error()
}
