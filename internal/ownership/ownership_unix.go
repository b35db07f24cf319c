//go:build unix

package ownership

import (
	"io/fs"
	"os"
	"os/exec"
	"os/user"
	"strconv"
	"syscall"
)

// Owner returns the number of the user who owns a file.
func Owner(info os.FileInfo) (uid int, known bool) {
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, false
	}
	return int(stat.Uid), true
}

// isTrusted reports whether the owner is root or the user of this process.
func isTrusted(uid int) bool { return uid == 0 || uid == os.Geteuid() }

// checkEntry checks one file, folder or symbolic link.
func checkEntry(path string) error {
	info, err := os.Lstat(path)
	if err != nil {
		return err
	}

	uid, isKnown := Owner(info)
	switch {
	case !isKnown:
		return nil
	case !isTrusted(uid):
		return &OpenError{path, "it belongs to " + userName(uid), "chown " + userName(os.Geteuid()) + " " + path}
	case info.Mode().Type() == fs.ModeSymlink, info.Mode().Perm()&0o022 == 0: // a link has no mode of its own
		return nil
	case info.IsDir() && info.Mode()&fs.ModeSticky != 0, isReadOnly(path):
		return nil
	case info.Mode().Perm()&0o002 != 0:
		return &OpenError{path, "everybody can write it", "chmod go-w " + path}
	}
	return &OpenError{path, "its group can write it", "chmod go-w " + path}
}

// isReadOnly reports whether the path is on a file system that nobody can write, such as those that Kubernetes mounts.
func isReadOnly(path string) bool {
	const readOnly = 1 // ST_RDONLY, MNT_RDONLY
	var stat syscall.Statfs_t
	return syscall.Statfs(path, &stat) == nil && stat.Flags&readOnly != 0
}

func userName(uid int) string {
	if u, err := user.LookupId(strconv.Itoa(uid)); err == nil {
		return u.Username
	}
	return "user " + strconv.Itoa(uid)
}

func everybodyWrites(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().Perm()&0o002 != 0
}

// executable returns the path of the program. On some systems, it has an ending that the name lacks.
func executable(path string) (string, error) { return exec.LookPath(path) }
