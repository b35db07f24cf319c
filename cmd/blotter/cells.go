package main

import (
	"context"
	"strings"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/internal/term"
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

// money writes an amount with at least the digits of its currency, and with thousands separators. It does not round.
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

// moneyOf is money for an amount that may be unknown.
func moneyOf(d *blotter.Decimal, code string) string {
	if d == nil {
		return ""
	}
	return money(*d, code)
}

// otherFees writes fees in several currencies.
func otherFees(fees blotter.TradeFees) string {
	var texts []string
	for _, fee := range fees {
		texts = append(texts, money(fee.Amount, fee.Currency)+" "+fee.Currency)
	}
	return strings.Join(texts, ", ")
}

// price writes a price with every digit, and at least two after the point.
func price(d blotter.Decimal) string {
	whole, fraction, _ := strings.Cut(d.String(), ".")
	if missing := 2 - len(fraction); missing > 0 {
		fraction += strings.Repeat("0", missing)
	}
	return whole + "." + fraction
}

// priceOf is price for one that may be unknown.
func priceOf(d *blotter.Decimal) string {
	if d == nil {
		return ""
	}
	return price(*d)
}

// averageDigits is the number of digits after the point, and after its leading zeros, that a derived price is shown
// with.
const averageDigits = 8

// averageOf writes a derived price, rounded.
func averageOf(d *blotter.Decimal) string {
	if d == nil {
		return ""
	}
	digits := averageDigits
	if fraction, isSmall := strings.CutPrefix(strings.TrimPrefix(d.String(), "-"), "0."); isSmall {
		digits += len(fraction) - len(strings.TrimLeft(fraction, "0"))
	}
	return price(d.RoundHAZ(uint8(min(digits, blotter.DecimalFractionDigitsMax))))
}

// tenths writes a number with one digit after the point.
func tenths(d blotter.Decimal) string { return d.RoundHAZ(1).StringFixed(1) }

// nonZero writes a count, and nothing for zero.
func nonZero(n int64) string {
	if n == 0 {
		return ""
	}
	return term.Thousands(n)
}

// rate returns the number of rows per second.
func rate(rows int64, elapsed time.Duration) int64 {
	if elapsed <= 0 {
		return 0
	}
	return int64(float64(rows) / elapsed.Seconds())
}

// instant writes a time to the second.
func instant(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.DateTime)
}

// instantOf is instant for a time that may be unknown.
func instantOf(t *time.Time) string {
	if t == nil {
		return ""
	}
	return instant(*t)
}

func shortDay(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.DateOnly)
}

// accountCell returns the account of a row, or nothing if all rows have the same account.
func accountCell(ctx context.Context, account string) string {
	if scope, _ := blotter.ScopeOf(ctx); scope.All {
		return account
	}
	return ""
}
