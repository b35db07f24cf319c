package postgres

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/blotterdb/blotter"
)

// decision is the result of a booking: a receipt for each trade, and the rows to be written. It is computed in memory,
// from the booking and the stored rows that its trades touch.
type decision struct {
	booking  *booking
	rows     *bookRows
	trades   []blotter.Trade // completed from their orders and instruments
	receipts []Receipt       // of each trade
	withheld bool            // under AllOrNothing, a trade cannot be booked: nothing is to be written

	applied    []int            // indexes of the trades to be written, in the book's order
	first      map[tradeKey]int // of each key, the index of the trade to be written
	orders     map[bookKey]*orderChange
	positions  map[bookKey]*positionChange
	roundTrips []*blotter.RoundTrip
	late       map[bookKey]time.Time // positions to be folded again, and since when
	refolds    []*refold             // of these positions, as refold computed them
}

// orderChange is an order as the trades leave it.
type orderChange struct {
	blotter.Order
	stored int64 // its version before; 0 for an order that the booking adopts
}

// positionChange is a position as the trades leave it.
type positionChange struct {
	blotter.Position
	stored int64 // its version before; 0 for a position that the booking opens
}

// newDecision begins a decision. It refuses trades with texts that no row can have: the server is not even asked about
// those. A trade without a time of execution is executed now.
func newDecision(b *booking, now time.Time) *decision {
	d := &decision{booking: b, trades: slices.Clone(b.trades), receipts: make([]Receipt, len(b.trades))}
	for i := range d.trades {
		t := &d.trades[i]
		if t.ExecutedAt.IsZero() {
			t.ExecutedAt = now
		}
		t.ExecutedAt = t.ExecutedAt.UTC().Truncate(time.Microsecond)
		if err := checkTexts(*t); err != nil {
			d.receipts[i] = d.refusal(i, err)
		}
	}
	return d
}

// checkTexts checks the texts of a trade. Its numbers, and the symbol and side that its order may give it, are checked
// later.
func checkTexts(t blotter.Trade) error {
	setDefault(&t.Symbol, "-")
	setDefault(&t.Side, blotter.Buy)
	t.Quantity = blotter.MustDecimal("1")
	t.Price = blotter.Decimal{}
	t.Multiplier = blotter.Decimal{}
	return t.Check()
}

// undecided returns the trades that are not refused yet.
func (d *decision) undecided() []*blotter.Trade {
	trades := make([]*blotter.Trade, 0, len(d.trades))
	for i := range d.trades {
		if d.receipts[i].Outcome == "" {
			trades = append(trades, &d.trades[i])
		}
	}
	return trades
}

// decide completes the decision: it applies the undecided trades to the stored rows, one after the other.
func (d *decision) decide(rows *bookRows) {
	d.rows = rows
	d.first = map[tradeKey]int{}
	d.orders = map[bookKey]*orderChange{}
	d.positions = map[bookKey]*positionChange{}
	for i := range d.trades {
		if d.receipts[i].Outcome == "" {
			d.receipts[i] = d.bookTrade(i)
		}
	}

	if d.booking.allOrNothing && firstError(d.receipts) != nil {
		d.withhold()
	}
}

// bookTrade applies trade i to its order and its position, unless it is refused or in the book already.
func (d *decision) bookTrade(i int) Receipt {
	t := &d.trades[i]
	key := keyOf(t)
	if first, found := d.first[key]; found {
		return d.duplicate(i, &d.trades[first], d.receipts[first].Order)
	}
	if stored, found := d.rows.trades[key]; found {
		return d.duplicate(i, &stored, d.currentOrder(t))
	}

	order, err := d.orderOf(i)
	if err != nil {
		return d.refusal(i, err)
	}
	if err := t.Check(); err != nil {
		return d.refusal(i, err)
	}
	position, err := d.positionOf(i)
	if err != nil {
		return d.refusal(i, err)
	}

	var filled blotter.Order
	if order != nil {
		if filled, err = order.fill(t, d.booking.options[i]); err != nil {
			return d.refusal(i, err)
		}
	}
	after, effect, err := position.Apply(*t)
	if err != nil {
		return d.refusal(i, err)
	}

	// From here on nothing fails.
	if position.IsLate(t.ExecutedAt, t.Sequence) {
		d.noteLate(t)
	}
	*t = t.WithEffect(after, effect)
	receipt := Receipt{Outcome: Applied, Trade: *t, Position: after}
	if order != nil {
		order.Order = filled
		d.orders[orderKey(&order.Order)] = order
		receipt.Order = new(filled)
	}
	position.Position = after
	d.positions[positionKey(&after)] = position
	if effect.Closed != nil {
		d.roundTrips = append(d.roundTrips, effect.Closed)
	}
	d.first[key] = i
	d.applied = append(d.applied, i)
	return receipt
}

// orderOf returns the order of trade i as the trades before it leave it, or nil for a trade without an order. It gives
// the trade the quantity and strategy of the order where they are missing.
func (d *decision) orderOf(i int) (*orderChange, error) {
	t := &d.trades[i]
	if t.OrderID == "" {
		return nil, nil
	}

	order := d.orders[bookKey{t.AccountID, t.OrderID}]
	if order == nil {
		stored := d.rows.orders[bookKey{t.AccountID, t.OrderID}]
		if stored == nil {
			return d.adoptOrder(i)
		}
		order = &orderChange{Order: *stored, stored: stored.Version}
	}

	if t.Quantity.IsZero() {
		t.Quantity = order.Open()
		if t.Quantity.Sign() <= 0 {
			err := blotter.Invalid("quantity", t.Quantity, "a quantity, because the order has nothing open")
			err.Err = blotter.ErrOverfill
			return nil, err
		}
	}
	t.Strategy = cmp.Or(t.Strategy, order.Strategy)
	return order, nil
}

// adoptOrder makes the order that trade i names, if AdoptOrder allows it.
func (d *decision) adoptOrder(i int) (*orderChange, error) {
	t := &d.trades[i]
	if d.booking.options[i]&AdoptOrder == 0 {
		return nil, &blotter.Error{
			Op: "execute trade " + t.TradeID, Kind: blotter.ErrNotFound,
			Message: fmt.Sprintf("there is no order %s; create it first, or adopt it from its fills", t.OrderID),
		}
	}

	o := blotter.Order{
		AccountID: t.AccountID, OrderID: t.OrderID, Symbol: t.Symbol, Side: t.Side, OrderType: blotter.Market,
		Quantity: t.Quantity, TimeInForce: blotter.Day, Status: blotter.Submitted, Strategy: t.Strategy, Adopted: true,
	}
	if err := o.Check(); err != nil {
		return nil, err
	}
	return &orderChange{Order: o}, nil
}

// fill returns the order with t applied. An adopted order grows with its trades: nothing else is known of it.
func (o *orderChange) fill(t *blotter.Trade, options ExecuteOption) (blotter.Order, error) {
	order := o.Order
	if order.Adopted && options&AdoptOrder != 0 && t.Quantity.GreaterThan(order.Open()) {
		order.Quantity = order.FilledQuantity.Add(t.Quantity)
	}
	return order.WithFill(*t, options&AllowOverfill != 0)
}

// currentOrder returns a copy of the trade's order as the trades so far leave it, or nil.
func (d *decision) currentOrder(t *blotter.Trade) *blotter.Order {
	key := bookKey{t.AccountID, t.OrderID}
	current := d.rows.orders[key]
	if changed := d.orders[key]; changed != nil {
		current = &changed.Order
	}
	if current == nil {
		return nil
	}
	order := *current
	return &order
}

// positionOf returns the position of trade i as the trades before it leave it. It gives the first trade of a position
// the multiplier and currency of the instrument where they are missing.
func (d *decision) positionOf(i int) (*positionChange, error) {
	t := &d.trades[i]
	if err := d.checkPrice(i); err != nil {
		return nil, err
	}

	key := bookKey{t.AccountID, t.Symbol}
	if changed := d.positions[key]; changed != nil {
		return changed, nil
	}
	if stored := d.rows.positions[key]; stored != nil {
		return &positionChange{Position: *stored, stored: stored.Version}, nil
	}

	instrument, known := d.rows.instruments[t.Symbol]
	if t.Multiplier.IsZero() && known {
		t.Multiplier = instrument.Multiplier
	}
	t.Currency = cmp.Or(t.Currency, statedCurrency(instrument), d.rows.currencies[t.AccountID])
	return &positionChange{}, nil
}

// checkPrice refuses a price below or at zero, unless the instrument or the option allows it.
func (d *decision) checkPrice(i int) error {
	t := &d.trades[i]
	if t.Price.Sign() > 0 || d.rows.instruments[t.Symbol].AllowsNegative {
		return nil
	}
	if t.Price.IsNeg() {
		return blotter.Invalid("price", t.Price, fmt.Sprintf(
			"a number above 0; \"blotter instruments set %s --allows-negative\" allows prices below 0", t.Symbol))
	}
	if d.booking.options[i]&AllowZeroPrice == 0 {
		return blotter.Invalid("price", t.Price,
			"a number above 0; AllowZeroPrice books what expired worthless or was given away")
	}
	return nil
}

// statedCurrency returns the currency that somebody stated for the instrument, or "". A default is not a statement: an
// import of bars creates instruments without knowing their currencies.
func statedCurrency(i blotter.Instrument) string {
	if i.Symbol == "" {
		return ""
	}
	if stated := i.Facts().Currency; stated != nil {
		return *stated
	}
	return ""
}

// duplicate returns the receipt of trade i, which has the key of a booked trade: with the same content, or with
// another.
func (d *decision) duplicate(i int, stored *blotter.Trade, order *blotter.Order) Receipt {
	given := d.booking.trades[i]
	if fields := given.Differences(*stored); len(fields) > 0 {
		return Receipt{Outcome: Conflict, Trade: given, Err: &blotter.Error{
			Op: "execute trade " + given.TradeID, Kind: blotter.ErrConflict,
			Message: "it is booked already, with another " + strings.Join(fields, ", "),
		}}
	}
	return Receipt{Outcome: Duplicate, Trade: *stored, Order: order, Position: stored.PositionAfter()}
}

// refusal returns the receipt of trade i, which cannot be booked.
func (d *decision) refusal(i int, err error) Receipt {
	outcome := Refused
	switch {
	case errors.Is(err, blotter.ErrOverfill):
		outcome = Overfill
	case errors.Is(err, blotter.ErrNotFound):
		outcome = UnknownOrder
	}
	return Receipt{Outcome: outcome, Trade: d.booking.trades[i], Err: err}
}

// withhold takes back what the decision applied. A repeated trade is not the duplicate of anything then.
func (d *decision) withhold() {
	d.withheld = true
	for i := range d.receipts {
		if _, applied := d.first[keyOf(&d.trades[i])]; applied && d.receipts[i].Err == nil {
			d.receipts[i] = Receipt{Outcome: Withheld, Trade: d.booking.trades[i]}
		}
	}
}

// firstError returns the error of the first trade that cannot be booked, or nil.
func firstError(receipts []Receipt) error {
	for i, r := range receipts {
		if r.Err == nil {
			continue
		}
		if len(receipts) == 1 {
			return r.Err
		}
		return fmt.Errorf("trade %d of %d, and none is booked: %w", i+1, len(receipts), r.Err)
	}
	return nil
}

// allNew reports whether every trade is new to the book, can be booked, and follows all others of its position, as
// nearly all do.
func (d *decision) allNew() bool {
	return len(d.rows.trades) == 0 && len(d.late) == 0 && !slices.ContainsFunc(d.receipts, func(r Receipt) bool {
		return r.Outcome != Applied && r.Outcome != Duplicate
	})
}
