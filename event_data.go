package blotter

import "time"

// TradeData is the data of the event TradeExecuted, version 1: a fill, and the position after it.
type TradeData struct {
	TradeID            string         `json:"trade_id"`
	OrderID            string         `json:"order_id,omitempty"`
	AccountID          string         `json:"account_id"`
	Symbol             string         `json:"symbol"`
	Side               Side           `json:"side"`
	Quantity           Decimal        `json:"quantity"`
	Price              Decimal        `json:"price"`
	Multiplier         Decimal        `json:"multiplier"`
	Currency           string         `json:"currency"`
	Commission         Decimal        `json:"commission"`
	CommissionCurrency string         `json:"commission_currency"`
	OtherFees          TradeFees      `json:"other_fees,omitempty"`
	RealizedPnL        Decimal        `json:"realized_pnl"` // of this fill, before fees
	PositionEffect     PositionEffect `json:"position_effect"`
	Strategy           string         `json:"strategy"`
	ExecutedAt         EventTime      `json:"executed_at"`
	Position           PositionData   `json:"position"`
}

// UndoneTradeData is the data of the event TradeUndone, version 1: the fill as it was booked, with the position after it, and
// the position before it, which is what the book has again.
type UndoneTradeData struct {
	TradeData
	PositionBefore PositionData `json:"position_before"`
	BookID         int64        `json:"book_id"` // of the trade's row: the book's order
	XID            uint64       `json:"xid"`     // the transaction that booked it
}

// PositionData is a position after a fill.
type PositionData struct {
	Quantity    Decimal `json:"quantity"` // negative for a short position
	CostBasis   Decimal `json:"cost_basis"`
	RealizedPnL Decimal `json:"realized_pnl"` // of all its fills, before fees
	Fees        Decimal `json:"fees"`
}

// PriceData is the data of the event MarketDataUpdated, version 1: which bars of a symbol changed, and its last price.
type PriceData struct {
	Symbol   string     `json:"symbol"`
	Inserted int64      `json:"inserted"`
	Updated  int64      `json:"updated"`
	From     *EventTime `json:"from,omitempty"`
	To       *EventTime `json:"to,omitempty"`
	Price    *Decimal   `json:"price"` // nil where none is known
	PriceAt  *EventTime `json:"price_at"`
	Source   string     `json:"source"`
	Currency string     `json:"currency,omitempty"` // of the price; "" is USD

	// Correction is "" for news. A price that is set replaces the last one, whatever its time; one that is forgotten leaves
	// none.
	Correction PriceCorrection `json:"correction,omitempty"`
}

// PriceCorrection says how a price takes back the one before it.
type PriceCorrection string

// The corrections of prices.
const (
	PriceSet       PriceCorrection = "set"
	PriceForgotten PriceCorrection = "forget"
)

// EventTime is an instant as events carry it: UTC, to the microsecond, RFC 3339.
type EventTime time.Time

const eventTimeLayout = "2006-01-02T15:04:05.000000Z"

// Time is the instant.
func (t EventTime) Time() time.Time { return time.Time(t) }

// String is the instant as events carry it.
func (t EventTime) String() string { return time.Time(t).UTC().Format(eventTimeLayout) }

// MarshalText is String.
func (t EventTime) MarshalText() ([]byte, error) { return []byte(t.String()), nil }

// UnmarshalText reads any RFC 3339 instant.
func (t *EventTime) UnmarshalText(text []byte) error {
	at, err := time.Parse(time.RFC3339Nano, string(text))
	if err != nil {
		return Invalid("time", string(text), "an RFC 3339 instant")
	}
	*t = EventTime(at.UTC())
	return nil
}

// UndoneData returns what the event of a trade carries that is taken out of the book.
func (t *Trade) UndoneData(before PositionData) UndoneTradeData {
	return UndoneTradeData{TradeData: t.EventData(), PositionBefore: before, BookID: t.ID, XID: t.XID}
}

// EventData is what the event of a booked trade carries.
func (t *Trade) EventData() TradeData {
	return TradeData{
		TradeID: t.TradeID, OrderID: t.OrderID, AccountID: t.AccountID, Symbol: t.Symbol, Side: t.Side, Quantity: t.Quantity, Price: t.Price,
		Multiplier: t.Multiplier, Currency: t.Currency, Commission: t.Commission, CommissionCurrency: t.CommissionCurrency,
		OtherFees: t.OtherFees, RealizedPnL: t.RealizedPnL, PositionEffect: t.PositionEffect, Strategy: t.Strategy, ExecutedAt: EventTime(t.ExecutedAt),
		Position: PositionData{t.QuantityAfter, t.CostBasisAfter, t.RealizedPnLAfter, t.FeesAfter},
	}
}
