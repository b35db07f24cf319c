package blotter

import (
	"encoding/json"
	"time"
)

// Strategy is a set of rules by which an account trades.
type Strategy struct {
	StrategyID  string          `db:"strategy_id"`
	Name        string          `db:"name"`
	Description string          `db:"description"`
	Parameters  json.RawMessage `db:"parameters,omitzero"` // default {}
	Status      string          `db:"status,omitzero"`     // "active" (default), "paused", "retired"
	Version     int64           `db:"version,version"`
	CreatedAt   time.Time       `db:"created_at,generated"`
	UpdatedAt   time.Time       `db:"updated_at,stamp"`
}

// StrategySignal is what a strategy wanted to do at one moment.
type StrategySignal struct {
	SignalID   string    `db:"signal_id"`
	StrategyID string    `db:"strategy_id"`
	Symbol     string    `db:"symbol"`
	SignalType string    `db:"signal_type"` // "buy", "sell", "hold", "close"
	Confidence *Decimal  `db:"confidence"`  // 0 to 1
	Price      *Decimal  `db:"price"`
	Quantity   *Decimal  `db:"quantity"`
	Timestamp  time.Time `db:"timestamp"`
	CreatedAt  time.Time `db:"created_at,generated"`
}
