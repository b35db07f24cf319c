package blotter

import (
	"encoding/json"
	"time"
)

// Event is one row of the outbox: something that a committed transaction did.
type Event struct {
	Pos           int64           `db:"pos,generated"`
	AccountID     string          `db:"account_id,nullzero"` // "" for market data
	XID           uint64          `db:"xid,generated"`
	Channel       string          `db:"channel"`
	Key           string          `db:"key"`      // account, or symbol for market data: what order is kept within
	EventID       [16]byte        `db:"event_id"` // UUID version 7
	Type          string          `db:"type"`
	V             int16           `db:"v,omitzero"` // version of the data's schema; default 1
	Service       string          `db:"service"`
	CorrelationID string          `db:"correlation_id"`
	CreatedAt     time.Time       `db:"created_at,generated"`
	Data          json.RawMessage `db:"data"` // money as decimal strings
}

// EventCursor is how far a consumer of the outbox has come.
type EventCursor struct {
	Consumer         string    `db:"consumer"`
	SnapDone         string    `db:"snap_done"`            // pg_snapshot: what was consumed
	SnapTarget       string    `db:"snap_target,nullzero"` // pg_snapshot: the window being read; "" between windows
	PosDone          int64     `db:"pos_done"`
	Applied          int64     `db:"applied"` // events consumed, a dense count
	Epoch            int64     `db:"epoch"`
	SystemIdentifier string    `db:"system_identifier"`
	UpdatedAt        time.Time `db:"updated_at,stamp"`
}

// EventBatch is a batch that the Redis relay published: what a lost tail is refilled from.
type EventBatch struct {
	Channel    string    `db:"channel"`
	FirstSeq   int64     `db:"first_seq"`
	Events     int64     `db:"events"`
	SnapDone   string    `db:"snap_done"`
	SnapTarget string    `db:"snap_target"`
	PosFrom    int64     `db:"pos_from"`
	CreatedAt  time.Time `db:"created_at,generated"`
}

// DeadLetter is an event that a consumer could not apply, or one parked behind it.
type DeadLetter struct {
	Consumer   string     `db:"consumer"`
	Pos        int64      `db:"pos"`
	AccountID  string     `db:"account_id,nullzero"`
	Key        string     `db:"key"`
	Error      string     `db:"error"`
	CreatedAt  time.Time  `db:"created_at,generated"`
	ResolvedAt *time.Time `db:"resolved_at"`
}
