package barfile

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// stamp is a point in time as a file writes it: the date as written, and the instant where the file says which one.
type stamp struct {
	t       time.Time // in the zone of the cell, or as if in UTC where it has none
	zoned   bool      // the cell says its zone, or is a Unix time
	unix    bool
	instant bool // it has a time of day, be it midnight
}

// clock is how a file writes its times.
type clock struct {
	dayFirst bool      // 2/1/2006 is the second of January
	unit     epochUnit // of Unix times
}

// A date outside of these years is a slip of the pen, not a bar.
const yearMin, yearMax = 1600, 2200

// parse reads a date, a date with a time of day, or a Unix time.
func (c clock) parse(cell []byte) (stamp, error) {
	text := trim(cell)
	s, ok := unixTime(text, c.unit)
	if !ok {
		s, ok = c.date(text)
	}
	switch {
	case !ok && isSerial(text):
		return stamp{}, fmt.Errorf("date %q is a spreadsheet's day number; " +
			"format that column as a date and save it anew", text)
	case !ok:
		return stamp{}, fmt.Errorf("date %q is none", text)
	case s.t.Year() < yearMin || s.t.Year() > yearMax:
		return stamp{}, fmt.Errorf("date %q is outside the years %d to %d", text, yearMin, yearMax)
	}
	return s, nil
}

// isSerial reports a day number of a spreadsheet, of 1954 to 2119, perhaps with a time of day as its fraction.
func isSerial(text []byte) bool {
	whole, fraction, _ := bytes.Cut(text, []byte("."))
	n, err := strconv.Atoi(string(whole))
	return err == nil && len(whole) == 5 && n >= 20_000 && n < 80_000 && len(bytes.Trim(fraction, "0123456789")) == 0
}

// trim drops blanks and quotes at both ends.
func trim(cell []byte) []byte {
	for len(cell) > 0 && (cell[0] == ' ' || cell[0] == '"' || cell[0] == '\t') {
		cell = cell[1:]
	}
	for len(cell) > 0 && (cell[len(cell)-1] == ' ' || cell[len(cell)-1] == '"' || cell[len(cell)-1] == '\t') {
		cell = cell[:len(cell)-1]
	}
	return cell
}

// text is what is left to read.
type text []byte

// number reads at most so many digits; n is how many it found.
func (t *text) number(most int) (value, n int) {
	for n < most && n < len(*t) && (*t)[n] >= '0' && (*t)[n] <= '9' {
		value, n = value*10+int((*t)[n]-'0'), n+1
	}
	*t = (*t)[n:]
	return value, n
}

// any reads one of the characters, or nothing.
func (t *text) any(of string) byte {
	if len(*t) > 0 && strings.IndexByte(of, (*t)[0]) >= 0 {
		c := (*t)[0]
		*t = (*t)[1:]
		return c
	}
	return 0
}

// blanks skips blanks.
func (t *text) blanks() {
	for t.any(" ") != 0 {
	}
}

// month reads the name of a month, whole or its first three letters.
func (t *text) month() (time.Month, bool) {
	n := 0
	for n < len(*t) && ((*t)[n]|0x20 >= 'a' && (*t)[n]|0x20 <= 'z') {
		n++
	}
	if n < 3 {
		return 0, false
	}
	name := strings.ToLower(string((*t)[:n]))
	for m := time.January; m <= time.December; m++ {
		full := strings.ToLower(m.String())
		if name == full || name == full[:3] || name == "sept" && m == time.September {
			*t = (*t)[n:]
			t.any(".")
			return m, true
		}
	}
	return 0, false
}

// weekday skips the name of a day before a date: Tue, Tuesday.
func (t *text) weekday() {
	n := 0
	for n < len(*t) && ((*t)[n]|0x20 >= 'a' && (*t)[n]|0x20 <= 'z') {
		n++
	}
	name := strings.ToLower(string((*t)[:n]))
	for d := time.Sunday; n >= 3 && d <= time.Saturday; d++ {
		if full := strings.ToLower(d.String()); name == full || name == full[:3] {
			*t = (*t)[n:]
			t.any(".,")
			t.blanks()
			return
		}
	}
}

// date reads a date and what may follow it: a time of day and a zone.
func (c clock) date(cell []byte) (stamp, bool) {
	t := text(cell)
	t.weekday()
	year, month, day, ok := c.calendar(&t)
	if !ok || month < 1 || month > 12 || day < 1 {
		return stamp{}, false
	}
	s := stamp{}
	of, ok := s.clock(&t)
	if !ok {
		return stamp{}, false
	}
	zone, ok := s.zone(&t)
	t.blanks()
	if s.zoned && len(t) > 0 && t[0] == '(' && t[len(t)-1] == ')' {
		t = nil // (Eastern Standard Time)
	}
	if !ok || len(t) > 0 {
		return stamp{}, false
	}
	s.t = time.Date(year, time.Month(month), day, 0, 0, 0, 0, zone).Add(of)
	if s.t.Add(-of).Day() != day { // there is no 30th of February
		return stamp{}, false
	}
	return s, true
}

// calendar reads year, month and day in any of the orders that people write them.
func (c clock) calendar(t *text) (year, month, day int, ok bool) {
	if name, named := t.month(); named { // Apr 28, 2023
		t.blanks()
		day, _ = t.number(2)
		t.any(",")
		t.blanks()
		year, n := t.number(4)
		return year, int(name), day, n == 4
	}
	first, n := t.number(8)
	switch {
	case n == 8: // 20101231, and what follows may be digits too
		return first / 10000, first / 100 % 100, first % 100, true
	case n == 4:
		separator := t.any("-/.")
		month, m := t.number(2)
		if separator == 0 || m == 0 || t.any(string(separator)) == 0 {
			return 0, 0, 0, false
		}
		day, d := t.number(2)
		return first, month, day, d > 0
	case n != 1 && n != 2:
		return 0, 0, 0, false
	}
	separator := t.any("-/. ")
	if separator == 0 {
		return 0, 0, 0, false
	}
	if name, named := t.month(); named { // 31-Dec-10, 31 Dec 2010
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
	if c.dayFirst || separator == '.' {
		return year, second, first, ok
	}
	return year, first, second, ok
}

// year reads a year of four digits, or of two: 68 to 99 are of the last century.
func (t *text) year() (int, bool) {
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
func (s *stamp) clock(t *text) (time.Duration, bool) {
	if t.any("T") == 0 {
		t.blanks()
	}
	if len(*t) == 0 {
		return 0, true
	}
	hour, n := t.number(2)
	if n == 0 {
		return 0, true // a zone may follow
	}
	s.instant = true
	minute, second := 0, 0
	var fraction time.Duration
	if t.any(":") != 0 {
		minute, n = t.number(2)
		if n != 2 {
			return 0, false
		}
		if t.any(":") != 0 {
			if second, n = t.number(2); n != 2 {
				return 0, false
			}
		}
	} else if n == 2 {
		if minute, n = t.number(2); n == 2 { // 090100
			second, n = t.number(2)
		}
		if n == 2 && len(*t) >= 3 && bytes.IndexFunc((*t)[:3], func(r rune) bool { return r < '0' || r > '9' }) < 0 { // and milliseconds
			millis, _ := t.number(3)
			fraction = time.Duration(millis) * time.Millisecond
		}
		if n == 1 {
			return 0, false
		}
	}
	if t.any(".,") != 0 {
		unit := 100 * time.Millisecond
		for {
			digit, n := t.number(1)
			if n == 0 {
				break
			}
			fraction, unit = fraction+time.Duration(digit)*unit, unit/10
		}
	}
	if hour, minute = t.half(hour, minute); hour > 24 || minute > 59 || second > 59 || hour == 24 && minute+second > 0 {
		return 0, false
	}
	return time.Duration(hour)*time.Hour + time.Duration(minute)*time.Minute + time.Duration(second)*time.Second + fraction, true
}

// half reads AM or PM, if either follows. Of a clock of twelve hours, 13 is an error, told by hour 25.
func (t *text) half(hour, minute int) (int, int) {
	rest := *t
	rest.any("-")
	rest.blanks()
	if len(rest) < 2 || rest[1]|0x20 != 'm' || rest[0]|0x20 != 'a' && rest[0]|0x20 != 'p' {
		return hour, minute
	}
	afternoon := rest[0]|0x20 == 'p'
	*t = rest[2:]
	switch {
	case hour < 1 || hour > 12:
		return 25, minute
	case hour == 12:
		hour = 0
	}
	if afternoon {
		hour += 12
	}
	return hour, minute
}

// zone reads the zone that may follow: Z, UTC, GMT or an offset.
func (s *stamp) zone(t *text) (*time.Location, bool) {
	t.blanks()
	for _, utc := range []string{"Z", "UTC", "GMT"} {
		if len(*t) >= len(utc) && string((*t)[:len(utc)]) == utc {
			*t = (*t)[len(utc):]
			s.zoned = true
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
	s.zoned = true
	if seconds == 0 {
		return time.UTC, true
	}
	return time.FixedZone("", seconds), true
}
