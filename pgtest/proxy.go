package pgtest

import (
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"testing"

	"github.com/blotterdb/blotter/internal/ramdisk"
	"github.com/jackc/pgx/v5"
)

// Proxy listens beside the server of a URL until the test ends and returns the URL by which to come through it, with
// the login of the first. serve is called for each client, with a link to the server for it alone; both are closed when
// it returns.
func Proxy(t testing.TB, to string, serve func(client, server net.Conn)) (through string) {
	t.Helper()
	cfg, err := pgx.ParseConfig(to)
	if err != nil {
		t.Fatalf("pgtest: the URL of the server: %v", err)
	}

	network, addr := "tcp", net.JoinHostPort(cfg.Host, fmt.Sprint(cfg.Port))
	if filepath.IsAbs(cfg.Host) {
		network, addr = "unix", filepath.Join(cfg.Host, fmt.Sprintf(".s.PGSQL.%d", cfg.Port))
	}

	dir, err := os.MkdirTemp(ramdisk.Folder(), "proxy") // short: the path of a socket has at most 107 bytes
	if err != nil {
		t.Fatalf("pgtest: a folder for the proxy: %v", err)
	}

	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	listener, err := net.Listen("unix", filepath.Join(dir, ".s.PGSQL.1"))
	if err != nil {
		t.Fatalf("pgtest: the proxy: %v", err)
	}

	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer client.Close()
				server, err := net.Dial(network, addr)
				if err != nil {
					t.Errorf("pgtest: the server behind the proxy: %v", err)
					return
				}
				defer server.Close()
				serve(client, server)
			}()
		}
	}()
	u := url.URL{Scheme: "postgres", User: url.UserPassword(cfg.User, cfg.Password), Path: "/" + cfg.Database}
	u.RawQuery = url.Values{"host": {dir}, "port": {"1"}}.Encode()
	return u.String()
}
