package fillfile

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/internal/tabular"
)

// amountShape is a number, its sign, and a currency, coin or other unit before or behind it: €1.50, -$3, 12 EUR, US$5,
// 3,50 kr, 0.5BTC, (1.25). usualSigns has been applied.
var amountShape = regexp.MustCompile(`^([-+(]?)\s*([A-Z]{0,3}[$€£¥₹₽₺₿₩₪₫₦₱฿]|[A-Z][A-Z0-9]{1,9}\s|[A-Z]{3}|kr\.?)?` +
	`\s*([-+(]?[\d.,'\s]*\d[\d.,'\s]*(?:[eE][-+]?\d+)?[-+]?\)?)` +
	`\s*([A-Z][A-Z0-9]{1,11}|[A-Z]{2}[pcx]|[A-Z]{0,3}[$€£¥₹₽₺₿₩₪₫₦₱฿]|kr\.?|zł)?(\)?)$`)

// codeOrGroup matches EUR2 500, which may be 2,500 EUR or 500 of a coin named EUR2.
var codeOrGroup = regexp.MustCompile(`^[-+(]?\s*[A-Z]{3}\d{1,3}\s\d{3}(?:\D|$)`)

// usualSigns replaces typographic blanks, minus signs and apostrophes.
var usualSigns = strings.NewReplacer(
	"\u00a0", " ", "\u202f", " ", "\u2009", " ", "\t", " ", "\u2212", "-", "\u2019", "'",
)

// amount is the parts of a text of amountShape.
type amount struct {
	sign         string // before everything else: "-", "+" or "("
	before, unit string // the units before and behind the number
	number       string // may have a sign, or the bracket that closes sign
}

// amountOf divides a text into the parts of amountShape.
func amountOf(text string) (a amount, ok bool) {
	text = strings.TrimSpace(usualSigns.Replace(text))
	found := amountShape.FindStringSubmatch(text)
	if found == nil || codeOrGroup.MatchString(text) {
		return amount{}, false
	}
	return amount{
		sign:   found[1],
		before: strings.TrimSpace(found[2]),
		number: strings.TrimSpace(found[3]) + found[5],
		unit:   found[4],
	}, true
}

// number reads a number exactly as it is written. comma says how to read 1,234 and 1.234: as 1.234 and 1234, or the
// other way round. All other numbers tell their decimal mark themselves.
func number(name, text string, comma bool) (blotter.Decimal, error) {
	if d, ok := tabular.PlainNumber([]byte(text)); ok && !comma {
		return d, nil
	}
	plain, err := plainNumber(name, text, comma)
	if err != nil {
		return blotter.Decimal{}, err
	}
	return tabular.Notation{}.Parse(name, []byte(plain))
}

// plainNumber returns a number in digits with a decimal point, commas between thousands and an exponent, if it has
// these.
func plainNumber(name, text string, comma bool) (string, error) {
	if tabular.IsMissing(usualSigns.Replace(text)) {
		return "", fmt.Errorf("%s is missing", name)
	}
	a, ok := amountOf(text)

	isUnitBracketed := a.unit != "" && strings.HasSuffix(strings.TrimSpace(text), ")")
	if !ok || isUnitBracketed || !isMoneyWord(a.before) || !isMoneyWord(a.unit) {
		return "", notDecimal(name, text)
	}

	sign, digits, err := signOf(a.sign, a.number)
	if err != nil {
		return "", notDecimal(name, text)
	}

	digits, exponent := splitExponent(digits)
	if strings.ContainsAny(digits, " '") && !groupShape.MatchString(digits) {
		return "", notDecimal(name, text)
	}
	return sign + withPoint(digits, comma) + exponent, nil
}

func notDecimal(name, text string) error {
	return fmt.Errorf("%s %q is not a decimal number", name, clip(text))
}

// isMoneyWord reports whether a unit beside a number may be ignored because a column tells the currency: a currency's
// sign, three to five capitals, or nothing.
func isMoneyWord(unit string) bool {
	capitals := len(unit) - len(strings.TrimLeft(unit, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"))
	switch unit[capitals:] {
	case "":
		return capitals == 0 || capitals >= 3 && capitals <= 5
	case "$", "€", "£", "¥", "₹", "₽", "₺", "₿":
		return capitals <= 3
	case "kr", "kr.", "zł":
		return capitals == 0
	}
	return false
}

// isAmbiguousNumber reports whether a number is one such as 1,234, whose mark may stand before decimals or thousands.
func isAmbiguousNumber(text string) bool {
	asPoint, err := plainNumber("", text, false)
	asComma, err2 := plainNumber("", text, true)
	return err == nil && err2 == nil && asPoint != asComma
}

// groupShape matches a number with blanks or apostrophes between its thousands only.
var groupShape = regexp.MustCompile(`^\d{1,3}(?:[' ]\d{3})+(?:[.,]\d+)?$`)

// roundedNumber reads a number and rounds it to so many digits after the point, half away from zero.
func roundedNumber(name, text string, comma bool, digits int) (blotter.Decimal, error) {
	exact, _, err := ratIn(name, text, comma)
	if err != nil {
		return blotter.Decimal{}, err
	}
	return tabular.Notation{}.Parse(name, []byte(exact.FloatString(digits)))
}

// splitExponent divides 1.5e-05 into 1.5 and e-05.
func splitExponent(text string) (digits, exponent string) {
	if i := strings.IndexAny(text, "eE"); i >= 0 {
		return text[:i], text[i:]
	}
	return text, ""
}

var errSigns = errors.New("too many signs")

// signOf finds the sign before or behind a number, or the brackets around it.
func signOf(before, digits string) (sign, rest string, err error) {
	isBracketed := before == "("
	if isBracketed != strings.HasSuffix(digits, ")") {
		return "", "", errSigns
	}

	signs := 0
	if isBracketed {
		sign = "-"
		signs = 1
		digits = strings.TrimSuffix(digits, ")")
		before = ""
	}

	for _, at := range []string{before, digits[:1], digits[len(digits)-1:]} {
		if at == "-" || at == "+" {
			signs++
		}
		if at == "-" {
			sign = "-"
		}
	}

	digits = strings.TrimSpace(strings.Trim(digits, "+-"))
	if signs > 1 || digits == "" {
		return "", "", errSigns
	}
	return sign, digits, nil
}

// withPoint writes digits with a decimal point and with commas between thousands.
func withPoint(digits string, comma bool) string {
	digits = strings.NewReplacer(" ", "", "'", "").Replace(digits)
	mark, isCertain := tabular.DecimalMark(digits)
	if isCertain {
		comma = mark == ','
	}
	if comma {
		return tabular.SwapMarks(digits)
	}
	return digits
}

// clip shortens a text to 60 characters, for errors.
func clip(text string) string { return tabular.Clip(text, 60) }
