package postgres

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/internal/pgerror"
	"github.com/blotterdb/blotter/internal/retry"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// Tx is a transaction. It belongs to one goroutine and is good only until it ends.
type Tx struct {
	*Session
	db         *DB
	savepoints *int               // how many were set, for their names
	manual     bool               // from Begin: the caller calls Commit and Rollback
	unlogged   bool               // from Begin: the caller reports failures
	events     []blotter.Event    // to go into the outbox before COMMIT
	last       []*pgx.QueuedQuery // to run before COMMIT
	booked     bool               // events are in the outbox already
}

// Transaction runs fn in a transaction of the context's scope and commits it when fn returns nil. When fn returns an
// error, panics, exits its goroutine or the context is cancelled, the transaction is rolled back, the connection
// returned, and the error or panic passed on. A database error that fn does not return is returned all the same,
// because the transaction can no longer commit.
//
// fn runs again from its start in two cases: after a serialization failure or deadlock (40001, 40P01), up to MaxRetries
// times, and once if a row found no partition, after the partitions that are due were made. So fn must not do outside
// the transaction what must not be done twice, and must load inside it what it updates: Update increments a row's
// version in the struct as well.
//
// Nothing else is retried. ErrCommitUnknown means that the connection broke at COMMIT, which may have taken effect or
// not. ErrNotReplicated, which is an ErrCommitUnknown too, means that the commit took effect on the primary but a
// synchronous replica did not confirm it: a failover may lose it.
//
// All statements of fn see the same time in now(), which stamps created_at and updated_at.
func (db *DB) Transaction(ctx context.Context, fn func(tx *Tx) error, opts ...TxOption) error {
	start := time.Now()
	o := db.txOptions(opts)
	if err := db.recordAccess(ctx, o); err != nil {
		return err
	}

	err := db.attempts(ctx, o, fn)
	if err != nil {
		if !o.unlogged {
			db.logFailure(ctx, "transaction", start, err, nil)
		}
		return err
	}
	db.logCommit(ctx, start)
	return nil
}

// attempts runs fn in transactions until one commits or fails for good.
func (db *DB) attempts(ctx context.Context, o options, fn func(tx *Tx) error) error {
	ensured := false
	for attempt := 0; ; attempt++ {
		err := db.attempt(ctx, o, fn)
		if !ensured && pgerror.LacksPartition(err) {
			ensured = true
			if db.ensureAhead(ctx, Unlogged) == nil {
				err = db.attempt(ctx, o, fn)
			}
		}

		if attempt >= o.maxRetries || !errors.Is(err, blotter.ErrSerialization) {
			return err
		}
		if !retry.Pause(ctx, attempt) {
			return pgerror.GaveUp(ctx, err)
		}
	}
}

// attempt runs fn in one transaction.
func (db *DB) attempt(ctx context.Context, o options, fn func(tx *Tx) error) (err error) {
	tx, err := db.newTx(ctx, o)
	if err != nil {
		return err
	}

	returned := false
	defer func() {
		if returned {
			return
		}
		// fn panicked or called runtime.Goexit.
		tx.rollback(ctx)
		if p := recover(); p != nil {
			db.logFailure(ctx, "transaction", tx.start, fmt.Errorf("panic: %v", p), p)
			panic(p)
		}
	}()

	err = fn(tx)
	returned = true
	if err != nil {
		tx.rollback(ctx)
		return translate(ctx, "", err)
	}
	return tx.commit(ctx)
}

func (db *DB) newTx(ctx context.Context, o options) (*Tx, error) {
	p, scope, err := db.poolFor(ctx, false)
	if err != nil {
		return nil, err
	}

	start := time.Now()
	loan, err := p.acquire(ctx)
	if err != nil {
		return nil, err
	}
	session := &Session{
		loan: loan, scope: scope, actor: actorOf(ctx), start: start,
		begin: o.begin(), confirmation: &db.confirmation,
	}
	return &Tx{Session: session, db: db, savepoints: new(int)}, nil
}

// commit ends the transaction. The caller's context no longer cancels it, because the outcome of an interrupted COMMIT
// is unknown.
func (tx *Tx) commit(ctx context.Context) error {
	tx.closeResults()
	if tx.failure == nil {
		tx.failure = translate(ctx, "", ctx.Err())
	}
	if tx.failure != nil {
		cause := tx.failure
		tx.rollback(ctx)
		return cause
	}

	if tx.state == stateIdle && !tx.hasDeferred() {
		tx.end() // nothing was ever sent
		return nil
	}

	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), commitTimeout)
	defer cancel()
	waited, err := tx.waitToo(ctx)
	if err != nil {
		tx.rollback(ctx)
		return err
	}
	defer tx.end()

	var tag pgconn.CommandTag
	if tx.hasDeferred() {
		tag, err = tx.commitWith(ctx)
	} else {
		tag, err = tx.loan.Exec(ctx, tx.sqlCommit())
		err = commitError(ctx, err)
	}

	switch {
	case err != nil:
		return err
	case tag.String() == "ROLLBACK":
		return programming("the transaction had failed and was rolled back instead of committed: " +
			"its function did not return the error of one of its statements")
	}

	if tx.booked || len(tx.events) > 0 {
		tx.db.bell.ring()
	}
	if err := tx.unconfirmed(); err != nil {
		return err
	}
	if waited != 0 {
		tx.db.confirmation.confirmed(waited)
	}
	return nil
}

// sqlCommit returns COMMIT, preceded by what makes the server send its warnings if a statement may have silenced them.
func (tx *Tx) sqlCommit() string {
	if tx.quieted {
		return sqlHear + "; commit"
	}
	return "commit"
}

// commitError distinguishes a COMMIT that the server refused, which is certain, from one whose answer never came.
func commitError(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}

	var pg *pgconn.PgError
	if errors.As(err, &pg) && pgerror.Severity(pg) == "ERROR" && pg.Code != pgerror.QueryCanceled {
		return translate(ctx, "commit", err)
	}
	return &blotter.Error{
		Op: "commit", Kind: blotter.ErrCommitUnknown, Err: err,
		Message: "the connection broke at COMMIT: it may have taken effect or not; look the key up before repeating",
	}
}

// Begin starts a transaction that the caller ends, for work that does not fit a function. Prefer Transaction: with
// Begin, nothing is retried, and the pool loses the connection unless the caller calls Commit or Rollback on every
// path.
func (db *DB) Begin(ctx context.Context, opts ...BeginOption) (*Tx, error) {
	o := db.beginOptions(opts)
	if err := db.recordAccess(ctx, o); err != nil {
		return nil, err
	}

	tx, err := db.newTx(ctx, o)
	if err != nil {
		if !o.unlogged {
			db.logFailure(ctx, "begin", time.Now(), err, nil)
		}
		return nil, err
	}
	tx.manual = true
	tx.unlogged = o.unlogged
	return tx, nil
}

// Commit ends a transaction from Begin. Its errors are those of Transaction.
func (tx *Tx) Commit(ctx context.Context) error {
	if !tx.manual {
		return programming("Commit is for transactions from Begin; the function of Transaction returns nil to commit")
	}
	if tx.state == stateEnded {
		return programming("the transaction has already ended")
	}

	if err := tx.commit(ctx); err != nil {
		if !tx.unlogged {
			tx.db.logFailure(ctx, "transaction", tx.start, err, nil)
		}
		return err
	}
	tx.db.logCommit(ctx, tx.start)
	return nil
}

// Rollback ends a transaction from Begin without effect. After Commit or Rollback it does nothing, so it may be
// deferred.
func (tx *Tx) Rollback(ctx context.Context) error {
	if !tx.manual {
		return programming("Rollback is for transactions from Begin; " +
			"the function of Transaction returns an error to roll back")
	}
	if tx.state != stateEnded {
		tx.rollback(ctx)
	}
	return nil
}

// Savepoint runs fn as a part of the transaction that rolls back on its own: when fn returns an error or panics, what
// fn did is undone, the error returned or the panic passed on, and the transaction may go on.
func (tx *Tx) Savepoint(ctx context.Context, fn func(tx *Tx) error) error {
	*tx.savepoints++
	name := fmt.Sprintf("blotter_%d", *tx.savepoints)
	pending := slices.Clone(tx.events) // a late fill within the savepoint may write them early
	deferred := len(tx.last)

	if _, err := tx.Exec(ctx, "savepoint "+name); err != nil {
		return err
	}

	undo := func() error {
		tx.closeResults()
		tx.events = pending
		tx.last = tx.last[:deferred]
		return tx.rollbackTo(ctx, name)
	}
	returned := false
	defer func() {
		// fn panicked or called runtime.Goexit. A caller of Begin may recover and commit.
		if !returned && tx.state == stateOpen {
			_ = undo()
		}
	}()

	err := fn(tx)
	returned = true
	tx.closeResults()

	if err == nil && tx.failure == nil {
		err = tx.runDeferred(ctx, deferred)
	}
	if err == nil && tx.failure == nil {
		_, err = tx.Exec(ctx, "release savepoint "+name)
		return err
	}
	if err == nil {
		err = tx.failure // a database error that fn did not return
	}
	if failed := undo(); failed != nil {
		return failed
	}
	return translate(ctx, "", err)
}

// rollbackTo undoes what came after the savepoint, and with it the failure, even if the caller's context is cancelled.
func (tx *Tx) rollbackTo(ctx context.Context, name string) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), rollbackTimeout)
	defer cancel()

	tx.failure = nil
	_, err := tx.loan.Exec(ctx, "rollback to savepoint "+name+"; release savepoint "+name)
	return tx.fail(ctx, err)
}
