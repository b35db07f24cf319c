package postgres_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/pgtest"
	"github.com/blotterdb/blotter/postgres"
	"github.com/jackc/pgx/v5"
)

// commitCutter passes everything on to the server until a client commits: then it cuts the link, before the server has
// heard of the COMMIT or after.
type commitCutter struct {
	t            *testing.T
	mu           sync.Mutex
	armed, after bool
	messages     int // of a client until the cut; 0 for that of a COMMIT
	cuts         int
}

// newCommitCutter listens beside the server of the URL and returns the URL of its own.
func newCommitCutter(t *testing.T, to string) (*commitCutter, string) {
	t.Helper()
	c := &commitCutter{t: t}
	return c, listenBeside(t, to, c.serve)
}

// listenBeside listens for clients of the server of a URL, whom serve then connects to it, and returns a URL for them.
func listenBeside(t *testing.T, to string, serve func(client, server net.Conn)) string {
	t.Helper()
	cfg, err := pgx.ParseConfig(to)
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
			go func() {
				defer client.Close()
				server, err := net.Dial(network, addr)
				if err != nil {
					t.Error(err)
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

func (c *commitCutter) arm(after bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.armed, c.after, c.messages = true, after, 0
}

// armAt cuts at a client's message so many from now.
func (c *commitCutter) armAt(messages int, after bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.armed, c.after, c.messages = true, after, messages
}

func (c *commitCutter) done() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.cuts
}

func (c *commitCutter) serve(client, server net.Conn) {
	var muted sync.Mutex // held once the client must hear nothing more
	go func() {
		defer client.Close()
		buf := make([]byte, 64<<10)
		for {
			n, err := server.Read(buf)
			if err != nil {
				return
			}
			muted.Lock()
			_, err = client.Write(buf[:n])
			muted.Unlock()
			if err != nil {
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
		if cut, after := c.cut(buf[:n]); cut {
			muted.Lock()
			defer muted.Unlock()
			if after {
				_, _ = server.Write(buf[:n])
				// Half-close: the server carries out what it has read, then ends.
				_ = server.(interface{ CloseWrite() error }).CloseWrite()
				_, _ = io.Copy(io.Discard, io.LimitReader(server, 0))
			}
			return
		}
		if _, err := server.Write(buf[:n]); err != nil {
			return
		}
	}
}

func (c *commitCutter) cut(message []byte) (cut, after bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case !c.armed:
		return false, false
	case c.messages > 1:
		c.messages--
		return false, false
	case c.messages == 0 && !bytes.Contains(bytes.ToLower(message), []byte("commit\x00")):
		return false, false
	}
	c.armed = false
	c.cuts++
	return true, c.after
}

// Where the link breaks at COMMIT nobody can tell what became of it: the error says so, and nothing is retried.
func TestCommitUnknown(t *testing.T) {
	t.Parallel()
	d := pgtest.Open(t)
	cutter, through := newCommitCutter(t, d.Config.URL)
	cfg := d.Config
	cfg.URL = through
	db, err := postgres.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	ctx := as(t, "A1")
	for _, after := range []bool{false, true} {
		attempts, id := 0, fmt.Sprintf("A1-%v", after)
		ctx = as(t, id)
		err := db.Transaction(ctx, func(tx *postgres.Tx) error {
			attempts++
			cutter.arm(after)
			return postgres.Accounts.Insert(ctx, tx, &blotter.Account{AccountID: id})
		}, postgres.Serializable)
		wantKind(t, fmt.Sprintf("the link cut at COMMIT (server heard: %v)", after), err, blotter.ErrCommitUnknown)
		if blotter.Retryable(err) || attempts != 1 {
			t.Errorf("an unknown commit is retryable: %v, attempts: %d; want neither", blotter.Retryable(err), attempts)
		}
		if err := db.Transaction(ctx, func(tx *postgres.Tx) error { _, err := tx.Exec(ctx, "select 1"); return err }); err != nil {
			t.Errorf("the session after it: %v", err)
		}
	}
	stored := pgtest.Value[int](t, d, `select count(*) from execution.accounts where account_id = 'A1-false'`)
	if stored != 0 {
		t.Errorf("the COMMIT that the server never heard of took effect")
	}
}

// A context that ends while the COMMIT is under way does not make it unknown.
func TestCommitIsNotCancelled(t *testing.T) {
	t.Parallel()
	db := pgtest.Open(t)
	ctx, cancel := context.WithCancel(as(t, "A1"))
	defer cancel()
	db.Exec(t, `create function execution.slow() returns trigger language plpgsql as $$ begin perform pg_sleep(0.2); return null; end $$`)
	db.Exec(t, `create constraint trigger slow after insert on execution.accounts deferrable initially deferred for each row execute function execution.slow()`)
	err := db.Transaction(ctx, func(tx *postgres.Tx) error {
		defer func() { go cancel() }()
		return postgres.Accounts.Insert(ctx, tx, &blotter.Account{AccountID: "A1"})
	})
	stored := pgtest.Value[int](t, db, `select count(*) from execution.accounts`)
	if (err == nil) != (stored == 1) {
		t.Errorf("the transaction returned %v and %d accounts are stored", err, stored)
	}
}
