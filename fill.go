package blotter

import (
	"cmp"
	"fmt"
	"math/big"
	"strings"
	"time"
	"unicode/utf8"
)

// costDigits is how many digits after the point the cost that a reduction takes out of a position is rounded to, half
// away from zero. It is the book's only rounding; all else is exact.
const costDigits = 12

// Effect is what a trade did to a position.
type Effect struct {
	Kind        PositionEffect
	RealizedPnL Decimal    // of this trade, before fees
	Closed      *RoundTrip // the life that it ended; nil for Opened, Increased and Reduced
}

// Apply is the position after the trade, and what the trade did. It is the only place that knows this arithmetic:
//
//	flat or same direction  cost basis grows by quantity x price x multiplier
//	less than is open       cost basis shrinks in proportion, which leaves the average price; the difference is realized
//	all that is open        cost basis becomes 0 exactly; a round trip ends
//	more than is open       all is closed at the price, and the rest opens at it: a new life
//
// Commission is never in the cost basis. It counts as fees at once, where it is in the position's currency; of a flip
// it is divided between the two lives in proportion.
//
// A zero Position is flat and takes account, symbol, multiplier (default 1) and currency (default USD) from its first trade. Errors
// are ErrInvalid: a trade that Check refuses, of another account or symbol, or with another multiplier or currency.
func (p Position) Apply(t Trade) (Position, Effect, error) {
	if err := t.Check(); err != nil {
		return p, Effect{}, err
	}
	if p.Multiplier.IsZero() { // no trade has reached it yet
		p = Position{AccountID: t.AccountID, Symbol: t.Symbol, Multiplier: t.Multiplier, Currency: cmp.Or(t.Currency, currencyDefault)}
		if p.Multiplier.IsZero() {
			p.Multiplier = one
		}
	}
	switch {
	case t.AccountID != p.AccountID:
		return p, Effect{}, Invalid("account_id", t.AccountID, "that of the position, "+p.AccountID)
	case t.Symbol != p.Symbol:
		return p, Effect{}, Invalid("symbol", t.Symbol, "that of the position, "+p.Symbol)
	case !t.Multiplier.IsZero() && !t.Multiplier.Equal(p.Multiplier):
		return p, Effect{}, Invalid("multiplier", t.Multiplier, "that of the position, "+p.Multiplier.String())
	case t.Currency != "" && t.Currency != p.Currency:
		return p, Effect{}, Invalid("currency", t.Currency, "that of the position, "+p.Currency)
	}
	if len(t.OtherFees) > 0 {
		if err := t.checkOtherFees(p.Currency, cmp.Or(t.CommissionCurrency, p.Currency)); err != nil {
			return p, Effect{}, err
		}
	}
	t.Multiplier = p.Multiplier
	if err := t.checkProduct(); err != nil {
		return p, Effect{}, err
	}
	after, effect := p.apply(t)
	after.setAverage()
	return after, effect, nil
}

var one = MustDecimal("1")

const currencyDefault = "USD"

func (p Position) apply(t Trade) (Position, Effect) {
	fee := Decimal{}
	if t.CommissionCurrency == "" || t.CommissionCurrency == p.Currency {
		fee = t.Commission
	}
	p.Fees = p.Fees.Add(fee)
	if p.Quantity.IsZero() {
		return p.open(t, t.Quantity, fee), Effect{Kind: Opened}
	}
	open := p.Quantity.Abs()
	p.LifeTrades++
	if p.Quantity.IsNeg() == (t.Side == Sell) {
		p.Quantity = p.Quantity.Add(t.signed(t.Quantity))
		p.CostBasis = p.CostBasis.Add(t.value(t.Quantity))
		p.LifeFees = p.LifeFees.Add(fee)
		if grown := p.Quantity.Abs(); grown.GreaterThan(p.MaxQuantity) {
			p.MaxQuantity = grown
		}
		return p, Effect{Kind: Increased}
	}
	closing, removed := t.Quantity, p.CostBasis
	if closing.LessThan(open) {
		removed = proportion(p.CostBasis, closing, open)
	} else {
		closing = open
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
	p.RealizedPnL, p.LifePnL = p.RealizedPnL.Add(realized), p.LifePnL.Add(realized)
	p.LifeFees = p.LifeFees.Add(closingFee)
	p.CostBasis = p.CostBasis.Sub(removed)
	p.Quantity = p.Quantity.Add(t.signed(closing))
	effect := Effect{Kind: Reduced, RealizedPnL: realized}
	if !p.Quantity.IsZero() {
		return p, effect
	}
	effect.Kind, effect.Closed = Closed, p.end(t)
	if rest.IsZero() {
		return p, effect
	}
	effect.Kind = Flipped
	return p.open(t, rest, fee.Sub(closingFee)), effect
}

// open begins a life.
func (p Position) open(t Trade, quantity, fee Decimal) Position {
	at := t.ExecutedAt
	p.Quantity, p.CostBasis, p.OpenedAt = t.signed(quantity), t.value(quantity), &at
	p.MaxQuantity, p.LifePnL, p.LifeFees, p.LifeTrades, p.Strategy = quantity, Decimal{}, fee, 1, t.Strategy
	return p
}

// end is the round trip of the life that t ends. The position is flat from here on.
func (p *Position) end(t Trade) *RoundTrip {
	trip := &RoundTrip{
		AccountID: p.AccountID, Symbol: p.Symbol, ClosedAt: t.ExecutedAt, MaxQuantity: p.MaxQuantity,
		Gross: p.LifePnL, Fees: p.LifeFees, Net: p.LifePnL.Sub(p.LifeFees), Strategy: p.Strategy, Trades: p.LifeTrades,
	}
	if p.OpenedAt != nil {
		trip.OpenedAt = *p.OpenedAt
	}
	p.OpenedAt, p.MaxQuantity, p.LifePnL, p.LifeFees, p.LifeTrades, p.Strategy = nil, Decimal{}, Decimal{}, Decimal{}, 0, ""
	return trip
}

// signed is the quantity as this trade's side changes a position.
func (t *Trade) signed(quantity Decimal) Decimal {
	if t.Side == Sell {
		return quantity.Neg()
	}
	return quantity
}

// value is quantity x price x multiplier. It is exact: checkProduct has seen to its digits.
func (t *Trade) value(quantity Decimal) Decimal {
	return quantity.Mul(t.Price).Mul(t.Multiplier)
}

// proportion is total x part / whole, rounded once to costDigits. Decimal's own product would be cut at 19 digits first.
func proportion(total, part, whole Decimal) Decimal {
	numerator := new(big.Int).Mul(coefficient(total), coefficient(part))
	denominator := new(big.Int).Mul(coefficient(whole), tenToThe(DecimalFractionDigitsMax-costDigits))
	return divide(numerator, denominator, costDigits)
}

// averageDigits is how many digits after the point average prices are shown with. They are derived, never the truth.
const averageDigits = 16

// quotient is total / parts, rounded to averageDigits. Decimal cuts it at 19 digits first, which changes no rounding half
// away from zero.
func quotient(total, parts Decimal) Decimal {
	q, err := total.Div(parts)
	if err != nil {
		return Decimal{}
	}
	return q.RoundHAZ(averageDigits)
}

// divide is numerator / denominator, an integer rounded half away from zero, as so many digits after the point.
func divide(numerator, denominator *big.Int, digits int) Decimal {
	quotient, remainder := new(big.Int).QuoRem(numerator, denominator, new(big.Int))
	if remainder.Abs(remainder).Lsh(remainder, 1).CmpAbs(denominator) >= 0 {
		quotient.Add(quotient, big.NewInt(int64(numerator.Sign()*denominator.Sign())))
	}
	text := fmt.Sprintf("%0*s", digits+1, new(big.Int).Abs(quotient).String())
	text = text[:len(text)-digits] + "." + text[len(text)-digits:]
	if quotient.Sign() < 0 {
		text = "-" + text
	}
	return MustDecimal(text)
}

// coefficient is d x 10^19, an integer.
func coefficient(d Decimal) *big.Int {
	n, ok := new(big.Int).SetString(strings.Replace(d.StringFixed(DecimalFractionDigitsMax), ".", "", 1), 10)
	if !ok {
		panic("blotter: a decimal is no number: " + d.String())
	}
	return n
}

func tenToThe(n int64) *big.Int { return new(big.Int).Exp(big.NewInt(10), big.NewInt(n), nil) }

// digitsOf is how many digits after the point a decimal needs.
func digitsOf(d Decimal) int {
	_, fraction, _ := strings.Cut(d.String(), ".")
	return len(strings.TrimRight(fraction, "0"))
}

// IDLengthMax is the most characters an order or trade id has.
const IDLengthMax = 100

// Check reports as ErrInvalid what no trade can be: without account, id, symbol or side, with a quantity that is not
// above zero, or with more digits than a product of them can keep.
func (t Trade) Check() error {
	if err := CheckAccountID(t.AccountID); err != nil {
		return err
	}
	if err := checkTexts([]textField{
		{"trade_id", t.TradeID, 1, IDLengthMax},
		{"order_id", t.OrderID, 0, IDLengthMax},
		{"symbol", t.Symbol, 1, SymbolLengthMax},
		{"strategy", t.Strategy, 0, 100},
		{"currency", t.Currency, 0, 20},
		{"commission_currency", t.CommissionCurrency, 0, 20},
	}); err != nil {
		return err
	}
	switch {
	case t.Side != Buy && t.Side != Sell:
		return Invalid("side", string(t.Side), "buy or sell")
	case t.Quantity.Sign() <= 0:
		return Invalid("quantity", t.Quantity, "a number above 0")
	case t.Multiplier.Sign() < 0:
		return Invalid("multiplier", t.Multiplier, "a number above 0, or 0 for the instrument's")
	}
	if len(t.OtherFees) > 0 {
		if err := t.checkOtherFees(t.Currency, t.CommissionCurrency); err != nil {
			return err
		}
	}
	return t.checkProduct()
}

func (t Trade) checkProduct() error {
	if t.Quantity.Prec()+t.Price.Prec()+t.Multiplier.Prec() <= DecimalFractionDigitsMax {
		return nil // not even with the zeros that they end in
	}
	if n := digitsOf(t.Quantity) + digitsOf(t.Price) + digitsOf(t.Multiplier); n > DecimalFractionDigitsMax {
		return Invalid("quantity, price and multiplier", fmt.Sprintf("%s, %s and %s", t.Quantity, t.Price, t.Multiplier),
			fmt.Sprintf("at most %d digits after the point, all together", DecimalFractionDigitsMax))
	}
	return nil
}

// textField is a field of text, and how many characters it may have.
type textField struct {
	name, value string
	least, most int
}

// checkTexts reports as ErrInvalid the first text that PostgreSQL cannot store, or whose length is out of its bounds.
func checkTexts(texts []textField) error {
	for _, t := range texts {
		n := utf8.RuneCountInString(t.value)
		if n < t.least || n > t.most || !utf8.ValidString(t.value) || strings.ContainsRune(t.value, 0) {
			return Invalid(t.name, t.value, fmt.Sprintf("%d to %d characters of UTF-8 text", t.least, t.most))
		}
	}
	return nil
}

// Booked is the trade as it is stored: with what it did to its position, and the position after it.
func (t Trade) Booked(after Position, e Effect) Trade {
	t.Multiplier, t.Currency = after.Multiplier, after.Currency
	if t.CommissionCurrency == "" {
		t.CommissionCurrency = after.Currency
	}
	t.OtherFees = t.OtherFees.sorted()
	t.RealizedPnL, t.PositionEffect = e.RealizedPnL, e.Kind
	t.QuantityAfter, t.CostBasisAfter, t.RealizedPnLAfter, t.FeesAfter = after.Quantity, after.CostBasis, after.RealizedPnL, after.Fees
	return t
}

// PositionAfter is the position after a stored trade, as far as its row keeps it: quantity, cost basis, average price,
// realized P&L, fees, multiplier and currency.
func (t Trade) PositionAfter() Position {
	p := Position{
		AccountID: t.AccountID, Symbol: t.Symbol, Multiplier: t.Multiplier, Currency: t.Currency,
		Quantity: t.QuantityAfter, CostBasis: t.CostBasisAfter, RealizedPnL: t.RealizedPnLAfter, Fees: t.FeesAfter,
	}
	p.setAverage()
	return p
}

// setAverage derives the average price.
func (p *Position) setAverage() {
	p.AvgPrice = nil
	if !p.Quantity.IsZero() {
		average := quotient(p.CostBasis, p.Quantity.Abs().Mul(p.Multiplier))
		p.AvgPrice = &average
	}
}

// Differences names the fields of t that are given and unlike those of the stored trade of the same key. What t leaves
// empty (multiplier, currencies, strategy, times, a quantity that the order gave) says nothing.
func (t Trade) Differences(stored Trade) (fields []string) {
	add := func(name string, differs bool) {
		if differs {
			fields = append(fields, name)
		}
	}
	given := func(a, b Decimal) bool { return !a.IsZero() && !a.Equal(b) }
	add("order_id", t.OrderID != stored.OrderID)
	add("quantity", given(t.Quantity, stored.Quantity))
	add("price", !t.Price.Equal(stored.Price))
	add("multiplier", given(t.Multiplier, stored.Multiplier))
	add("currency", t.Currency != "" && t.Currency != stored.Currency)
	add("commission", !t.Commission.Equal(stored.Commission))
	add("commission_currency", t.CommissionCurrency != "" && t.CommissionCurrency != stored.CommissionCurrency)
	add("other_fees", !t.OtherFees.Equal(stored.OtherFees))
	add("strategy", t.Strategy != "" && t.Strategy != stored.Strategy)
	add("executed_at", !t.ExecutedAt.IsZero() && !t.ExecutedAt.Truncate(time.Microsecond).Equal(stored.ExecutedAt))
	add("settlement_date", t.SettlementDate != nil && (stored.SettlementDate == nil || !sameDay(*t.SettlementDate, *stored.SettlementDate)))
	return fields
}

// sameDay compares dates as they are stored: each as its own zone has it.
func sameDay(a, b time.Time) bool {
	return a.Format(time.DateOnly) == b.Format(time.DateOnly)
}
