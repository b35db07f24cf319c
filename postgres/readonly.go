package postgres

import (
	"context"
	"fmt"
	"time"
)

// ReadOnly runs fn with a session that the server does not let change anything: its connection acts as trading_readonly
// (or, with WithAllAccounts, trading_reporter), roles that may only read. If the role has a login of its own
// (Config.ReadOnlyURL, Config.ReporterURL), no SQL gets around that.
//
// Each query is one round trip, without BEGIN and COMMIT, and sees the data as it is then. With Snapshot, all queries
// of fn see one instant. With Audited, the audit log records the access first. If the URL of the role leads to a
// replica, fn sees what the replica has replayed, unless Primary is given.
func (db *DB) ReadOnly(ctx context.Context, fn func(s *Session) error, opts ...ReadOption) error {
	start := time.Now()
	o := readOptions(opts)
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
	if o.isolation != "" || rerouted {
		s.begin = o.begin() + " read only"
	}

	returned := false
	defer func() {
		// Nothing was written, so a rollback ends the session however fn ended.
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

// AutoCommit runs fn in a session that may write, in which each statement is a transaction of its own. Use it to read
// from the primary without holding a transaction open. It is neither retried nor rolled back as a whole.
func (db *DB) AutoCommit(ctx context.Context, fn func(s *Session) error) error {
	loan, scope, err := db.borrow(ctx, false)
	if err != nil {
		return err
	}
	s := &Session{
		loan: loan, scope: scope, actor: actorOf(ctx), start: time.Now(), confirmation: &db.confirmation,
	}
	defer s.end()

	return fn(s)
}
