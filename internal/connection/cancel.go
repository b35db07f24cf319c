package connection

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// cancelTimeout bounds a cancel request.
const cancelTimeout = 5 * time.Second

// canceller cancels a statement at the server when its context ends, and keeps the connection, which pgx's own way
// closes.
//
// A cancel request names a connection, not a statement. The server has acted on the request once it closes the
// connection that carried it; until then, the request may hit the next statement, which may be another caller's. So the
// connection is not used again before that, and never if that cannot be known. (pgconn's own handler,
// CancelRequestContextWatcherHandler, abandons the request 100 ms after the statement has ended, which was too early on
// a busy server.)
type canceller struct {
	conn *pgconn.PgConn
	sent chan error // the result of the request
}

// cancelPending is the key under which a connection's custom data notes that a cancel request may still arrive.
const cancelPending = "blotter.cancel_pending"

// HasPendingCancel reports whether a cancel request may still be on its way to the connection, which must then not be
// used again.
func HasPendingCancel(conn *pgconn.PgConn) bool {
	_, pending := conn.CustomData()[cancelPending]
	return pending
}

// HandleCancel sends the request. pgx calls it when the context of the present statement ends.
func (c *canceller) HandleCancel(context.Context) {
	deadline := time.Now().Add(cancelTimeout)
	_ = c.conn.Conn().SetDeadline(deadline)

	c.sent = make(chan error, 1)
	go func() {
		ctx, cancel := context.WithDeadline(context.Background(), deadline)
		defer cancel()
		err := c.conn.CancelRequest(ctx)
		if err == nil && !time.Now().Before(deadline) {
			err = context.DeadlineExceeded // CancelRequest stopped waiting for the server
		}
		c.sent <- err
	}()
}

// HandleUnwatchAfterCancel waits for the request. pgx calls it when the statement has ended, cancelled or not.
func (c *canceller) HandleUnwatchAfterCancel() {
	if err := <-c.sent; err != nil {
		c.conn.CustomData()[cancelPending] = true
	}
	_ = c.conn.Conn().SetDeadline(time.Time{})
}
