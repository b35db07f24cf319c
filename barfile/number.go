package barfile

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/blotterdb/blotter"
	"github.com/quagmt/udecimal"
)

// numbers is how a file writes its numbers.
type numbers struct {
	comma bool // 1.234,56 instead of 1,234.56
}

// parse reads a number exactly as it is written: never through a float, never rounded. Quotes, currency signs,
// thousands separators, blanks too, exponents and the suffixes K, M, B and T are understood.
func (n numbers) parse(name string, cell []byte) (blotter.Decimal, error) {
	if d, ok := plainNumber(cell); ok && !n.comma {
		return d, nil
	}
	text := strings.Trim(string(cell), " \t\"'$€£¥")
	if isMissing(text) {
		return blotter.Decimal{}, fmt.Errorf("%s is missing", name)
	}
	plain, ok := n.normalise(text)
	if !ok {
		return blotter.Decimal{}, fmt.Errorf("%s %q is not a decimal number", name, text)
	}
	whole, fraction, _ := strings.Cut(strings.TrimLeft(plain, "+-0"), ".")
	switch {
	case len(fraction) > blotter.DecimalFractionDigitsMax:
		return blotter.Decimal{}, fmt.Errorf("%s %s has %d digits after the point, " +
			"%d are kept and none is rounded away", name, text, len(fraction), blotter.DecimalFractionDigitsMax)
	case len(whole) > blotter.DecimalIntegerDigitsMax:
		return blotter.Decimal{}, fmt.Errorf("%s has more than %d digits before the point", name,
			blotter.DecimalIntegerDigitsMax)
	}
	d, err := udecimal.Parse(plain)
	if err != nil {
		return blotter.Decimal{}, fmt.Errorf("%s %q is not a decimal number", name, text)
	}
	return d, nil
}

// isMissing reports a cell that stands for nothing.
func isMissing(text string) bool {
	switch strings.ToLower(strings.TrimSpace(text)) {
	case "", "null", "nan", "n/a", "na", "none", "-", "--":
		return true
	}
	return false
}

// plainNumber reads the usual number, digits with perhaps a point among them, without allocation.
func plainNumber(cell []byte) (blotter.Decimal, bool) {
	cell = bytes.TrimSpace(cell)
	if len(cell) == 0 || len(cell) > 19 {
		return blotter.Decimal{}, false
	}
	negative := cell[0] == '-'
	if negative {
		cell = cell[1:]
	}
	var value int64
	point, digits := -1, 0
	for i, c := range cell {
		switch {
		case c >= '0' && c <= '9':
			value, digits = value*10+int64(c-'0'), digits+1
		case c == '.' && point < 0:
			point = i
		default:
			return blotter.Decimal{}, false
		}
	}
	if digits == 0 || digits > 18 {
		return blotter.Decimal{}, false
	}
	scale := 0
	if point >= 0 {
		scale = len(cell) - point - 1
	}
	for ; scale > 0 && value%10 == 0; scale-- {
		value /= 10
	}
	if negative {
		value = -value
	}
	d, err := udecimal.NewFromInt64(value, uint8(scale))
	return d, err == nil
}

// blankGroups are the blanks that may group thousands: 12 345,67.
const blankGroups = " \u00a0\u202f"

var groupingBlanks = strings.NewReplacer(" ", ",", "\u00a0", ",", "\u202f", ",")

// normalise writes a number in plain digits with a point, without zeros at the end of its fraction.
func (n numbers) normalise(text string) (string, bool) {
	if n.comma {
		text = strings.Map(func(r rune) rune {
			switch r {
			case '.':
				return ','
			case ',':
				return '.'
			}
			return r
		}, text)
	}
	shift := 0
	if i := strings.IndexAny(text, "eE"); i > 0 {
		var ok bool
		if shift, ok = smallInt(text[i+1:]); !ok {
			return "", false
		}
		text = text[:i]
	} else if last := len(text) - 1; last > 0 {
		if i := strings.IndexByte("KMBT", text[last]&^0x20); i >= 0 {
			shift, text = 3*(i+1), text[:last]
		}
	}
	whole, fraction, _ := strings.Cut(text, ".")
	if strings.ContainsAny(whole, blankGroups) {
		whole = groupingBlanks.Replace(whole)
	}
	if strings.Contains(whole, ",") {
		groups := strings.Split(strings.TrimLeft(whole, "+-"), ",")
		for i, group := range groups {
			if len(group) != 3 && (i > 0 || len(group) > 3 || group == "") {
				return "", false
			}
		}
		whole = strings.ReplaceAll(whole, ",", "")
	}
	sign := ""
	switch {
	case strings.HasPrefix(whole, "-"):
		sign, whole = "-", whole[1:]
	case strings.HasPrefix(whole, "+"):
		whole = whole[1:]
	}
	digits := whole + fraction
	if digits == "" || strings.Trim(digits, "0123456789") != "" {
		return "", false
	}
	point := len(whole) + shift
	if point <= 0 {
		digits, point = strings.Repeat("0", 1-point)+digits, 1
	}
	if point > len(digits) {
		digits += strings.Repeat("0", point-len(digits))
	}
	plain := strings.TrimLeft(digits[:point], "0")
	if plain == "" {
		plain = "0"
	}
	if fraction := strings.TrimRight(digits[point:], "0"); fraction != "" {
		plain += "." + fraction
	}
	return sign + plain, true
}

// smallInt reads an exponent of at most three digits.
func smallInt(text string) (int, bool) {
	sign := 1
	if text != "" && (text[0] == '-' || text[0] == '+') {
		if text[0] == '-' {
			sign = -1
		}
		text = text[1:]
	}
	if len(text) == 0 || len(text) > 3 {
		return 0, false
	}
	n := 0
	for _, c := range []byte(text) {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + int(c-'0')
	}
	return sign * n, true
}
