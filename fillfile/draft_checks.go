package fillfile

import (
	"errors"
	"fmt"
	"math/big"

	"github.com/blotterdb/blotter"
)

// usOptionSize is how many shares an option on a share of the United States stands for.
const usOptionSize = "100"

// endLife makes a draft the end of an option's life: its expiry, assignment or exercise, at price 0. If it brought
// cash, as for an option on an index, the cash tells the price and its sign tells the side. The draft needs a
// multiplier.
func (d *draft) endLife(cash string) error {
	d.ends = true
	d.price = ""
	if cash == "" {
		return nil
	}
	amount, err := number("amount", cash, false)
	if err != nil || amount.IsZero() {
		return err
	}

	for _, cost := range d.fees {
		if paid, err := number("fee", cost.amount, false); err == nil && !paid.IsZero() {
			return errors.New("an option ended with cash and a fee, " +
				"and the cash may contain the fee")
		}
	}

	side := "sell"
	if amount.IsNeg() {
		side = "buy"
	}
	if said := sideOf(d.side); said != "" && string(said) != side {
		return fmt.Errorf("%s of an option contradicts its cash of %s", d.side, cash)
	}

	d.side = side
	d.ends = false
	d.total = cash
	return nil
}

// checkSign returns an error for a purchase that brought money and for a sale that cost some.
func (d *draft) checkSign(amount string) error {
	money, err := number("amount", amount, false)
	if err != nil || money.IsZero() {
		return nil // not told
	}

	costs := blotter.Decimal{}
	for _, cost := range d.fees {
		if paid, err := number("fee", cost.amount, false); err == nil {
			costs = costs.Add(paid.Abs())
		}
	}

	isLess := money.Abs().LessThan(costs) // a sale may bring less than it costs
	side := sideOf(d.side)
	if side == blotter.Buy && !money.IsNeg() || side == blotter.Sell && money.IsNeg() && !isLess {
		return fmt.Errorf("side %q contradicts the sign of the amount %s", clip(d.side), clip(amount))
	}
	return nil
}

// units returns quantity x price without its sign. ok is false if that is not exact or is 0.
func (d *draft) units() (units blotter.Decimal, ok bool) {
	quantity, err := number("", d.quantity, false)
	price, err2 := number("", d.price, false)
	if err != nil || err2 != nil {
		return units, false
	}
	units, ok = product(quantity.Abs(), price.Abs())
	return units, ok && !units.IsZero()
}

// multiplierOf returns money / quantity / price, or "" if that is not exact or is 0.
func (d *draft) multiplierOf(money string) string {
	units, ok := d.units()
	total, err := number("", money, false)
	if err != nil || !ok || total.IsZero() {
		return ""
	}

	multiplier, ok := quotient(total.Abs(), units)
	if !ok {
		return ""
	}
	return multiplier.String()
}

// sizeBy returns the usual size of a contract with which quantity x price is the value, within a cent. It is "" if
// there is none or one of them is 0.
func (d *draft) sizeBy(value string) string {
	units, ok := d.units()
	money, err := number("", value, false)
	if err != nil || !ok || money.IsZero() {
		return ""
	}

	for _, limit := range []blotter.Decimal{{}, cent} {
		for _, size := range sizes[d.class] {
			amount, ok := product(units, blotter.MustDecimal(size))
			if ok && amount.Sub(money.Abs()).Abs().Cmp(limit) <= 0 {
				return size
			}
		}
	}
	return ""
}

var cent = blotter.MustDecimal("0.01")

// keepSymbol keeps the symbol of an option that is not of the OCC's form, such as those of exchanges abroad and options
// on futures. It is an error if the multiplier is not known.
func (d *draft) keepSymbol(value string) error {
	if d.class != option || classOfSymbol(d.symbol) == option {
		return nil
	}
	if d.multiplier == "" {
		d.multiplier = d.sizeBy(value)
	}
	if d.multiplier == "" {
		return fmt.Errorf("the multiplier of option %s is not known", d.symbol)
	}
	d.class = plain
	return nil
}

// looksTraded reports whether a row has a quantity and a price that are not 0.
func looksTraded(quantity, price string) bool {
	q, err := number("", quantity, false)
	p, err2 := number("", price, false)
	return err == nil && err2 == nil && !q.IsZero() && !p.IsZero()
}

// isRoundedPrice reports whether quantity x price is the total if the price was rounded to its last digit. For shares
// that are bought with a dividend, brokers write the total exactly and the price in cents.
func (d *draft) isRoundedPrice(amount string) bool {
	quantity, err := number("", d.quantity, false)
	price, err2 := number("", d.price, false)
	paid, err3 := number("", amount, false)
	if err != nil || err2 != nil || err3 != nil {
		return false
	}

	half := blotter.MustDecimal("0.5")
	for range writtenDigits(d.price, false) {
		half = half.Mul(blotter.MustDecimal("0.1"))
	}

	units := exact(quantity.Abs())
	limit := new(big.Rat).Mul(units, exact(half))
	limit.Add(limit, cents(1))
	return isNear(units.Mul(units, exact(price.Abs())), exact(paid.Abs()), limit)
}
