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

// download downloads the programs to cache/bin, from $BLOTTER_POSTGRES_REPOSITORY if that names a mirror. If several
// processes call it at once, one of them downloads.
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
		return Binaries{}, fmt.Errorf("create a temporary folder: %w; free space there or set TMPDIR to another "+
			"folder", err)
	}
	defer os.RemoveAll(scratch)

	// The library would also create a cluster and start a server. An unknown encoding stops it before that.
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
	var downloadErr error
	select {
	case downloadErr = <-fetched:
	case <-ctx.Done():
		return Binaries{}, ctx.Err()
	}

	found, err := inspect(ctx, bin)
	if err != nil && downloadErr != nil {
		return Binaries{}, errors.New(firstLine(downloadErr))
	}

	return found, err
}

// checkCache returns an error for a cache that others can change, because they could replace the programs.
func checkCache(cache string) error {
	if err := ownership.Check(cache); err != nil {
		return fmt.Errorf("PostgreSQL is not downloaded to %s, which others can change: %w", cache, err)
	}
	return nil
}

// checkMirror returns an error for a mirror whose programs and checksums could be replaced in transit.
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
