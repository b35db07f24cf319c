package workbook

import (
	"cmp"
	"math/big"
	"strconv"
	"strings"
	"time"
)

const (
	floatDigits  = 17 // significant digits that write a binary float so that it can be read back
	exactDigits  = 15 // of a decimal that survives being stored as a binary float
	exponentMax  = 40 // beyond, a number keeps its exponent
	secondsOfDay = 86_400
	millisOfDay  = 1000 * secondsOfDay
	serialMax    = 2_958_465 // 31 December 9999
	firstTrueDay = 61        // before 1 March 1900 the serial numbers count a day that never was
	groupDigits  = 3         // digits between marks of thousands
)

// isNumber reports what a cell that is a number holds: digits with perhaps a sign, a point and an exponent.
func isNumber(value string) bool {
	if value == "" || strings.Trim(value, "0123456789.+-eE") != "" {
		return false
	}
	_, err := strconv.ParseFloat(value, 64)
	return err == nil
}

// decimalText returns a number as a decimal. A workbook stores binary floats: 0.1 may stand there as
// 0.10000000000000001. The shortest decimal that is the same float is what was entered or computed. Digits beyond those
// of a float were written on purpose and are kept.
func decimalText(value string) string {
	mantissa, exponent, _ := strings.Cut(strings.ToLower(value), "e")
	significant := strings.TrimLeft(strings.NewReplacer("-", "", "+", "", ".", "").Replace(mantissa), "0")
	shortens := len(significant) > exactDigits && len(significant) <= floatDigits && strings.Contains(mantissa, ".")
	power, err := strconv.Atoi(cmp.Or(exponent, "0"))
	if err != nil || power < -exponentMax || power > exponentMax {
		return value
	}

	text := value
	switch {
	case shortens:
		float, err := strconv.ParseFloat(value, 64)
		if err != nil {
			return value
		}
		text = strconv.FormatFloat(float, 'f', -1, 64)
	case exponent != "":
		text = withoutExponent(value)
	}
	return unambiguous(text)
}

// withoutExponent writes a number such as 1.5E-3 exactly as 0.0015.
func withoutExponent(value string) string {
	exact, ok := new(big.Rat).SetString(value)
	if !ok {
		return value
	}
	digits, _ := exact.FloatPrec()
	return exact.FloatString(digits)
}

// unambiguous adds a zero to a number such as 1.234: a file with decimal commas would have it for 1234.
func unambiguous(text string) string {
	before, after, found := strings.Cut(strings.TrimLeft(text, "+-"), ".")
	if found && len(after) == groupDigits && len(before) <= groupDigits && before != "" && before[0] != '0' {
		return text + "0"
	}
	return text
}

// dateParts says which parts of a date a number format shows.
type dateParts struct{ date, clock bool }

// builtinDates are the number formats that workbooks name by a number and that show dates or times.
var builtinDates = map[int]dateParts{}

func init() {
	for _, format := range []int{14, 15, 16, 17, 27, 28, 29, 30, 31, 36, 50, 51, 52, 53, 54, 57, 58} {
		builtinDates[format] = dateParts{date: true}
	}
	for _, format := range []int{18, 19, 20, 21, 32, 33, 34, 35, 45, 47, 55, 56} {
		builtinDates[format] = dateParts{clock: true}
	}
	builtinDates[22] = dateParts{date: true, clock: true}
}

// datePartsOf reads a number format such as "dd/mm/yyyy hh:mm": letters outside of quotes, brackets and escapes.
// Elapsed time ([h]:mm) is a number of days, not an instant.
func datePartsOf(format string) (parts dateParts) {
	format, _, _ = strings.Cut(format, ";") // of positive numbers
	letters := formatLetters(format)
	hours := strings.ContainsAny(letters, "hs")
	parts.clock = hours
	parts.date = strings.ContainsAny(letters, "yd") || strings.Contains(letters, "m") && !hours
	if strings.Contains(letters, "[") {
		return dateParts{}
	}
	return parts
}

// formatLetters returns the letters of a number format that stand for parts of a date, and "[" for elapsed time.
func formatLetters(format string) string {
	var letters strings.Builder
	for i := 0; i < len(format); i++ {
		switch c := format[i]; c {
		case '\\', '_', '*': // the next letter is written, left out, or repeated
			i++
		case '"':
			end := strings.IndexByte(format[i+1:], '"')
			if end < 0 {
				return letters.String()
			}
			i += end + 1
		case '[':
			end := strings.IndexByte(format[i:], ']')
			if end < 0 {
				return letters.String()
			}
			if inside := strings.ToLower(format[i+1 : i+end]); inside != "" && strings.Trim(inside, "hms") == "" {
				letters.WriteByte('[')
			}
			i += end
		default:
			if c |= 0x20; c == 'y' || c == 'd' || c == 'h' || c == 's' || c == 'm' {
				letters.WriteByte(c)
			}
		}
	}

	if strings.EqualFold(strings.TrimSpace(format), "general") {
		return ""
	}

	return letters.String()
}

// isoDate writes the serial number of a day, and the time of day that its fraction is, as ISO 8601 text. A number that
// is not a day of the calendar stays a number.
func isoDate(value string, parts dateParts, from1904 bool) (string, bool) {
	serial, ok := new(big.Rat).SetString(value)
	if !ok || !parts.date && !parts.clock || serial.Sign() < 0 {
		return "", false
	}

	millis := roundedInt(new(big.Rat).Mul(serial, big.NewRat(millisOfDay, 1)))
	days, millis := millis/millisOfDay, millis%millisOfDay
	first := time.Date(1899, 12, 30, 0, 0, 0, 0, time.UTC)
	if from1904 {
		first = time.Date(1904, 1, 1, 0, 0, 0, 0, time.UTC)
	}
	at := first.AddDate(0, 0, int(days)).Add(time.Duration(millis) * time.Millisecond)

	clock := at.Format("15:04:05.999")
	switch {
	case days == 0 && !parts.date:
		return clock, true
	case days > serialMax || !from1904 && days < firstTrueDay:
		return "", false
	case parts.clock || millis != 0:
		return at.Format(time.DateOnly) + " " + clock, true
	}
	return at.Format(time.DateOnly), true
}

// roundedInt rounds to the nearest whole number; one that is too large is larger than any serial number.
func roundedInt(r *big.Rat) int64 {
	text := r.FloatString(0)
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return (serialMax + 1) * millisOfDay
	}
	return n
}
