package blotter

import (
	"fmt"

	"github.com/quagmt/udecimal"
)

// Decimal is an exact decimal number. Its zero value is 0. It keeps at most [DecimalFractionDigitsMax] digits after the
// point; what has more is refused at the door (ErrInvalid), never rounded.
type Decimal = udecimal.Decimal

const (
	// DecimalFractionDigitsMax is the most digits after the decimal point that a Decimal, and so the database, keeps.
	DecimalFractionDigitsMax = 19
	// DecimalIntegerDigitsMax is the most digits before the decimal point.
	DecimalIntegerDigitsMax = 150
)

// decimalTextMax is the longest text of a Decimal: sign, digits, point, and zeros that people write in front.
const decimalTextMax = 200

// ParseDecimal reads a decimal in plain notation ("-12.50"). A text that is no such number, or has more digits than a
// Decimal keeps, is ErrInvalid.
func ParseDecimal(text string) (Decimal, error) {
	if len(text) > decimalTextMax {
		return Decimal{}, Invalid("decimal", text, fmt.Sprintf("at most %d characters", decimalTextMax))
	}
	d, err := udecimal.Parse(text)
	if err != nil {
		return Decimal{}, Invalid("decimal", text, fmt.Sprintf("a plain decimal number with at most %d digits after the point", DecimalFractionDigitsMax))
	}
	return d, nil
}

// MustDecimal is ParseDecimal for constants in code and tests; it panics on what is no decimal.
func MustDecimal(text string) Decimal {
	d, err := ParseDecimal(text)
	if err != nil {
		panic(err)
	}
	return d
}
