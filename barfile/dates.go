package barfile

import (
	"bufio"
	"bytes"
	"os"
	"slices"
	"time"
)

// dateOrder is the order of day and month in dates as 2/1/2006.
type dateOrder int

const (
	orderUnknown dateOrder = iota
	orderNone              // no date is of this kind
	dayFirst
	monthFirst
)

// dateOrders are what Options.Dates takes.
var dateOrders = map[string]dateOrder{"": orderUnknown, "dmy": dayFirst, "mdy": monthFirst}

// settleDates decides whether days or months come first: as asked, or as the first field above 12 tells, of the sample or
// of the rest of the file; else as only one of both readings is plausible. What nothing tells is asked for: a wrong guess
// would put eleven of twelve days of a month into other months.
func (f *File) settleDates(l *layout, sample []record) error {
	order := dateOrders[f.opts.Dates]
	if order == orderUnknown {
		order = orderOf(l, sample)
	}
	if order == orderUnknown {
		order = f.orderBehind(l)
	}
	if order == orderUnknown {
		order = plausibleOrder(l, sample)
	}
	if order == orderUnknown {
		return fileError(f.name(), "its dates can be read as day/month and as month/day; say --dates dmy or --dates mdy")
	}
	l.clock.dayFirst = order == dayFirst
	return nil
}

// orderOf is the order that the first decisive date tells.
func orderOf(l *layout, rows []record) dateOrder {
	order := orderNone
	for i := range rows {
		switch told := l.orderOfCell(rows[i].cells); told {
		case dayFirst, monthFirst:
			return told
		case orderUnknown:
			order = orderUnknown
		}
	}
	return order
}

// orderOfCell is the order that the date of one row tells.
func (l *layout) orderOfCell(cells [][]byte) dateOrder {
	at := l.at[fieldDate]
	if at < 0 || at >= len(cells) {
		return orderNone
	}
	t := text(trim(cells[at]))
	t.weekday()
	first, n := t.number(2)
	if n == 0 || t.any("/-") == 0 {
		return orderNone
	}
	second, m := t.number(2)
	switch {
	case m == 0 || t.any("/-") == 0:
		return orderNone
	case second > 12:
		return monthFirst
	case first > 12:
		return dayFirst
	}
	return orderUnknown
}

// orderBehind reads on, in the file opened anew, for the first date that decides.
func (f *File) orderBehind(l *layout) dateOrder {
	if f.reopen == "" {
		return orderUnknown
	}
	file, err := os.Open(f.reopen)
	if err != nil {
		return orderUnknown
	}
	defer file.Close()
	source, err := newSource(f.Path, file)
	if err != nil {
		return orderUnknown
	}
	defer source.close()
	var r *bufio.Reader
	for member := 0; member < f.members || member == 0; member++ {
		if _, r, err = source.next(); err != nil {
			return orderUnknown
		}
	}
	decoder, _, err := f.decode(r)
	if err != nil {
		return orderUnknown
	}
	for row := new(record); ; {
		if err := decoder.next(row); err != nil {
			return orderUnknown // at its end, or broken, which reading it says
		}
		if row.keys != nil && !slices.EqualFunc(row.keys, l.names, func(key []byte, name string) bool { return string(key) == name }) {
			continue
		}
		if order := l.orderOfCell(row.cells); order == dayFirst || order == monthFirst {
			return order
		}
	}
}

// plausibleOrder is the only order in which the dates of the sample go one way at steps of one kind; where both do, the
// one that has weekdays only, at least five, while the other has not.
func plausibleOrder(l *layout, sample []record) dateOrder {
	days, daysOnWeekdays, timed := datesRead(l, sample, true)
	months, monthsOnWeekdays, _ := datesRead(l, sample, false)
	switch asDays, asMonths := isRegular(days, timed), isRegular(months, timed); {
	case asDays && !asMonths:
		return dayFirst
	case asMonths && !asDays:
		return monthFirst
	case !asDays:
	case daysOnWeekdays && !monthsOnWeekdays && len(days) >= 5:
		return dayFirst
	case monthsOnWeekdays && !daysOnWeekdays && len(months) >= 5:
		return monthFirst
	}
	return orderUnknown
}

// datesRead are the dates of the first symbol's rows in one reading, without repetitions. timed reports several rows a
// date.
func datesRead(l *layout, sample []record, dayFirst bool) (dates []time.Time, weekdays, timed bool) {
	weekdays = true
	c := clock{dayFirst: dayFirst}
	var symbol []byte
	for i := range sample {
		cells := sample[i].cells
		if at := l.at[fieldSymbol]; at >= 0 && at < len(cells) {
			if symbol == nil {
				symbol = cells[at]
			} else if !bytes.Equal(symbol, cells[at]) {
				continue
			}
		}
		if l.at[fieldDate] >= len(cells) {
			continue
		}
		at, err := c.parse(cells[l.at[fieldDate]])
		if err != nil {
			continue
		}
		date := at.t.Truncate(day)
		if len(dates) == 0 || !dates[len(dates)-1].Equal(date) {
			dates = append(dates, date)
			weekdays = weekdays && date.Weekday() != time.Saturday && date.Weekday() != time.Sunday
		} else {
			timed = true
		}
	}
	return dates, weekdays, timed
}

// steps are the distances that the dates of a file have: of days with weekends and holidays, weeks, months, quarters or
// years.
var steps = [][2]int{{1, 5}, {6, 8}, {28, 31}, {89, 92}, {365, 366}}

// isRegular reports dates, at least three, that go one way at steps of one kind. The dates of bars within a day, of which
// two will do, go in steps of days.
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
