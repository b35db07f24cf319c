package logs_test

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"

	"github.com/blotterdb/blotter/logs"
	"github.com/blotterdb/blotter/pgtest"
	"github.com/blotterdb/blotter/postgres"
	"github.com/jackc/pgx/v5"
)

// How a link is cut at the COMMIT that comes next.
const (
	dontCut   = iota
	cutBefore // the server does not hear of it
	cutAfter  // the server does it, the client does not hear so
)

// behindCutter opens the database through a link that is cut at the next COMMIT after cut was set.
func behindCutter(t *testing.T, db *pgtest.Database, cut *atomic.Int32) *postgres.DB {
	t.Helper()
	cfg, err := pgx.ParseConfig(db.Config.ServiceURL)
	if err != nil {
		t.Fatal(err)
	}
	network, addr := "tcp", net.JoinHostPort(cfg.Host, fmt.Sprint(cfg.Port))
	if filepath.IsAbs(cfg.Host) {
		network, addr = "unix", filepath.Join(cfg.Host, fmt.Sprintf(".s.PGSQL.%d", cfg.Port))
	}
	dir, err := os.MkdirTemp("", "cut")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	listener, err := net.Listen("unix", filepath.Join(dir, ".s.PGSQL.1"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			if server, err := net.Dial(network, addr); err == nil {
				go pass(client, server, cut)
			}
		}
	}()
	u := url.URL{Scheme: "postgres", User: url.UserPassword(cfg.User, cfg.Password), Path: "/" + cfg.Database}
	u.RawQuery = url.Values{"host": {dir}, "port": {"1"}}.Encode()
	through := db.Config
	through.ServiceURL = u.String()
	opened, err := postgres.Open(t.Context(), through)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(opened.Close)
	return opened
}

func pass(client, server net.Conn, cut *atomic.Int32) {
	defer client.Close()
	defer server.Close()
	silent := atomic.Bool{} // the client hears nothing more
	answered := make(chan struct{})
	go func() {
		defer close(answered)
		defer client.Close()
		buf := make([]byte, 64<<10)
		for {
			n, err := server.Read(buf)
			if err != nil || silent.Load() {
				return
			}
			if _, err := client.Write(buf[:n]); err != nil {
				return
			}
		}
	}()
	buf := make([]byte, 64<<10)
	for {
		n, err := client.Read(buf)
		if err != nil {
			return
		}
		if bytes.Contains(buf[:n], []byte("commit\x00")) {
			switch cut.Swap(dontCut) {
			case cutBefore:
				return
			case cutAfter:
				silent.Store(true)
			}
		}
		if _, err := server.Write(buf[:n]); err != nil && err != io.EOF {
			return
		}
		if silent.Load() {
			<-answered
			return
		}
	}
}

// A batch whose COMMIT is not answered is stored once, whether the server heard of it or not.
func TestCommitUnknown(t *testing.T) {
	t.Parallel()
	for name, how := range map[string]int32{"before": cutBefore, "after": cutAfter} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := pgtest.Open(t)
			var cut atomic.Int32
			through := behindCutter(t, db, &cut)
			h := newHandler(t, db, func(c *logs.Config) { c.DB = through })
			start(t, h)
			log := slog.New(h)
			for n := range 5 {
				cut.Store(how)
				log.Info(fmt.Sprint("row ", n))
				until(t, "it is stored", func() bool { return h.Stats().Written == int64(n+1) })
				if cut.Load() != dontCut {
					t.Error("nothing was cut")
				}
			}
			if rows := stored(t, db, logs.Filter{}); len(rows) != 5 {
				t.Errorf("%d rows are stored, want 5", len(rows))
			}
		})
	}
}
