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
	Version     int64      `db:"version,version"`
	OpenedAt    *time.Time `db:"opened_at"`    // start of the present life; nil when flat
	MaxQuantity Decimal    `db:"max_quantity"` // the largest absolute quantity of the present life
	LifePnL     Decimal    `db:"life_pnl"`     // realized in the present life, before fees
	LifeFees    Decimal    `db:"life_fees"`    // of the present life
	LifeTrades  int64      `db:"life_trades"`  // of the present life
	Strategy    string     `db:"strategy"`     // of the trade that began the present life
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
		p = newPosition(t)
	}
	if err := p.checkTrade(&t); err != nil {
		return p, Effect{}, err
	}

	t.Multiplier = p.Multiplier
	if err := t.checkProduct(); err != nil {
		return p, Effect{}, err
	}

	after, effect := p.apply(t)
	after.setAverage()
	return after, effect, nil
}

// newPosition returns the flat position that a first trade begins with.
func newPosition(t Trade) Position {
	p := Position{
		AccountID: t.AccountID, Symbol: t.Symbol,
		Multiplier: t.Multiplier, Currency: cmp.Or(t.Currency, currencyDefault),
	}
	if p.Multiplier.IsZero() {
		p.Multiplier = one
	}
	return p
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

func (p Position) apply(t Trade) (Position, Effect) {
	fee := Decimal{}
	if t.CommissionCurrency == "" || t.CommissionCurrency == p.Currency {
		fee = t.Commission
	}

	p.Fees = p.Fees.Add(fee)

	if p.Quantity.IsZero() {
		return p.open(t, t.Quantity, fee), Effect{Kind: Opened}
	}

	p.LifeTrades++
	if p.Quantity.IsNeg() == (t.Side == Sell) {
		return p.increase(t, fee), Effect{Kind: Increased}
	}

	return p.reduce(t, fee)
}

// open begins a life.
func (p Position) open(t Trade, quantity, fee Decimal) Position {
	at := t.ExecutedAt
	p.OpenedAt = &at
	p.Quantity = t.signed(quantity)
	p.CostBasis = t.value(quantity)

	p.MaxQuantity = quantity
	p.LifePnL = Decimal{}
	p.LifeFees = fee
	p.LifeTrades = 1
	p.Strategy = t.Strategy
	return p
}

// increase adds a trade in the direction of the position.
func (p Position) increase(t Trade, fee Decimal) Position {
	p.Quantity = p.Quantity.Add(t.signed(t.Quantity))
	p.CostBasis = p.CostBasis.Add(t.value(t.Quantity))
	p.LifeFees = p.LifeFees.Add(fee)

	if quantity := p.Quantity.Abs(); quantity.GreaterThan(p.MaxQuantity) {
		p.MaxQuantity = quantity
	}
	return p
}

// reduce applies a trade against the direction of the position. What exceeds the open quantity opens a new life.
func (p Position) reduce(t Trade, fee Decimal) (Position, Effect) {
	open := p.Quantity.Abs()
	closing := open
	removed := p.CostBasis
	if t.Quantity.LessThan(open) {
		closing = t.Quantity
		removed = proportion(p.CostBasis, closing, open)
	}

	realized := t.value(closing).Sub(removed)
	if p.Quantity.IsNeg() {
		realized = realized.Neg()
	}

	rest := t.Quantity.Sub(closing)
	closingFee := fee
	if !rest.IsZero() {
		closingFee = proportion(fee, closing, t.Quantity)
	}

	p.Quantity = p.Quantity.Add(t.signed(closing))
	p.CostBasis = p.CostBasis.Sub(removed)
	p.RealizedPnL = p.RealizedPnL.Add(realized)
	p.LifePnL = p.LifePnL.Add(realized)
	p.LifeFees = p.LifeFees.Add(closingFee)

	effect := Effect{Kind: Reduced, RealizedPnL: realized}
	if !p.Quantity.IsZero() {
		return p, effect
	}

	effect.Closed = p.endLife(t)
	if rest.IsZero() {
		effect.Kind = Closed
		return p, effect
	}

	effect.Kind = Flipped
	return p.open(t, rest, fee.Sub(closingFee)), effect
}

// endLife returns the round trip of the life that t ends, and leaves the position without a life.
func (p *Position) endLife(t Trade) *RoundTrip {
	trip := &RoundTrip{
		AccountID: p.AccountID, Symbol: p.Symbol, ClosedAt: t.ExecutedAt, MaxQuantity: p.MaxQuantity,
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

// setAverage derives the average price.
func (p *Position) setAverage() {
	p.AvgPrice = nil
	if !p.Quantity.IsZero() {
		average := quotient(p.CostBasis, p.Quantity.Abs().Mul(p.Multiplier))
		p.AvgPrice = &average
	}
}
