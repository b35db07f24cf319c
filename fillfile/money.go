package fillfile

import (
	"cmp"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strings"

	"golang.org/x/text/currency"

	"github.com/blotterdb/blotter"
)

// total is money that a file says changed hands for a fill, with its fees or without them.
type total struct {
	amount   string
	currency string // "" where the file does not say
}

// fee is one of the costs of a fill.
type fee struct {
	amount, currency string // currency "" is the price's
	negated          bool   // what was paid is negative
	unsure           bool   // whether it was paid or received is not told
	noCurrency       bool   // the file has a column for its currency, and it is empty
}

// cost is a fee that has been read. It is positive if it was paid.
type cost struct {
	amount   blotter.Decimal
	currency string
	unsure   bool
}

// sizes are the multipliers that instruments of a class usually have, the likeliest first. A total tells which it is.
var sizes = map[class][]string{
	plain:     {"1"},
	cfd:       {"1"},
	perpetual: {"1"},
	bond:      {"0.01", "1", "0.001", "10"},
	option:    {"100", "1", "10", "1000", "50", "5", "20", "25", "15", "40", "75", "250", "500", "0.1", "0.01"},
	future: {
		"1", "5", "50", "2", "20", "0.5", "0.1", "0.01", "10", "25", "100", "200", "250", "500", "1000", "2500",
		"5000", "10000", "12500", "25000",
		"37500", "40000", "42000", "50000", "62500", "100000", "112000", "125000", "250000", "500000", "1000000",
		"12500000",
	},
	lots: {"100000", "10000", "5000", "1000", "100", "50", "10", "1"},
}

// dollarOptions are the multipliers of options in dollars: on shares, on coins, and small ones. With the other
// multipliers of the class, a wrong price could match a total.
var dollarOptions = []string{"100", "1", "10"}

// proof says what the totals of a row prove about its fees.
type proof int

const (
	unproven proof = iota // nothing: no total contains them
	proven                // they are positive where they were paid, as read
	flipped               // they have the other sign
)

// money is a total that can be compared.
type money struct {
	amount    *big.Rat // absolute
	text      string
	rate      *big.Rat // to the price's currency, nil where it is in that
	isTold    bool     // the file says its currency
	tolerance *big.Rat
}

// checkTotals compares quantity x price x multiplier with every total of the row, with and without the fees. It sets an
// unknown multiplier to the one that the totals tell. It is an error, which gives both numbers, if a total does not
// match.
func (f *File) checkTotals(fill *Fill, d *draft, is class, costs []cost) (proof, error) {
	totals, err := f.comparable(fill, d, is)
	if err != nil || len(totals) == 0 {
		return unproven, err
	}

	base := new(big.Rat).Mul(exact(fill.Quantity), exact(fill.Price.Abs()))
	candidates := sizes[is]
	if is == option && fill.Currency == "USD" {
		candidates = dollarOptions
	}
	if !fill.Multiplier.IsZero() {
		candidates = []string{fill.Multiplier.String()}
	}

	for _, size := range candidates {
		factor, _ := new(big.Rat).SetString(size)
		said, ok := f.agree(totals, fill, d, is, new(big.Rat).Mul(base, factor), costs)
		if !ok {
			continue
		}
		if fill.Multiplier.IsZero() && base.Sign() != 0 && (is.needsMultiplier() || size != "1") {
			fill.Multiplier = blotter.MustDecimal(size)
		}
		return said, nil
	}

	return unproven, contradiction(fill, totals, candidates)
}

// comparable returns the totals of a row that can be compared with its price.
func (f *File) comparable(fill *Fill, d *draft, is class) ([]money, error) {
	var all []money
	for _, t := range d.totals {
		text, unit := splitUnit(t.amount)
		if text == "" {
			continue
		}

		amount, plain, err := ratIn("total", text, f.style.comma)
		if err != nil {
			return nil, err
		}
		if amount.Sign() == 0 && is.needsMultiplier() && is != option {
			continue // of contracts whose full value does not change hands
		}

		m := money{amount: amount.Abs(amount), text: t.amount, tolerance: tolerance(fill.Currency, plain)}

		in := cmp.Or(t.currency, unit)
		if major := minorUnits[in]; major != "" {
			m.amount.Mul(m.amount, big.NewRat(1, 100))
			in = major
		}

		in = strings.ToUpper(in)
		rate, hasRate := ratOf(d.rate)
		hasRate = hasRate && rate.Sign() > 0 && rate.Cmp(big.NewRat(1, 1)) != 0

		switch {
		case in != "" && in != fill.Currency && !hasRate:
			continue // in a currency to which the rate is not known
		case in != fill.Currency && hasRate:
			m.rate = rate
		}

		m.isTold = in != ""
		all = append(all, m)
	}

	return all, nil
}

// tolerance returns by how much a total may differ from the exact product: a cent, or a unit of money without cents.
// Coins are compared at the digits that the file writes.
func tolerance(code, text string) *big.Rat {
	unit, err := currency.ParseISO(code)
	if err == nil {
		digits, _ := currency.Cash.Rounding(unit)
		if digits == 0 {
			return big.NewRat(1, 1)
		}
		return big.NewRat(1, 100)
	}

	_, fraction, _ := strings.Cut(text, ".")
	limit := big.NewRat(1, 100)
	for range min(len(fraction), 8) - 2 {
		limit.Mul(limit, big.NewRat(1, 10))
	}
	return limit
}

// agree reports whether every total is the gross value, or that value with the fees, and what the totals say of the
// fees.
func (f *File) agree(
	totals []money, fill *Fill, d *draft, is class, gross *big.Rat, costs []cost,
) (said proof, ok bool) {
	for _, m := range totals {
		how, ok := f.agreesWith(m, fill, d, is, gross, costs)
		if !ok {
			return unproven, false
		}
		if how != unproven {
			said = how
		}
	}
	return said, true
}

func (f *File) agreesWith(m money, fill *Fill, d *draft, is class, gross *big.Rat, costs []cost) (proof, bool) {
	if m.rate != nil && (m.isTold || !f.isGeneric()) {
		return unproven, agreesConverted(m, gross, costs)
	}

	near := func(value *big.Rat) bool { // fees may be more than a sale brings
		return isNear(m.amount, new(big.Rat).Abs(value), m.tolerance)
	}
	inEither := func(value *big.Rat) bool { // a price in pence may have its total in pounds or in pence
		return near(value) || d.scaled && !m.isTold && near(new(big.Rat).Mul(value, big.NewRat(100, 1)))
	}
	values := []*big.Rat{gross}
	if accrued, isNumber := ratOf(d.accrued); isNumber && accrued.Sign() != 0 {
		values = append(values, new(big.Rat).Add(gross, accrued.Abs(accrued)))
	}

	for _, value := range values {
		if inEither(value) && !f.feesMatter(costs, m) {
			return unproven, true
		}

		fees := sumIn(costs, fill.Currency)
		if fill.Side == blotter.Sell {
			fees.Neg(fees)
		}

		with, without := new(big.Rat).Add(value, fees), new(big.Rat).Sub(value, fees)
		switch asRead, other := inEither(with), inEither(without); {
		case fees.Sign() == 0:
		case asRead && !other:
			return proven, true
		case other && !asRead:
			return flipped, true
		}

		isTold := !is.needsMultiplier() || !fill.Multiplier.IsZero()
		if inEither(value) || isTold && isNearWithForeign(m, value, costs, fill.Currency) {
			return unproven, true
		}
	}

	return unproven, false
}

// isNearWithForeign reports whether fees in other currencies, at unknown rates, explain the difference of a total.
func isNearWithForeign(m money, value *big.Rat, costs []cost, code string) bool {
	slack, hasForeign := new(big.Rat).Set(m.tolerance), false
	for _, c := range costs {
		amount := exact(c.amount.Abs())
		if c.currency != code && amount.Sign() > 0 {
			hasForeign = true
			amount.Mul(amount, big.NewRat(3, 1))
		}
		slack.Add(slack, amount)
	}
	return hasForeign && isNear(m.amount, value, slack)
}

// feesMatter reports whether fees are so large that a total tells whether it contains them.
func (f *File) feesMatter(costs []cost, m money) bool {
	return slices.ContainsFunc(costs, func(c cost) bool { return exact(c.amount.Abs()).Cmp(m.tolerance) > 0 })
}

// sumIn returns the sum of the fees in a currency.
func sumIn(costs []cost, code string) *big.Rat {
	all := new(big.Rat)
	for _, c := range costs {
		if c.currency == code {
			all.Add(all, exact(c.amount))
		}
	}
	return all
}

// agreesConverted compares a total in another currency, at a rate that is rounded: to within the rate's last digit and
// all fees.
func agreesConverted(m money, gross *big.Rat, costs []cost) bool {
	slack := new(big.Rat).Set(m.tolerance)
	for _, c := range costs {
		slack.Add(slack, exact(c.amount.Abs()))
	}
	slack.Add(slack, new(big.Rat).Mul(m.amount, big.NewRat(1, 1000)))

	values := []*big.Rat{new(big.Rat).Mul(gross, m.rate), new(big.Rat).Quo(gross, m.rate)}
	if !m.isTold {
		values = append(values, gross)
	}

	for _, value := range values {
		if isNear(m.amount, value, slack) {
			return true
		}
	}
	return false
}

// contradiction returns an error with the product and the totals that do not match it.
func contradiction(fill *Fill, totals []money, candidates []string) error {
	factor, _ := new(big.Rat).SetString(candidates[0])
	value := new(big.Rat).Mul(exact(fill.Quantity), exact(fill.Price))
	value.Mul(value, factor)
	times := ""
	if candidates[0] != "1" {
		times = " x " + candidates[0]
	}

	said := make([]string, 0, len(totals))
	for _, m := range totals {
		said = append(said, clip(m.text))
	}
	return fmt.Errorf("quantity %s x price %s%s is %s, with and without fees, but the file's total is %s",
		fill.Quantity, fill.Price, times,
		decimalText(value), strings.Join(said, " and "))
}

// feeOfTotal returns the difference between the total and quantity x price x multiplier, which is the fee in files that
// name no fee. A purchase costs more, a sale brings less.
func (f *File) feeOfTotal(fill *Fill, d *draft) (cost, error) {
	if len(d.totals) == 0 || d.totals[0].amount == "" || fill.Ends {
		return cost{}, nil
	}
	text, _ := splitUnit(d.totals[0].amount)
	paid, plain, err := ratIn("total", text, f.style.comma)
	if err != nil {
		return cost{}, err
	}

	gross := new(big.Rat).Mul(exact(fill.Quantity), exact(fill.Price.Abs()))
	if !fill.Multiplier.IsZero() {
		gross.Mul(gross, exact(fill.Multiplier))
	}
	_, fraction, _ := strings.Cut(plain, ".")
	digits := max(len(fraction), moneyDigits(fill.Currency)) // 4486.5 may be of cents
	rounded, _ := new(big.Rat).SetString(gross.FloatString(digits))
	difference := new(big.Rat).Sub(paid.Abs(paid), rounded)
	if fill.Side == blotter.Sell {
		difference.Neg(difference)
	}

	limit := tolerance(fill.Currency, plain)
	isRounding := rounded.Cmp(gross) != 0 && new(big.Rat).Abs(difference).Cmp(limit) <= 0
	if isRounding || difference.Sign() == 0 {
		return cost{}, nil
	}
	most := new(big.Rat).Mul(gross, big.NewRat(1, 100))
	if difference.Sign() < 0 || difference.Cmp(most.Add(most, big.NewRat(5, 1))) > 0 ||
		difference.Cmp(gross) >= 0 && gross.Sign() > 0 {
		return cost{}, contradiction(fill, []money{{text: d.totals[0].amount}}, []string{multiplierText(fill)})
	}
	amount, err := blotter.ParseDecimal(decimalText(difference))
	return cost{amount: amount, currency: fill.Currency}, err
}

// moneyDigits returns how many digits after the point amounts of a currency have. It is 0 for coins.
func moneyDigits(code string) int {
	unit, err := currency.ParseISO(code)
	if err != nil {
		return 0
	}
	digits, _ := currency.Standard.Rounding(unit)
	return digits
}

func multiplierText(fill *Fill) string {
	if fill.Multiplier.IsZero() {
		return "1"
	}
	return fill.Multiplier.String()
}

// errUnsureFee is the error of a fee that may have been paid or received.
var errUnsureFee = errors.New("its fee may have been paid or be a rebate; " +
	"--fees positive or --fees negative says how the file writes fees that were paid")

// errContradictedFee is the error of a total that contains the fees with the other sign than the file's known one.
var errContradictedFee = errors.New("its total contains the fees as if they had been received, " +
	"and the file writes fees that were paid so")
