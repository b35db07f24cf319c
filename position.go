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
	Multiplier  Decimal    `db:"multiplier,omitzero"`  // default 1; one a position
	Currency    string     `db:"currency,omitzero"`    // of its money; one a position
	Version     int64      `db:"version,version"`      //
	OpenedAt    *time.Time `db:"opened_at"`            // when the present life began; nil when flat
	MaxQuantity Decimal    `db:"max_quantity"`         // the largest, either way, of the present life
	LifePnL     Decimal    `db:"life_pnl"`             // realized in the present life, before fees
	LifeFees    Decimal    `db:"life_fees"`            // of the present life
	LifeTrades  int64      `db:"life_trades"`          // of the present life
	Strategy    string     `db:"strategy"`             // of the trade that began the present life
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
	Multiplier    Decimal    `db:"multiplier"`
	Currency      string     `db:"currency"`
	OtherFees     TradeFees  `db:"other_fees,generated"` // in other currencies than the position's, which Fees leaves out
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
