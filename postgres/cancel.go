package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// canceller cancels at the server a statement whose context has ended, and keeps the connection; pgx's own way closes it.
//
// A cancel request names a connection, not a statement. The server has acted on it when it closes the request's own
// connection, and until then the statement after the cancelled one may be hit, which is somebody else's. So the connection
// is not used again before, and not at all where that cannot be known. (pgconn.CancelRequestContextWatcherHandler hangs up
// on the request when the statement has ended, and waits for 100 ms: on a busy server that was too short.)
type canceller struct {
	conn *pgconn.PgConn
	sent chan error // what became of the request
}

// doubtful is the key under which a connection's custom data says that a cancel request may still be on its way to it.
const doubtful = "blotter.doubtful"

// HandleCancel is called when the context of the present statement ends.
func (c *canceller) HandleCancel(context.Context) {
	deadline := time.Now().Add(rollbackTimeout)
	_ = c.conn.Conn().SetDeadline(deadline)
	c.sent = make(chan error, 1)
	go func() {
		ctx, cancel := context.WithDeadline(context.Background(), deadline)
		defer cancel()
		err := c.conn.CancelRequest(ctx)
		if err == nil && !time.Now().Before(deadline) {
			err = context.DeadlineExceeded // it gave up waiting for the server
		}
		c.sent <- err
	}()
}

// HandleUnwatchAfterCancel is called when that statement has ended, cancelled or not.
func (c *canceller) HandleUnwatchAfterCancel() {
	if err := <-c.sent; err != nil {
		c.conn.CustomData()[doubtful] = true
	}
	_ = c.conn.Conn().SetDeadline(time.Time{})
}
