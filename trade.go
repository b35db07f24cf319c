package blotter

import "time"

// PositionEffect is what a fill did to its position.
type PositionEffect string

// The position effects.
const (
	Opened    PositionEffect = "open"
	Increased PositionEffect = "increase"
	Reduced   PositionEffect = "reduce"
	Closed    PositionEffect = "close"
	Flipped   PositionEffect = "flip"
)

// Trade is one fill. Its key is (AccountID, TradeID, Symbol, Side): exchanges number trades per symbol, and give both
// sides of a self-trade one number. Trades are append-only.
type Trade struct {
	ID                 int64          `db:"id,generated"` // the book's order
	AccountID          string         `db:"account_id"`
	TradeID            string         `db:"trade_id"`
	OrderID            string         `db:"order_id,nullzero"` // "" for a fill that we did not order
	Symbol             string         `db:"symbol"`
	Side               Side           `db:"side"`
	Quantity           Decimal        `db:"quantity"`
	Price              Decimal        `db:"price"`
	Multiplier         Decimal        `db:"multiplier,omitzero"`          // default 1
	Currency           string         `db:"currency,omitzero"`            // of the price; default the position's, else the instrument's
	Commission         Decimal        `db:"commission"`                   // negative for a rebate
	CommissionCurrency string         `db:"commission_currency,omitzero"` // default Currency; in another one it is no part of the position's fees
	RealizedPnL        Decimal        `db:"realized_pnl"`                 // of this fill, before fees
	PositionEffect     PositionEffect `db:"position_effect"`
	Strategy           string         `db:"strategy"`
	ExecutedAt         time.Time      `db:"executed_at"`
	SettlementDate     *time.Time     `db:"settlement_date"`
	CreatedAt          time.Time      `db:"created_at,generated"`
	XID                uint64         `db:"xid,generated"` // the transaction that wrote it

	// The position after this fill.
	QuantityAfter    Decimal `db:"quantity_after"`
	CostBasisAfter   Decimal `db:"cost_basis_after"`
	RealizedPnLAfter Decimal `db:"realized_pnl_after"`
	FeesAfter        Decimal `db:"fees_after"`
}
