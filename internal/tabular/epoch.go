package tabular

import "time"

// Unit is the unit of Unix times.
type Unit int

// The units. UnknownUnit stands for the one that each number tells by its magnitude.
const (
	UnknownUnit Unit = iota
	Seconds
	Milliseconds
	Microseconds
	Nanoseconds
)

func (u Unit) String() string {
	return [...]string{"an unknown unit", "seconds", "milliseconds", "microseconds", "nanoseconds"}[u]
}

// UnitOf returns the unit in which a number is a time of our days.
func UnitOf(n int64) Unit {
	switch size := max(n, -n); {
	case size < 1e11:
		return Seconds
	case size < 1e14:
		return Milliseconds
	case size < 1e17:
		return Microseconds
	}
	return Nanoseconds
}

// Epoch is a number that may be a Unix time.
type Epoch struct {
	N      int64
	Nanos  int64 // the fraction of N, as if it were a second
	digits int   // before the point
	// isCalendar reports digits that may be a date: 20101231 or 201012310930.
	isCalendar bool
}

// Time returns the instant of e in the given unit.
func (e Epoch) Time(unit Unit) time.Time {
	switch unit {
	case Seconds:
		return time.Unix(e.N, e.Nanos).UTC()
	case Milliseconds:
		return time.UnixMilli(e.N).UTC()
	case Microseconds:
		return time.UnixMicro(e.N).UTC()
	}
	return time.Unix(0, e.N).UTC()
}

// ParseEpoch reads digits, which may have a sign and a fraction.
func ParseEpoch(text []byte) (e Epoch, ok bool) {
	digits := text
	negative := len(text) > 0 && text[0] == '-'
	if negative {
		digits = text[1:]
	}

	e.digits = len(digits)
	for i, c := range digits {
		if c == '.' && i > 0 {
			e.digits = i
			break
		}
		if c < '0' || c > '9' || i > 18 {
			return e, false
		}

		e.N = e.N*10 + int64(c-'0')
		if e.N < 0 {
			return e, false // more than 63 bits
		}
	}

	unit := int64(100_000_000)
	for _, c := range digits[min(e.digits+1, len(digits)):] {
		if c < '0' || c > '9' {
			return e, false
		}
		e.Nanos += int64(c-'0') * unit
		unit /= 10
	}

	ourTime := e.digits > 1 && (digits[0] == '1' && digits[1] == '9' || digits[0] == '2' && digits[1] == '0')
	e.isCalendar = !negative && (e.digits == 8 || (e.digits == 12 || e.digits == 14) && ourTime)
	if negative {
		e.N = -e.N
		e.Nanos = -e.Nanos
	}
	return e, e.digits > 0
}

// IsCalendarDate reports whether digits are a date without separators, as 20101231 or 201012310930.
func IsCalendarDate(text []byte) bool {
	e, ok := ParseEpoch(text)
	if !ok || !e.isCalendar {
		return false
	}
	_, isDate := Clock{}.date(text)
	return isDate
}

// unixTime reads a Unix time. In an unknown unit, fewer than nine digits are not a Unix time, and digits that may be a
// date are one.
func unixTime(text []byte, unit Unit) (s Stamp, ok bool) {
	e, ok := ParseEpoch(text)
	if !ok {
		return Stamp{}, false
	}
	if unit == UnknownUnit {
		if e.isCalendar || e.digits < 9 && e.N >= 0 && e.Nanos >= 0 {
			return Stamp{}, false
		}
		unit = UnitOf(e.N)
	}
	return Stamp{Time: e.Time(unit), Zoned: true, Unix: true, Instant: true}, true
}
