package tabular

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Stamp is a point in time as a file writes it.
type Stamp struct {
	Time    time.Time // in the zone of the cell, or as if in UTC if the cell has none
	Zoned   bool      // the cell tells its zone, or is a Unix time
	Unix    bool      // it is a Unix time
	Instant bool      // it has a time of day, which may be midnight
}

// Clock is how a file writes its times.
type Clock struct {
	DayFirst  bool // 2/1/2006 is the second of January
	YearFirst bool // 24-03-26 is the 26th of March of 2024
	Unit      Unit // of Unix times
}

// Dates outside of these years are typing errors.
const (
	YearMin = 1600
	YearMax = 2200
)

// foreignBlanks are written between a date and a time instead of a blank.
var foreignBlanks = strings.NewReplacer(";", " ", "\u202f", " ", "\u00a0", " ")

// Parse reads a date, a date with a time of day, or a Unix time.
func (c Clock) Parse(cell []byte) (Stamp, error) {
	text := Trim(cell)
	s, ok := unixTime(text, c.Unit)
	if !ok {
		s, ok = c.date(text)
	}

	if !ok {
		if usual := foreignBlanks.Replace(string(text)); usual != string(text) {
			s, ok = c.date(bytes.TrimSpace([]byte(usual)))
		}
	}

	switch {
	case !ok && isSerial(text):
		return Stamp{}, fmt.Errorf("date %q is the day number of a spreadsheet; "+
			"format that column as a date and save it again", text)
	case !ok:
		return Stamp{}, fmt.Errorf("invalid date %q", text)
	case s.Time.Year() < YearMin || s.Time.Year() > YearMax:
		return Stamp{}, fmt.Errorf("date %q is outside the years %d to %d", text, YearMin, YearMax)
	}
	return s, nil
}

// isSerial reports whether a number may be the day number of a spreadsheet, of the years 1954 to 2119.
func isSerial(text []byte) bool {
	whole, fraction, _ := bytes.Cut(text, []byte("."))
	n, err := strconv.Atoi(string(whole))
	return err == nil && len(whole) == 5 && n >= 20_000 && n < 80_000 && len(bytes.Trim(fraction, "0123456789")) == 0
}

// Trim drops blanks and quotes at both ends of a cell.
func Trim(cell []byte) []byte {
	for len(cell) > 0 && (cell[0] == ' ' || cell[0] == '"' || cell[0] == '\t') {
		cell = cell[1:]
	}
	for len(cell) > 0 && (cell[len(cell)-1] == ' ' || cell[len(cell)-1] == '"' || cell[len(cell)-1] == '\t') {
		cell = cell[:len(cell)-1]
	}
	return cell
}

// scanner is the rest of a cell.
type scanner []byte

// number reads at most so many digits, and returns how many it found.
func (t *scanner) number(most int) (value, n int) {
	for n < most && n < len(*t) && isDigit((*t)[n]) {
		value = value*10 + int((*t)[n]-'0')
		n++
	}
	*t = (*t)[n:]
	return value, n
}

// any reads one of the characters. It returns 0 if there is none.
func (t *scanner) any(of string) byte {
	if len(*t) > 0 && strings.IndexByte(of, (*t)[0]) >= 0 {
		c := (*t)[0]
		*t = (*t)[1:]
		return c
	}
	return 0
}

// blanks skips blanks.
func (t *scanner) blanks() {
	for t.any(" ") != 0 {
	}
}

// word returns the letters that come next, in lower case. It does not skip them.
func (t *scanner) word() string {
	n := 0
	for n < len(*t) {
		c, size := utf8.DecodeRune((*t)[n:])
		if !unicode.IsLetter(c) {
			break
		}
		n += size
	}
	return strings.ToLower(string((*t)[:n]))
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

// foreignMonths are short names in Dutch, German and Scandinavian exports that differ from the English ones.
var foreignMonths = map[string]time.Month{
	"maa": time.March, "mrt": time.March, "mär": time.March, "mai": time.May, "maj": time.May, "mei": time.May,
	"okt": time.October, "des": time.December, "dez": time.December,
}

// month reads the name of a month, in full or its first three letters.
func (t *scanner) month() (time.Month, bool) {
	if len(*t) == 0 || isDigit((*t)[0]) {
		return 0, false
	}

	name := t.word()
	month := foreignMonths[name]
	for m := time.January; m <= time.December && len(name) >= 3; m++ {
		full := strings.ToLower(m.String())
		if name == full || name == full[:3] || name == "sept" && m == time.September {
			month = m
		}
	}

	if month == 0 {
		return 0, false
	}
	*t = (*t)[len(name):]
	t.any(".")
	return month, true
}

// weekday skips the name of a day before a date: Tue, Tuesday.
func (t *scanner) weekday() {
	if len(*t) == 0 || isDigit((*t)[0]) {
		return
	}
	name := t.word()
	for d := time.Sunday; len(name) >= 3 && d <= time.Saturday; d++ {
		if full := strings.ToLower(d.String()); name == full || name == full[:3] {
			*t = (*t)[len(name):]
			t.any(".,")
			t.blanks()
			return
		}
	}
}

// date reads a date, and the time of day and the zone that may follow it.
func (c Clock) date(cell []byte) (s Stamp, ok bool) {
	t := scanner(cell)
	t.weekday()
	year, month, day, ok := c.calendar(&t)
	if !ok || month < 1 || month > 12 || day < 1 {
		return Stamp{}, false
	}

	of, ok := s.clock(&t)
	if !ok {
		return Stamp{}, false
	}

	zone, ok := s.zone(&t)
	t.blanks()
	if s.Zoned && len(t) > 0 && t[0] == '(' && t[len(t)-1] == ')' {
		t = nil // (Eastern Standard Time)
	}
	if !ok || len(t) > 0 {
		return Stamp{}, false
	}

	midnight := time.Date(year, time.Month(month), day, 0, 0, 0, 0, zone)
	if midnight.Day() != day { // 30 February
		return Stamp{}, false
	}
	s.Time = midnight.Add(of)
	return s, true
}

// calendar reads year, month and day in any of the orders in which people write them.
func (c Clock) calendar(t *scanner) (year, month, day int, ok bool) {
	if name, isNamed := t.month(); isNamed { // Apr 28, 2023
		t.blanks()
		day, _ = t.number(2)
		t.any(",")
		t.blanks()
		year, n := t.number(4)
		return year, int(name), day, n == 4
	}

	first, n := t.number(8)
	switch {
	case n == 8: // 20101231, and more digits may follow
		return first / 10000, first / 100 % 100, first % 100, true
	case n == 4:
		return t.afterYear(first)
	case n == 2 && c.YearFirst && t.isTwoDigitDate():
		return t.afterYear(2000 + first)
	case n != 1 && n != 2:
		return 0, 0, 0, false
	}

	separator := t.any("-/. ")
	if separator == 0 {
		return 0, 0, 0, false
	}

	if name, isNamed := t.month(); isNamed { // 31-Dec-10, 31 Dec 2010
		if t.any(string(separator)) == 0 {
			return 0, 0, 0, false
		}
		year, ok = t.year()
		return year, int(name), first, ok
	}

	second, n := t.number(2)
	if n == 0 || t.any(string(separator)) == 0 {
		return 0, 0, 0, false
	}

	year, ok = t.year()
	if c.DayFirst || separator == '.' {
		return year, second, first, ok
	}

	return year, first, second, ok
}

// afterYear reads the month and the day that follow a year.
func (t *scanner) afterYear(year int) (y, month, day int, ok bool) {
	separator := t.any("-/.")
	month, m := t.number(2)
	if separator == 0 || m == 0 || t.any(string(separator)) == 0 {
		return 0, 0, 0, false
	}
	day, d := t.number(2)
	return year, month, day, d > 0
}

// isTwoDigitDate reports whether the rest of 24-03-26 follows its first two digits.
func (t *scanner) isTwoDigitDate() bool {
	rest := *t
	for range 2 {
		if rest.any("-/") == 0 {
			return false
		}
		if _, n := rest.number(2); n != 2 {
			return false
		}
	}
	return len(rest) == 0 || !isDigit(rest[0])
}

// year reads a year of four digits, or of two: 68 to 99 are of the last century.
func (t *scanner) year() (int, bool) {
	year, n := t.number(4)
	switch {
	case n == 4:
		return year, true
	case n == 2 && year >= 68:
		return 1900 + year, true
	case n == 2:
		return 2000 + year, true
	}
	return 0, false
}

// clock reads the time of day that may follow a date.
func (s *Stamp) clock(t *scanner) (time.Duration, bool) {
	t.betweenDateAndTime()
	if len(*t) == 0 {
		return 0, true
	}
	hour, n := t.number(2)
	if n == 0 {
		return 0, true // a zone may follow
	}
	s.Instant = true

	minute, second, fraction, ok := t.afterHour(n)
	if !ok {
		return 0, false
	}
	fraction += t.fraction()
	hour = t.half(hour)
	if hour > 24 || minute > 59 || second > 59 || hour == 24 && minute+second > 0 {
		return 0, false
	}
	return time.Duration(hour)*time.Hour + time.Duration(minute)*time.Minute + time.Duration(second)*time.Second +
		fraction, true
}

// betweenDateAndTime skips a T, blanks, or a comma before a digit.
func (t *scanner) betweenDateAndTime() {
	if t.any("T") != 0 {
		return
	}
	if rest := *t; rest.any(",") != 0 {
		rest.blanks()
		if len(rest) > 0 && isDigit(rest[0]) {
			*t = rest
		}
		return
	}
	t.blanks()
}

// afterHour reads minutes and seconds, behind colons or, after an hour of two digits, without them: 090100, 090100123.
func (t *scanner) afterHour(hourDigits int) (minute, second int, fraction time.Duration, ok bool) {
	if t.any(":") != 0 {
		minute, n := t.number(2)
		if n != 2 {
			return 0, 0, 0, false
		}
		if t.any(":") != 0 {
			second, n = t.number(2)
		}
		return minute, second, 0, n == 2
	}

	if hourDigits != 2 {
		return 0, 0, 0, true
	}

	minute, n := t.number(2)
	if n == 2 {
		second, n = t.number(2)
	}
	if n == 1 {
		return 0, 0, 0, false
	}
	if n == 2 && len(*t) >= 3 && isDigit((*t)[0]) && isDigit((*t)[1]) && isDigit((*t)[2]) {
		millis, _ := t.number(3)
		fraction = time.Duration(millis) * time.Millisecond
	}
	return minute, second, fraction, true
}

// fraction reads the fraction of a second.
func (t *scanner) fraction() (fraction time.Duration) {
	if t.any(".,") == 0 {
		return 0
	}
	unit := 100 * time.Millisecond
	for {
		digit, n := t.number(1)
		if n == 0 {
			return fraction
		}
		fraction += time.Duration(digit) * unit
		unit /= 10
	}
}

// invalidHour is the hour of 13 pm.
const invalidHour = 25

// half reads AM or PM, if either follows, and returns the hour of the day.
func (t *scanner) half(hour int) int {
	rest := *t
	rest.any("-")
	rest.blanks()
	if len(rest) < 2 || rest[1]|0x20 != 'm' || rest[0]|0x20 != 'a' && rest[0]|0x20 != 'p' {
		return hour
	}
	isAfternoon := rest[0]|0x20 == 'p'
	*t = rest[2:]

	if hour < 1 || hour > 12 {
		return invalidHour
	}
	hour %= 12
	if isAfternoon {
		hour += 12
	}
	return hour
}

// zone reads the zone that may follow: Z, UTC, GMT, an offset, or an abbreviation such as EST.
func (s *Stamp) zone(t *scanner) (*time.Location, bool) {
	t.blanks()
	if len(*t) == 0 {
		return time.UTC, true
	}

	if zone := AbbreviatedZone(string(*t)); zone != nil {
		s.Zoned = true
		*t = nil
		return zone, true
	}

	for _, utc := range []string{"Z", "UTC", "GMT"} {
		if len(*t) >= len(utc) && string((*t)[:len(utc)]) == utc {
			*t = (*t)[len(utc):]
			s.Zoned = true
			if len(*t) == 0 || (*t)[0] != '+' && (*t)[0] != '-' {
				return time.UTC, true
			}
			break // GMT+0100
		}
	}

	sign := t.any("+-")
	if sign == 0 {
		return time.UTC, true
	}

	hours, n := t.number(2)
	t.any(":")
	minutes, m := t.number(2)
	if n != 2 || m == 1 || hours > 15 || minutes > 59 {
		return nil, false
	}

	seconds := hours*3600 + minutes*60
	if sign == '-' {
		seconds = -seconds
	}

	s.Zoned = true
	if seconds == 0 {
		return time.UTC, true
	}

	return time.FixedZone("", seconds), true
}
