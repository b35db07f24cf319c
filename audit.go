package blotter

import (
	"encoding/json"
	"time"
)

// AuditEntry is one row of the audit log: who did what to which row. The log is append-only.
type AuditEntry struct {
	ID            int64           `db:"id,generated"`
	AccountID     string          `db:"account_id,nullzero"`
	Login         string          `db:"login,omitzero"`
	Role          string          `db:"role,omitzero"`
	UserID        string          `db:"user_id"` // app.user_id: the person behind the session
	TableName     string          `db:"table_name"`
	Operation     string          `db:"operation"`
	Key           json.RawMessage `db:"key,nullzero"`
	Old           json.RawMessage `db:"old,nullzero"`
	New           json.RawMessage `db:"new,nullzero"`
	CorrelationID string          `db:"correlation_id"`
	XID           uint64          `db:"xid,generated"`
	Timestamp     time.Time       `db:"timestamp,generated"`
}

// IsClaim reports whether the entry is an unchecked claim by an account's session, for example that it read something.
// Triggers write the entries of changes, and the programs that operate the database write those of the service and the
// owner.
func (e *AuditEntry) IsClaim() bool {
	switch e.Operation {
	case "INSERT", "UPDATE", "DELETE", "TRUNCATE":
		return false
	}

	return e.Role != "trading_service" && e.Role != "trading_owner"
}
