package embedded

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/blotterdb/blotter/internal/ownership"
	embeddedpostgres "github.com/fergusstrange/embedded-postgres"
)

// download fetches the programs into cache/bin, from $BLOTTER_POSTGRES_REPOSITORY where that names a mirror. Of two
// processes that ask at once, one downloads.
func download(ctx context.Context, cache string) (Binaries, error) {
	if err := os.MkdirAll(cache, 0o755); err != nil {
		return Binaries{}, folderError(cache, err)
	}
	lock, err := waitLock(ctx, filepath.Join(cache, "lock"))
	if err != nil {
		return Binaries{}, err
	}
	defer func() { _ = unlock(lock) }()
	bin := filepath.Join(cache, "bin")
	if isUsableCache(cache) {
		if found, err := inspect(ctx, bin); err == nil {
			return found, nil
		}
	}
	if err := checkCache(cache); err != nil {
		return Binaries{}, err
	}
	if err := checkCache(bin); err != nil && !errors.Is(err, os.ErrNotExist) {
		return Binaries{}, err
	}
	scratch, err := os.MkdirTemp("", "blotter-download-")
	if err != nil {
		return Binaries{}, fmt.Errorf("making a temporary folder: %w; free space there or set TMPDIR to another folder", err)
	}
	defer os.RemoveAll(scratch)
	// The library also makes a cluster and starts a server. An encoding that does not exist ends it before either.
	cfg := embeddedpostgres.DefaultConfig().CachePath(filepath.Join(cache, "archive")).BinariesPath(cache).
		RuntimePath(filepath.Join(scratch, "run")).Encoding("none").Port(0).Logger(io.Discard)
	if mirror := os.Getenv("BLOTTER_POSTGRES_REPOSITORY"); mirror != "" {
		if err := checkMirror(mirror); err != nil {
			return Binaries{}, err
		}
		cfg = cfg.BinaryRepositoryURL(strings.TrimRight(mirror, "/"))
	}
	fetched := make(chan error, 1)
	go func() { fetched <- embeddedpostgres.NewDatabase(cfg).Start() }()
	var failure error
	select {
	case failure = <-fetched:
	case <-ctx.Done():
		return Binaries{}, ctx.Err()
	}
	found, err := inspect(ctx, bin)
	if err != nil && failure != nil {
		return Binaries{}, errors.New(firstLine(failure))
	}
	return found, err
}

// checkCache refuses a cache that others can change: they could exchange the programs before they are run.
func checkCache(cache string) error {
	if err := ownership.Check(cache); err != nil {
		return fmt.Errorf("PostgreSQL is not downloaded to %s, which others can change: %w", cache, err)
	}
	return nil
}

// checkMirror refuses a mirror whose programs, and the checksums beside them, could be exchanged on the way.
func checkMirror(mirror string) error {
	u, err := url.Parse(mirror)
	if err != nil {
		return errors.New("BLOTTER_POSTGRES_REPOSITORY is not a valid URL")
	}
	ip := net.ParseIP(u.Hostname())
	if u.Scheme == "https" || u.Hostname() == "localhost" || ip != nil && ip.IsLoopback() {
		return nil
	}
	return errors.New("BLOTTER_POSTGRES_REPOSITORY must begin with https://: the programs that are downloaded are run")
}

func firstLine(err error) string {
	line, _, _ := strings.Cut(err.Error(), "\n")
	return line
}
