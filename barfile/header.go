package barfile

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"github.com/blotterdb/blotter/internal/sqltext"
	"github.com/blotterdb/blotter/internal/tabular"
)

// headerLines is how many lines are searched for the header. Some files begin with a line about their source.
const headerLines = 5

// layoutByHeader returns the layout of a text, and the rows below its header. Positions of columns count only without a
// header.
func (f *File) layoutByHeader(sample []record) (layout, []record, error) {
	for i := range sample[:min(len(sample), headerLines)] {
		names, rows := sample[i].Cells, sample[i+1:]
		if err := f.sideBySide(names); err != nil {
			return layout{}, nil, err
		}

		l, missing := layoutByNames(names)
		if missing == "date" && l.keys[0] == "price" && l.has(fieldOpen) {
			return f.layoutByStackedHeader(l, rows)
		}
		if l.missingPrice() != "" {
			continue
		}

		if twice := l.namedTwice(); twice != "" {
			return l, nil, tabular.Error(f.name(),
				fmt.Sprintf("its header has two columns for %s; %s", twice, f.sayColumns(&l)))
		}

		l = f.fit(l, rows)
		if err := f.settleDateColumn(&l, rows); err != nil {
			return l, nil, err
		}

		for j := range sample[:i] {
			l.utc = l.utc || bytes.Contains(sample[j].Raw, []byte("UTC")) // "Timestamps are UTC timezone"
		}
		l.format = formatOf(&l, false, nil, f.namesAlphaVantage())
		l.certain = true
		return l, rows, nil
	}

	if names := namesOf(sample); names != nil {
		return layout{}, nil, f.notBars(names, "")
	}
	l, err := f.layoutByCells(sample)
	return l, sample, err
}

// namesOf returns the header of a text, whether its names are known or not: words above a row of as many cells that has
// numbers. It is nil if there is none.
func namesOf(sample []record) [][]byte {
	for i := range sample[:min(len(sample)-1, headerLines)] {
		names, row := sample[i].Cells, sample[i+1].Cells
		if len(names) < 4 || len(names) != len(row) {
			continue
		}

		texts, numbers := 0, 0
		for j, name := range names {
			if isText(name) {
				texts++
			} else if len(tabular.Trim(name)) > 0 {
				texts = -len(names) // a number, or a date
			}
			if _, isNumber := tabular.PlainNumber(row[j]); isNumber {
				numbers++
			}
		}

		if texts >= len(names)-1 && numbers >= 2 {
			return names
		}
	}
	return nil
}

// isText reports whether a cell has a value that is neither a number nor a date.
func isText(cell []byte) bool {
	cell = tabular.Trim(cell)
	if len(cell) == 0 || tabular.IsMissing(string(cell)) {
		return false
	}
	if _, isNumber := tabular.PlainNumber(cell); isNumber {
		return false
	}
	_, err := tabular.Clock{}.Parse(cell)
	return err != nil
}

func isNumber(cell []byte) bool {
	_, ok := tabular.PlainNumber(cell)
	return ok
}

// missingPrice returns the first of open, high, low and close that has no column, or "".
func (l *layout) missingPrice() string {
	for i, name := range priceNames {
		if !l.has(fieldOpen + field(i)) {
			return name
		}
	}
	return ""
}

// namedTwice returns the price that has two columns of the same name, or "".
func (l *layout) namedTwice() string {
	for i, name := range priceNames {
		key := l.keys[l.at[fieldOpen+field(i)]]
		if slices.Index(l.keys, key) != lastIndex(l.keys, key) {
			return name
		}
	}
	return ""
}

func lastIndex(keys []string, key string) int {
	for i := len(keys) - 1; i >= 0; i-- {
		if keys[i] == key {
			return i
		}
	}
	return -1
}

// settleDateColumn finds the column of dates by its cells if no name tells it, or if the cells of the named one are not
// dates. It also finds a column of times of day if several rows have the same date.
func (f *File) settleDateColumn(l *layout, rows []record) error {
	rows = l.fullRows(rows)
	named := l.at[fieldDate]
	if len(rows) == 0 && (named >= 0 || l.has(fieldEnd)) {
		return nil
	}

	if named < 0 && l.has(fieldEnd) || named >= 0 && (l.dated(named, rows) || l.numeric(named, rows)) {
		f.settleTimeColumn(l, rows)
		return nil
	}

	candidates := l.dateColumns(rows)
	switch {
	case len(candidates) == 1:
		l.takeDate(candidates[0], rows)
	case len(candidates) > 1:
		return tabular.Error(f.name(), fmt.Sprintf("its columns %s all hold dates; %s",
			l.quoted(candidates), f.sayColumns(l)))
	case named < 0:
		return tabular.Error(f.name(), "its header names prices and no date, "+
			"and no column holds dates; "+f.sayColumns(l))
	}

	f.settleTimeColumn(l, rows)
	return nil
}

// contentRows is how many rows tell what a column holds.
const contentRows = 64

// fullRows returns the first rows with as many cells as the header.
func (l *layout) fullRows(rows []record) (full []record) {
	for i := range rows {
		if len(rows[i].Cells) >= l.count && len(full) < contentRows {
			full = append(full, rows[i])
		}
	}
	return full
}

// takeDate makes a column the one of dates. A named one that holds times of day becomes the one of times.
func (l *layout) takeDate(at int, rows []record) {
	if named := l.at[fieldDate]; named >= 0 && !l.has(fieldTime) && l.timesOfDay(named, rows) {
		l.at[fieldTime] = named
	}
	l.at[fieldDate] = at
	l.utc = strings.Contains(l.keys[at], "utc") || strings.Contains(l.keys[at], "gmt")
}

// dated reports whether nine of ten cells of a column are dates, or all are Unix times that go in one direction, which
// amounts do not.
func (l *layout) dated(at int, rows []record) bool {
	probe := *l
	probe.at[fieldDate] = at
	if unit := epochUnitOf(&probe, rows); unit != tabular.UnknownUnit {
		probe.clock.Unit = unit
		inTime := func(cell []byte) bool {
			s, err := probe.clock.Parse(cell)
			return err == nil && s.Time.Year() >= 1900
		}
		return l.share(at, rows, inTime) && probe.oneWay(at, rows)
	}

	return l.share(at, rows, func(cell []byte) bool {
		if _, isNumber := tabular.ParseEpoch(cell); isNumber {
			return tabular.IsCalendarDate(cell)
		}
		_, err := tabular.Clock{}.Parse(cell)
		if err != nil {
			_, err = tabular.Clock{DayFirst: true}.Parse(cell)
		}
		return err == nil
	})
}

// timesOfDay reports whether a column holds times of day only, such as 09:30.
func (l *layout) timesOfDay(at int, rows []record) bool {
	return l.share(at, rows, func(cell []byte) bool {
		if bytes.IndexByte(cell, ':') < 1 {
			return false
		}
		_, err := tabular.Clock{}.Parse(append([]byte("20000101 "), cell...))
		return err == nil
	})
}

// share reports whether nine of ten cells of a column that are not empty are of a kind.
func (l *layout) share(at int, rows []record, is func(cell []byte) bool) bool {
	cells, found := 0, 0
	for i := range rows {
		cell := tabular.Trim(rows[i].Cells[at])
		if tabular.IsMissing(string(cell)) {
			continue
		}
		cells++
		if is(cell) {
			found++
		}
	}
	return cells > 0 && 10*found >= 9*cells
}

// numeric reports whether a column holds digits only.
func (l *layout) numeric(at int, rows []record) bool {
	return l.share(at, rows, func(cell []byte) bool {
		_, ok := tabular.ParseEpoch(cell)
		return ok
	})
}

// dateColumns returns the columns without a known name whose cells are dates. If there are several, it prefers texts to
// numbers, which may be amounts, then dates that differ from row to row, then a name with a word for time.
func (l *layout) dateColumns(rows []record) []int {
	var texts, numbers []int
	for at := range l.names {
		if slices.Contains(l.at[:], at) && at != l.at[fieldDate] || len(rows) == 0 || !l.dated(at, rows) {
			continue
		}
		if l.numeric(at, rows) {
			numbers = append(numbers, at)
		} else {
			texts = append(texts, at)
		}
	}

	columns := texts
	if len(columns) == 0 {
		columns = numbers
	}

	for _, prefer := range []func(at int) bool{
		func(at int) bool { return l.oneWay(at, rows) },
		func(at int) bool {
			return slices.ContainsFunc([]string{"date", "time", "day", "dt", "stamp"},
				func(word string) bool { return strings.Contains(l.keys[at], word) })
		},
	} {
		if fewer := slices.DeleteFunc(slices.Clone(columns), func(at int) bool { return !prefer(at) }); len(fewer) > 0 {
			columns = fewer
		}
	}
	return columns
}

// oneWay reports whether the cells of a column change from row to row, and mostly in one direction. A single row does.
func (l *layout) oneWay(at int, rows []record) bool {
	up, down := 0, 0
	same := 0
	for i := 1; i < len(rows); i++ {
		a, err := l.clock.Parse(rows[i-1].Cells[at])
		b, err2 := l.clock.Parse(rows[i].Cells[at])
		switch {
		case err != nil || err2 != nil:
		case b.Time.After(a.Time):
			up++
		case b.Time.Before(a.Time):
			down++
		default:
			same++
		}
	}

	return same <= up+down && 10*min(up, down) <= up+down
}

// settleTimeColumn finds a column of times of day beside dates without them, if rows of one symbol repeat a date.
func (f *File) settleTimeColumn(l *layout, rows []record) {
	if l.has(fieldTime) || !l.has(fieldDate) {
		return
	}

	seen := map[string]bool{}
	repeated := false

	for i := range rows {
		cell := tabular.Trim(rows[i].Cells[l.at[fieldDate]])
		if s, err := l.clock.Parse(cell); err != nil || s.Instant {
			return
		}

		key := string(cell) + "\x00" + string(l.symbolCell(rows[i].Cells))
		repeated = repeated || seen[key]
		seen[key] = true
	}

	if !repeated {
		return
	}

	found := -1
	for at := range l.names {
		if slices.Contains(l.at[:], at) || !l.timesOfDay(at, rows) {
			continue
		}
		if found >= 0 {
			return // ambiguous: rows of one date will contradict each other
		}
		found = at
	}

	l.at[fieldTime] = found
}

// quoted lists the names of columns, in quotes.
func (l *layout) quoted(columns []int) string {
	var names []string
	for _, at := range columns {
		names = append(names, fmt.Sprintf("%q", sqltext.Storable(l.names[at])))
	}
	return strings.Join(names, " and ")
}

// fieldWords are the names of the fields in Options.Columns.
var fieldWords = [...]string{
	"date", "time", "endtime", "open", "high", "low", "close", "volume", "adjclose", "symbol",
	"per",
}

// sayColumns ends an error about columns. It tells how to name them, with the known ones in their places.
func (f *File) sayColumns(l *layout) string {
	words := make([]string, len(l.names))
	for of, word := range fieldWords {
		if at := l.at[of]; at >= 0 && at < len(words) {
			words[at] = word
		}
	}
	return fmt.Sprintf("name the columns in their order, "+
		"for example --cols date,open,high,low,close,volume (recognized: --cols %s)", strings.Join(words, ","))
}

// sideOf is a symbol beside the name of a price: AAA:open, AAA_open, "Open AAA" or open.AAA.
type sideOf struct{ symbol, price string }

// sidesOf divides the name of a column at each sign that may be between a symbol and the name of a price.
func sidesOf(name []byte) (sides []sideOf) {
	text := strings.TrimSpace(string(bytes.Trim(name, "\"'()")))
	for i, c := range text {
		if !strings.ContainsRune(".:_ /|-", c) {
			continue
		}

		before, after := strings.Trim(text[:i], " \"'(),"), strings.Trim(text[i+1:], " \"'(),")
		for _, side := range []sideOf{{before, plainName([]byte(after))}, {after, plainName([]byte(before))}} {
			if of, known := fieldNames[side.price]; known && of >= fieldOpen && of <= fieldClose &&
				len(side.price) > 1 && side.symbol != "" {
				sides = append(sides, side)
			}
		}
	}

	return sides
}

// notSymbols are words before or behind the names of prices that are not symbols.
var notSymbols = strings.Fields(`adj adjusted raw price px mid bid ask day prev previous last trade usd eur gbp jpy
	the regular session`)

// sideBySide returns an error for a header with the prices of several symbols, whose rows hold a bar of each, and for
// one of bids and asks.
func (f *File) sideBySide(names [][]byte) error {
	found := map[string]map[field]bool{}
	var symbols []string
	for _, name := range names {
		for _, side := range sidesOf(name) {
			if found[side.symbol] == nil {
				found[side.symbol] = map[field]bool{}
				symbols = append(symbols, side.symbol)
			}
			found[side.symbol][fieldNames[side.price]] = true
		}
	}

	symbols = slices.DeleteFunc(symbols, func(symbol string) bool { return len(found[symbol]) < 4 })
	isQuote := func(symbol string) bool { return strings.EqualFold(symbol, "bid") || strings.EqualFold(symbol, "ask") }
	isOpen := func(name []byte) bool { return plainName(name) == "open" }
	if slices.ContainsFunc(symbols, isQuote) && !slices.ContainsFunc(names, isOpen) {
		return notBars(f.name(), "quotes (bars of bid and ask)")
	}

	symbols = slices.DeleteFunc(symbols, func(symbol string) bool {
		return slices.Contains(notSymbols, strings.ToLower(symbol))
	})
	if len(symbols) < 2 {
		return nil
	}
	return tabular.Error(f.name(), fmt.Sprintf("each row holds the bars of %d symbols side by side (%s); "+
		"write one symbol per row, with a column for the symbol, or one symbol per file",
		len(symbols), sqltext.Storable(strings.Join(symbols[:min(len(symbols), 5)], ", "))))
}
