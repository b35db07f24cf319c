package postgres

import (
	"context"
	"fmt"
	"time"
)

// ReadOnly runs fn with a session that the server lets change nothing: its connection acts as trading_readonly (or,
// with WithAllAccounts, trading_reporter), roles that may only read. With a login of its own for these roles
// (Config.ReadOnlyURL, Config.ReporterURL) no SQL whatever gets out of that.
//
// Each query is one round trip, without BEGIN and COMMIT, and sees the data as it is then. With Snapshot, all queries
// of fn see one instant; with Audited, the audit log knows of the reading first. Where the URL of the role leads to a
// replica, fn sees what that has replayed, unless Primary is given.
func (db *DB) ReadOnly(ctx context.Context, fn func(s *Session) error, opts ...Option) error {
	start := time.Now()
	o := db.options(opts)
	if err := db.recordAccess(ctx, o); err != nil {
		return err
	}
	err := db.read(ctx, fn, o)
	if err != nil && !o.unlogged {
		db.logFailure(ctx, "read-only session", start, err, nil)
	}
	return err
}

func (db *DB) read(ctx context.Context, fn func(s *Session) error, o options) error {
	loan, scope, rerouted, err := db.borrowFor(ctx, o.primary)
	if err != nil {
		return err
	}
	s := &Session{loan: loan, scope: scope, start: time.Now()}
	if o.snapshot || o.isolation != "" || rerouted {
		if o.snapshot {
			o.isolation = "repeatable read"
		}
		s.begin = o.begin() + " read only"
	}
	returned := false
	defer func() {
		// Nothing was written, so rolling back ends the session whichever way fn left.
		s.rollback(ctx)
		if returned {
			return
		}
		if p := recover(); p != nil {
			db.logFailure(ctx, "read-only session", s.start, fmt.Errorf("panic: %v", p), p)
			panic(p)
		}
	}()
	err = fn(s)
	returned = true
	if err == nil {
		err = s.failure
	}
	return translate(ctx, "", err)
}

// AutoCommit runs fn in a session that writes, each of whose statements is a transaction of its own: for what reads from
// the primary without holding a transaction open. It is neither retried nor rolled back as a whole.
func (db *DB) AutoCommit(ctx context.Context, fn func(s *Session) error) error {
	loan, scope, err := db.borrow(ctx, false)
	if err != nil {
		return err
	}
	s := &Session{loan: loan, scope: scope, actor: actorOf(ctx), start: time.Now(), confirmation: &db.confirmation}
	defer s.end()
	return fn(s)
}
