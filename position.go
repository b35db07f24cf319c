package blotter

import "time"

// Position is what an account holds of a symbol. Its key is (AccountID, Symbol).
type Position struct {
	AccountID   string     `db:"account_id"`
	Symbol      string     `db:"symbol"`
	Quantity    Decimal    `db:"quantity"`             // negative when short
	CostBasis   Decimal    `db:"cost_basis"`           // money tied in the open quantity
	AvgPrice    *Decimal   `db:"avg_price,generated"`  // derived, never the truth; nil when flat
	RealizedPnL Decimal    `db:"realized_pnl"`         // before fees
	Fees        Decimal    `db:"fees"`                 // negative when rebates outweigh them
	Multiplier  Decimal    `db:"multiplier,omitzero"`  // default 1
	Version     int64      `db:"version,version"`      //
	OpenedAt    *time.Time `db:"opened_at"`            // when the present life began; nil when flat
	LastUpdated time.Time  `db:"last_updated,stamp"`   //
	CreatedAt   time.Time  `db:"created_at,generated"` //
}

// PositionValue is a position at the last known price of its symbol.
type PositionValue struct {
	AccountID     string     `db:"account_id"`
	Symbol        string     `db:"symbol"`
	Quantity      Decimal    `db:"quantity"`
	CostBasis     Decimal    `db:"cost_basis"`
	AvgPrice      *Decimal   `db:"avg_price"`
	RealizedPnL   Decimal    `db:"realized_pnl"`
	Fees          Decimal    `db:"fees"`
	MarketPrice   *Decimal   `db:"market_price"` // nil where no price is known
	PriceAt       *time.Time `db:"price_at"`
	MarketValue   *Decimal   `db:"market_value"`
	UnrealizedPnL *Decimal   `db:"unrealized_pnl"`
}

// RoundTrip is one life of a position, from flat to flat (or to a flip).
type RoundTrip struct {
	ID          int64     `db:"id,generated"`
	AccountID   string    `db:"account_id"`
	Symbol      string    `db:"symbol"`
	OpenedAt    time.Time `db:"opened_at"`
	ClosedAt    time.Time `db:"closed_at"`
	MaxQuantity Decimal   `db:"max_quantity"`
	Gross       Decimal   `db:"gross"`
	Fees        Decimal   `db:"fees"`
	Net         Decimal   `db:"net,generated"`
	Strategy    string    `db:"strategy"`
	Trades      int64     `db:"trades"`
	CreatedAt   time.Time `db:"created_at,generated"`
}
