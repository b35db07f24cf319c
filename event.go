package blotter

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"
)

// The channels of the outbox, and the types of the events on them that blotter itself writes.
const (
	ChannelTrades     = "trades"
	ChannelPositions  = "positions"
	ChannelMarketData = "market_data"

	TradeExecuted     = "trade_executed"      // a fill was booked; it carries the trade, and the position after it
	TradeUndone       = "trade_undone"        // a fill was taken out of the book; it carries the trade, and the position before it
	PositionUpdated   = "position_updated"    // what a fill made of its position
	MarketDataUpdated = "market_data_updated" // bars of a symbol were imported, or a price is known
)

// The services whose events the library writes. Nobody else may call itself so.
const (
	ServiceExecution     = "execution"
	ServiceDataIngestion = "data_ingestion"
)

// EventTextMax is the most characters of an event's channel, key, type and service.
const EventTextMax = 50

// EventDataMax is the most bytes that the data of an event has.
const EventDataMax = 64 << 10

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

// Check reports as ErrInvalid an event that the outbox does not take.
func (e Event) Check() error {
	if e.AccountID != "" {
		if err := CheckAccountID(e.AccountID); err != nil {
			return err
		}
	}
	if err := checkTexts([]textField{
		{"channel", e.Channel, 1, EventTextMax},
		{"key", e.Key, 1, EventTextMax},
		{"type", e.Type, 1, EventTextMax},
		{"service", e.Service, 1, EventTextMax},
		{"correlation_id", e.CorrelationID, 0, 100},
	}); err != nil {
		return err
	}
	switch {
	case e.AccountID != "" && e.Key != e.AccountID:
		return Invalid("key", e.Key, "the account, "+e.AccountID+": under another's key its events could be held up")
	case e.V < 1:
		return Invalid("v", e.V, "1 or more, the version of the data's schema")
	case len(e.Data) > EventDataMax:
		return Invalid("data", fmt.Sprint(len(e.Data), " bytes"), fmt.Sprint("at most ", EventDataMax, " bytes"))
	case !json.Valid(e.Data):
		return Invalid("data", string(e.Data[:min(len(e.Data), 100)]), "JSON")
	case bytes.Contains(e.Data, []byte(`\u0000`)):
		return Invalid("data", "text with NUL", "JSON without \\u0000, which PostgreSQL does not store")
	}
	return e.CheckIdentity()
}

// EventCursor is how far a consumer of the outbox has come.
type EventCursor struct {
	Consumer         string     `db:"consumer"`
	SnapDone         string     `db:"snap_done"`            // pg_snapshot: what was consumed
	SnapTarget       string     `db:"snap_target,nullzero"` // pg_snapshot: the window being read; "" between windows
	PosDone          int64      `db:"pos_done"`             // of the window
	Applied          int64      `db:"applied"`              // events consumed, a dense count
	Epoch            int64      `db:"epoch"`                // of the numbers under which they were published
	SystemIdentifier string     `db:"system_identifier"`    // of the cluster whose outbox it is, and its timeline
	UpdatedAt        time.Time  `db:"updated_at,stamp"`
	ExpiredAt        *time.Time `db:"expired_at"` // since when it no longer keeps the outbox; nil for a live one
	Witness          string     `db:"witness"`    // mark that the cursor left with its outbox, where that is elsewhere
}

// EventWitness is the last mark of a lineage, by which a consumer whose cursor is elsewhere recognises that the outbox has
// everything that it has consumed.
type EventWitness struct {
	Lineage          [16]byte  `db:"lineage"`
	Consumer         string    `db:"consumer"`
	Number           int64     `db:"number"` // of the mark, from 1
	Token            [16]byte  `db:"token"`
	SystemIdentifier string    `db:"system_identifier"` // of the server that wrote it, and its timeline
	UpdatedAt        time.Time `db:"updated_at,stamp"`
}

// EventBatch is a batch that the Redis relay published: what a lost tail is refilled from.
type EventBatch struct {
	Channel    string    `db:"channel"`
	Epoch      int64     `db:"epoch"`
	FirstSeq   int64     `db:"first_seq"`
	Events     int64     `db:"events"`
	SnapDone   string    `db:"snap_done"`
	SnapTarget string    `db:"snap_target"`
	PosFrom    int64     `db:"pos_from"` // its events are those of the window beyond this
	PosTo      int64     `db:"pos_to"`   // the last one's
	CreatedAt  time.Time `db:"created_at,generated"`
}

// Published is a message of another service that is in the outbox.
type Published struct {
	AccountID string    `db:"account_id"` // "" for what is of no account
	EventID   [16]byte  `db:"event_id"`
	Digest    []byte    `db:"digest"` // SHA-256 of its content
	CreatedAt time.Time `db:"created_at,generated"`
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
	AskedAt    *time.Time `db:"asked_at"` // when somebody asked to try the key again; nil where nobody has
}
