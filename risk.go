package blotter

import (
	"encoding/json"
	"time"
)

// RiskLimit is a limit that an account sets for itself. blotter stores limits; it does not enforce them yet.
type RiskLimit struct {
	AccountID    string    `db:"account_id"`
	LimitType    string    `db:"limit_type"`
	LimitValue   Decimal   `db:"limit_value"`
	CurrentValue Decimal   `db:"current_value"`
	IsActive     bool      `db:"is_active"`
	Version      int64     `db:"version,version"`
	CreatedAt    time.Time `db:"created_at,generated"`
	UpdatedAt    time.Time `db:"updated_at,stamp"`
}

// RiskEvent is an event that concerns the risk of an account.
type RiskEvent struct {
	AccountID  string          `db:"account_id"`
	EventID    string          `db:"event_id"`
	EventType  string          `db:"event_type"`
	Severity   string          `db:"severity,omitzero"` // "info" (default), "warning", "critical"
	Message    string          `db:"message"`
	Data       json.RawMessage `db:"data,omitzero"` // default {}
	Timestamp  time.Time       `db:"timestamp,omitzero"`
	ResolvedAt *time.Time      `db:"resolved_at"`
}
