package postgres

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"time"

	"github.com/blotterdb/blotter"
)

// Access is something done with data that the triggers of the audit log do not see: that somebody read it.
type Access struct {
	// Table is one that the session may read, as "execution.trades"; of all accounts, any name of 1 to 130 characters.
	Table string
	// Operation is "read", "list", "view", "search", "export", "print" or "share"; of all accounts, any word of 1 to 50
	// characters that triggers do not record.
	Operation string
	Key       any    // what of the table: becomes JSON; nil is all that the session sees
	Account   string // of a scope of all accounts: whose rows; a session of one account records for that one
}

const sqlRecordAccess = `select shared.record_access($1, $2, $3, $4)`

// Audit records an access in the audit log and commits it before it returns, so that nothing is read of which the log
// does not know. Who is the login, its role and the context's WithUser. Read only after it has returned nil, or let
// ReadOnly call it: see Audited.
//
// What a session of one account records is its claim, which nobody checks: see blotter.AuditEntry.IsClaim.
//
// Errors: ErrInvalid for an access that lacks table or operation, ErrData for an operation that triggers record, and for one
// or a table that an account may not record.
func (db *DB) Audit(ctx context.Context, access Access) error {
	if err := access.check(); err != nil {
		return err
	}
	var key []byte
	if access.Key != nil {
		var err error
		if key, err = json.Marshal(access.Key); err != nil {
			return blotter.Invalid("Access.Key", fmt.Sprintf("%T", access.Key), "what can be JSON: "+err.Error())
		}
	}
	return db.Transaction(ctx, func(tx *Tx) error {
		_, err := tx.Exec(ctx, sqlRecordAccess, access.Table, access.Operation, key, access.Account)
		return err
	})
}

func (a Access) check() error {
	if n := len([]rune(a.Table)); n < 1 || n > 130 {
		return blotter.Invalid("Access.Table", a.Table, "1 to 130 characters")
	}
	if n := len([]rune(a.Operation)); n < 1 || n > 50 {
		return blotter.Invalid("Access.Operation", a.Operation, "1 to 50 characters")
	}
	return nil
}

// Audited makes a session record the access, in a transaction of its own, before it begins: if that fails, it does not.
func Audited(access Access) Option { return func(o *options) { o.access = &access } }

func (db *DB) recordAccess(ctx context.Context, o options) error {
	if o.access == nil {
		return nil
	}
	return db.Audit(ctx, *o.access)
}

// AuditFilter says which entries of the audit log to read, in the order in which they were written. The zero value is
// all that the context's scope may see: of one account its own, of all accounts all.
type AuditFilter struct {
	Account       string // of a scope of all accounts: this one alone
	UserID        string
	Login         string
	Role          string
	Table         string // "execution.orders"
	Operation     string // "INSERT", "UPDATE", "DELETE", "TRUNCATE", or a word given to Audit
	CorrelationID string
	From, To      time.Time           // From <= timestamp < To; zero is unbounded
	After         *blotter.AuditEntry // the page behind this one, the last of the page before
	NewestFirst   bool
	Limit         int // at most so many; 0 is all
}

func (f *AuditFilter) clauses(scope blotter.Scope) *clauses {
	c := ofScope(scope, f.Account)
	c.equal("user_id", f.UserID)
	c.equal("login", f.Login)
	c.equal("role", f.Role)
	c.equal("table_name", f.Table)
	c.equal("operation", f.Operation)
	c.equal("correlation_id", f.CorrelationID)
	c.between("timestamp", f.From, f.To)
	var after blotter.AuditEntry
	if f.After != nil {
		after = *f.After
	}
	c.page("", after.Timestamp, after.ID, f.NewestFirst, f.Limit)
	return c
}

// AuditLog reads the audit log. Errors: ErrInvalid for an account that is not the scope's.
func (s *Session) AuditLog(ctx context.Context, f AuditFilter) ([]blotter.AuditEntry, error) {
	return find(ctx, s, AuditLog, f.clauses(s.scope))
}

// StreamAuditLog yields entries in constant memory. One is good until the next; the session serves nothing else
// meanwhile.
func (s *Session) StreamAuditLog(ctx context.Context, f AuditFilter) iter.Seq2[*blotter.AuditEntry, error] {
	return stream(ctx, s, AuditLog, f.clauses(s.scope))
}

// AuditLog is Session.AuditLog in a read-only session of its own.
func (db *DB) AuditLog(ctx context.Context, f AuditFilter) ([]blotter.AuditEntry, error) {
	return findAlone(ctx, db, func(s *Session) ([]blotter.AuditEntry, error) { return s.AuditLog(ctx, f) })
}
