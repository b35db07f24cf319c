package barfile

import (
	"fmt"
	"slices"
	"time"
)

// epochUnit is the unit of a column of Unix times. It is one for the whole column: told from each number alone, the
// milliseconds of 1969 would be seconds.
type epochUnit int

const (
	unitUnknown epochUnit = iota // each number tells its own by its magnitude
	unitSeconds
	unitMillis
	unitMicros
	unitNanos
)

var epochUnits = []epochUnit{unitSeconds, unitMillis, unitMicros, unitNanos}

func (u epochUnit) String() string {
	return [...]string{"an unknown unit", "seconds", "milliseconds", "microseconds", "nanoseconds"}[u]
}

// magnitude returns the unit that a number of our time is in.
func magnitude(n int64) epochUnit {
	switch size := max(n, -n); {
	case size < 1e11:
		return unitSeconds
	case size < 1e14:
		return unitMillis
	case size < 1e17:
		return unitMicros
	}
	return unitNanos
}

// time returns the instant of n units, and of nanos, a fraction of a second, where the unit is seconds.
func (u epochUnit) time(n, nanos int64) time.Time {
	switch u {
	case unitSeconds:
		return time.Unix(n, nanos).UTC()
	case unitMillis:
		return time.UnixMilli(n).UTC()
	case unitMicros:
		return time.UnixMicro(n).UTC()
	}
	return time.Unix(0, n).UTC()
}

// epochNumber is a number as a column of Unix times has it.
type epochNumber struct {
	n, nanos int64 // nanos is the fraction, as if of a second
	digits   int   // before the point
	calendar bool  // it may be a date without separators
}

// readEpoch reads digits, with perhaps a sign before and a fraction behind.
func readEpoch(text []byte) (e epochNumber, ok bool) {
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
		if e.n = e.n*10 + int64(c-'0'); e.n < 0 {
			return e, false // more than 63 bits
		}
	}
	unit := int64(100_000_000)
	for _, c := range digits[min(e.digits+1, len(digits)):] {
		if c < '0' || c > '9' {
			return e, false
		}
		e.nanos, unit = e.nanos+int64(c-'0')*unit, unit/10
	}

	ourTime := e.digits > 1 && (digits[0] == '1' && digits[1] == '9' || digits[0] == '2' && digits[1] == '0')
	e.calendar = !negative && (e.digits == 8 || (e.digits == 12 || e.digits == 14) && ourTime)
	if negative {
		e.n, e.nanos = -e.n, -e.nanos
	}
	return e, e.digits > 0
}

// unixTime reads a Unix time in the given unit. Where that is unknown, fewer than nine digits are no Unix time, and 12 or
// 14 that begin with a year of our time are a date.
func unixTime(text []byte, unit epochUnit) (stamp, bool) {
	e, ok := readEpoch(text)
	if !ok {
		return stamp{}, false
	}
	if unit == unitUnknown {
		if e.calendar || e.digits < 9 && e.n >= 0 && e.nanos >= 0 {
			return stamp{}, false
		}
		unit = magnitude(e.n)
	}
	return stamp{t: unit.time(e.n, e.nanos), zoned: true, unix: true, instant: true}, true
}

// isCalendar reports digits that are a date without separators, as 20101231 or 201012310930.
func isCalendar(text []byte, e epochNumber) bool {
	if !e.calendar {
		return false
	}
	_, isDate := clock{}.date(text)
	return isDate
}

// dateCell returns the cell of a record that has its date, or the end of its interval.
func (l *layout) dateCell(r *record) []byte {
	at := l.at[fieldDate]
	if at < 0 {
		at = l.at[fieldEnd]
	}
	if at < 0 {
		return nil
	}
	if r.keys != nil && (at >= len(r.keys) || string(r.keys[at]) != l.names[at]) {
		at = slices.IndexFunc(r.keys, func(key []byte) bool { return string(key) == l.names[at] })
	}
	if at < 0 || at >= len(r.cells) {
		return nil
	}
	return trim(r.cells[at])
}

// epochUnitOf returns the unit of the Unix times of some rows, or unitUnknown where they have none. All values tell it,
// and the steps between neighbours. Where one unit does not fit all, the rows before the first change of magnitude
// decide: a later change is followed as the file is read.
func epochUnitOf(l *layout, rows []record) epochUnit {
	if !l.base.IsZero() {
		return unitUnknown // milliseconds since midnight
	}
	var values []epochNumber
	cells, dates, largest := 0, 0, int64(0)
	for i := range rows {
		cell := l.dateCell(&rows[i])
		if len(cell) == 0 {
			continue
		}
		cells++
		e, ok := readEpoch(cell)
		if !ok {
			continue
		}
		if isCalendar(cell, e) {
			dates++
		}
		values = append(values, e)
		largest = max(largest, e.n, -e.n)
	}
	if 2*len(values) <= cells || 2*dates >= len(values) || largest < 1e8 {
		return unitUnknown
	}

	if unit := unitThatFits(values); unit != unitUnknown {
		return unit
	}
	first := magnitude(values[0].n)
	if change := slices.IndexFunc(values, func(e epochNumber) bool { return magnitude(e.n) != first }); change > 0 {
		values = values[:change]
	}
	if unit := unitThatFits(values); unit != unitUnknown {
		return unit
	}
	return first
}

// unitThatFits returns the unit in which nine of ten values are of 1900 to 2150: the one that the magnitude of the
// largest tells, unless another one alone gives the steps of bars.
func unitThatFits(values []epochNumber) epochUnit {
	largest := int64(0)
	for _, e := range values {
		largest = max(largest, e.n, -e.n)
	}
	likely := magnitude(largest)
	candidates := append([]epochUnit{likely}, epochUnits...)

	for _, unit := range candidates {
		if inOurTime(values, unit) && barSteps(values, unit) {
			return unit
		}
	}
	for _, unit := range candidates {
		if inOurTime(values, unit) {
			return unit
		}
	}
	return unitUnknown
}

func inOurTime(values []epochNumber, unit epochUnit) bool {
	fit := 0
	for _, e := range values {
		if year := unit.time(e.n, e.nanos).Year(); year >= 1900 && year <= 2150 {
			fit++
		}
	}
	return 10*fit >= 9*len(values)
}

// barSteps reports that at least half of the steps between neighbours are those of bars.
func barSteps(values []epochNumber, unit epochUnit) bool {
	steps, usual := 0, 0
	for i := 1; i < len(values); i++ {
		step := unit.time(values[i].n, values[i].nanos).Sub(unit.time(values[i-1].n, values[i-1].nanos)).Abs()
		if step == 0 {
			continue
		}
		steps++
		if isBarStep(step) {
			usual++
		}
	}
	return steps > 0 && 2*usual >= steps
}

// isBarStep reports a distance that neighbouring bars usually have.
func isBarStep(step time.Duration) bool {
	switch {
	case step < time.Second || step%time.Second != 0:
		return false
	case step < time.Minute:
		return slices.Contains([]time.Duration{1, 5, 10, 15, 30}, step/time.Second)
	case step < time.Hour:
		return step%time.Minute == 0 && 60%(step/time.Minute) == 0 || step == 45*time.Minute
	case step < day:
		return step%time.Hour == 0
	}
	days := step / day
	return step%day <= time.Hour || step%day >= 23*time.Hour && days < 400 // the clocks may change between
}

const (
	unitWindow    = 366 * day // neighbouring rows are nearer to each other than that, unless there is a gap
	unitLookAhead = 8         // rows that confirm a change of unit
)

// unitYearMin is the first year of which a change of unit is followed: what changed its unit did so in our days, and near
// 1970 all units are near to each other.
const unitYearMin = 1990

// unitFollower follows the unit of a column of Unix times from row to row.
type unitFollower struct {
	last    time.Time // of the latest row that fits
	before  epochUnit // the unit before the change, unitUnknown where there was none
	changed int64     // the line of the change
}

// unitFits reports that the Unix time of a row is in the unit of the rows before, as far as that row alone tells.
func (f *File) unitFits(r *record) bool {
	unit := f.layout.clock.unit
	if unit == unitUnknown {
		return true
	}
	e, ok := readEpoch(f.layout.dateCell(r))
	if !ok {
		return true
	}
	at := unit.time(e.n, e.nanos)
	if last := f.units.last; last.IsZero() || near(at, last) || last.Year() < unitYearMin {
		f.units.last = at
		return true
	}
	return false
}

// followUnit looks at a row whose time is far from the one before. A change of unit that the next rows confirm is
// followed, once in a file; a row in another unit is an error, and one in the same unit comes after a gap.
func (f *File) followUnit(r *record) error {
	unit := f.layout.clock.unit
	e, _ := readEpoch(f.layout.dateCell(r))
	u := &f.units
	for _, other := range epochUnits {
		t := other.time(e.n, e.nanos)
		if other == unit || t.Year() < unitYearMin || !near(t, u.last) {
			continue
		}
		switch {
		case u.before != unitUnknown:
			return fmt.Errorf("date %q is in %s, the rows before are in %s since line %d; " +
				"a change of unit is followed once in a file",
				f.layout.dateCell(r), other, unit, u.changed)
		case !f.confirms(other, t):
			return fmt.Errorf("date %q is in %s, the rows around it are in %s", f.layout.dateCell(r), other, unit)
		}
		u.before, u.changed, u.last = unit, r.line, t
		f.layout.clock.unit = other
		f.Remarks = append(f.Remarks, fmt.Sprintf("times are in %s up to line %d, and in %s from there on", unit,
			r.line-1, other))
		return nil
	}
	u.last = unit.time(e.n, e.nanos)
	return nil
}

// confirms reports that most of the next rows are in the given unit too, or that there are none.
func (f *File) confirms(unit epochUnit, at time.Time) bool {
	confirmed, rows := 0, 0
	for i := range unitLookAhead {
		if i == len(f.peeked) && !f.peekNext() {
			break
		}
		e, ok := readEpoch(f.layout.dateCell(&f.peeked[i]))
		if !ok {
			continue
		}
		rows++
		if near(unit.time(e.n, e.nanos), at) {
			confirmed++
		}
	}
	return 2*confirmed > rows || rows == 0
}

// near reports times that are less than about a year apart, and of which the later is no time of the far future.
func near(a, b time.Time) bool {
	return a.Year() <= yearMax && a.Sub(b).Abs() <= unitWindow
}
