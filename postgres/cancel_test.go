package postgres_test

import (
	"context"
	"encoding/binary"
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

// A cancel request that reaches the server late hits nobody: the connection is lent to nobody before it has.
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
				_, _ = server.Read(start) // until it has acted on it
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
	case <-time.After(10 * time.Second):
		t.Error("nothing was cancelled")
	}
}
