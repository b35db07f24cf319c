package term

import (
	"strings"

	"github.com/blotterdb/blotter"
	"golang.org/x/text/currency"
)

// coinDigits has the digits after the point of coins, which ISO 4217 does not know.
var coinDigits = map[string]int{"BTC": 8, "XBT": 8}

// moneyDigits returns the digits after the point that amounts in a currency have at least.
func moneyDigits(code string) int {
	if digits, isCoin := coinDigits[code]; isCoin {
		return digits
	}
	unit, err := currency.ParseISO(code)
	if err != nil {
		return 2
	}
	digits, _ := currency.Standard.Rounding(unit)
	return digits
}

// Money writes an amount with at least the digits of its currency, and with thousands separators. It does not round.
func Money(d blotter.Decimal, code string) string {
	whole, fraction, _ := strings.Cut(strings.TrimPrefix(d.String(), "-"), ".")
	fraction = strings.TrimRight(fraction, "0")
	if missing := moneyDigits(code) - len(fraction); missing > 0 {
		fraction += strings.Repeat("0", missing)
	}

	for i := len(whole) - 3; i > 0; i -= 3 {
		whole = whole[:i] + "," + whole[i:]
	}
	if d.IsNeg() {
		whole = "-" + whole
	}
	if fraction == "" {
		return whole
	}
	return whole + "." + fraction
}

// averageDigits is the number of digits after the point, and after its leading zeros, that a derived price has.
const averageDigits = 8

// Average rounds a derived price, such as an average, to the digits that are worth showing.
func Average(d blotter.Decimal) blotter.Decimal {
	digits := averageDigits
	if fraction, isSmall := strings.CutPrefix(strings.TrimPrefix(d.String(), "-"), "0."); isSmall {
		digits += len(fraction) - len(strings.TrimLeft(fraction, "0"))
	}
	return d.RoundHAZ(uint8(min(digits, blotter.DecimalFractionDigitsMax)))
}
