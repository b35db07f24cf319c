package blotter

import (
	"cmp"
	"time"
)

// currencyDefault is the currency of money for which none is given.
const currencyDefault = "USD"

// PositionEffect is what a trade did to its position.
type PositionEffect string

// The position effects.
const (
	Opened    PositionEffect = "open"
	Increased PositionEffect = "increase"
	Reduced   PositionEffect = "reduce"
	Closed    PositionEffect = "close"
	Flipped   PositionEffect = "flip"
	Voided    PositionEffect = "void"   // the broker cancelled or corrected the trade: it has no effect
	Adjusted  PositionEffect = "adjust" // an adjustment that neither begins nor ends a life
)

// Position is what an account holds of a symbol. Its key is (AccountID, Symbol). Its present life began when it was
// last flat, or flipped from long to short or back.
type Position struct {
	AccountID   string     `db:"account_id"`
	Symbol      string     `db:"symbol"`
	Quantity    Decimal    `db:"quantity"`            // negative when short
	CostBasis   Decimal    `db:"cost_basis"`          // money tied up in the open quantity
	AvgPrice    *Decimal   `db:"avg_price,generated"` // derived from CostBasis; nil when flat
	RealizedPnL Decimal    `db:"realized_pnl"`        // before fees
	Fees        Decimal    `db:"fees"`                // negative when rebates outweigh them
	Multiplier  Decimal    `db:"multiplier,omitzero"` // default 1; the same for all trades of a position
	Currency    string     `db:"currency,omitzero"`   // of its money; the same for all trades of a position
	Base        string     `db:"base_currency"`       // the coin that is held, if any; fees in it change the quantity
	Version     int64      `db:"version,version"`
	OpenedAt    *time.Time `db:"opened_at"`    // start of the present life; nil when flat
	MaxQuantity Decimal    `db:"max_quantity"` // the largest absolute quantity of the present life
	LifePnL     Decimal    `db:"life_pnl"`     // realized in the present life, before fees
	LifeFees    Decimal    `db:"life_fees"`    // of the present life
	LifeTrades  int64      `db:"life_trades"`  // of the present life
	Strategy    string     `db:"strategy"`     // of the trade that began the present life
	LastAt      time.Time  `db:"last_at"`      // time of its last entry, in the book's order
	LastSeq     int64      `db:"last_seq"`     // sequence of that entry; -1 for an adjustment
	StaleSince  *time.Time `db:"stale_since"`  // since when it waits for the job refold; nil if it is up to date
	LastUpdated time.Time  `db:"last_updated,stamp"`
	CreatedAt   time.Time  `db:"created_at,generated"`
}

// Effect is what a trade did to a position.
type Effect struct {
	Kind        PositionEffect
	RealizedPnL Decimal    // of this trade, before fees
	Closed      *RoundTrip // the life that it ended; nil for Opened, Increased and Reduced
}

// Apply returns the position after the trade, and what the trade did. No other code knows this arithmetic:
//
//	flat or same direction  cost basis grows by quantity x price x multiplier
//	less than is open       cost basis shrinks in proportion, so the average price stays; the difference is realized
//	all that is open        cost basis becomes exactly 0; a round trip ends
//	more than is open       all is closed at the price, and the rest opens a new life at the same price
//
// Commission is never part of the cost basis. It counts as fees at once if it is in the position's currency; that of a
// flip is divided between the two lives in proportion.
//
// A zero Position is flat and takes account, symbol, multiplier (default 1) and currency (default USD) from its first
// trade. Apply returns ErrInvalid for a trade that Check refuses, for one of another account or symbol, and for one
// with another multiplier or currency.
func (p Position) Apply(t Trade) (Position, Effect, error) {
	if err := t.Check(); err != nil {
		return p, Effect{}, err
	}

	if p.Multiplier.IsZero() { // this is its first trade
		p = p.begin(t)
	}
	if err := p.checkTrade(&t); err != nil {
		return p, Effect{}, err
	}

	t.Multiplier = p.Multiplier
	if err := t.checkProduct(); err != nil {
		return p, Effect{}, err
	}

	m, err := p.movementOf(&t)
	if err != nil {
		return p, Effect{}, err
	}

	after, effect := p.move(m)
	after.setAverage()
	after.setLast(t.ExecutedAt, t.Sequence)
	return after, effect, nil
}

// begin returns the flat position that a first trade begins with.
func (p Position) begin(t Trade) Position {
	return p.identified(t.AccountID, t.Symbol, t.Multiplier, t.Currency)
}

// identified returns a flat position with these facts and the base of p.
func (p Position) identified(account, symbol string, multiplier Decimal, currency string) Position {
	if multiplier.IsZero() {
		multiplier = one
	}
	return Position{
		AccountID: account, Symbol: symbol, Multiplier: multiplier, Currency: cmp.Or(currency, currencyDefault),
		Base: p.Base,
	}
}

// checkTrade returns ErrInvalid for a trade that belongs to another position.
func (p *Position) checkTrade(t *Trade) error {
	switch {
	case t.AccountID != p.AccountID:
		return Invalid("account_id", t.AccountID, "that of the position, "+p.AccountID)
	case t.Symbol != p.Symbol:
		return Invalid("symbol", t.Symbol, "that of the position, "+p.Symbol)
	case !t.Multiplier.IsZero() && !t.Multiplier.Equal(p.Multiplier):
		return Invalid("multiplier", t.Multiplier, "that of the position, "+p.Multiplier.String())
	case t.Currency != "" && t.Currency != p.Currency:
		return Invalid("currency", t.Currency, "that of the position, "+p.Currency)
	case len(t.OtherFees) > 0:
		return t.OtherFees.check(p.Currency, cmp.Or(t.CommissionCurrency, p.Currency))
	}

	return nil
}

// movement changes a position: a quantity that comes or goes, and its value.
type movement struct {
	at       time.Time
	sell     bool
	quantity Decimal // above zero
	value    Decimal // of the whole quantity
	price    Decimal // money per unit of quantity; 0 if the value is not a multiple of it
	fee      Decimal // in the position's currency
	strategy string
	trades   int64 // how many trades it counts as
}

// movementOf returns the movement of a trade. A fee in the coin that the position holds changes the quantity, not the
// value: a buyer of 1 who pays 0.001 of it has 0.999, for the price of 1.
func (p *Position) movementOf(t *Trade) (movement, error) {
	m := movement{
		at: t.ExecutedAt, sell: t.Side == Sell, quantity: t.Quantity, value: t.value(t.Quantity),
		price: t.Price.Mul(t.Multiplier), strategy: t.Strategy, trades: 1,
	}
	if t.CommissionCurrency == "" || t.CommissionCurrency == p.Currency {
		m.fee = t.Commission
	}

	paid := p.baseFee(t)
	if paid.IsZero() {
		return m, nil
	}
	if m.sell {
		m.quantity = m.quantity.Add(paid)
	} else {
		m.quantity = m.quantity.Sub(paid)
	}
	m.price = Decimal{}
	if m.quantity.Sign() <= 0 {
		return m, Invalid("commission", t.Commission.String()+" "+t.CommissionCurrency,
			"a fee that leaves some of the quantity, "+t.Quantity.String())
	}
	return m, nil
}

// baseFee returns the fee of the trade in the coin that the position holds.
func (p *Position) baseFee(t *Trade) Decimal {
	if p.Base == "" || p.Base == p.Currency {
		return Decimal{}
	}

	var paid Decimal
	if t.CommissionCurrency == p.Base {
		paid = t.Commission
	}
	for _, fee := range t.OtherFees {
		if fee.Currency == p.Base {
			paid = paid.Add(fee.Amount)
		}
	}
	return paid
}

// signed returns the quantity with the sign in which the movement changes a position.
func (m *movement) signed(quantity Decimal) Decimal {
	if m.sell {
		return quantity.Neg()
	}
	return quantity
}

// valueOf returns the value of a part of the quantity. It is exact if quantity and price have few enough digits, and
// otherwise a proportion of the whole value.
func (m *movement) valueOf(part Decimal) Decimal {
	switch {
	case part.Equal(m.quantity):
		return m.value
	case !m.price.IsZero() && digitsOf(part)+digitsOf(m.price) <= DecimalFractionDigitsMax:
		return part.Mul(m.price)
	}
	return proportion(m.value, part, m.quantity)
}

func (p Position) move(m movement) (Position, Effect) {
	p.Fees = p.Fees.Add(m.fee)

	if p.Quantity.IsZero() {
		return p.open(&m, m.quantity, m.value, m.fee), Effect{Kind: Opened}
	}

	p.LifeTrades += m.trades
	if p.Quantity.IsNeg() == m.sell {
		return p.increase(&m), Effect{Kind: Increased}
	}

	return p.reduce(&m)
}

// open begins a life.
func (p Position) open(m *movement, quantity, value, fee Decimal) Position {
	at := m.at
	p.OpenedAt = &at
	p.Quantity = m.signed(quantity)
	p.CostBasis = value

	p.MaxQuantity = quantity
	p.LifePnL = Decimal{}
	p.LifeFees = fee
	p.LifeTrades = m.trades
	p.Strategy = m.strategy
	return p
}

// increase adds a movement in the direction of the position.
func (p Position) increase(m *movement) Position {
	p.Quantity = p.Quantity.Add(m.signed(m.quantity))
	p.CostBasis = p.CostBasis.Add(m.value)
	p.LifeFees = p.LifeFees.Add(m.fee)

	if quantity := p.Quantity.Abs(); quantity.GreaterThan(p.MaxQuantity) {
		p.MaxQuantity = quantity
	}
	return p
}

// reduce applies a movement against the direction of the position. What exceeds the open quantity opens a new life.
func (p Position) reduce(m *movement) (Position, Effect) {
	open := p.Quantity.Abs()
	closing := open
	removed := p.CostBasis
	if m.quantity.LessThan(open) {
		closing = m.quantity
		removed = proportion(p.CostBasis, closing, open)
	}

	value := m.valueOf(closing)
	realized := value.Sub(removed)
	if p.Quantity.IsNeg() {
		realized = realized.Neg()
	}

	rest := m.quantity.Sub(closing)
	closingFee := m.fee
	if !rest.IsZero() {
		closingFee = proportion(m.fee, closing, m.quantity)
	}

	p.Quantity = p.Quantity.Add(m.signed(closing))
	p.CostBasis = p.CostBasis.Sub(removed)
	p.RealizedPnL = p.RealizedPnL.Add(realized)
	p.LifePnL = p.LifePnL.Add(realized)
	p.LifeFees = p.LifeFees.Add(closingFee)

	effect := Effect{Kind: Reduced, RealizedPnL: realized}
	if !p.Quantity.IsZero() {
		return p, effect
	}

	effect.Closed = p.endLife(m.at)
	if rest.IsZero() {
		effect.Kind = Closed
		return p, effect
	}

	effect.Kind = Flipped
	return p.open(m, rest, m.value.Sub(value), m.fee.Sub(closingFee)), effect
}

// endLife returns the round trip of the life that ends at that time, and leaves the position without a life.
func (p *Position) endLife(at time.Time) *RoundTrip {
	trip := &RoundTrip{
		AccountID: p.AccountID, Symbol: p.Symbol, ClosedAt: at, MaxQuantity: p.MaxQuantity,
		Gross: p.LifePnL, Fees: p.LifeFees, Net: p.LifePnL.Sub(p.LifeFees), Strategy: p.Strategy, Trades: p.LifeTrades,
	}

	if p.OpenedAt != nil {
		trip.OpenedAt = *p.OpenedAt
	}

	p.OpenedAt = nil
	p.MaxQuantity = Decimal{}
	p.LifePnL = Decimal{}
	p.LifeFees = Decimal{}
	p.LifeTrades = 0
	p.Strategy = ""
	return trip
}

// setLast notes the last entry of the position, unless a later one is noted.
func (p *Position) setLast(at time.Time, sequence int64) {
	if !p.IsLate(at, sequence) {
		p.LastAt = at
		p.LastSeq = sequence
	}
}

// IsLate reports whether an entry of that time and sequence comes before the last entry of the position.
func (p *Position) IsLate(at time.Time, sequence int64) bool {
	if at.Equal(p.LastAt) {
		return sequence < p.LastSeq
	}
	return at.Before(p.LastAt)
}

// setAverage derives the average price.
func (p *Position) setAverage() {
	p.AvgPrice = nil
	if !p.Quantity.IsZero() {
		average := quotient(p.CostBasis, p.Quantity.Abs().Mul(p.Multiplier))
		p.AvgPrice = &average
	}
}
