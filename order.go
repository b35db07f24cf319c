package blotter

import "time"

// Side of an order or a trade.
type Side string

// The sides.
const (
	Buy  Side = "buy"
	Sell Side = "sell"
)

// OrderType says how an order is priced.
type OrderType string

// The order types.
const (
	Market    OrderType = "market"
	Limit     OrderType = "limit"
	Stop      OrderType = "stop"
	StopLimit OrderType = "stop_limit"
)

// TimeInForce says how long an order works.
type TimeInForce string

// The times in force.
const (
	Day               TimeInForce = "day"
	GoodTillCancelled TimeInForce = "gtc"
	ImmediateOrCancel TimeInForce = "ioc"
	FillOrKill        TimeInForce = "fok"
)

// OrderStatus is where an order stands.
type OrderStatus string

// The order statuses.
const (
	Pending         OrderStatus = "pending"
	Submitted       OrderStatus = "submitted"
	PartiallyFilled OrderStatus = "partially_filled"
	Filled          OrderStatus = "filled"
	Cancelled       OrderStatus = "cancelled"
	Rejected        OrderStatus = "rejected"
	Expired         OrderStatus = "expired"
)

// Order is an instruction to buy or sell. Its key is (AccountID, OrderID).
type Order struct {
	ID             int64       `db:"id,generated"`
	AccountID      string      `db:"account_id"`
	OrderID        string      `db:"order_id"`
	Symbol         string      `db:"symbol"`
	Side           Side        `db:"side"`
	OrderType      OrderType   `db:"order_type,omitzero"` // default Market
	Quantity       Decimal     `db:"quantity"`
	Price          *Decimal    `db:"price"`
	StopPrice      *Decimal    `db:"stop_price"`
	TimeInForce    TimeInForce `db:"time_in_force,omitzero"` // default Day
	Status         OrderStatus `db:"status,omitzero"`        // default Pending
	FilledQuantity Decimal     `db:"filled_quantity"`
	FilledNotional Decimal     `db:"filled_notional"`          // sum of quantity x price of its fills
	AvgFillPrice   *Decimal    `db:"avg_fill_price,generated"` // nil until the first fill
	Strategy       string      `db:"strategy"`
	SessionID      string      `db:"session_id"`
	Adopted        bool        `db:"adopted"` // made from a fill that arrived before its order
	Version        int64       `db:"version,version"`
	CreatedAt      time.Time   `db:"created_at,generated"`
	UpdatedAt      time.Time   `db:"updated_at,stamp"`
}
