package postgres

import (
	"context"
	"sync/atomic"

	"github.com/blotterdb/blotter"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// A COMMIT that waits for a synchronous replica has taken effect on the primary before it waits. If the wait is
// cancelled (by a client that timed out, or by pg_cancel_backend), the server sends only a warning and answers COMMIT
// as usual. Every connection listens for the warning, which becomes ErrNotReplicated.

// unreplicated is the key under which a connection's custom data keeps the server's warning about a commit that no
// replica confirmed, until a session reports it.
const unreplicated = "blotter.unreplicated"

// noteUnreplicated keeps the warning about such a commit. It recognizes the warning by the server's routine, whatever
// its language and SQLSTATE.
func noteUnreplicated(c *pgconn.PgConn, n *pgconn.Notice) {
	if n.Routine == "SyncRepWaitForLSN" {
		c.CustomData()[unreplicated] = n.Message
	}
}

// takeUnreplicated returns the error of a commit that no replica confirmed since the last call, or nil.
func takeUnreplicated(c *pgx.Conn) error {
	data := c.PgConn().CustomData()
	warning, is := data[unreplicated]
	if !is {
		return nil
	}

	delete(data, unreplicated)
	return &blotter.Error{
		Op: "commit", Kind: blotter.ErrNotReplicated,
		Message: "committed on the primary but not confirmed by its synchronous replica (" + warning.(string) +
			"): a failover may lose it; check that the replica runs, and repeat the call, " +
			"which has no second effect if it carries a key",
	}
}

// CheckReplicated returns ErrNotReplicated if a commit on a connection of ConnectOwner, since the last call, was not
// confirmed by a synchronous replica. Sessions of a DB report that themselves.
func CheckReplicated(conn *pgx.Conn) error { return takeUnreplicated(conn) }

// confirmation makes commits wait for a replica after a commit that none confirmed, even those that write nothing: a
// caller who repeats the call learns that it was done before, and must not conclude that it was confirmed. The first
// commit that a replica confirms ends that, because the replica then has everything written before it.
type confirmation struct {
	pending atomic.Int64 // number of the last unconfirmed commit; 0 for none
	count   atomic.Int64
}

// miss notes a commit that no replica confirmed.
func (c *confirmation) miss() { c.pending.Store(c.count.Add(1)) }

// confirmed ends the waiting for the commits up to number, unless another commit was not confirmed meanwhile.
func (c *confirmation) confirmed(number int64) { c.pending.CompareAndSwap(number, 0) }

// sqlWaitToo writes, so that COMMIT waits, and reads whether the transaction waits at all.
const sqlWaitToo = `
select current_setting('synchronous_commit') not in ('off', 'local')
  from (select pg_logical_emit_message(true, 'blotter', '')) written`

// sqlHear makes the server send its warnings, whatever the transaction set.
const sqlHear = `set local client_min_messages = notice`

// waitToo makes the transaction wait for a replica if an earlier commit was not confirmed. It returns the number of
// that commit, or 0 if the transaction's commit proves nothing.
func (tx *Tx) waitToo(ctx context.Context) (number int64, err error) {
	number = tx.db.confirmation.pending.Load()
	if number == 0 || tx.loan.IsClosed() {
		return 0, nil
	}
	if err := tx.open(ctx); err != nil {
		return 0, err
	}

	var waits bool
	if err := tx.loan.QueryRow(ctx, sqlWaitToo).Scan(&waits); err != nil {
		return 0, tx.fail(ctx, err)
	}
	if !waits {
		return 0, nil
	}
	return number, nil
}
