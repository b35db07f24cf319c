package fillfile

import (
	"errors"
	"fmt"
	"math/big"

	"github.com/blotterdb/blotter"
)

// usOptionSize is how many shares an option on a share of the United States stands for.
const usOptionSize = "100"

// endLife makes a draft the end of an option's life: its expiry, assignment or exercise, at price 0. Where cash came of
// it, as of an option on an index, the cash and its sign tell price and side. It needs the multiplier.
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
			return errors.New("cash and a fee came of an option's end, " +
				"and nothing tells whether the cash contains the fee")
		}
	}
	side := "sell"
	if amount.IsNeg() {
		side = "buy"
	}
	if said := sideOf(d.side); said != "" && string(said) != side {
		return fmt.Errorf("%s of an option contradicts its cash of %s", d.side, cash)
	}
	d.side, d.ends, d.total = side, false, cash
	return nil
}

// checkSign refuses a purchase that brought money, and a sale that cost some.
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
	if side := sideOf(d.side); side == blotter.Buy && !money.IsNeg() || side == blotter.Sell && money.IsNeg() && !isLess {
		return fmt.Errorf("side %q contradicts the sign of the amount %s", clip(d.side), clip(amount))
	}
	return nil
}

// sizeBy returns the usual size of a contract at which quantity x price comes to the value, within a cent; "" where none
// does or one of them is 0.
func (d *draft) sizeBy(value string) string {
	quantity, err := number("", d.quantity, false)
	price, err2 := number("", d.price, false)
	money, err3 := number("", value, false)
	if err != nil || err2 != nil || err3 != nil || money.IsZero() {
		return ""
	}
	units, ok := product(quantity.Abs(), price.Abs())
	if !ok || units.IsZero() {
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

// keepSymbol keeps the symbol of an option that names it in a way that is not read further, as exchanges abroad and
// options on futures have. Its multiplier must be told.
func (d *draft) keepSymbol(value string) error {
	if d.class != option || classOfSymbol(d.symbol) == option {
		return nil
	}
	if d.multiplier == "" {
		d.multiplier = d.sizeBy(value)
	}
	if d.multiplier == "" {
		return fmt.Errorf("nothing tells the multiplier of option %s", d.symbol)
	}
	d.class = plain
	return nil
}

// looksTraded reports whether a row has what a trade has: a quantity and a price that are not 0.
func looksTraded(quantity, price string) bool {
	q, err := number("", quantity, false)
	p, err2 := number("", price, false)
	return err == nil && err2 == nil && !q.IsZero() && !p.IsZero()
}

// isRoundedPrice reports whether quantity x price comes to the total when the price is taken as rounded to its last digit:
// of shares that are bought with a dividend brokers show the total exactly, and the price in cents.
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
	limit := exact(quantity.Abs())
	limit.Mul(limit, exact(half))
	limit.Add(limit, big.NewRat(1, 100))
	difference := exact(quantity.Abs())
	difference.Mul(difference, exact(price.Abs()))
	difference.Sub(difference, exact(paid.Abs()))
	return difference.Abs(difference).Cmp(limit) <= 0
}
