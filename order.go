package blotter

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"time"
)

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

// OrderStatus is the state of an order.
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

// OrderStatuses returns all statuses in the order in which an order passes through them.
func OrderStatuses() []OrderStatus {
	return []OrderStatus{Pending, Submitted, PartiallyFilled, Filled, Cancelled, Rejected, Expired}
}

// Valid reports whether s is one of the statuses.
func (s OrderStatus) Valid() bool { return slices.Contains(OrderStatuses(), s) }

// transitions lists the statuses that an order may change to other than by a fill (FIX 5.0, Order State Changes,
// without the pending states of a venue's protocol). A status without an entry is final.
var transitions = map[OrderStatus][]OrderStatus{
	Pending:         {Submitted, Cancelled, Rejected, Expired},
	Submitted:       {Cancelled, Rejected, Expired},
	PartiallyFilled: {Cancelled, Expired},
}

// ErrOverfill is the cause of the ErrInvalid for a trade of more than its order has open.
var ErrOverfill = errors.New("overfill")

// Maximum lengths of texts in characters.
const (
	strategyLengthMax = 100
	sessionLengthMax  = 100
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
	Adopted        bool        `db:"adopted"` // created from a fill that arrived before its order
	Version        int64       `db:"version,version"`
	CreatedAt      time.Time   `db:"created_at,generated"`
	UpdatedAt      time.Time   `db:"updated_at,stamp"`
}

// New returns o with the defaults of a new order: a pending market order for the day. It returns ErrInvalid for an
// order that Check refuses, and for a status or a quantity that only fills give an order.
func (o Order) New() (Order, error) {
	o.OrderType = cmp.Or(o.OrderType, Market)
	o.TimeInForce = cmp.Or(o.TimeInForce, Day)
	o.Status = cmp.Or(o.Status, Pending)

	switch {
	case o.Status == PartiallyFilled || o.Status == Filled || !o.FilledQuantity.IsZero():
		return o, Invalid("status", string(o.Status), "one without fills: booking trades fills an order")
	case o.Status != Pending && !slices.Contains(transitions[Pending], o.Status):
		return o, Invalid("status", string(o.Status), "one of the order statuses")
	}

	o.FilledNotional = Decimal{}
	o.AvgFillPrice = nil
	o.Adopted = false
	return o, o.Check()
}

// Check returns ErrInvalid for an order that no account can have.
func (o Order) Check() error {
	if err := CheckAccountID(o.AccountID); err != nil {
		return err
	}
	if err := checkTexts([]textField{
		{"order_id", o.OrderID, 1, IDLengthMax},
		{"symbol", o.Symbol, 1, SymbolLengthMax},
		{"strategy", o.Strategy, 0, strategyLengthMax},
		{"session_id", o.SessionID, 0, sessionLengthMax},
	}); err != nil {
		return err
	}

	switch {
	case o.Side != Buy && o.Side != Sell:
		return Invalid("side", string(o.Side), "buy or sell")
	case o.Quantity.Sign() <= 0:
		return Invalid("quantity", o.Quantity, "a number above 0")
	case !slices.Contains([]OrderType{"", Market, Limit, Stop, StopLimit}, o.OrderType):
		return Invalid("order_type", string(o.OrderType), "market, limit, stop or stop_limit")
	case !slices.Contains([]TimeInForce{"", Day, GoodTillCancelled, ImmediateOrCancel, FillOrKill}, o.TimeInForce):
		return Invalid("time_in_force", string(o.TimeInForce), "day, gtc, ioc or fok")
	case (o.OrderType == Limit || o.OrderType == StopLimit) && o.Price == nil:
		return &Error{Kind: ErrInvalid, Message: "a " + string(o.OrderType) + " order needs a price"}
	case (o.OrderType == Stop || o.OrderType == StopLimit) && o.StopPrice == nil:
		return &Error{Kind: ErrInvalid, Message: "a " + string(o.OrderType) + " order needs a stop price"}
	}

	return nil
}

// Done reports whether the order is closed. A fill may still arrive late.
func (o Order) Done() bool { return len(transitions[o.Status]) == 0 }

// Open returns the quantity that is not filled yet.
func (o Order) Open() Decimal { return o.Quantity.Sub(o.FilledQuantity) }

// WithFill returns o with t applied. A late fill of an order that is cancelled, rejected or expired counts, and
// leaves its status as it is. WithFill returns ErrInvalid for a trade of another order, symbol or side, and for one
// of more than is open unless overfill allows it; the cause of the latter is ErrOverfill.
func (o Order) WithFill(t Trade, overfill bool) (Order, error) {
	switch {
	case t.AccountID != o.AccountID || t.OrderID != o.OrderID:
		return o, Invalid("order_id", t.OrderID, "the order's, "+o.OrderID)
	case t.Symbol != o.Symbol:
		return o, Invalid("symbol", t.Symbol, "the order's, "+o.Symbol)
	case t.Side != o.Side:
		return o, Invalid("side", string(t.Side), "the order's, "+string(o.Side))
	case !overfill && t.Quantity.GreaterThan(o.Open()):
		err := Invalid("quantity", t.Quantity, fmt.Sprintf("at most %s, the open quantity of order %s", o.Open(),
			o.OrderID))
		err.Err = ErrOverfill
		return o, err
	}

	o.FilledQuantity = o.FilledQuantity.Add(t.Quantity)
	o.FilledNotional = o.FilledNotional.Add(t.Quantity.Mul(t.Price))
	average := quotient(o.FilledNotional, o.FilledQuantity)
	o.AvgFillPrice = &average

	switch {
	case o.Done() && o.Status != Filled:
	case o.Open().Sign() > 0:
		o.Status = PartiallyFilled
	default:
		o.Status = Filled
	}

	return o, nil
}

// WithStatus returns o with the given status. It returns ErrInvalid for a transition that is not legal. Only a fill
// makes an order partially filled or filled.
func (o Order) WithStatus(to OrderStatus) (Order, error) {
	if o.Status == to || slices.Contains(transitions[o.Status], to) {
		o.Status = to
		return o, nil
	}

	allowed := "no other, because it is " + string(o.Status)
	if list := transitions[o.Status]; len(list) > 0 {
		allowed = fmt.Sprintf("one that may follow %s: %v", o.Status, list)
	}

	return o, Invalid("status", string(to), allowed)
}

// Amend returns o with the amendable fields of changed: quantity, price, stop price, time in force, status, strategy
// and session. It returns ErrInvalid for another symbol, side or type, for a quantity below what is filled, for a
// status that may not follow, and for any change of an order that is done.
func (o Order) Amend(changed Order) (Order, error) {
	switch {
	case changed.Symbol != o.Symbol:
		return o, Invalid("symbol", changed.Symbol, "the order's, "+o.Symbol)
	case changed.Side != o.Side:
		return o, Invalid("side", string(changed.Side), "the order's, "+string(o.Side))
	case cmp.Or(changed.OrderType, o.OrderType) != o.OrderType:
		return o, Invalid("order_type", string(changed.OrderType), "the order's, "+string(o.OrderType))
	case changed.Quantity.LessThan(o.FilledQuantity):
		return o, Invalid("quantity", changed.Quantity,
			fmt.Sprintf("at least the filled quantity, %s", o.FilledQuantity))
	case o.Done() && len(changed.Differences(o)) > 0:
		allowed := fmt.Sprintf("no change of its %v, because it is %s", changed.Differences(o), o.Status)
		return o, Invalid("order", o.OrderID, allowed)
	}

	amended, err := o.WithStatus(cmp.Or(changed.Status, o.Status))
	if err != nil {
		return o, err
	}

	amended.Quantity = changed.Quantity
	amended.Price = changed.Price
	amended.StopPrice = changed.StopPrice
	amended.TimeInForce = cmp.Or(changed.TimeInForce, o.TimeInForce)
	amended.Strategy = changed.Strategy
	amended.SessionID = changed.SessionID

	if amended.Status == PartiallyFilled && amended.Open().IsZero() {
		amended.Status = Filled
	}

	return amended, amended.Check()
}

// Adopt returns o, an order that was created from its fills, with everything that the known order says, and the fills
// of o. It returns ErrInvalid for another symbol or side.
func (o Order) Adopt(known Order) (Order, error) {
	if known.Symbol != o.Symbol || known.Side != o.Side {
		return o, Invalid("order", known.OrderID, fmt.Sprintf("one to %s %s, as its fills do", o.Side, o.Symbol))
	}

	o.OrderType = cmp.Or(known.OrderType, Market)
	o.TimeInForce = cmp.Or(known.TimeInForce, Day)
	o.Quantity = known.Quantity
	o.Price = known.Price
	o.StopPrice = known.StopPrice
	o.Strategy = known.Strategy
	o.SessionID = known.SessionID
	o.Adopted = false

	if o.Status == Filled && o.Open().Sign() > 0 {
		o.Status = PartiallyFilled
	}

	return o, nil
}

// Differences returns the names of the fields in which o, with the defaults of a new order, differs from the stored
// order of the same key.
func (o Order) Differences(stored Order) (fields []string) {
	add := func(name string, differs bool) {
		if differs {
			fields = append(fields, name)
		}
	}

	differs := func(a, b *Decimal) bool { return (a == nil) != (b == nil) || a != nil && !a.Equal(*b) }

	add("symbol", o.Symbol != stored.Symbol)
	add("side", o.Side != stored.Side)
	add("order_type", cmp.Or(o.OrderType, Market) != stored.OrderType)
	add("quantity", !o.Quantity.Equal(stored.Quantity))
	add("price", differs(o.Price, stored.Price))
	add("stop_price", differs(o.StopPrice, stored.StopPrice))
	add("time_in_force", cmp.Or(o.TimeInForce, Day) != stored.TimeInForce)
	add("strategy", o.Strategy != stored.Strategy)
	add("session_id", o.SessionID != stored.SessionID)
	return fields
}
