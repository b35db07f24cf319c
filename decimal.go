package blotter

import (
	"fmt"
	"math/big"
	"strings"

	"github.com/quagmt/udecimal"
)

// Decimal is an exact decimal number. Its zero value is 0. It has at most [DecimalFractionDigitsMax] digits after the
// point; a number with more is refused (ErrInvalid), never rounded.
type Decimal = udecimal.Decimal

const (
	// DecimalFractionDigitsMax is the maximum number of digits after the decimal point in a Decimal and in the
	// database.
	DecimalFractionDigitsMax = 19
	// DecimalIntegerDigitsMax is the maximum number of digits before the decimal point.
	DecimalIntegerDigitsMax = 150
)

// decimalTextMax is the longest text of a Decimal in bytes: sign, digits, point, and leading zeros.
const decimalTextMax = 200

// ParseDecimal reads a decimal in plain notation ("-12.50"). It returns ErrInvalid for any other text, and for a number
// with more digits than a Decimal has.
func ParseDecimal(text string) (Decimal, error) {
	if len(text) > decimalTextMax {
		return Decimal{}, Invalid("decimal", text, fmt.Sprintf("at most %d characters", decimalTextMax))
	}

	d, err := udecimal.Parse(text)
	if err != nil {
		allowed := fmt.Sprintf("a plain decimal number with at most %d digits after the point",
			DecimalFractionDigitsMax)
		return Decimal{}, Invalid("decimal", text, allowed)
	}
	return d, nil
}

// MustDecimal is ParseDecimal for constants in code and tests. It panics if the text is not a decimal.
func MustDecimal(text string) Decimal {
	d, err := ParseDecimal(text)
	if err != nil {
		panic(err)
	}
	return d
}

var one = MustDecimal("1")

// costDigits is the number of digits after the point to which the cost of a partial close is rounded, half away from
// zero. This is the only rounding of the book; everything else is exact.
const costDigits = 12

// averageDigits is the number of digits after the point of average prices. They are derived from cost and quantity and
// never the base of a calculation.
const averageDigits = 16

// proportion returns total x part / whole, rounded once to costDigits. The product of Decimals would be cut at 19
// digits before the division.
func proportion(total, part, whole Decimal) Decimal {
	numerator := new(big.Int).Mul(coefficient(total), coefficient(part))
	denominator := new(big.Int).Mul(coefficient(whole), tenToThe(DecimalFractionDigitsMax-costDigits))
	return divide(numerator, denominator, costDigits)
}

// quotient returns total / parts, rounded to averageDigits. Decimal cuts the quotient at 19 digits first, which does
// not change how it is rounded half away from zero.
func quotient(total, parts Decimal) Decimal {
	q, err := total.Div(parts)
	if err != nil {
		return Decimal{}
	}
	return q.RoundHAZ(averageDigits)
}

// divide returns numerator / denominator as a number of so many digits after the point, rounded half away from zero.
// The numerator is scaled accordingly.
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

// Rational returns d as an exact fraction.
func Rational(d Decimal) *big.Rat {
	x, ok := new(big.Rat).SetString(d.String())
	if !ok {
		panic("blotter: invalid decimal " + d.String())
	}
	return x
}

// coefficient returns d x 10^19, an integer.
func coefficient(d Decimal) *big.Int {
	n, ok := new(big.Int).SetString(strings.Replace(d.StringFixed(DecimalFractionDigitsMax), ".", "", 1), 10)
	if !ok {
		panic("blotter: invalid decimal " + d.String())
	}
	return n
}

func tenToThe(n int64) *big.Int { return new(big.Int).Exp(big.NewInt(10), big.NewInt(n), nil) }

// digitsOf returns the number of digits that a decimal needs after the point.
func digitsOf(d Decimal) int {
	_, fraction, _ := strings.Cut(d.String(), ".")
	return len(strings.TrimRight(fraction, "0"))
}
