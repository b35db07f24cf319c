package postgres

import (
	"context"
	"sync/atomic"

	"github.com/blotterdb/blotter"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// A COMMIT that waits for a synchronous replica is done on the primary before it waits. Where the wait is cancelled (by a
// client whose patience ended, by pg_cancel_backend), the server says so by a warning alone and answers COMMIT as usual.
// The warning, which every connection listens for, becomes ErrNotReplicated.

// unreplicated is the key under which a connection's custom data has what the server said of a commit that no replica
// confirmed, until a session reports it.
const unreplicated = "blotter.unreplicated"

// noteUnreplicated keeps the warning of such a commit. The routine tells it, whatever language the server speaks and
// whichever state it gives.
func noteUnreplicated(c *pgconn.PgConn, n *pgconn.Notice) {
	if n.Routine == "SyncRepWaitForLSN" {
		c.CustomData()[unreplicated] = n.Message
	}
}

// takeUnreplicated returns the error of a commit that no replica confirmed since the last call, or nil.
func takeUnreplicated(c *pgx.Conn) error {
	data := c.PgConn().CustomData()
	said, is := data[unreplicated]
	if !is {
		return nil
	}
	delete(data, unreplicated)
	return &blotter.Error{
		Op: "commit", Kind: blotter.ErrNotReplicated,
		Message: "committed on the primary and not confirmed by its synchronous replica (" + said.(string) +
			"): a failover may lose it; see that the replica runs, and repeat the call, which has no second effect where it carries a key",
	}
}

// CheckReplicated returns ErrNotReplicated if a commit on a connection of ConnectOwner, since the last call, was not
// confirmed by a synchronous replica. Sessions of a DB report that by themselves.
func CheckReplicated(conn *pgx.Conn) error { return takeUnreplicated(conn) }

// confirmation has commits wait for a replica after one that none confirmed, also those that write nothing: a caller who
// repeats such a call is told that it was done before, and must not take that for confirmed. The first commit that was
// waited for ends that, because a replica has all that was written before it.
type confirmation struct {
	pending atomic.Int64 // number of the last commit that none confirmed; 0 for none
	count   atomic.Int64
}

// miss notes a commit that no replica confirmed.
func (c *confirmation) miss() { c.pending.Store(c.count.Add(1)) }

// confirmed ends the waiting for the commits up to the number, unless there was another one meanwhile.
func (c *confirmation) confirmed(number int64) { c.pending.CompareAndSwap(number, 0) }

// sqlWaitToo writes, so that COMMIT waits, and reports whether the transaction waits at all.
const sqlWaitToo = `
select current_setting('synchronous_commit') not in ('off', 'local')
  from (select pg_logical_emit_message(true, 'blotter', '')) written`

// sqlHear has the server send its warnings, whatever the transaction set.
const sqlHear = `set local client_min_messages = notice`

// waitToo has the transaction wait for a replica if an earlier commit was not confirmed. It returns the number of that,
// or 0 where the transaction's commit proves nothing.
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
