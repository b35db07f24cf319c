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

// OrderStatuses are all statuses, in the order in which a life passes them.
func OrderStatuses() []OrderStatus {
	return []OrderStatus{Pending, Submitted, PartiallyFilled, Filled, Cancelled, Rejected, Expired}
}

// Valid reports whether it is one of the statuses.
func (s OrderStatus) Valid() bool { return slices.Contains(OrderStatuses(), s) }

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

// transitions are the statuses that an order may go to, other than by a fill (FIX 5.0, Order State Changes, without the
// pending states of a venue's protocol). What is not in it is an end.
var transitions = map[OrderStatus][]OrderStatus{
	Pending:         {Submitted, Cancelled, Rejected, Expired},
	Submitted:       {Cancelled, Rejected, Expired},
	PartiallyFilled: {Cancelled, Expired},
}

// Done reports that the order works no more. A fill may still arrive late.
func (o Order) Done() bool { return len(transitions[o.Status]) == 0 }

// Open is the quantity that is not filled yet.
func (o Order) Open() Decimal { return o.Quantity.Sub(o.FilledQuantity) }

// SetStatus is the order in another status. A fill alone makes an order partially filled or filled; a transition that
// is not legal is ErrInvalid.
func (o Order) SetStatus(to OrderStatus) (Order, error) {
	if o.Status == to || slices.Contains(transitions[o.Status], to) {
		o.Status = to
		return o, nil
	}
	allowed := "no other: it is " + string(o.Status)
	if list := transitions[o.Status]; len(list) > 0 {
		allowed = fmt.Sprintf("one that %s may become: %v", o.Status, list)
	}
	return o, Invalid("status", string(to), allowed)
}

// Amend is the order with what may change of it as changed has it: quantity, price, stop price, time in force, status,
// strategy and session. Errors are ErrInvalid: another symbol, side or type, a quantity below what is filled, a status
// that the order cannot go to, or any change of an order that is done.
func (o Order) Amend(changed Order) (Order, error) {
	switch {
	case changed.Symbol != o.Symbol:
		return o, Invalid("symbol", changed.Symbol, "the order's, "+o.Symbol)
	case changed.Side != o.Side:
		return o, Invalid("side", string(changed.Side), "the order's, "+string(o.Side))
	case cmp.Or(changed.OrderType, o.OrderType) != o.OrderType:
		return o, Invalid("order_type", string(changed.OrderType), "the order's, "+string(o.OrderType))
	case changed.Quantity.LessThan(o.FilledQuantity):
		return o, Invalid("quantity", changed.Quantity, fmt.Sprintf("at least %s, what is filled", o.FilledQuantity))
	case o.Done() && len(changed.Differences(o)) > 0:
		return o, Invalid("order", o.OrderID, fmt.Sprintf("no change of its %v: it is %s", changed.Differences(o), o.Status))
	}
	amended, err := o.SetStatus(cmp.Or(changed.Status, o.Status))
	if err != nil {
		return o, err
	}
	amended.Quantity, amended.Price, amended.StopPrice = changed.Quantity, changed.Price, changed.StopPrice
	amended.TimeInForce = cmp.Or(changed.TimeInForce, o.TimeInForce)
	amended.Strategy, amended.SessionID = changed.Strategy, changed.SessionID
	if amended.Status == PartiallyFilled && amended.Open().IsZero() {
		amended.Status = Filled
	}
	return amended, amended.Check()
}

// Adopt is an order that was made from its fills, now that the order itself is known: with all that it says, and the
// fills that came first. Errors are ErrInvalid: another symbol or side.
func (o Order) Adopt(known Order) (Order, error) {
	if known.Symbol != o.Symbol || known.Side != o.Side {
		return o, Invalid("order", known.OrderID, fmt.Sprintf("to %s %s, as its fills do", o.Side, o.Symbol))
	}
	o.OrderType, o.TimeInForce = cmp.Or(known.OrderType, Market), cmp.Or(known.TimeInForce, Day)
	o.Quantity, o.Price, o.StopPrice = known.Quantity, known.Price, known.StopPrice
	o.Strategy, o.SessionID, o.Adopted = known.Strategy, known.SessionID, false
	if o.Status == Filled && o.Open().Sign() > 0 {
		o.Status = PartiallyFilled
	}
	return o, nil
}

// ErrOverfill is the ErrInvalid of a trade for more than its order has open.
var ErrOverfill = errors.New("overfill")

// Fill is the order after a trade of it. A late fill on an order that was cancelled, rejected or has expired counts, and
// the order stays what it is. Errors are ErrInvalid: a trade of another order, symbol or side, and, as ErrOverfill too
// unless overfill allows it, one of more than is open.
func (o Order) Fill(t Trade, overfill bool) (Order, error) {
	switch {
	case t.AccountID != o.AccountID || t.OrderID != o.OrderID:
		return o, Invalid("order_id", t.OrderID, "the order's, "+o.OrderID)
	case t.Symbol != o.Symbol:
		return o, Invalid("symbol", t.Symbol, "the order's, "+o.Symbol)
	case t.Side != o.Side:
		return o, Invalid("side", string(t.Side), "the order's, "+string(o.Side))
	case !overfill && t.Quantity.GreaterThan(o.Open()):
		err := Invalid("quantity", t.Quantity, fmt.Sprintf("at most %s, what order %s has open", o.Open(), o.OrderID))
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

// New is the order as it is created: a market order for the day, pending, where it does not say otherwise. Errors are
// ErrInvalid: what Check refuses, and what only fills make of an order.
func (o Order) New() (Order, error) {
	o.OrderType, o.TimeInForce, o.Status = cmp.Or(o.OrderType, Market), cmp.Or(o.TimeInForce, Day), cmp.Or(o.Status, Pending)
	switch {
	case o.Status == PartiallyFilled || o.Status == Filled || !o.FilledQuantity.IsZero():
		return o, Invalid("status", string(o.Status), "one without fills: booking trades fills an order")
	case o.Status != Pending && !slices.Contains(transitions[Pending], o.Status):
		return o, Invalid("status", string(o.Status), "one of the order statuses")
	}
	o.FilledNotional, o.AvgFillPrice, o.Adopted = Decimal{}, nil, false
	return o, o.Check()
}

// Check reports as ErrInvalid what no order can be.
func (o Order) Check() error {
	if err := CheckAccountID(o.AccountID); err != nil {
		return err
	}
	if err := checkTexts([]textField{
		{"order_id", o.OrderID, 1, IDLengthMax},
		{"symbol", o.Symbol, 1, SymbolLengthMax},
		{"strategy", o.Strategy, 0, 100},
		{"session_id", o.SessionID, 0, 100},
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
		return Invalid("price", nil, "one, for the order is "+string(o.OrderType))
	case (o.OrderType == Stop || o.OrderType == StopLimit) && o.StopPrice == nil:
		return Invalid("stop_price", nil, "one, for the order is "+string(o.OrderType))
	}
	return nil
}

// Differences names the fields in which o, as it would be created, is unlike the stored order of the same key.
func (o Order) Differences(stored Order) (fields []string) {
	add := func(name string, differs bool) {
		if differs {
			fields = append(fields, name)
		}
	}
	price := func(a, b *Decimal) bool { return (a == nil) != (b == nil) || a != nil && !a.Equal(*b) }
	add("symbol", o.Symbol != stored.Symbol)
	add("side", o.Side != stored.Side)
	add("order_type", cmp.Or(o.OrderType, Market) != stored.OrderType)
	add("quantity", !o.Quantity.Equal(stored.Quantity))
	add("price", price(o.Price, stored.Price))
	add("stop_price", price(o.StopPrice, stored.StopPrice))
	add("time_in_force", cmp.Or(o.TimeInForce, Day) != stored.TimeInForce)
	add("strategy", o.Strategy != stored.Strategy)
	add("session_id", o.SessionID != stored.SessionID)
	return fields
}
