package postgres_test

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"testing"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/pgtest"
	"github.com/blotterdb/blotter/postgres"
)

// cancelRequest is how a cancel request begins, after its length (PostgreSQL documentation, section 55.7).
const cancelRequest = 80877102

// A cancel request that reaches the server late cancels no other statement: the connection is not lent before it
// arrived.
func TestLateCancellationHitsNobody(t *testing.T) {
	t.Parallel()
	const late = 400 * time.Millisecond
	requests := make(chan bool, 10)
	db := pgtest.OpenConfig(t, func(c *postgres.Config) {
		fewConns(c)
		c.URL = pgtest.Proxy(t, c.URL, func(client, server net.Conn) {
			start := make([]byte, 16)
			if _, err := io.ReadFull(client, start[:8]); err != nil {
				return
			}
			if binary.BigEndian.Uint32(start[4:]) == cancelRequest {
				_, _ = io.ReadFull(client, start[8:])
				time.Sleep(late)
				_, _ = server.Write(start)
				_, _ = server.Read(start) // until the server has acted on it
				requests <- true
				return
			}
			_, _ = server.Write(start[:8])
			go func() {
				_, _ = io.Copy(server, client)
				_ = server.Close()
			}()
			_, _ = io.Copy(client, server)
		})
	})

	sleep := func(ctx context.Context, seconds string) error {
		return db.Transaction(ctx, func(tx *postgres.Tx) error {
			_, err := tx.Exec(ctx, "select pg_sleep("+seconds+")")
			return err
		})
	}

	ctx, cancel := context.WithTimeout(as(t, "A1"), 50*time.Millisecond)
	defer cancel()
	wantKind(t, "a statement that is longer than its context", sleep(ctx, "0.1"), blotter.ErrOperational)
	if err := sleep(as(t, "A2"), "0.8"); err != nil {
		t.Errorf("the next user of the connection: %v", err)
	}

	select {
	case <-requests:
	case <-time.After(time.Minute):
		t.Error("nothing was cancelled")
	}
}

// A context that ends while the server does not answer at all is also the cause of the error, for a statement and for a
// new connection.
func TestCancelledWithoutAnswer(t *testing.T) {
	t.Parallel()
	d := pgtest.Open(t)
	silent, over := make(chan struct{}), make(chan struct{})
	defer close(over) // nobody waits for the answers then
	heard := make(chan struct{}, 100)
	through := pgtest.Proxy(t, d.Config.URL, func(client, server net.Conn) {
		go func() { _, _ = io.Copy(client, server) }()
		go func() {
			<-over
			_ = client.Close()
		}()
		buf := make([]byte, 64<<10)
		for {
			n, err := client.Read(buf)
			if err != nil {
				return
			}
			select {
			case <-silent:
				heard <- struct{}{}
				continue
			default:
			}
			if _, err := server.Write(buf[:n]); err != nil {
				return
			}
		}
	})
	cfg := d.Config
	cfg.URL = through
	db, err := postgres.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	close(silent)

	for name, call := range map[string]func(ctx context.Context) error{
		"a statement": func(ctx context.Context) error {
			return db.Transaction(ctx, func(tx *postgres.Tx) error {
				_, err := tx.Exec(ctx, "select 1")
				return err
			})
		},
		"connecting": func(ctx context.Context) error {
			other, err := postgres.Open(ctx, cfg)
			if err == nil {
				other.Close()
			}
			return err
		},
	} {
		ctx, cancel := context.WithCancel(t.Context())
		go func() {
			<-heard
			cancel()
		}()
		err := call(ctx)
		cancel()
		if !errors.Is(err, context.Canceled) || !errors.Is(err, blotter.ErrOperational) {
			t.Errorf("%s: got %v, want ErrOperational because of context.Canceled", name, err)
		}
	}
}
