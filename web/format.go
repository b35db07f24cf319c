package web

import (
	"net/url"
	"strings"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/internal/term"
)

// plainNumber writes a number with every digit, and with thousands separators.
func plainNumber(d blotter.Decimal) string {
	text := d.String()
	if strings.Contains(text, ".") {
		text = strings.TrimRight(strings.TrimRight(text, "0"), ".")
	}

	sign := ""
	if rest, isNegative := strings.CutPrefix(text, "-"); isNegative {
		sign, text = "-", rest
	}
	whole, fraction, hasFraction := strings.Cut(text, ".")
	for i := len(whole) - 3; i > 0; i -= 3 {
		whole = whole[:i] + "," + whole[i:]
	}
	if hasFraction {
		whole += "." + fraction
	}
	return sign + whole
}

// signOf returns the class of a profit or loss.
func signOf(d blotter.Decimal) string {
	switch {
	case d.IsNeg():
		return "loss"
	case d.IsZero():
		return ""
	}
	return "gain"
}

// number returns a cell with a quantity or a price.
func number(d blotter.Decimal) cell {
	c := cell{Text: plainNumber(d), isNumber: true}
	if d.IsNeg() {
		c.Class = "loss"
	}
	return c
}

// numberOf does what number does, for one that may be unknown.
func numberOf(d *blotter.Decimal) cell {
	if d == nil {
		return cell{}
	}
	return number(*d)
}

// average returns a cell with a derived price, rounded; the hover text has every digit.
func average(d *blotter.Decimal) cell {
	if d == nil {
		return cell{}
	}
	c := number(term.Average(*d))
	if full := plainNumber(*d); full != c.Text {
		c.Title = full
	}
	return c
}

// rounded returns a cell with an amount that may be a share of another, with as many digits as are worth showing; the
// hover text has every digit.
func rounded(d blotter.Decimal) cell {
	c := average(&d)
	c.Class = signOf(d)
	return c
}

// money returns a cell with an amount.
func money(d blotter.Decimal, currency string) cell {
	c := cell{Text: term.Money(d, currency), isNumber: true}
	if d.IsNeg() {
		c.Class = "loss"
	}
	return c
}

// profit returns a cell with a profit or loss.
func profit(d blotter.Decimal, currency string) cell {
	return cell{Text: term.Money(d, currency), Class: signOf(d), isNumber: true}
}

// profitOf does what profit does, for one that may be unknown.
func profitOf(d *blotter.Decimal, currency string) cell {
	if d == nil {
		return cell{}
	}
	return profit(*d, currency)
}

// count returns a cell with a number of things.
func count[T ~int | ~int64](n T) cell { return cell{Text: term.Thousands(n), isNumber: true} }

// text returns a cell with a text.
func text(s string) cell { return cell{Text: s} }

// muted returns a cell with a text of little weight.
func muted(s string) cell { return cell{Text: s, Class: "muted"} }

// to returns the cell as a link.
func (c cell) to(href string) cell {
	c.Href = href
	return c
}

// instant returns a cell with a time in a zone; the hover text has it in UTC.
func instant(t time.Time, zone *time.Location) cell {
	if t.IsZero() {
		return cell{}
	}
	return cell{
		Text:  t.In(zone).Format("2006-01-02 15:04:05"),
		Title: t.UTC().Format("2006-01-02 15:04:05.999999") + " UTC",
		Time:  t.UTC().Format(time.RFC3339Nano),
		Class: "when",
	}
}

// side returns a cell with the side of a trade or order.
func side(s blotter.Side) cell { return cell{Text: string(s), Class: "side " + string(s)} }

// age writes how long ago something was, in the largest unit that fits.
func age(d time.Duration) string {
	switch {
	case d < 0:
		return "in the future"
	case d < time.Minute:
		return "seconds ago"
	case d < time.Hour:
		return term.Count(int64(d/time.Minute), "minute", "minutes") + " ago"
	case d < 48*time.Hour:
		return term.Count(int64(d/time.Hour), "hour", "hours") + " ago"
	}
	return term.Count(int64(d/(24*time.Hour)), "day", "days") + " ago"
}

// span writes how long something took, in the largest unit that fits.
func span(d time.Duration) string {
	switch {
	case d >= 48*time.Hour:
		return term.Count(int64(d/(24*time.Hour)), "day", "days")
	case d >= 2*time.Hour:
		return term.Count(int64(d/time.Hour), "hour", "hours")
	case d >= 2*time.Minute:
		return term.Count(int64(d/time.Minute), "minute", "minutes")
	}
	return term.Elapsed(d)
}

// address returns a path with the parameters that are not empty, given as names and values in turn.
func address(path string, pairs ...string) string {
	values := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			values.Set(pairs[i], pairs[i+1])
		}
	}
	if len(values) == 0 {
		return path
	}
	return path + "?" + values.Encode()
}
