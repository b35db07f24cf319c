package fillfile

import (
	"errors"
	"fmt"
	"strings"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/barfile"
)

// draft is a fill as its file writes it.
type draft struct {
	id, order, account, strategy string
	at, settles                  string
	symbol, isin                 string // isin is the symbol where there is no other
	side                         string // "" where the sign of the quantity tells
	quantity, price              string
	total                        string // of quantity x price x multiplier, for a fill without a price
	multiplier                   string
	currency                     string
	fees                         []fee
}

// fee is one of the costs of a fill.
type fee struct {
	amount, currency string // currency "" is the price's
	negated          bool   // what was paid is negative
}

// build makes the trade of a draft. On an error the fill holds what is known.
func (f *File) build(r *row, d *draft) (fill Fill, err error) {
	t := &fill.Trade
	fill.Line, fill.OrderRef = r.line, barfile.Storable(d.order)
	fill.Named = barfile.Storable(d.account)
	t.AccountID, t.Strategy = or(fill.Named, f.opts.Account), or(f.opts.Strategy, d.strategy)
	t.Symbol = symbolOf(or(f.opts.Symbol, d.symbol, d.isin))
	t.Currency = strings.ToUpper(or(d.currency, f.opts.Currency))
	if t.Symbol == "" {
		return fill, errors.New("neither a symbol nor an ISIN is given")
	}
	if t.ExecutedAt, err = f.instant(d.at); err != nil {
		return fill, err
	}
	if d.settles != "" {
		day, err := f.day(d.settles)
		if err != nil {
			return fill, fmt.Errorf("settlement %w", err)
		}
		t.SettlementDate = &day
	}
	if err := f.amounts(&fill, d); err != nil {
		return fill, err
	}
	if err := f.commission(&fill, d.fees); err != nil {
		return fill, err
	}
	t.TradeID = barfile.Storable(d.id)
	if t.TradeID == "" {
		t.TradeID = f.ids.of(t)
	}
	if err := t.Check(); err != nil {
		return fill, checkError{f.hinted(err)}
	}
	return fill, nil
}

// hinted adds what rounding would mend.
func (f *File) hinted(err error) error {
	if err != nil && f.round() == 0 && strings.Contains(err.Error(), "digits after the point") {
		err = fmt.Errorf("%w; --round N rounds to N digits", err)
	}
	return err
}

// amounts reads side, quantity, price and multiplier.
func (f *File) amounts(fill *Fill, d *draft) (err error) {
	t := &fill.Trade
	if t.Quantity, err = f.number(fill, "quantity", d.quantity); err != nil {
		return err
	}
	if d.side == "" {
		d.side = "buy"
		if t.Quantity.IsNeg() {
			d.side = "sell"
		}
	}
	if t.Side = sideOf(d.side); t.Side == "" {
		return fmt.Errorf("side %q is neither buy nor sell", clip(d.side))
	}
	if t.Side == blotter.Buy && t.Quantity.IsNeg() {
		return fmt.Errorf("a purchase of %s contradicts itself", t.Quantity)
	}
	t.Quantity = t.Quantity.Abs()
	if d.multiplier != "" {
		if t.Multiplier, err = f.number(fill, "multiplier", d.multiplier); err != nil {
			return err
		}
	}
	if d.price == "" && d.total != "" {
		t.Price, err = f.priceOf(fill, d.total)
		return err
	}
	t.Price, err = f.number(fill, "price", d.price)
	return err
}

// priceOf is what total / quantity / multiplier is exactly.
func (f *File) priceOf(fill *Fill, text string) (blotter.Decimal, error) {
	total, err := f.number(fill, "total", text)
	if err != nil || fill.Quantity.IsZero() {
		return total, errors.Join(err, errIf(err == nil, "the quantity is 0"))
	}
	units := fill.Quantity
	if !fill.Multiplier.IsZero() {
		units = units.Mul(fill.Multiplier)
	}
	price, ok := quotient(total.Abs(), units)
	if !ok {
		return price, fmt.Errorf("the price is missing, and the total %s is no whole multiple of %s at any price of at most %d digits", total, units, blotter.DecimalFractionDigitsMax)
	}
	return price, nil
}

func errIf(is bool, text string) error {
	if is {
		return errors.New(text)
	}
	return nil
}

// quotient is a / b, if that is exact.
func quotient(a, b blotter.Decimal) (blotter.Decimal, bool) {
	q, err := a.Div(b)
	if err != nil {
		return q, false
	}
	back, ok := product(q, b)
	return q, ok && back.Equal(a)
}

// product is a x b, if its digits can be kept.
func product(a, b blotter.Decimal) (blotter.Decimal, bool) {
	return a.Mul(b), digitsOf(a)+digitsOf(b) <= blotter.DecimalFractionDigitsMax
}

// digitsOf is how many digits after the point a decimal needs.
func digitsOf(d blotter.Decimal) int {
	_, fraction, _ := strings.Cut(d.String(), ".")
	return len(strings.TrimRight(fraction, "0"))
}

// commission adds the fees, which must be in one currency.
func (f *File) commission(fill *Fill, fees []fee) error {
	for _, of := range fees {
		if of.amount == "" {
			continue
		}
		amount, err := f.number(fill, "fee", of.amount)
		if err != nil {
			return err
		}
		if amount.IsZero() && len(fees) > 1 {
			continue
		}
		if of.negated {
			amount = amount.Neg()
		}
		currency := strings.ToUpper(or(of.currency, fill.Currency))
		if !fill.Commission.IsZero() && fill.CommissionCurrency != currency {
			return fmt.Errorf("its fees are in two currencies, %s and %s; a trade keeps one", fill.CommissionCurrency, currency)
		}
		fill.Commission, fill.CommissionCurrency = fill.Commission.Add(amount), currency
	}
	return nil
}

// number reads a number of the file and rounds it if that is asked for.
func (f *File) number(fill *Fill, name, text string) (blotter.Decimal, error) {
	d, err := number(name, text, f.style.comma)
	digits := f.round()
	if digits > 0 && (err != nil || digitsOf(d) > digits) {
		if d, err = roundedNumber(name, text, f.style.comma, digits); err == nil {
			fill.Rounded = true
		}
	}
	return d, f.hinted(err)
}

// round is how many digits numbers are rounded to, or 0.
func (f *File) round() int {
	if f.opts.Round == 0 {
		return f.layout.round
	}
	return max(f.opts.Round, 0)
}

// symbolOf is a symbol as it is stored.
func symbolOf(text string) string { return strings.ToUpper(strings.TrimSpace(barfile.Storable(text))) }

// or is the first text that is not empty.
func or(texts ...string) string {
	for _, text := range texts {
		if text != "" {
			return text
		}
	}
	return ""
}
