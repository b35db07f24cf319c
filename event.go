package blotter

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"time"
)

// The channels of the outbox, and the types of the events that blotter itself writes to them.
const (
	ChannelTrades     = "trades"
	ChannelPositions  = "positions"
	ChannelMarketData = "market_data"

	TradeExecuted     = "trade_executed"      // a trade was booked; see TradeData
	TradeUndone       = "trade_undone"        // a trade was taken out of the book; see UndoneTradeData
	TradesRefolded    = "trades_refolded"     // what follows from a position's entries changed; see RefoldData
	TradeCorrected    = "trade_corrected"     // a trade was cancelled or restated; see CorrectionData
	PositionAdjusted  = "position_adjusted"   // a split, a transfer or the like; see AdjustmentData
	PositionUpdated   = "position_updated"    // a trade changed its position; see PositionUpdate
	MarketDataUpdated = "market_data_updated" // bars of a symbol or its price changed; see PriceData
)

// The services whose events the library writes. No other service may use these names.
const (
	ServiceExecution     = "execution"
	ServiceDataIngestion = "data_ingestion"
)

const (
	// EventTextMax is the maximum length of an event's channel, key, type and service in characters.
	EventTextMax = 50
	// EventDataMax is the maximum size of an event's data in bytes.
	EventDataMax = 64 << 10

	correlationLengthMax = 100 // characters
)

// bookTypes are the types of events that only the book writes. The trigger outbox_is_what_it_says of events.outbox has
// the same list.
var bookTypes = []string{
	TradeExecuted, TradeUndone, TradesRefolded, TradeCorrected, PositionAdjusted, PositionUpdated,
}

// BookEvents returns the types of events that only the book writes.
func BookEvents() []string { return slices.Clone(bookTypes) }

// IsBookEvent reports whether only the book writes events of the type.
func IsBookEvent(kind string) bool { return slices.Contains(bookTypes, kind) }

// Event is one row of the outbox: something that a committed transaction did.
type Event struct {
	Pos           int64           `db:"pos,generated"`
	AccountID     string          `db:"account_id,nullzero"` // "" for market data
	XID           uint64          `db:"xid,generated"`
	Channel       string          `db:"channel"`
	Key           string          `db:"key"`      // account, or symbol for market data; events of a key stay in order
	EventID       [16]byte        `db:"event_id"` // UUID version 7
	Type          string          `db:"type"`
	V             int16           `db:"v,omitzero"` // version of the data's schema; default 1
	Service       string          `db:"service"`
	CorrelationID string          `db:"correlation_id"`
	CreatedAt     time.Time       `db:"created_at,generated"`
	Data          json.RawMessage `db:"data"` // money as decimal strings
}

// Check returns ErrInvalid for an event that the outbox does not take.
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
		{"correlation_id", e.CorrelationID, 0, correlationLengthMax},
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

// CheckIdentity returns ErrInvalid for an event whose data contradicts its account. The account and the key of an event
// say whose it is, because the database guards them; its writer chooses the data. An event of the book belongs to the
// account that its data names, and an event of market data to none.
func (e *Event) CheckIdentity() error {
	switch {
	case e.AccountID != "" && e.IsMarketData():
		return Invalid("account_id", e.AccountID, "none: only services publish market data (WithAllAccounts)")
	case !IsBookEvent(e.Type):
		return nil
	}

	var data struct {
		AccountID string `json:"account_id"`
	}
	_ = json.Unmarshal(e.Data, &data) // data of another shape names no account
	if e.AccountID == "" || data.AccountID != e.AccountID {
		return Invalid("data.account_id", data.AccountID, "the account of the event, "+e.AccountID)
	}

	return nil
}

// IsMarketData reports whether the event is about prices, by its type or its channel. Such an event belongs to no
// account.
func (e *Event) IsMarketData() bool {
	return e.Channel == ChannelMarketData || e.Type == MarketDataUpdated
}

// EventCursor says how far a consumer has read the outbox.
type EventCursor struct {
	Consumer         string     `db:"consumer"`
	SnapDone         string     `db:"snap_done"`            // pg_snapshot: what it has consumed
	SnapTarget       string     `db:"snap_target,nullzero"` // pg_snapshot: the window that it reads; "" between windows
	PosDone          int64      `db:"pos_done"`             // of the window
	Applied          int64      `db:"applied"`              // events consumed, a dense count
	Epoch            int64      `db:"epoch"`                // of the numbers under which they were published
	SystemIdentifier string     `db:"system_identifier"`    // of the cluster whose outbox it reads, and its timeline
	UpdatedAt        time.Time  `db:"updated_at,stamp"`
	ExpiredAt        *time.Time `db:"expired_at"` // since then the outbox no longer waits for it; nil if it does
	Witness          string     `db:"witness"`    // mark that it left in the outbox of another database
}

// EventWitness is the last mark of a lineage. By it a consumer whose cursor is in another database recognises that the
// outbox contains everything that it has consumed.
type EventWitness struct {
	Lineage          [16]byte  `db:"lineage"`
	Consumer         string    `db:"consumer"`
	Number           int64     `db:"number"` // of the mark, from 1
	Token            [16]byte  `db:"token"`
	SystemIdentifier string    `db:"system_identifier"` // of the server that wrote it, and its timeline
	UpdatedAt        time.Time `db:"updated_at,stamp"`
}

// EventBatch is a batch that the relay published to Redis. A lost tail is refilled from it.
type EventBatch struct {
	Channel    string    `db:"channel"`
	Epoch      int64     `db:"epoch"`
	FirstSeq   int64     `db:"first_seq"`
	Events     int64     `db:"events"`
	SnapDone   string    `db:"snap_done"`
	SnapTarget string    `db:"snap_target"`
	PosFrom    int64     `db:"pos_from"` // its events are those of the window after this position
	PosTo      int64     `db:"pos_to"`   // position of its last event
	CreatedAt  time.Time `db:"created_at,generated"`
}

// Published is a message of another service that is in the outbox.
type Published struct {
	AccountID string    `db:"account_id"` // "" if it belongs to no account
	EventID   [16]byte  `db:"event_id"`
	Digest    []byte    `db:"digest"` // SHA-256 of its content
	CreatedAt time.Time `db:"created_at,generated"`
}

// DeadLetter is an event that a consumer could not apply, or one that is parked behind it.
type DeadLetter struct {
	Consumer   string     `db:"consumer"`
	Pos        int64      `db:"pos"`
	AccountID  string     `db:"account_id,nullzero"`
	Key        string     `db:"key"`
	Error      string     `db:"error"`
	CreatedAt  time.Time  `db:"created_at,generated"`
	ResolvedAt *time.Time `db:"resolved_at"`
	AskedAt    *time.Time `db:"asked_at"` // when somebody asked to try the key again; nil if nobody has
}
