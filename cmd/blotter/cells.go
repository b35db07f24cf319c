package main

import (
	"strings"

	"github.com/blotterdb/blotter"
	"golang.org/x/text/currency"
)

// coinDigits are the digits after the point of coins that have more than money of banks.
var coinDigits = map[string]int{"BTC": 8, "XBT": 8}

// moneyDigits are the digits after the point that a currency has at least: 2, and as ISO 4217 says for others.
func moneyDigits(code string) int {
	if digits, known := coinDigits[code]; known {
		return digits
	}
	unit, err := currency.ParseISO(code)
	if err != nil {
		return 2
	}
	digits, _ := currency.Standard.Rounding(unit)
	return digits
}

// money writes an amount for people: with the digits that its currency has at least, and more where it has more. Nothing
// is rounded. The thousands are set apart.
func money(d blotter.Decimal, code string) string {
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

// moneyOf is money of an amount that may be unknown.
func moneyOf(d *blotter.Decimal, code string) string {
	if d == nil {
		return ""
	}
	return money(*d, code)
}
