//go:build unix

package pgtest

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/blotterdb/blotter/embedded"
	"github.com/blotterdb/blotter/internal/ramdisk"
	"github.com/blotterdb/blotter/schema"
)

// NewFolder gives the test a data folder for package embedded, in which the server starts without initdb: its database
// is empty. It goes when the test ends.
func NewFolder(t testing.TB) (dir string) {
	t.Helper()
	return folderFor(t, newCluster)
}

// MigratedFolder gives the test a data folder as NewFolder does, in which the database has blotter's schema and no
// rows.
func MigratedFolder(t testing.TB) (dir string) {
	t.Helper()
	return folderFor(t, migratedCluster)
}

func folderFor(t testing.TB, cluster string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), createTimeout)
	defer cancel()

	parent, err := os.MkdirTemp(ramdisk.Folder(), "blotter-folder-")
	if err != nil {
		t.Fatalf("pgtest: making a data folder: %v", err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(parent) })
	if err := os.Chmod(parent, 0o755); err != nil { // as root, the server is another user's
		t.Fatalf("pgtest: making a data folder: %v", err)
	}

	dir := filepath.Join(parent, "data")
	if err := copyCluster(ctx, cluster, dir); err != nil {
		t.Fatalf("pgtest: making a data folder: %v", err)
	}
	return dir
}

// The prepared clusters: one that initdb has made, with blotter's logins, and one that is migrated as well. Both were
// shut down.
const (
	newCluster      = "new"
	migratedCluster = "migrated"
)

// copyCluster makes the data folder dir around a copy of a prepared cluster.
func copyCluster(ctx context.Context, cluster, dir string) error {
	prepared, err := preparedClusters(ctx)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}

	// cp keeps the owner of the files, who runs the server.
	out, err := exec.CommandContext(ctx, "cp", "-a", filepath.Join(prepared, cluster),
		filepath.Join(dir, "pg")).CombinedOutput()
	if err != nil {
		return fmt.Errorf("copying the cluster: %w: %s", err, out)
	}
	return nil
}

// preparedMax is how long prepared clusters that nothing has used are kept.
const preparedMax = 48 * time.Hour

// preparedClusters returns the folder of the prepared clusters, which are made once for a schema, a version of
// PostgreSQL and a day, whose date decides which partitions there are. Test binaries and later runs share them.
// Where several make them at once, one folder wins.
func preparedClusters(ctx context.Context) (dir string, err error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		cache = os.TempDir()
	}
	cache = filepath.Join(cache, "blotter-pgtest")
	if err := os.MkdirAll(cache, 0o700); err != nil {
		return "", err
	}

	dir = filepath.Join(cache, preparedKey(ctx))
	if touch(dir) == nil {
		return dir, nil
	}

	made, err := os.MkdirTemp(cache, "making-")
	if err != nil {
		return "", err
	}
	removeOld(cache)
	err = errors.Join(makeCluster(ctx, made, newCluster), makeCluster(ctx, made, migratedCluster), flush(made))
	if err == nil {
		if err = os.Rename(made, dir); errors.Is(err, fs.ErrExist) {
			err = nil // another test binary was first
		}
	}
	return dir, errors.Join(err, os.RemoveAll(made))
}

func preparedKey(ctx context.Context) string {
	major := 0 // of the one that is downloaded
	if found, err := embedded.Find(ctx, os.Getenv("BLOTTER_POSTGRES"), "", 0); err == nil {
		major = found.Major
	}
	return fmt.Sprintf("%s-%d-%s", schema.Digest()[:16], major, time.Now().UTC().Format(time.DateOnly))
}

// touch sets the modification time of a folder, by which removeOld knows that it is used.
func touch(dir string) error {
	file, err := os.CreateTemp(dir, "used-")
	if err != nil {
		return err
	}
	return errors.Join(file.Close(), os.Remove(file.Name()))
}

// removeOld removes prepared clusters that nothing has used for a while. Now is the time at which the cache was last
// changed: under tools/at time.Now is not the time of files.
func removeOld(cache string) {
	now, err := os.Stat(cache)
	if err != nil {
		return
	}
	entries, _ := os.ReadDir(cache)
	for _, entry := range entries {
		if info, err := entry.Info(); err == nil && now.ModTime().Sub(info.ModTime()) > preparedMax {
			_ = os.RemoveAll(filepath.Join(cache, entry.Name()))
		}
	}
}

// makeCluster makes a prepared cluster in the folder into.
func makeCluster(ctx context.Context, into, cluster string) error {
	dir, err := os.MkdirTemp(ramdisk.Folder(), "blotter-making-")
	if err != nil {
		return err
	}
	server, err := embedded.Start(ctx, embedded.Config{
		DataDir: dir, Temporary: true, Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		return errors.Join(err, os.RemoveAll(dir))
	}
	defer func() { _ = server.Stop() }()

	if cluster == migratedCluster {
		if err := migrate(ctx, server.OwnerURL()); err != nil {
			return err
		}
	}
	made := filepath.Join(server.DataDir, "pg")
	if err := endServer(server.PID, made, syscall.SIGINT); err != nil {
		return err
	}
	// The folder of temporary files may be on another disk, where rename does not work.
	out, err := exec.CommandContext(ctx, "cp", "-a", made, filepath.Join(into, cluster)).CombinedOutput()
	if err != nil {
		return fmt.Errorf("copying the cluster: %w: %s", err, out)
	}
	return nil
}

func migrate(ctx context.Context, ownerURL string) error {
	m, err := schema.NewMigrator(ctx, ownerURL)
	if err != nil {
		return err
	}
	_, err = m.Up(ctx)
	return errors.Join(err, m.Close())
}

// flush writes the files of a folder to the disk: the servers that made them did not.
func flush(dir string) error {
	return filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		file, err := os.Open(path)
		if err != nil {
			return err
		}
		return errors.Join(file.Sync(), file.Close())
	})
}
