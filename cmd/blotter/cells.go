package main

import (
	"context"
	"strings"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/internal/term"
)

// money writes an amount with at least the digits of its currency, and with thousands separators. It does not round.
func money(d blotter.Decimal, code string) string { return term.Money(d, code) }

// moneyOf formats, as money does, an amount that may be unknown.
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

// priceOf formats, as price does, a price that may be unknown.
func priceOf(d *blotter.Decimal) string {
	if d == nil {
		return ""
	}
	return price(*d)
}

// averageOf writes a derived price, rounded.
func averageOf(d *blotter.Decimal) string {
	if d == nil {
		return ""
	}
	return price(term.Average(*d))
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

// instantOf formats, as instant does, a time that may be unknown.
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
