package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/internal/pgerror"
	"github.com/blotterdb/blotter/internal/retry"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// Option changes how a transaction or read-only session runs.
type Option func(*options)

type options struct {
	isolation  string
	snapshot   bool
	maxRetries int
	access     *Access // to be recorded before it is read
	unlogged   bool
	primary    primaryNeed
}

// The isolation levels (PostgreSQL documentation, chapter 13.2). The default is READ COMMITTED; ReadUncommitted is the
// same in PostgreSQL.
var (
	ReadUncommitted Option = func(o *options) { o.isolation = "read uncommitted" }
	ReadCommitted   Option = func(o *options) { o.isolation = "read committed" }
	RepeatableRead  Option = func(o *options) { o.isolation = "repeatable read" }
	Serializable    Option = func(o *options) { o.isolation = "serializable" }
)

// Snapshot makes every query of a read-only session see the same instant.
var Snapshot Option = func(o *options) { o.snapshot = true }

// Unlogged suppresses the log line of a failed session. Use it when the caller reports the error.
var Unlogged Option = func(o *options) { o.unlogged = true }

// MaxRetries sets how often this transaction is tried again after a serialization failure or deadlock; 0 is never.
func MaxRetries(n int) Option { return func(o *options) { o.maxRetries = max(0, n) } }

func (db *DB) options(opts []Option) options {
	o := options{maxRetries: max(0, db.cfg.MaxRetries)}
	for _, set := range opts {
		set(&o)
	}
	return o
}

func (o options) begin() string {
	if o.isolation == "" {
		return "begin"
	}
	return "begin isolation level " + o.isolation
}

// Tx is a transaction. It belongs to one goroutine and is good only until it ends.
type Tx struct {
	*Session
	db         *DB
	savepoints *int               // how many were set, for their names
	manual     bool               // from Begin: its Commit and Rollback are the caller's
	events     []blotter.Event    // to go into the outbox before COMMIT
	last       []*pgx.QueuedQuery // to run before COMMIT
	booked     bool               // events are in the outbox already
}

// Transaction runs fn in a transaction of the context's scope and commits it when fn returns nil. When fn returns an
// error, panics, exits its goroutine or the context is cancelled, the transaction is rolled back, the connection
// returned, and the error or panic passed on. A database error that fn does not return is returned all the same: the
// transaction can no longer commit.
//
// After a serialization failure or deadlock (40001, 40P01) fn runs again from its start, up to MaxRetries times, so it
// must not do outside of the transaction what must not be done twice, and must load inside what it updates: Update
// counts a row's version up in the struct as well. It also runs again, once, if a row found no partition, after the
// partitions that are due were made. Nothing else is retried, and never what ended in ErrCommitUnknown: the link
// broke at COMMIT and nobody knows whether it took effect. Where a synchronous replica did not confirm the commit, the
// error is ErrNotReplicated, which is an ErrCommitUnknown too: it took effect here, and a failover may lose it.
//
// fn's statements all see one time in now(), which is what stamps created_at and updated_at.
func (db *DB) Transaction(ctx context.Context, fn func(tx *Tx) error, opts ...Option) error {
	o, start := db.options(opts), time.Now()
	if err := db.recordAccess(ctx, o); err != nil {
		return err
	}
	ensured := false
	for attempt := 0; ; attempt++ {
		err := db.attempt(ctx, o, fn)
		if !ensured && pgerror.LacksPartition(err) {
			if ensured = true; db.ensureAhead(ctx, Unlogged) == nil {
				err = db.attempt(ctx, o, fn)
			}
		}
		if err == nil {
			db.logCommit(ctx, start)
			return nil
		}

		again := attempt < o.maxRetries && errors.Is(err, blotter.ErrSerialization)
		if again && retry.Pause(ctx, attempt) {
			continue
		}
		if again {
			err = pgerror.GaveUp(ctx, err)
		}
		if !o.unlogged {
			db.logFailure(ctx, "transaction", start, err, nil)
		}
		return err
	}
}

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
	session := &Session{loan: loan, scope: scope, actor: actorOf(ctx), start: start, begin: o.begin(), confirmation: &db.confirmation}
	return &Tx{Session: session, db: db, savepoints: new(int)}, nil
}

// commit ends the transaction. The caller's context no longer cancels it: a COMMIT cut short is a COMMIT unknown.
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
		return programming("the transaction had failed and was rolled back instead of committed; an error of one of its statements was not returned")
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

// sqlCommit is COMMIT, after which the server's warnings are heard.
func (tx *Tx) sqlCommit() string {
	if tx.quieted {
		return sqlHear + "; commit"
	}
	return "commit"
}

// commitError tells a COMMIT that the server refused, which is certain, from one whose answer never came.
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
		Message: "the link to the server broke at COMMIT: it may have taken effect or not; look the key up before repeating",
	}
}

// Begin starts a transaction by hand, for what does not fit a function. The caller must call Commit or Rollback on
// every path, or the connection is lost to the pool; prefer Transaction. Nothing is retried.
func (db *DB) Begin(ctx context.Context, opts ...Option) (*Tx, error) {
	o := db.options(opts)
	if err := db.recordAccess(ctx, o); err != nil {
		return nil, err
	}
	tx, err := db.newTx(ctx, o)
	if err != nil {
		db.logFailure(ctx, "begin", time.Now(), err, nil)
		return nil, err
	}
	tx.manual = true
	return tx, nil
}

// Commit ends a transaction from Begin. Its errors are those of Transaction.
func (tx *Tx) Commit(ctx context.Context) error {
	if !tx.manual {
		return programming("a transaction's function returns nil to commit; Commit is for Begin")
	}
	if tx.state == stateEnded {
		return programming("the transaction has ended already")
	}
	err := tx.commit(ctx)
	if err != nil {
		tx.db.logFailure(ctx, "transaction", tx.start, err, nil)
		return err
	}
	tx.db.logCommit(ctx, tx.start)
	return nil
}

// Rollback ends a transaction from Begin without effect. After Commit or Rollback it does nothing, so it can be
// deferred.
func (tx *Tx) Rollback(ctx context.Context) error {
	if !tx.manual {
		return programming("a transaction's function returns an error to roll back; Rollback is for Begin")
	}
	if tx.state != stateEnded {
		tx.rollback(ctx)
	}
	return nil
}

// Savepoint runs fn as a part of the transaction that rolls back alone: when fn returns an error, what fn did is undone,
// the error is returned, and the transaction may go on. What fn did is also undone when it panics.
func (tx *Tx) Savepoint(ctx context.Context, fn func(tx *Tx) error) error {
	*tx.savepoints++
	name := fmt.Sprintf("blotter_%d", *tx.savepoints)
	emitted := len(tx.events)

	if _, err := tx.Exec(ctx, "savepoint "+name); err != nil {
		return err
	}

	undo := func() error {
		tx.closeResults()
		tx.events = tx.events[:emitted]
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

// rollbackTo undoes what came after the savepoint and with it the failure, even if the caller's context is cancelled.
func (tx *Tx) rollbackTo(ctx context.Context, name string) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), rollbackTimeout)
	defer cancel()
	tx.failure = nil
	_, err := tx.loan.Exec(ctx, "rollback to savepoint "+name+"; release savepoint "+name)
	return tx.fail(ctx, err)
}
