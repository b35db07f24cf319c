//go:build unix

package embedded

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"time"

	"github.com/blotterdb/blotter/internal/ownership"
)

// serverUser returns the user that runs the server for root, as which PostgreSQL refuses to run: the owner of
// existing data, otherwise postgres if there is such a user, otherwise nobody.
func serverUser(pgData string) (uid, gid int, err error) {
	if info, err := os.Stat(pgData); err == nil {
		if stat, ok := info.Sys().(*syscall.Stat_t); ok && stat.Uid != 0 {
			return int(stat.Uid), int(stat.Gid), nil
		}
	}

	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		if uid, err = strconv.Atoi(u.Uid); err != nil {
			continue
		}
		gid, err = strconv.Atoi(u.Gid)
		return uid, gid, err
	}

	return 0, 0, errors.New("PostgreSQL does not run as root, and there is neither a user postgres nor nobody; " +
		"run blotter as another user")
}

// rootCache is the folder of root's downloaded PostgreSQL. It is not in the data folder, because that belongs to the
// server's user, who could replace the programs that root runs.
const rootCache = "/var/cache/blotter/postgresql"

// cache returns the folder of a downloaded PostgreSQL: in the data folder, or for a temporary server in the default
// one, so that the next one finds it.
func (p *prepared) cache() string {
	if os.Getuid() == 0 {
		return rootCache
	}

	dir := p.cfg.DataDir
	if p.cfg.Temporary {
		if own, err := DefaultDataDir(); err == nil {
			dir = own
		}
	}

	return filepath.Join(dir, "postgresql")
}

// folderNames lists the names in a data folder.
var folderNames = []string{
	"lock", "pg", "pg.new", "postgres.log", "postgres.log.old", "postgresql", "passwords.json", "server.json", "socket",
}

func (p *prepared) makeDataDir() error {
	dir := p.cfg.DataDir
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return folderError(dir, err)
	}
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, os.ErrExist) {
		return folderError(dir, err)
	}

	// A folder with other files must not get a database, and must not be given to another user.
	entries, err := os.ReadDir(dir)
	if err != nil {
		return folderError(dir, err)
	}

	if !isDataFolder(dir, entries) {
		return fmt.Errorf("the folder %s holds other files; choose a new one, as in --data-dir %s", dir,
			filepath.Join(dir, "blotter"))
	}
	if err := os.Chmod(dir, 0o700); err != nil { // it may exist with other permissions
		return folderError(dir, err)
	}
	if os.Getuid() != 0 {
		return nil
	}
	if err := p.openWay(filepath.Dir(dir)); err != nil {
		return err
	}

	return folderError(dir, os.Chown(dir, p.uid, p.gid))
}

// isDataFolder reports whether a folder may be the data folder: it contains a database, or only names that the first
// start creates. One of these names is not enough: /etc has a folder postgresql too.
func isDataFolder(dir string, entries []os.DirEntry) bool {
	if _, err := os.Stat(filepath.Join(dir, "pg", "PG_VERSION")); err == nil {
		return true
	}
	return !slices.ContainsFunc(entries, func(e os.DirEntry) bool { return !slices.Contains(folderNames, e.Name()) })
}

// openWay makes sure that the user who runs the server for root can enter the folder and those above it.
func (p *prepared) openWay(dir string) error {
	if os.Getuid() != 0 {
		return nil
	}

	for ; ; dir = filepath.Dir(dir) {
		if !p.canEnter(dir) {
			p.closed = true
			if !letEnter(&syscall.SysProcAttr{}) {
				return fmt.Errorf("for root the server runs as another user, who cannot enter %s; "+
					"choose a --data-dir elsewhere, for example /var/lib/blotter", dir)
			}
		}
		if dir == filepath.Dir(dir) {
			return nil
		}
	}
}

// canEnter reports whether the server's user may pass through the folder.
func (p *prepared) canEnter(dir string) bool {
	info, err := os.Stat(dir)
	if err != nil {
		return false
	}

	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return true
	}

	switch mode := info.Mode().Perm(); {
	case int(stat.Uid) == p.uid:
		return mode&0o100 != 0
	case int(stat.Gid) == p.gid:
		return mode&0o010 != 0
	default:
		return mode&0o001 != 0
	}
}

// folderError returns an error that says what to do about the data folder.
func folderError(dir string, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, syscall.EROFS):
		return fmt.Errorf("the file system of %s is read-only; choose another --data-dir", dir)
	case errors.Is(err, syscall.ENOSPC):
		return fmt.Errorf("the disk of %s is full; free space or choose another --data-dir", dir)
	case errors.Is(err, os.ErrPermission):
		return fmt.Errorf("the data folder %s cannot be written by this user; choose another --data-dir", dir)
	case errors.Is(err, syscall.ENOTDIR), errors.Is(err, os.ErrExist):
		return fmt.Errorf("the data folder %s cannot be created: a file is in its way; choose another --data-dir", dir)
	}

	return fmt.Errorf("the data folder %s cannot be used (%w); choose another --data-dir", dir, err)
}

// takeLock makes this process the only owner of the folder until unlock, or until the process ends.
func (p *prepared) takeLock() error {
	path := filepath.Join(p.cfg.DataDir, "lock")
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR|syscall.O_NOFOLLOW, 0o600)
	if err != nil {
		return folderError(p.cfg.DataDir, err)
	}

	if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = file.Close()
		state, _ := Status(p.cfg)
		state.DataDir = p.cfg.DataDir
		return inUse(state)
	}

	p.lock = file
	return nil
}

// unlock releases a lock at once. Closing the file is not enough: a child process that is just being started has a
// copy of it.
func unlock(file *os.File) error {
	return errors.Join(syscall.Flock(int(file.Fd()), syscall.LOCK_UN), file.Close())
}

// waitLock locks the file. It waits for another holder until the context ends.
func waitLock(ctx context.Context, path string) (*os.File, error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR|syscall.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, folderError(filepath.Dir(path), err)
	}

	for syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) != nil {
		if ctx.Err() != nil {
			_ = file.Close()
			return nil, ctx.Err()
		}
		time.Sleep(pollPeriod)
	}

	return file, nil
}

// makeSocketDir creates the private folder of the socket: in the data folder, unless that path is too long for a
// socket.
func (p *prepared) makeSocketDir() (string, error) {
	dir := filepath.Join(p.cfg.DataDir, "socket")
	if len(dir) > socketPathMax {
		hash := fnv.New64a()
		_, _ = hash.Write([]byte(p.cfg.DataDir))
		dir = filepath.Join("/tmp", fmt.Sprintf("blotter-%d-%x", p.uid, hash.Sum64()))
	}

	err := os.Mkdir(dir, 0o700)
	if err != nil && !errors.Is(err, os.ErrExist) {
		return "", folderError(dir, err)
	}

	info, err := os.Lstat(dir)
	if err != nil {
		return "", folderError(dir, err)
	}

	owner, known := ownership.Owner(info)
	if !info.IsDir() || info.Mode().Perm() != 0o700 || known && owner != p.uid && owner != os.Getuid() {
		return "", fmt.Errorf("the folder %s is not private to the server; remove it", dir)
	}
	if os.Getuid() == 0 {
		if err := os.Lchown(dir, p.uid, p.gid); err != nil {
			return "", folderError(dir, err)
		}
	}

	return dir, nil
}

// checkFolderOwner returns an error for a data folder into which others could have put the state of their own server.
func checkFolderOwner(dir string) error {
	info, err := os.Stat(dir)
	if err != nil {
		return folderError(dir, err)
	}

	owner, known := ownership.Owner(info)
	switch {
	case known && os.Getuid() != 0 && owner != os.Getuid(): // root runs the servers of others, as them
		return fmt.Errorf("the data folder %s belongs to another user, whose server would get the data; choose "+
			"another --data-dir", dir)
	case info.Mode().Perm()&0o022 != 0:
		return fmt.Errorf("others can write to the data folder %s, and may have put their own server there; "+
			"check it, then chmod 700 %[1]s", dir)
	}

	return nil
}

// handOver gives the files that root has written to the owner of the data folder, who may start the server next.
func (p *prepared) handOver() error {
	if os.Getuid() != 0 {
		return nil
	}
	for _, path := range []string{p.lock.Name(), p.logPath(), p.state.PasswordFile(), stateFile(p.cfg.DataDir)} {
		if err := os.Lchown(path, p.uid, p.gid); err != nil {
			return folderError(p.cfg.DataDir, err)
		}
	}
	return nil
}
