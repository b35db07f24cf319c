package barfile

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/quagmt/udecimal"
)

// parse makes a bar of a record, or says as a *blotter.RejectedRow why it is none.
func (f *File) parse(r *record) (blotter.BarRow, error) {
	f.unreadable = ""
	row, at, err := f.read(r)
	if err != nil {
		return blotter.BarRow{}, f.rejected(r, row.Symbol, err)
	}
	if row.Timestamp, err = f.timestamp(at, string(row.Timeframe), row.Symbol); err != nil {
		return blotter.BarRow{}, f.rejected(r, row.Symbol, err)
	}
	if f.unreadable != "" {
		if f.emptied.rows++; f.emptied.rows == 1 {
			f.emptied.line, f.emptied.text = r.line, f.unreadable
		}
	}
	row.Member = f.member
	return row, nil
}

// checkError is a row that is read and breaks a rule of bars.
type checkError struct{ error }

func (f *File) rejected(r *record, symbol string, err error) error {
	check := "parse"
	if errors.As(err, new(checkError)) {
		check = "bar"
	}
	return &blotter.RejectedRow{
		Line: r.line, Symbol: symbol, Check: check, Reason: err.Error(), Raw: storable(string(r.raw)), Member: storable(f.member),
	}
}

// cell is the text of a field; nil where the record has none.
func (f *File) cell(r *record, of field) []byte {
	cells := r.cells
	if r.keys != nil {
		cells = f.align(r)
	}
	if at := f.layout.at[of]; at >= 0 && at < len(cells) {
		return cells[at]
	}
	return nil
}

// align puts the cells of a record that names them into the order of the layout, where it differs.
func (f *File) align(r *record) [][]byte {
	same := len(r.keys) == len(f.layout.keys) && len(r.cells) == len(r.keys)
	for i := 0; same && i < len(r.keys); i++ {
		same = string(r.keys[i]) == f.layout.names[i]
	}
	if same {
		return r.cells
	}
	f.aligned = append(f.aligned[:0], make([][]byte, len(f.layout.names))...)
	for i, name := range f.layout.names {
		for j, key := range r.keys {
			if string(key) == name && j < len(r.cells) {
				f.aligned[i] = r.cells[j]
			}
		}
	}
	return f.aligned
}

// read reads all of a record but what its timestamp means. The bar's Timeframe is the row's.
func (f *File) read(r *record) (row blotter.BarRow, at stamp, err error) {
	l := &f.layout
	row = blotter.BarRow{Line: r.line, Bar: blotter.Bar{Symbol: f.Symbol, Timeframe: blotter.Timeframe(f.Timeframe), Source: f.Source}}
	cells := r.cells
	if r.keys != nil {
		cells = f.align(r)
	} else {
		for len(cells) > l.count && isBlank(cells[len(cells)-1]) {
			cells = cells[:len(cells)-1]
		}
		if len(cells) != l.count {
			return row, at, fmt.Errorf("the row has %d cells, the header %d", len(r.cells), l.count)
		}
	}
	if row.Symbol, err = f.symbolOf(r, cells); err != nil {
		return row, at, err
	}
	if l.has(fieldPeriod) && f.opts.Timeframe == "" {
		if row.Timeframe, err = stooqPeriod(cells[l.at[fieldPeriod]]); err != nil {
			return row, at, err
		}
	}
	if at, err = f.stamp(cells); err != nil {
		return row, at, err
	}
	if l.has(fieldAsk) {
		err = f.middle(cells, &row.Bar)
	} else {
		err = f.prices(cells, &row.Bar)
	}
	if err != nil {
		return row, at, err
	}
	row.Timestamp = at.t
	if err := row.Check(f.opts.AllowNegative); err != nil {
		return row, at, checkError{err}
	}
	return row, at, nil
}

func (f *File) symbolOf(r *record, cells [][]byte) (string, error) {
	cell := []byte(nil)
	switch at := f.layout.at[fieldSymbol]; {
	case at >= 0:
		cell = cells[at]
	case f.inside:
		cell = []byte(r.symbol)
	case f.pathAt >= 0:
		if f.pathAt < len(r.within) {
			cell = []byte(r.within[f.pathAt])
		}
	case r.keys == nil && len(r.within) == 0, f.opts.Symbol != "":
		return f.Symbol, nil
	case r.symbol != f.around.symbol:
		cell = []byte(r.symbol)
	case f.Guessed && !slices.Equal(r.within, f.around.within):
		return f.Symbol, fmt.Errorf("it stands in %s and the first rows in %s; which symbols these are is not known",
			strings.Join(r.within, "."), strings.Join(f.around.within, "."))
	default:
		return f.Symbol, nil
	}
	if f.symbol.cell == string(cell) && f.symbol.value != "" {
		return f.symbol.value, nil
	}
	symbol := symbolName(string(bytes.Trim(cell, `"`)))
	if symbol == "" {
		return "", errors.New("the symbol is missing")
	}
	if bytes.ContainsRune([]byte(symbol), '\uFFFD') {
		return symbol, errors.New("the symbol is not UTF-8 text")
	}
	f.symbol = interned{string(cell), symbol + f.suffix}
	return f.symbol.value, nil
}

// stamp reads date and time of day.
func (f *File) stamp(cells [][]byte) (stamp, error) {
	l := &f.layout
	if !l.base.IsZero() {
		ms, ok := plainNumber(cells[l.at[fieldDate]])
		n, err := ms.Int64()
		if !ok || err != nil || n < 0 || n >= 24*3600*1000 {
			return stamp{}, fmt.Errorf("time %q is none; want milliseconds since midnight",
				trim(cells[l.at[fieldDate]]))
		}
		return stamp{t: l.base.Add(time.Duration(n) * time.Millisecond), instant: true}, nil
	}
	if !l.has(fieldDate) {
		return l.clock.parse(cells[l.at[fieldEnd]])
	}
	cell := cells[l.at[fieldDate]]
	if l.has(fieldTime) {
		if of := trim(cells[l.at[fieldTime]]); len(of) > 0 {
			f.joined = append(append(append(f.joined[:0], trim(cell)...), ' '), of...)
			cell = f.joined
		}
	}
	return l.clock.parse(cell)
}

// timestamp is the start of the bar. One of a day or longer stands at midnight UTC of its trading date, which is the
// date as written: in UTC, midnight in Tokyo is the day before.
func (f *File) timestamp(at stamp, timeframe, symbol string) (time.Time, error) {
	t := at.t
	if !f.layout.has(fieldDate) { // the end is given, by some a millisecond before
		t = t.Add(time.Millisecond).Truncate(time.Second).Add(-durationOf(timeframe))
	}
	if isDaily(timeframe) {
		if at.unix && f.zone != nil {
			t = t.In(f.zone)
		}
		return time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, time.UTC), nil
	}
	if !at.zoned && f.zone != nil && f.zone != time.UTC {
		return f.local(t, symbol)
	}
	return t.UTC(), nil
}

var priceNames = [...]string{"open", "high", "low", "close"}

// prices reads prices as traded, and the volume. What a file does not tell of the volume is 0.
func (f *File) prices(cells [][]byte, b *blotter.Bar) (err error) {
	l := &f.layout
	for i, into := range [...]*blotter.Decimal{&b.Open, &b.High, &b.Low, &b.Close} {
		if *into, err = f.price(priceNames[i], cells[l.at[fieldOpen+field(i)]]); err != nil {
			return err
		}
	}
	if l.has(fieldAdjClose) {
		b.AdjClose = f.adjustedClose(cells[l.at[fieldAdjClose]])
	}
	if l.has(fieldVolume) {
		cell := cells[l.at[fieldVolume]]
		if d, ok := plainNumber(cell); ok && !l.numbers.comma {
			b.Volume = d
		} else if !isMissing(string(trim(cell))) {
			b.Volume, err = l.numbers.parse("volume", cell)
		}
	}
	return err
}

// adjustedClose reads an adjusted close, or returns nil: the bar is good without it.
func (f *File) adjustedClose(cell []byte) *blotter.Decimal {
	if isMissing(string(trim(cell))) {
		return nil
	}
	adjusted, err := f.layout.numbers.parse("adjusted close", cell)
	if err != nil {
		f.unreadable = string(trim(cell))
		return nil
	}
	return &adjusted
}

// emptied counts the adjusted closes that could not be read.
type emptied struct {
	rows int64
	line int64  // of the first
	text string // of the first
}

// remarkEmptied says how many adjusted closes of a file, or a member, were left empty.
func (f *File) remarkEmptied() {
	if f.emptied.rows == 0 {
		return
	}
	f.Remarks = append(f.Remarks, fmt.Sprintf("%d adjusted closes that are no numbers were left empty, " +
		"the first is %q in line %d",
		f.emptied.rows, storable(f.emptied.text), f.emptied.line))
	f.emptied = emptied{}
}

// price reads a price and undoes the layout's scale.
func (f *File) price(name string, cell []byte) (blotter.Decimal, error) {
	d, err := f.layout.numbers.parse(name, cell)
	if err != nil || f.layout.scale <= 1 {
		return d, err
	}
	return d.Div64(uint64(f.layout.scale))
}

var two = udecimal.MustFromInt64(2, 0)

// middle reads a quote bar: each price is the middle of bid and ask, or the one of them that there is.
func (f *File) middle(cells [][]byte, b *blotter.Bar) error {
	l := &f.layout
	for i, into := range [...]*blotter.Decimal{&b.Open, &b.High, &b.Low, &b.Close} {
		bid, ask := cells[l.at[fieldOpen+field(i)]], cells[l.at[fieldAsk]+i]
		if isMissing(string(bid)) {
			bid = ask
		} else if isMissing(string(ask)) {
			ask = bid
		}
		low, err := f.price("bid "+priceNames[i], bid)
		if err != nil {
			return err
		}
		high, err := f.price("ask "+priceNames[i], ask)
		if err != nil {
			return err
		}
		if *into, err = low.Add(high).Div(two); err != nil {
			return err
		}
	}
	return nil
}

// stooqPeriod is the timeframe of a <PER>: D, W, M or a number of minutes.
func stooqPeriod(cell []byte) (blotter.Timeframe, error) {
	period := string(trim(cell))
	switch period {
	case "D", "d":
		return "1d", nil
	case "W", "w":
		return "1w", nil
	case "M", "m":
		return "1mo", nil
	}
	n, ok := plainNumber(cell)
	minutes, err := n.Int64()
	if told := ofDuration(time.Duration(minutes) * time.Minute); ok && err == nil && minutes > 0 && minutes < 1e6 && told != "" {
		return blotter.Timeframe(told), nil
	}
	return "", fmt.Errorf("period %q is none; want D, W, M or minutes", cmp.Or(period, " "))
}
