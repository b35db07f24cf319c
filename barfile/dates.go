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

// settleDates decides whether days or months come first: as asked, or as the fields above 12 tell, of the sample or of the
// rest of the file; else as only one of both readings is plausible. What nothing tells is asked for: a wrong guess would
// put eleven of twelve days of a month into other months.
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
		return fileError(f.name(), "its dates can be read as day/month and as month/day; " +
			"say --dates dmy or --dates mdy")
	}
	l.clock.dayFirst = order == dayFirst
	return nil
}

// votes are how many dates of some rows can be read with the day first only, with the month first only, and either way.
type votes struct{ days, months, either int }

func votesOf(l *layout, rows []record) (v votes) {
	for i := range rows {
		switch l.orderOfCell(rows[i].cells) {
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

// order is what the votes decide. Where they contradict each other, or few of them a file that goes its regular way in the
// other order, the order that fits nine of ten rows wins; where neither does, orderUnknown is to be asked for. The rows
// tell what is regular.
func (v votes) order(l *layout, rows []record) (order dateOrder, decided bool) {
	all := v.days + v.months + v.either
	days, months := 10*v.months <= all, 10*v.days <= all // fit nine of ten
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
	voted, other, fits := dayFirst, monthFirst, months
	if v.months > 0 {
		voted, other, fits = monthFirst, dayFirst, days
	}
	switch {
	case 2*(v.days+v.months) > all, plausibleOrder(l, rows) != other:
		return voted, true
	case fits:
		return other, true
	}
	return orderUnknown, true
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

const (
	windowRows  = 2 * peekBars // from the first date on that decides
	outlineRows = 4096
)

// readOn reads the file anew: window are the rows from the first date on that decides, outline are two rows of each date
// of the first symbol, which tell whether dates are regular. A stream has its sample alone.
func (f *File) readOn(l *layout, sample []record) (window, outline []record) {
	if f.reopen == "" {
		return nil, sample
	}
	file, err := os.Open(f.reopen)
	if err != nil {
		return nil, sample
	}
	defer file.Close()
	source, err := newSource(f.Path, file, f.opts.Sheet)
	if err != nil {
		return nil, sample
	}
	defer source.close()
	decoder := f.again(source)
	if decoder == nil {
		return nil, sample
	}
	var last []byte
	for row, same := new(record), 0; len(window) < windowRows; {
		if err := decoder.next(row); err != nil {
			break // at its end, or broken, which reading it says
		}
		if row.keys != nil && !slices.EqualFunc(row.keys, l.names,
			func(key []byte, name string) bool { return string(key) == name }) {
			continue
		}
		order := l.orderOfCell(row.cells)
		if order == orderNone {
			continue
		}
		if order != orderUnknown || len(window) > 0 {
			window = append(window, row.clone())
		}
		if len(outline) > 0 && !bytes.Equal(l.symbolCell(row.cells), l.symbolCell(outline[0].cells)) {
			continue
		}
		date, _, _ := bytes.Cut(trim(row.cells[l.at[fieldDate]]), []byte(" "))
		if same++; !bytes.Equal(date, last) {
			last, same = append(last[:0], date...), 0
		}
		if same < 2 && len(outline) < outlineRows {
			outline = append(outline, row.clone())
		}
	}
	return window, outline
}

// again is a decoder of the source's file, or of the member that is being read; nil where it cannot be read.
func (f *File) again(source *source) decoder {
	var r *bufio.Reader
	var err error
	for member := 0; member < f.members || member == 0; member++ {
		if _, r, err = source.next(); err != nil {
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

// plausibleOrder is the only order in which the dates of the rows go one way at steps of one kind. The first days of a
// month are the same day of months in the other order: where both are regular, nothing tells.
func plausibleOrder(l *layout, rows []record) dateOrder {
	switch days, months := isRegular(datesRead(l, rows, true)), isRegular(datesRead(l, rows, false)); {
	case days && !months:
		return dayFirst
	case months && !days:
		return monthFirst
	}
	return orderUnknown
}

// datesRead are the dates of the first symbol's rows in one reading, without repetitions. timed reports several rows a
// date.
func datesRead(l *layout, rows []record, dayFirst bool) (dates []time.Time, timed bool) {
	c := clock{dayFirst: dayFirst, unit: l.clock.unit}
	for i := range rows {
		cells := rows[i].cells
		if l.at[fieldDate] >= len(cells) || !bytes.Equal(l.symbolCell(cells), l.symbolCell(rows[0].cells)) {
			continue
		}
		at, err := c.parse(cells[l.at[fieldDate]])
		if err != nil {
			continue
		}
		if date := at.t.Truncate(day); len(dates) == 0 || !dates[len(dates)-1].Equal(date) {
			dates = append(dates, date)
		} else {
			timed = true
		}
	}
	return dates, timed
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
