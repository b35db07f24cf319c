package fillfile

import (
	"math/big"
	"strings"

	"github.com/blotterdb/blotter"
)

// quotient returns a / b, and whether it is exact.
func quotient(a, b blotter.Decimal) (blotter.Decimal, bool) {
	q, err := a.Div(b)
	if err != nil {
		return q, false
	}
	back, ok := product(q, b)
	return q, ok && back.Equal(a)
}

// product returns a x b, and whether it is exact.
func product(a, b blotter.Decimal) (blotter.Decimal, bool) {
	return a.Mul(b), digitsOf(a)+digitsOf(b) <= blotter.DecimalFractionDigitsMax
}

// digitsOf returns how many digits after the point a decimal needs.
func digitsOf(d blotter.Decimal) int {
	_, fraction, _ := strings.Cut(d.String(), ".")
	return len(strings.TrimRight(fraction, "0"))
}

// ratOf returns a number exactly.
func ratOf(text string) (*big.Rat, bool) {
	value, _, err := ratIn("", text, false)
	return value, err == nil
}

// ratIn returns a number exactly, and in digits with a decimal point. name is used in errors.
func ratIn(name, text string, comma bool) (value *big.Rat, plain string, err error) {
	plain, err = plainNumber(name, text, comma)
	if err != nil {
		return nil, "", err
	}

	value, ok := rational(plain)
	if !ok {
		return nil, "", notDecimal(name, text)
	}
	return value, plain, nil
}

// isNear reports whether two numbers differ by the limit at most.
func isNear(a, b, limit *big.Rat) bool {
	difference := new(big.Rat).Sub(a, b)
	return difference.Abs(difference).Cmp(limit) <= 0
}

// cents returns an amount of money below a unit.
func cents(n int64) *big.Rat { return big.NewRat(n, 100) }

// rational returns the value of a plain number. Its exponent has at most three digits.
func rational(plain string) (*big.Rat, bool) {
	if _, exponent := splitExponent(plain); len(exponent) > len("e-999") {
		return nil, false
	}
	return new(big.Rat).SetString(strings.ReplaceAll(plain, ",", ""))
}

// exactProduct returns the product of numbers with all its digits, or "" if one is not a number.
func exactProduct(texts ...string) string {
	product, digits := big.NewRat(1, 1), 0
	for _, text := range texts {
		factor, ok := ratOf(text)
		if !ok {
			return ""
		}
		product.Mul(product, factor)
		digits += fractionOf(factor)
	}
	return product.FloatString(digits)
}

// fractionOf returns how many digits after the point a decimal needs. The denominator has only the factors two and
// five.
func fractionOf(r *big.Rat) int {
	digits := 0
	for unit, ten := big.NewInt(1), big.NewInt(10); new(big.Int).Mod(unit, r.Denom()).Sign() != 0; digits++ {
		unit.Mul(unit, ten)
	}
	return digits
}

// exact returns a decimal as a fraction.
func exact(d blotter.Decimal) *big.Rat {
	r, _ := new(big.Rat).SetString(d.String())
	return r
}

// decimalText writes a fraction with at most 19 digits after the point, without zeros at the end.
func decimalText(r *big.Rat) string {
	text := r.FloatString(blotter.DecimalFractionDigitsMax)
	return strings.TrimSuffix(strings.TrimRight(text, "0"), ".")
}
