package barfile

import (
	"fmt"
	"slices"
	"time"

	"github.com/blotterdb/blotter/internal/tabular"
)

// epochUnits are the units that a column of Unix times may have. It has one: read one by one, the milliseconds of 1969
// would be seconds.
var epochUnits = []tabular.Unit{tabular.Seconds, tabular.Milliseconds, tabular.Microseconds, tabular.Nanoseconds}

// dateCell returns the cell of a record that has its date, or the end of its interval.
func (l *layout) dateCell(r *record) []byte {
	at := l.at[fieldDate]
	if at < 0 {
		at = l.at[fieldEnd]
	}
	if at < 0 {
		return nil
	}

	if r.Keys != nil && (at >= len(r.Keys) || string(r.Keys[at]) != l.names[at]) {
		at = slices.IndexFunc(r.Keys, func(key []byte) bool { return string(key) == l.names[at] })
	}

	if at < 0 || at >= len(r.Cells) {
		return nil
	}
	return tabular.Trim(r.Cells[at])
}

// epochUnitOf returns the unit of the Unix times of some rows, or UnknownUnit if they have none. It looks at all values
// and at the steps between neighbours. If one unit does not fit all, the rows before the first change of magnitude
// decide; followUnit handles the change.
func epochUnitOf(l *layout, rows []record) tabular.Unit {
	if !l.base.IsZero() {
		return tabular.UnknownUnit // milliseconds since midnight
	}

	var values []tabular.Epoch
	cells, dates := 0, 0
	largest := int64(0)

	for i := range rows {
		cell := l.dateCell(&rows[i])
		if len(cell) == 0 {
			continue
		}

		cells++
		e, ok := tabular.ParseEpoch(cell)
		if !ok {
			continue
		}
		if tabular.IsCalendarDate(cell) {
			dates++
		}

		values = append(values, e)
		largest = max(largest, e.N, -e.N)
	}

	if 2*len(values) <= cells || 2*dates >= len(values) || largest < 1e8 {
		return tabular.UnknownUnit
	}

	if unit := unitThatFits(values); unit != tabular.UnknownUnit {
		return unit
	}
	first := tabular.UnitOf(values[0].N)
	change := slices.IndexFunc(values, func(e tabular.Epoch) bool { return tabular.UnitOf(e.N) != first })
	if change > 0 {
		values = values[:change]
	}
	if unit := unitThatFits(values); unit != tabular.UnknownUnit {
		return unit
	}
	return first
}

// unitThatFits returns the unit in which nine of ten values are of the years 1900 to 2150. That is the unit that the
// magnitude of the largest value tells, unless only another one makes the steps those of bars.
func unitThatFits(values []tabular.Epoch) tabular.Unit {
	largest := int64(0)
	for _, e := range values {
		largest = max(largest, e.N, -e.N)
	}
	likely := tabular.UnitOf(largest)
	candidates := append([]tabular.Unit{likely}, epochUnits...)

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
	return tabular.UnknownUnit
}

func inOurTime(values []tabular.Epoch, unit tabular.Unit) bool {
	fit := 0
	for _, e := range values {
		if year := e.Time(unit).Year(); year >= 1900 && year <= 2150 {
			fit++
		}
	}
	return 10*fit >= 9*len(values)
}

// barSteps reports whether at least half of the steps between neighbours are those of bars.
func barSteps(values []tabular.Epoch, unit tabular.Unit) bool {
	steps, usual := 0, 0
	for i := 1; i < len(values); i++ {
		step := values[i].Time(unit).Sub(values[i-1].Time(unit)).Abs()
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

// isBarStep reports whether neighbouring bars usually have this distance.
func isBarStep(step time.Duration) bool {
	switch {
	case step < time.Second || step%time.Second != 0:
		return false
	case step < time.Minute:
		return slices.Contains(barSeconds, step/time.Second)
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

// unitYearMin is the first year in which a change of unit is followed. Vendors changed units in recent years, and near
// 1970 all units are close to each other.
const unitYearMin = 1990

// unitFollower follows the unit of a column of Unix times from row to row.
type unitFollower struct {
	last    time.Time    // of the latest row that fits
	before  tabular.Unit // the unit before the change, UnknownUnit if there was none
	changed int64        // the line of the change
}

// unitFits reports whether the Unix time of a row seems to be in the unit of the rows before.
func (f *File) unitFits(r *record) bool {
	unit := f.layout.clock.Unit
	if unit == tabular.UnknownUnit {
		return true
	}

	e, ok := tabular.ParseEpoch(f.layout.dateCell(r))
	if !ok {
		return true
	}

	at := e.Time(unit)
	if last := f.units.last; last.IsZero() || near(at, last) || last.Year() < unitYearMin {
		f.units.last = at
		return true
	}
	return false
}

// followUnit handles a row whose time is far from the one before. If it is near in another unit, and the next rows
// confirm that, the unit has changed, which may happen once in a file; if they do not, the row is an error. Otherwise
// it follows a gap.
func (f *File) followUnit(r *record) error {
	unit := f.layout.clock.Unit
	e, _ := tabular.ParseEpoch(f.layout.dateCell(r))
	u := &f.units

	for _, other := range epochUnits {
		t := e.Time(other)
		if other == unit || t.Year() < unitYearMin || !near(t, u.last) {
			continue
		}

		switch {
		case u.before != tabular.UnknownUnit:
			return fmt.Errorf("date %q is in %s, the rows before are in %s since line %d; "+
				"a change of unit is followed once in a file",
				f.layout.dateCell(r), other, unit, u.changed)
		case !f.confirms(other, t):
			return fmt.Errorf("date %q is in %s, the rows around it are in %s", f.layout.dateCell(r), other, unit)
		}

		u.before = unit
		u.changed = r.Line
		u.last = t
		f.layout.clock.Unit = other
		f.Remarks = append(f.Remarks, fmt.Sprintf("times are in %s up to line %d, and in %s from there on", unit,
			r.Line-1, other))
		return nil
	}

	u.last = e.Time(unit)
	return nil
}

// confirms reports whether most of the next rows are in the given unit too. No rows confirm it.
func (f *File) confirms(unit tabular.Unit, at time.Time) bool {
	confirmed, rows := 0, 0
	for i := range unitLookAhead {
		if i == len(f.lookahead) && !f.peekNext() {
			break
		}

		e, ok := tabular.ParseEpoch(f.layout.dateCell(&f.lookahead[i]))
		if !ok {
			continue
		}

		rows++
		if near(e.Time(unit), at) {
			confirmed++
		}
	}

	return 2*confirmed > rows || rows == 0
}

// near reports whether a is less than about a year from b, and not in the far future.
func near(a, b time.Time) bool {
	return a.Year() <= tabular.YearMax && a.Sub(b).Abs() <= unitWindow
}
