package tabular

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/quagmt/udecimal"

	"github.com/blotterdb/blotter"
)

// Notation is how a file writes its numbers.
type Notation struct {
	Comma bool // 1.234,56 instead of 1,234.56
}

// Parse reads a number exactly as it is written, never through a float and never rounded. It understands quotes,
// currency signs, groups of thousands, exponents and the suffixes K, M, B and T. name is used in errors.
func (n Notation) Parse(name string, cell []byte) (blotter.Decimal, error) {
	if d, ok := PlainNumber(cell); ok && !n.Comma {
		return d, nil
	}
	text := strings.Trim(string(cell), " \t\"'$€£¥")
	if IsMissing(text) {
		return blotter.Decimal{}, fmt.Errorf("%s is missing", name)
	}
	plain, ok := n.digits(text)
	if !ok {
		return blotter.Decimal{}, fmt.Errorf("%s %q is not a decimal number", name, text)
	}

	whole, fraction, _ := strings.Cut(strings.TrimLeft(plain, "+-0"), ".")
	switch {
	case len(fraction) > blotter.DecimalFractionDigitsMax:
		return blotter.Decimal{}, fmt.Errorf("%s %s has %d digits after the point; "+
			"at most %d can be stored without rounding",
			name, text, len(fraction), blotter.DecimalFractionDigitsMax)
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

// IsMissing reports whether a cell stands for no value.
func IsMissing(text string) bool {
	switch strings.ToLower(strings.TrimSpace(text)) {
	case "", "null", "nan", "n/a", "na", "none", "-", "--":
		return true
	}
	return false
}

// PlainNumber reads the usual number, which is digits with at most one point, without allocation.
func PlainNumber(cell []byte) (d blotter.Decimal, ok bool) {
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
			value = value*10 + int64(c-'0')
			digits++
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

// DecimalMark returns the mark before the fraction of a number, which is a comma or a point, or 0 for a number with
// neither. Two marks, a repeated mark or the digits around a single one make it certain: 1.234,5 and 1.234.567 and 0,5
// and 1234,567. The marks of 1,234 and 1.234 are returned as not certain.
func DecimalMark(number string) (mark byte, certain bool) {
	number = strings.TrimLeft(number, "+-")
	comma, point := strings.LastIndexByte(number, ','), strings.LastIndexByte(number, '.')
	switch {
	case comma < 0 && point < 0:
		return 0, true
	case comma >= 0 && point >= 0:
		return number[max(comma, point)], true
	}

	last := max(comma, point)
	mark = number[last]
	if strings.Count(number, string(mark)) > 1 {
		return otherMark(mark), true
	}
	before, after := number[:last], number[last+1:]
	isGroup := len(after) == 3 && before != "" && len(before) <= 3 && before[0] != '0'
	return mark, !isGroup
}

func otherMark(mark byte) byte {
	if mark == ',' {
		return '.'
	}
	return ','
}

// SwapMarks replaces commas by points and points by commas.
func SwapMarks(number string) string {
	return strings.Map(func(r rune) rune {
		if r == ',' || r == '.' {
			return rune(otherMark(byte(r)))
		}
		return r
	}, number)
}

// groupBlanks are the blanks that may group thousands: 12 345,67.
const groupBlanks = " \u00a0\u202f"

var blanksToCommas = strings.NewReplacer(" ", ",", "\u00a0", ",", "\u202f", ",")

// digits writes a number in digits with a point at most, without zeros at the end of its fraction.
func (n Notation) digits(text string) (plain string, ok bool) {
	if n.Comma {
		text = SwapMarks(text)
	}

	text, shift, ok := cutExponent(text)
	if !ok {
		return "", false
	}

	whole, fraction, _ := strings.Cut(text, ".")
	whole, ok = ungrouped(whole)
	if !ok {
		return "", false
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
		digits = strings.Repeat("0", 1-point) + digits
		point = 1
	}
	if point > len(digits) {
		digits += strings.Repeat("0", point-len(digits))
	}

	plain = strings.TrimLeft(digits[:point], "0")
	if plain == "" {
		plain = "0"
	}
	if fraction := strings.TrimRight(digits[point:], "0"); fraction != "" {
		plain += "." + fraction
	}

	return sign + plain, true
}

// cutExponent cuts an exponent or a suffix such as K or M, and returns by how many digits it moves the point.
func cutExponent(text string) (rest string, shift int, ok bool) {
	if i := strings.IndexAny(text, "eE"); i > 0 {
		shift, ok = smallInt(text[i+1:])
		return text[:i], shift, ok
	}
	if last := len(text) - 1; last > 0 {
		if i := strings.IndexByte("KMBT", text[last]&^0x20); i >= 0 {
			return text[:last], 3 * (i + 1), true
		}
	}
	return text, 0, true
}

// ungrouped removes the marks between thousands, which must be three digits each.
func ungrouped(whole string) (string, bool) {
	if strings.ContainsAny(whole, groupBlanks) {
		whole = blanksToCommas.Replace(whole)
	}
	if !strings.Contains(whole, ",") {
		return whole, true
	}
	for i, group := range strings.Split(strings.TrimLeft(whole, "+-"), ",") {
		if len(group) != 3 && (i > 0 || len(group) > 3 || group == "") {
			return "", false
		}
	}
	return strings.ReplaceAll(whole, ",", ""), true
}

// smallInt reads an exponent of at most three digits.
func smallInt(text string) (n int, ok bool) {
	digits := strings.TrimPrefix(strings.TrimPrefix(text, "-"), "+")
	if len(text)-len(digits) > 1 || digits == "" || len(digits) > 3 {
		return 0, false
	}

	for _, c := range []byte(digits) {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + int(c-'0')
	}

	if text[0] == '-' {
		n = -n
	}
	return n, true
}
