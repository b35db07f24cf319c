package fillfile

import (
	"errors"
	"fmt"
	"math/big"
	"regexp"
	"strings"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/barfile"
)

// currencyAround is a currency's sign or code before or behind a number: €1.50, -$3, 12 EUR, US$5, 3,50 kr.
var currencyAround = regexp.MustCompile(`^([-+(]?)\s*(?:[A-Z]{0,3}[$€£¥₹₽₺₿]|[A-Z]{3,5}\s|[A-Z]{3}|kr\.?)?\s*([-+]?[\d.,'\s]*\d[\d.,'\s]*(?:[eE][-+]?\d+)?[-+]?\)?)\s*(?:[A-Z]{0,3}[$€£¥₹₽₺₿]|[A-Z]{3,5}|kr\.?|zł)?$`)

var spaces = strings.NewReplacer("\u00a0", " ", "\u202f", " ", "\u2009", " ", "\u2212", "-", "\u2019", "'", "\t", " ")

// number reads a number exactly as it is written. comma says which way to read 1,234 and 1.234: as 1.234 and 1234, or
// the other way round. All else tells by itself.
func number(name, text string, comma bool) (blotter.Decimal, error) {
	if !comma && isPlain(text) {
		return barfile.ParseNumber(name, text, false)
	}
	plain, err := plainNumber(name, text, comma)
	if err != nil {
		return blotter.Decimal{}, err
	}
	return barfile.ParseNumber(name, plain, false)
}

// isPlain reports digits with perhaps a minus before and a point among them, as most numbers are.
func isPlain(text string) bool {
	text = strings.TrimPrefix(text, "-")
	return text != "" && strings.Count(text, ".") <= 1 && strings.Trim(text, "0123456789.") == "" && text != "."
}

// plainNumber is a number in digits with a decimal point and perhaps an exponent.
func plainNumber(name, text string, comma bool) (string, error) {
	text = strings.TrimSpace(spaces.Replace(text))
	if barfile.IsMissing(text) {
		return "", fmt.Errorf("%s is missing", name)
	}
	found := currencyAround.FindStringSubmatch(text)
	if found == nil {
		return "", fmt.Errorf("%s %q is not a decimal number", name, clip(text))
	}
	digits := strings.TrimSpace(found[2])
	sign, digits, err := signOf(found[1], digits)
	if err != nil {
		return "", fmt.Errorf("%s %q is not a decimal number", name, clip(text))
	}
	digits, exponent := splitExponent(digits)
	if strings.ContainsAny(digits, " '") && !grouped.MatchString(digits) {
		return "", fmt.Errorf("%s %q is not a decimal number", name, clip(text))
	}
	return sign + withPoint(digits, comma) + exponent, nil
}

// isAmbiguousNumber reports a number such as 1,234, which does not tell what its mark is.
func isAmbiguousNumber(text string) bool {
	asPoint, err := plainNumber("", text, false)
	asComma, err2 := plainNumber("", text, true)
	return err == nil && err2 == nil && asPoint != asComma
}

// grouped is a number with blanks or apostrophes between its thousands alone.
var grouped = regexp.MustCompile(`^\d{1,3}(?:[' ]\d{3})+(?:[.,]\d+)?$`)

// roundedNumber reads a number and rounds it to so many digits after the point, half away from zero.
func roundedNumber(name, text string, comma bool, digits int) (blotter.Decimal, error) {
	plain, err := plainNumber(name, text, comma)
	if err != nil {
		return blotter.Decimal{}, err
	}
	plain = strings.ReplaceAll(plain, ",", "")
	_, exponent := splitExponent(plain)
	if len(exponent) > len("e-999") {
		return blotter.Decimal{}, fmt.Errorf("%s %q is not a decimal number", name, clip(text))
	}
	exact, ok := new(big.Rat).SetString(plain)
	if !ok {
		return blotter.Decimal{}, fmt.Errorf("%s %q is not a decimal number", name, clip(text))
	}
	return barfile.ParseNumber(name, exact.FloatString(digits), false)
}

// splitExponent divides 1.5e-05 into 1.5 and e-05.
func splitExponent(text string) (digits, exponent string) {
	if i := strings.IndexAny(text, "eE"); i >= 0 {
		return text[:i], text[i:]
	}
	return text, ""
}

var errSigns = errors.New("too many signs")

// signOf finds the sign before or behind a number, or as brackets around it.
func signOf(before, digits string) (sign, rest string, err error) {
	signs := 0
	if bracketed := before == "("; bracketed != strings.HasSuffix(digits, ")") {
		return "", "", errSigns
	} else if bracketed {
		sign, signs, digits = "-", 1, strings.TrimSuffix(digits, ")")
		before = ""
	}
	for _, at := range []string{before, digits[:1], digits[len(digits)-1:]} {
		if at == "-" || at == "+" {
			if signs++; at == "-" {
				sign = "-"
			}
		}
	}
	digits = strings.TrimSpace(strings.Trim(digits, "+-"))
	if signs > 1 || digits == "" {
		return "", "", errSigns
	}
	return sign, digits, nil
}

// withPoint writes digits with a decimal point and with commas between thousands alone.
func withPoint(digits string, comma bool) string {
	digits = strings.NewReplacer(" ", "", "'", "").Replace(digits)
	lastComma, lastPoint := strings.LastIndexByte(digits, ','), strings.LastIndexByte(digits, '.')
	decimalComma := comma
	switch {
	case lastComma < 0 && lastPoint < 0:
		return digits
	case lastComma >= 0 && lastPoint >= 0:
		decimalComma = lastComma > lastPoint
	case lastComma >= 0:
		if told, point := decimalMark(digits, lastComma); told {
			decimalComma = point
		}
	default:
		if told, point := decimalMark(digits, lastPoint); told {
			decimalComma = !point
		}
	}
	if decimalComma {
		digits = strings.NewReplacer(".", ",", ",", ".").Replace(digits)
	}
	return digits
}

// decimalMark reports whether the only kind of mark in a number is told by where it stands, and if it is the decimal
// one: 1,234,567 has thousands; 0,5 and 12,25 and 0,125 and 1234,567 have decimals; 1,234 does not tell.
func decimalMark(digits string, last int) (told, decimal bool) {
	if strings.Count(digits, digits[last:last+1]) > 1 {
		return true, false
	}
	before, after := digits[:last], digits[last+1:]
	if len(after) != 3 || len(before) > 3 || before == "" || before[0] == '0' {
		return true, true
	}
	return false, false
}

// clip shows at most 60 characters.
func clip(text string) string { return clipTo(text, 60) }

// clipTo shows at most so many characters.
func clipTo(text string, most int) string {
	if runes := []rune(text); len(runes) > most {
		return string(runes[:most-3]) + "..."
	}
	return text
}
