package barfile

import (
	"bufio"
	"bytes"
	"os"
	"slices"
	"time"

	"github.com/blotterdb/blotter/internal/tabular"
)

// dateOrder is the order of day and month in dates such as 2/1/2006.
type dateOrder int

const (
	orderUnknown dateOrder = iota
	orderNone              // no date has this form
	dayFirst
	monthFirst
)

// dateOrders are the values of Options.Dates.
var dateOrders = map[string]dateOrder{"": orderUnknown, "dmy": dayFirst, "mdy": monthFirst}

// settleDates decides whether the day or the month comes first. Options decide, then numbers above 12 in the sample or
// in the rest of the file, then the only reading in which the dates are regular. Otherwise the order is ambiguous,
// which is an error: a wrong guess would put eleven of twelve days of a month into other months.
func (f *File) settleDates(l *layout, sample []record) error {
	order, decided := dateOrders[f.opts.Dates], f.opts.Dates != ""
	if !decided {
		order, decided = votesOf(l, sample).order(l, sample)
	}

	if !decided {
		window, outline := f.readOn(l, sample)
		if order, decided = votesOf(l, append(window, sample...)).order(l, outline); !decided {
			order = plausibleOrder(l, outline)
		}
	}

	if order == orderUnknown {
		return tabular.Error(f.name(), "its dates can be read as day/month and as month/day; "+
			"set --dates dmy or --dates mdy")
	}
	l.clock.DayFirst = order == dayFirst
	return nil
}

// votes count the dates that can be read only with the day first, only with the month first, and either way.
type votes struct{ days, months, either int }

func votesOf(l *layout, rows []record) (v votes) {
	for i := range rows {
		switch l.orderOfCell(rows[i].Cells) {
		case dayFirst:
			v.days++
		case monthFirst:
			v.months++
		case orderUnknown:
			v.either++
		}
	}
	return v
}

// order returns the order that the votes decide. If they contradict each other, or if a few of them contradict rows
// that are regular in the other order, the order that fits nine of ten rows wins. If neither fits, the order is decided
// to be orderUnknown, and the user has to tell it.
func (v votes) order(l *layout, rows []record) (order dateOrder, decided bool) {
	all := v.days + v.months + v.either
	days, months := 10*v.months <= all, 10*v.days <= all // each fits nine of ten
	switch {
	case all == 0:
		return orderNone, true
	case v.days+v.months == 0:
		return orderUnknown, false
	case v.days > 0 && v.months > 0 && days && months:
		return plausibleOrder(l, rows), true
	case v.days > 0 && v.months > 0 && days:
		return dayFirst, true
	case v.days > 0 && v.months > 0 && months:
		return monthFirst, true
	case v.days > 0 && v.months > 0:
		return orderUnknown, true
	}

	voted, other := dayFirst, monthFirst
	fits := months
	if v.months > 0 {
		voted, other = other, voted
		fits = days
	}

	switch {
	case 2*(v.days+v.months) > all, plausibleOrder(l, rows) != other:
		return voted, true
	case fits:
		return other, true
	}

	return orderUnknown, true
}

// orderOfCell returns the order that the date of one row tells.
func (l *layout) orderOfCell(cells [][]byte) dateOrder {
	at := l.at[fieldDate]
	if at < 0 || at >= len(cells) {
		return orderNone
	}

	readings, ok := tabular.ReadingsOf(cells[at])
	isDay, isMonth := !readings.DayFirst.IsZero(), !readings.MonthFirst.IsZero()
	switch {
	case !ok, !isDay && !isMonth:
		return orderNone
	case isDay && isMonth:
		return orderUnknown
	case isDay:
		return dayFirst
	}
	return monthFirst
}

const (
	windowRows  = 2 * peekBars // that are read from the first date that decides
	outlineRows = 4096
)

// readOn reads the file again from its beginning. window holds the rows from the first date that decides the order.
// outline holds two rows of each date of the first symbol, which tell whether the dates are regular. A stream has only
// its sample.
func (f *File) readOn(l *layout, sample []record) (window, outline []record) {
	if f.reopen == "" {
		return nil, sample
	}

	file, err := os.Open(f.reopen)
	if err != nil {
		return nil, sample
	}
	defer file.Close()

	source, err := tabular.NewSource(f.Path, file, f.opts.Sheet)
	if err != nil {
		return nil, sample
	}
	defer source.Close()
	decoder := f.reopenMember(source)
	if decoder == nil {
		return nil, sample
	}

	var last []byte
	for row, same := new(record), 0; len(window) < windowRows; {
		if err := decoder.next(row); err != nil {
			break // at the end; Bars reports an error
		}
		if row.Keys != nil && !slices.EqualFunc(row.Keys, l.names,
			func(key []byte, name string) bool { return string(key) == name }) {
			continue
		}

		order := l.orderOfCell(row.Cells)
		if order == orderNone {
			continue
		}
		if order != orderUnknown || len(window) > 0 {
			window = append(window, row.clone())
		}

		if len(outline) > 0 && !bytes.Equal(l.symbolCell(row.Cells), l.symbolCell(outline[0].Cells)) {
			continue
		}

		date, _, _ := bytes.Cut(tabular.Trim(row.Cells[l.at[fieldDate]]), []byte(" "))
		if same++; !bytes.Equal(date, last) {
			last, same = append(last[:0], date...), 0
		}
		if same < 2 && len(outline) < outlineRows {
			outline = append(outline, row.clone())
		}
	}
	return window, outline
}

// reopenMember returns a decoder of the member that is being read, from another source of the same file, or nil on an
// error.
func (f *File) reopenMember(source *tabular.Source) *decoder {
	var r *bufio.Reader
	var err error
	for member := 0; member < f.members || member == 0; member++ {
		if _, r, err = source.Next(); err != nil {
			return nil
		}
	}
	d, _, err := f.decode(r)
	if err != nil {
		return nil
	}
	return d
}

func (l *layout) symbolCell(cells [][]byte) []byte {
	if at := l.at[fieldSymbol]; at >= 0 && at < len(cells) {
		return cells[at]
	}
	return nil
}

// plausibleOrder returns the only order in which the dates of the rows are regular, or orderUnknown. The first days of
// a month are regular in both orders: read the other way, they are the same day of successive months.
func plausibleOrder(l *layout, rows []record) dateOrder {
	switch days, months := isRegular(datesRead(l, rows, true)), isRegular(datesRead(l, rows, false)); {
	case days && !months:
		return dayFirst
	case months && !days:
		return monthFirst
	}
	return orderUnknown
}

// datesRead returns the dates of the first symbol's rows in one reading, without repetitions. timed reports whether a
// date has several rows.
func datesRead(l *layout, rows []record, dayFirst bool) (dates []time.Time, timed bool) {
	c := tabular.Clock{DayFirst: dayFirst, Unit: l.clock.Unit}
	for i := range rows {
		cells := rows[i].Cells
		if l.at[fieldDate] >= len(cells) || !bytes.Equal(l.symbolCell(cells), l.symbolCell(rows[0].Cells)) {
			continue
		}

		at, err := c.Parse(cells[l.at[fieldDate]])
		if err != nil {
			continue
		}
		if date := at.Time.Truncate(day); len(dates) == 0 || !dates[len(dates)-1].Equal(date) {
			dates = append(dates, date)
		} else {
			timed = true
		}
	}
	return dates, timed
}

// steps are the shortest and longest distances between dates, in days: of days with weekends and holidays, of weeks,
// months, quarters and years.
var steps = [][2]int{{1, 5}, {6, 8}, {28, 31}, {89, 92}, {365, 366}}

// isRegular reports whether at least three dates go in one direction at steps of one kind. For bars within a day, two
// dates are enough, and the steps are days.
func isRegular(dates []time.Time, timed bool) bool {
	least, allowed := 3, steps
	if timed {
		least, allowed = 2, steps[:1]
	}
	if len(dates) < least {
		return false
	}

	back := dates[1].Before(dates[0])
	return slices.ContainsFunc(allowed, func(step [2]int) bool {
		for i := range dates[1:] {
			days := int(dates[i+1].Sub(dates[i]) / day)
			if back {
				days = -days
			}
			if days < step[0] || days > step[1] {
				return false
			}
		}

		return true
	})
}
