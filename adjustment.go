package blotter

import (
	"cmp"
	"math/big"
	"time"
)

// AdjustmentKind says why a position changed without a trade.
type AdjustmentKind string

// The kinds of adjustments.
const (
	Split         AdjustmentKind = "split"          // more units for each one: 10 for 1
	ReverseSplit  AdjustmentKind = "reverse_split"  // fewer units: 1 for 10
	StockDividend AdjustmentKind = "stock_dividend" // 21 for 20 is a dividend of 5 %
	SymbolChange  AdjustmentKind = "symbol_change"  // the position moves to another symbol
	Merger        AdjustmentKind = "merger"         // the position moves to another symbol, at a ratio
	TransferIn    AdjustmentKind = "transfer_in"    // a quantity arrives with its cost basis
	TransferOut   AdjustmentKind = "transfer_out"   // a quantity leaves with its share of the cost basis
	Opening       AdjustmentKind = "opening"        // a quantity with its cost basis, with which a book begins
)

// Fractions says what happens to the fraction of a unit that a ratio leaves.
type Fractions string

// The rules for fractions.
const (
	KeepFractions Fractions = "keep"       // the position keeps them
	RoundUp       Fractions = "round_up"   // the broker adds what is missing to a whole unit
	RoundDown     Fractions = "round_down" // the broker takes them away without a payment
	CashInLieu    Fractions = "cash"       // the broker pays Cash for them
)

// Adjustment is a change of a position that is not a trade: a split, a change of the symbol, a transfer. Its key is
// (AccountID, AdjustmentID, Symbol). At its instant it comes before the trades. Adjustments are append-only.
type Adjustment struct {
	ID           int64          `db:"id,generated"`
	AccountID    string         `db:"account_id"`
	AdjustmentID string         `db:"adjustment_id"`
	Symbol       string         `db:"symbol"`
	Kind         AdjustmentKind `db:"kind"`
	EffectiveAt  time.Time      `db:"effective_at"`

	// New units for each Old ones, of the kinds with a ratio. 0 is 1.
	New       int64     `db:"ratio_new"`
	Old       int64     `db:"ratio_old"`
	Fractions Fractions `db:"fractions"` // default KeepFractions
	Cash      Decimal   `db:"cash"`      // for fractions, with CashInLieu

	// Quantity and CostBasis of a transfer or an opening. A negative quantity arrives as a short position.
	Quantity  Decimal `db:"quantity"`
	CostBasis Decimal `db:"cost_basis"`

	ToSymbol   string  `db:"to_symbol"`   // where a change of the symbol or a merger moves the position
	FromSymbol string  `db:"from_symbol"` // where it came from, in the row of the other symbol
	OtherParty string  `db:"other_party"` // the account at the other end of a transfer, if it is known
	Currency   string  `db:"currency,omitzero"`
	Multiplier Decimal `db:"multiplier,omitzero"`
	Note       string  `db:"note"`

	CreatedAt time.Time `db:"created_at,generated"`
	XID       uint64    `db:"xid,generated"`

	// The effect on the position, derived from the entries before it.
	PositionEffect PositionEffect `db:"position_effect"`
	Strategy       string         `db:"strategy"`        // of the life that it changed
	QuantityChange Decimal        `db:"quantity_change"` // signed
	CostChange     Decimal        `db:"cost_change"`     // of the cost basis, with the sign of the quantity
	RealizedPnL    Decimal        `db:"realized_pnl"`    // of cash in lieu

	// The life that leaves the symbol, or arrives in it, with ToSymbol or FromSymbol.
	MovedQuantity    Decimal    `db:"moved_quantity"` // signed, before the ratio
	MovedCost        Decimal    `db:"moved_cost"`
	MovedOpenedAt    *time.Time `db:"moved_opened_at"`
	MovedMaxQuantity Decimal    `db:"moved_max_quantity"`
	MovedPnL         Decimal    `db:"moved_pnl"`
	MovedFees        Decimal    `db:"moved_fees"`
	MovedTrades      int64      `db:"moved_trades"`
	MovedStrategy    string     `db:"moved_strategy"`

	// The position after it.
	QuantityAfter    Decimal `db:"quantity_after"`
	CostBasisAfter   Decimal `db:"cost_basis_after"`
	RealizedPnLAfter Decimal `db:"realized_pnl_after"`
	FeesAfter        Decimal `db:"fees_after"`
}

// adjustmentNoteMax is the maximum length of a note in characters.
const adjustmentNoteMax = 500

// Check returns ErrInvalid for an adjustment that no position can take.
func (a Adjustment) Check() error {
	if err := CheckAccountID(a.AccountID); err != nil {
		return err
	}
	if err := checkTexts([]textField{
		{"adjustment_id", a.AdjustmentID, 1, IDLengthMax},
		{"symbol", a.Symbol, 1, SymbolLengthMax},
		{"to_symbol", a.ToSymbol, 0, SymbolLengthMax},
		{"from_symbol", a.FromSymbol, 0, SymbolLengthMax},
		{"other_party", a.OtherParty, 0, AccountIDLengthMax},
		{"currency", a.Currency, 0, CurrencyLengthMax},
		{"note", a.Note, 0, adjustmentNoteMax},
	}); err != nil {
		return err
	}
	if a.EffectiveAt.IsZero() {
		return Invalid("effective_at", "", "the time from which the adjustment counts")
	}

	switch a.Kind {
	case Split, ReverseSplit, StockDividend:
		return a.checkRatio()
	case SymbolChange, Merger:
		if a.ToSymbol == a.Symbol || (a.ToSymbol == "") == (a.FromSymbol == "") {
			return Invalid("to_symbol", a.ToSymbol, "the other symbol")
		}
		return a.checkRatio()
	case TransferIn, TransferOut, Opening:
		return a.checkTransfer()
	}
	return Invalid("kind", string(a.Kind), "split, reverse_split, stock_dividend, symbol_change, merger, transfer_in, "+
		"transfer_out or opening")
}

// ratioMax bounds the two numbers of a ratio.
const ratioMax = 1_000_000_000

func (a *Adjustment) checkRatio() error {
	moves := a.ToSymbol != "" || a.FromSymbol != ""
	switch {
	case a.New < 0 || a.New > ratioMax || a.Old < 0 || a.Old > ratioMax:
		return Invalid("ratio", [2]int64{a.New, a.Old}, "two numbers from 1 to 1,000,000,000")
	case (a.New == 0 || a.Old == 0) && (a.New != a.Old || !moves):
		return Invalid("ratio", [2]int64{a.New, a.Old}, "new and old units, for example 10 and 1")
	case !a.Quantity.IsZero() || !a.CostBasis.IsZero():
		return Invalid("quantity", a.Quantity, "none: the ratio says how the quantity changes")
	case a.Fractions != "" && a.Fractions != KeepFractions && a.Fractions != RoundUp && a.Fractions != RoundDown &&
		a.Fractions != CashInLieu:
		return Invalid("fractions", string(a.Fractions), "keep, round_up, round_down or cash")
	case a.Cash.IsNeg() || (a.Fractions == CashInLieu) == a.Cash.IsZero():
		return Invalid("cash", a.Cash, "the amount paid for fractions, with fractions cash only")
	}
	return nil
}

// checkTransfer accepts a ratio of 1 and KeepFractions, with which a transfer is stored.
func (a *Adjustment) checkTransfer() error {
	switch {
	case a.Quantity.IsZero():
		return Invalid("quantity", a.Quantity, "a quantity; negative for a short position")
	case a.New != a.Old || a.New < 0 || a.New > 1 || a.ToSymbol != "" || a.FromSymbol != "" ||
		cmp.Or(a.Fractions, KeepFractions) != KeepFractions || !a.Cash.IsZero():
		return Invalid("ratio", [2]int64{a.New, a.Old}, "none for a "+string(a.Kind))
	case digitsOf(a.Quantity)+digitsOf(a.Multiplier) > DecimalFractionDigitsMax:
		return Invalid("quantity", a.Quantity, "fewer digits after the point")
	}
	return nil
}

// Differences returns the names of the fields in which a differs from the stored adjustment of the same key.
func (a Adjustment) Differences(stored Adjustment) (fields []string) {
	add := func(name string, differs bool) {
		if differs {
			fields = append(fields, name)
		}
	}

	add("kind", a.Kind != stored.Kind)
	add("effective_at", !a.EffectiveAt.Truncate(time.Microsecond).Equal(stored.EffectiveAt))
	add("ratio", max(a.New, 1)*max(stored.Old, 1) != max(stored.New, 1)*max(a.Old, 1))
	add("fractions", cmp.Or(a.Fractions, KeepFractions) != cmp.Or(stored.Fractions, KeepFractions))
	add("cash", !a.Cash.Equal(stored.Cash))
	add("quantity", !a.Quantity.Equal(stored.Quantity))
	add("cost_basis", !a.CostBasis.Equal(stored.CostBasis))
	add("to_symbol", a.ToSymbol != stored.ToSymbol)
	add("from_symbol", a.FromSymbol != stored.FromSymbol)
	add("other_party", a.OtherParty != stored.OtherParty)
	add("currency", a.Currency != "" && a.Currency != stored.Currency)
	return fields
}

// Adjust returns the position after the adjustment, and the adjustment with its effect. Like Apply it is the only code
// that knows this arithmetic:
//
//	split, reverse split, stock dividend   quantity x new / old; the cost basis stays
//	symbol change, merger                  the position leaves with cost basis and life, and arrives at the ratio
//	transfer in, opening                   quantity and cost basis are added; nothing is realized on the same side
//	transfer out                           the quantity leaves with its share of the cost basis; nothing is realized
//
// A life that an adjustment begins has no strategy: what follows from it must not depend on the life before it.
// An arrival (FromSymbol) takes what it brings from the fields Moved, which the caller has set from the departure.
func (p Position) Adjust(a Adjustment) (after Position, done Adjustment, closed *RoundTrip, err error) {
	if err := a.Check(); err != nil {
		return p, a, nil, err
	}
	if p.Multiplier.IsZero() {
		p = p.identified(a.AccountID, a.Symbol, a.Multiplier, a.Currency)
	}

	switch {
	case a.AccountID != p.AccountID || a.Symbol != p.Symbol:
		return p, a, nil, Invalid("symbol", a.Symbol, "that of the position, "+p.Symbol)
	case a.Currency != "" && a.Currency != p.Currency:
		return p, a, nil, Invalid("currency", a.Currency, "that of the position, "+p.Currency)
	case !a.Multiplier.IsZero() && !a.Multiplier.Equal(p.Multiplier):
		return p, a, nil, Invalid("multiplier", a.Multiplier, "that of the position, "+p.Multiplier.String())
	}

	if a.New == 0 && a.Old == 0 {
		a.New = 1
		a.Old = 1
	}
	a.Fractions = cmp.Or(a.Fractions, KeepFractions)

	after, effect := p.adjust(&a)
	after.setAverage()
	after.setLast(a.EffectiveAt, adjustmentSequence)
	return after, a.withEffect(p, after, effect), effect.Closed, nil
}

// adjustmentSequence is the sequence of adjustments: they come before the trades of their instant.
const adjustmentSequence = -1

// withEffect returns the adjustment with its effect on the position, and the position after it.
func (a Adjustment) withEffect(before, after Position, e Effect) Adjustment {
	a.Multiplier = after.Multiplier
	a.Currency = after.Currency
	a.PositionEffect = e.Kind
	a.RealizedPnL = e.RealizedPnL
	a.Strategy = cmp.Or(before.Strategy, after.Strategy)

	a.QuantityChange = after.Quantity.Sub(before.Quantity)
	a.CostChange = after.signedCost().Sub(before.signedCost())

	a.QuantityAfter = after.Quantity
	a.CostBasisAfter = after.CostBasis
	a.RealizedPnLAfter = after.RealizedPnL
	a.FeesAfter = after.Fees
	return a
}

// signedCost returns the cost basis with the sign of the quantity.
func (p *Position) signedCost() Decimal {
	if p.Quantity.IsNeg() {
		return p.CostBasis.Neg()
	}
	return p.CostBasis
}

func (p Position) adjust(a *Adjustment) (Position, Effect) {
	switch {
	case a.Kind == TransferOut:
		return p.transferOut(a)
	case a.Kind == TransferIn || a.Kind == Opening:
		return p.move(movement{
			at: a.EffectiveAt, sell: a.Quantity.IsNeg(), quantity: a.Quantity.Abs(), value: a.CostBasis,
		})
	case a.FromSymbol != "":
		return p.arrive(a)
	case a.ToSymbol != "":
		return p.depart(a)
	}
	return p.split(a)
}

// split multiplies the quantity by the ratio.
func (p Position) split(a *Adjustment) (Position, Effect) {
	effect := Effect{Kind: Adjusted}
	if p.Quantity.IsZero() {
		return p, effect
	}

	p.MaxQuantity = scale(p.MaxQuantity, a.New, a.Old)
	quantity := scale(p.Quantity, a.New, a.Old)
	whole := quantity
	switch a.Fractions {
	case RoundDown, CashInLieu:
		whole = quantity.Trunc(0)
	case RoundUp:
		whole = quantity.Trunc(0)
		if !whole.Equal(quantity) && quantity.IsNeg() {
			whole = whole.Sub(one)
		} else if !whole.Equal(quantity) {
			whole = whole.Add(one)
		}
	}

	if a.Fractions == CashInLieu {
		return p.payFraction(a, quantity, whole)
	}

	p.Quantity = whole
	if whole.IsZero() { // all of it was a fraction, whose cost is lost
		lost := p.CostBasis.Neg()
		if quantity.IsNeg() {
			lost = p.CostBasis
		}
		effect = p.realize(a.EffectiveAt, lost, effect)
	}
	p.growMaximum()
	return p, effect
}

// growMaximum raises the largest quantity of the life to the present one.
func (p *Position) growMaximum() {
	if quantity := p.Quantity.Abs(); quantity.GreaterThan(p.MaxQuantity) {
		p.MaxQuantity = quantity
	}
}

// realize books a profit, and ends the life if nothing is left.
func (p *Position) realize(at time.Time, profit Decimal, effect Effect) Effect {
	effect.RealizedPnL = profit
	p.RealizedPnL = p.RealizedPnL.Add(profit)
	p.LifePnL = p.LifePnL.Add(profit)
	if p.Quantity.IsZero() {
		p.CostBasis = Decimal{}
		effect.Kind = Closed
		effect.Closed = p.endLife(at)
	}
	return effect
}

// payFraction sells the fraction for the cash that the broker paid. A short position pays it.
func (p Position) payFraction(a *Adjustment, quantity, whole Decimal) (Position, Effect) {
	fraction := quantity.Sub(whole).Abs()
	var removed Decimal
	switch {
	case whole.IsZero():
		removed = p.CostBasis
	case !fraction.IsZero():
		removed = proportion(p.CostBasis, fraction, quantity.Abs())
	}

	profit := a.Cash.Sub(removed)
	if quantity.IsNeg() {
		profit = profit.Neg()
	}
	p.Quantity = whole
	p.CostBasis = p.CostBasis.Sub(removed)
	effect := p.realize(a.EffectiveAt, profit, Effect{Kind: Adjusted})
	return p, effect
}

// transferOut takes a quantity out of the position with its share of the cost basis. What the position does not have
// opens a position on the other side that cost nothing, until the trades that are missing arrive.
func (p Position) transferOut(a *Adjustment) (Position, Effect) {
	moved := a.Quantity.Abs()
	m := movement{at: a.EffectiveAt, sell: !a.Quantity.IsNeg(), quantity: moved}
	if p.Quantity.IsZero() || p.Quantity.IsNeg() == m.sell {
		return p.move(m)
	}

	open := p.Quantity.Abs()
	closing := open
	m.value = p.CostBasis
	if moved.LessThan(open) {
		closing = moved
		m.value = proportion(p.CostBasis, closing, open)
	}
	rest := moved.Sub(closing)

	m.quantity = closing
	after, effect := p.reduce(&m)
	if rest.IsZero() {
		return after, effect
	}

	effect.Kind = Flipped
	m.quantity = rest
	return after.open(&m, rest, Decimal{}, Decimal{}), effect
}

// depart empties the position: it moves to another symbol with its life.
func (p Position) depart(a *Adjustment) (Position, Effect) {
	a.MovedQuantity = p.Quantity
	a.MovedCost = p.CostBasis
	a.MovedOpenedAt = p.OpenedAt
	a.MovedMaxQuantity = p.MaxQuantity
	a.MovedPnL = p.LifePnL
	a.MovedFees = p.LifeFees
	a.MovedTrades = p.LifeTrades
	a.MovedStrategy = p.Strategy

	_ = p.endLife(a.EffectiveAt) // it goes on in the other symbol
	p.Quantity = Decimal{}
	p.CostBasis = Decimal{}
	return p, Effect{Kind: Adjusted}
}

// arrive adds a position that came from another symbol. It goes on with the life that it brings if it finds a flat
// position, and otherwise joins the life that it finds.
func (p Position) arrive(a *Adjustment) (Position, Effect) {
	if a.MovedQuantity.IsZero() {
		return p, Effect{Kind: Adjusted}
	}

	arriving := Position{
		AccountID: p.AccountID, Symbol: p.Symbol, Quantity: a.MovedQuantity, CostBasis: a.MovedCost,
		OpenedAt: a.MovedOpenedAt, MaxQuantity: a.MovedMaxQuantity, LifePnL: a.MovedPnL, LifeFees: a.MovedFees,
		LifeTrades: a.MovedTrades, Strategy: a.MovedStrategy,
	}
	arriving, effect := arriving.split(a)
	p.RealizedPnL = p.RealizedPnL.Add(effect.RealizedPnL)
	if arriving.Quantity.IsZero() {
		return p, effect
	}

	if p.Quantity.IsZero() {
		p.Quantity = arriving.Quantity
		p.CostBasis = arriving.CostBasis
		p.OpenedAt = arriving.OpenedAt
		p.MaxQuantity = arriving.MaxQuantity
		p.LifePnL = arriving.LifePnL
		p.LifeFees = arriving.LifeFees
		p.LifeTrades = arriving.LifeTrades
		p.Strategy = arriving.Strategy
		effect.Kind = Opened
		return p, effect
	}

	p.LifePnL = p.LifePnL.Add(arriving.LifePnL)
	p.LifeFees = p.LifeFees.Add(arriving.LifeFees)
	p.LifeTrades += arriving.LifeTrades
	p, joined := p.move(movement{
		at: a.EffectiveAt, sell: arriving.Quantity.IsNeg(), quantity: arriving.Quantity.Abs(), value: arriving.CostBasis,
		strategy: arriving.Strategy,
	})
	joined.RealizedPnL = joined.RealizedPnL.Add(effect.RealizedPnL)
	return p, joined
}

// scale returns quantity x new / old, rounded to costDigits if it has to be.
func scale(quantity Decimal, numerator, denominator int64) Decimal {
	if numerator == denominator {
		return quantity
	}

	product := new(big.Int).Mul(coefficient(quantity), big.NewInt(max(numerator, 1)))
	divisor := new(big.Int).Mul(big.NewInt(max(denominator, 1)), tenToThe(DecimalFractionDigitsMax-costDigits))
	return MustDecimal(divide(product, divisor, costDigits).String()) // without zeros at the end
}
