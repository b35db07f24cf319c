package embedded

import (
	"context"
	"io"
	"net"
	"os"
	"path/filepath"

	embeddedpostgres "github.com/fergusstrange/embedded-postgres"
)

// repositoryURL overrides where the programs are downloaded from; tests serve their own.
var repositoryURL = os.Getenv("BLOTTER_POSTGRES_REPOSITORY")

// download fetches the programs into cache/bin. The library that knows where they are also starts a server; it is
// stopped at once (and as root never starts), and only the programs stay.
func download(ctx context.Context, cache string) (Binaries, error) {
	if err := os.MkdirAll(cache, 0o755); err != nil {
		return Binaries{}, err
	}
	scratch, err := os.MkdirTemp("", "blotter-download-")
	if err != nil {
		return Binaries{}, err
	}
	defer os.RemoveAll(scratch)
	port, err := freePort()
	if err != nil {
		return Binaries{}, err
	}
	cfg := embeddedpostgres.DefaultConfig().CachePath(filepath.Join(cache, "archive")).BinariesPath(cache).
		RuntimePath(filepath.Join(scratch, "run")).Port(uint32(port)).Logger(io.Discard)
	if repositoryURL != "" {
		cfg = cfg.BinaryRepositoryURL(repositoryURL)
	}
	server := embeddedpostgres.NewDatabase(cfg)
	startErr := server.Start()
	if startErr == nil {
		_ = server.Stop()
	}
	found, err := inspect(ctx, filepath.Join(cache, "bin"))
	if err != nil && startErr != nil {
		return Binaries{}, startErr
	}
	return found, err
}

// freePort is a TCP port of 127.0.0.1 that nobody uses at the moment.
func freePort() (int, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer listener.Close()
	return listener.Addr().(*net.TCPAddr).Port, nil
}
