package postgres

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"time"

	"github.com/blotterdb/blotter"
)

// Access is a use of data that the triggers of the audit log do not see: somebody reads it.
type Access struct {
	// Table is a table that the session may read, for example "execution.trades". In a scope of all accounts it may be
	// any name of 1 to 130 characters.
	Table string
	// Operation is "read", "list", "view", "search", "export", "print" or "share". In a scope of all accounts it may be
	// any word of 1 to 50 characters that triggers do not record.
	Operation string
	Key       any    // which rows, recorded as JSON; nil is all that the session sees
	Account   string // whose rows, in a scope of all accounts; a session of one account records for that one
}

const sqlRecordAccess = `select shared.record_access($1, $2, $3, $4)`

// Audit records an access in the audit log and commits the entry before it returns, so that nobody reads without an
// entry in the log. The entry names the login, its role and the user of the context (blotter.WithUser). Read only after
// Audit has returned nil, or give ReadOnly the option Audited.
//
// An entry of a session of one account is a claim that nobody checks; see blotter.AuditEntry.IsClaim.
//
// Errors: ErrInvalid for an access without table or operation; ErrData for an operation that triggers record, and for
// an operation or a table that an account may not record.
func (db *DB) Audit(ctx context.Context, access Access) error {
	if err := access.check(); err != nil {
		return err
	}

	var key []byte
	if access.Key != nil {
		var err error
		if key, err = json.Marshal(access.Key); err != nil {
			return blotter.Invalid("Access.Key", fmt.Sprintf("%T", access.Key),
				"a value that encodes as JSON: "+err.Error())
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

func (db *DB) recordAccess(ctx context.Context, o options) error {
	if o.access == nil {
		return nil
	}
	return db.Audit(ctx, *o.access)
}

// AuditFilter says which entries of the audit log to read, in the order in which they were written. The zero value is
// all that the context's scope may see: an account's own entries, or every account's.
type AuditFilter struct {
	Account       string // restricts an all-accounts scope to one account
	UserID        string
	Login         string
	Role          string
	Table         string // "execution.orders"
	Operation     string // "INSERT", "UPDATE", "DELETE", "TRUNCATE", or a word given to Audit
	CorrelationID string
	From, To      time.Time           // From <= timestamp < To; zero is unbounded
	After         *blotter.AuditEntry // the last entry of the previous page
	NewestFirst   bool
	Limit         int // the most entries; 0 is all
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

// AuditLog reads the audit log. ErrInvalid for an account outside the scope.
func (s *Session) AuditLog(ctx context.Context, f AuditFilter) ([]blotter.AuditEntry, error) {
	return find(ctx, s, AuditLog, f.clauses(s.scope))
}

// StreamAuditLog yields the entries in constant memory. The session serves nothing else meanwhile.
func (s *Session) StreamAuditLog(ctx context.Context, f AuditFilter) iter.Seq2[blotter.AuditEntry, error] {
	return stream(ctx, s, AuditLog, f.clauses(s.scope))
}

// AuditLog reads the audit log in a read-only session of its own; see Session.AuditLog.
func (db *DB) AuditLog(ctx context.Context, f AuditFilter) ([]blotter.AuditEntry, error) {
	return findAlone(ctx, db, func(s *Session) ([]blotter.AuditEntry, error) { return s.AuditLog(ctx, f) })
}
