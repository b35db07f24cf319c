package barfile

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/quagmt/udecimal"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/internal/sqltext"
	"github.com/blotterdb/blotter/internal/tabular"
)

// parse reads a bar. The error is a *blotter.RejectedRow with the reason why the record is not a valid one.
func (f *File) parse(r *record) (blotter.BarRow, error) {
	f.unreadable = ""
	row, at, err := f.read(r)
	if err != nil {
		return blotter.BarRow{}, f.rejectedRow(r, row.Symbol, err)
	}
	if row.Timestamp, err = f.timestamp(at, string(row.Timeframe), row.Symbol); err != nil {
		return blotter.BarRow{}, f.rejectedRow(r, row.Symbol, err)
	}

	if f.unreadable != "" {
		if f.emptyCloses.rows++; f.emptyCloses.rows == 1 {
			f.emptyCloses.line, f.emptyCloses.text = r.Line, f.unreadable
		}
	}

	row.Member = f.member
	return row, nil
}

// checkError is the error of a row that was read and breaks a rule of bars.
type checkError struct{ error }

func (f *File) rejectedRow(r *record, symbol string, err error) error {
	check := "parse"
	if errors.As(err, new(checkError)) {
		check = "bar"
	}
	return &blotter.RejectedRow{
		Line:   r.Line,
		Symbol: symbol,
		Check:  check,
		Reason: err.Error(),
		Raw:    sqltext.Storable(string(r.Raw)),
		Member: sqltext.Storable(f.member),
	}
}

// cell returns the text of a field, or nil if the record has none.
func (f *File) cell(r *record, of field) []byte {
	cells := r.Cells
	if r.Keys != nil {
		cells = f.align(r)
	}
	if at := f.layout.at[of]; at >= 0 && at < len(cells) {
		return cells[at]
	}
	return nil
}

// align returns the cells of a record with keys in the order of the layout.
func (f *File) align(r *record) [][]byte {
	same := len(r.Keys) == len(f.layout.keys) && len(r.Cells) == len(r.Keys)
	for i := 0; same && i < len(r.Keys); i++ {
		same = string(r.Keys[i]) == f.layout.names[i]
	}
	if same {
		return r.Cells
	}

	f.rowCells = append(f.rowCells[:0], make([][]byte, len(f.layout.names))...)
	for i, name := range f.layout.names {
		for j, key := range r.Keys {
			if string(key) == name && j < len(r.Cells) {
				f.rowCells[i] = r.Cells[j]
			}
		}
	}
	return f.rowCells
}

// read reads a record, except that it returns the time as written. The bar's Timeframe is that of the row.
func (f *File) read(r *record) (row blotter.BarRow, at tabular.Stamp, err error) {
	l := &f.layout
	row = blotter.BarRow{
		Line: r.Line,
		Bar:  blotter.Bar{Symbol: f.Symbol, Timeframe: blotter.Timeframe(f.Timeframe), Source: f.Source},
	}

	cells := r.Cells
	if r.Keys != nil {
		cells = f.align(r)
	} else {
		for len(cells) > l.count && tabular.IsBlank(cells[len(cells)-1]) {
			cells = cells[:len(cells)-1]
		}
		if len(cells) != l.count {
			return row, at, fmt.Errorf("the row has %d cells, the header %d", len(r.Cells), l.count)
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

	row.Timestamp = at.Time
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
		if f.pathAt < len(r.Within) {
			cell = []byte(r.Within[f.pathAt])
		}
	case r.Keys == nil && len(r.Within) == 0, f.opts.Symbol != "":
		return f.Symbol, nil
	case r.symbol != f.around.symbol:
		cell = []byte(r.symbol)
	case f.Guessed && !slices.Equal(r.Within, f.around.Within):
		return f.Symbol, fmt.Errorf("it is in %s and the first rows are in %s; the file does not tell their symbols",
			strings.Join(r.Within, "."), strings.Join(f.around.Within, "."))
	default:
		return f.Symbol, nil
	}

	if f.symbol.cell == string(cell) && f.symbol.value != "" {
		return f.symbol.value, nil
	}

	symbol := tabular.Symbol(string(bytes.Trim(cell, `"`)))
	if symbol == "" {
		return "", errors.New("the symbol is missing")
	}
	if bytes.ContainsRune([]byte(symbol), '\uFFFD') {
		return symbol, errors.New("the symbol is not UTF-8 text")
	}
	f.symbol = interned{string(cell), symbol + f.suffix}
	return f.symbol.value, nil
}

// stamp reads the date and the time of day.
func (f *File) stamp(cells [][]byte) (tabular.Stamp, error) {
	l := &f.layout
	if !l.base.IsZero() {
		ms, ok := tabular.PlainNumber(cells[l.at[fieldDate]])
		n, err := ms.Int64()
		if !ok || err != nil || n < 0 || n >= 24*3600*1000 {
			return tabular.Stamp{}, fmt.Errorf("invalid time %q: want milliseconds since midnight",
				tabular.Trim(cells[l.at[fieldDate]]))
		}
		return tabular.Stamp{Time: l.base.Add(time.Duration(n) * time.Millisecond), Instant: true}, nil
	}

	if !l.has(fieldDate) {
		return l.clock.Parse(cells[l.at[fieldEnd]])
	}

	cell := cells[l.at[fieldDate]]
	if l.has(fieldTime) {
		if of := tabular.Trim(cells[l.at[fieldTime]]); len(of) > 0 {
			f.timeBuffer = append(append(append(f.timeBuffer[:0], tabular.Trim(cell)...), ' '), of...)
			cell = f.timeBuffer
		}
	}
	return l.clock.Parse(cell)
}

// timestamp returns the start of the bar. That of a bar of a day or longer is midnight UTC of its trading date as
// written, because midnight in Tokyo is the day before in UTC.
func (f *File) timestamp(at tabular.Stamp, timeframe, symbol string) (time.Time, error) {
	t := at.Time
	if !f.layout.has(fieldDate) { // only the end is given, by some vendors a millisecond early
		t = t.Add(time.Millisecond).Truncate(time.Second).Add(-durationOf(timeframe))
	}

	if isDaily(timeframe) {
		if at.Unix && f.zone != nil {
			t = t.In(f.zone)
		}
		return time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, time.UTC), nil
	}
	if !at.Zoned && f.zone != nil && f.zone != time.UTC {
		return f.local(t, symbol)
	}
	return t.UTC(), nil
}

var priceNames = [...]string{"open", "high", "low", "close"}

// prices reads prices as traded, and the volume. A missing volume is 0.
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
		if d, ok := tabular.PlainNumber(cell); ok && !l.numbers.Comma {
			b.Volume = d
		} else if !tabular.IsMissing(string(tabular.Trim(cell))) {
			b.Volume, err = l.numbers.Parse("volume", cell)
		}
	}
	return err
}

// adjustedClose reads an adjusted close. It returns nil for one that cannot be read: the bar is valid without it.
func (f *File) adjustedClose(cell []byte) *blotter.Decimal {
	if tabular.IsMissing(string(tabular.Trim(cell))) {
		return nil
	}
	adjusted, err := f.layout.numbers.Parse("adjusted close", cell)
	if err != nil {
		f.unreadable = string(tabular.Trim(cell))
		return nil
	}
	return &adjusted
}

// emptyCloses counts the adjusted closes that could not be read.
type emptyCloses struct {
	rows int64
	line int64  // of the first
	text string // of the first
}

// remarkEmptyCloses adds a remark with the number of adjusted closes of a member that were left empty.
func (f *File) remarkEmptyCloses() {
	if f.emptyCloses.rows == 0 {
		return
	}
	f.Remarks = append(f.Remarks, fmt.Sprintf("%d adjusted closes that are not numbers were left empty, "+
		"the first is %q in line %d",
		f.emptyCloses.rows, sqltext.Storable(f.emptyCloses.text), f.emptyCloses.line))
	f.emptyCloses = emptyCloses{}
}

// price reads a price and divides it by the scale of the layout.
func (f *File) price(name string, cell []byte) (blotter.Decimal, error) {
	d, err := f.layout.numbers.Parse(name, cell)
	if err != nil || f.layout.scale <= 1 {
		return d, err
	}
	return d.Div64(uint64(f.layout.scale))
}

var two = udecimal.MustFromInt64(2, 0)

// middle reads a quote bar. Each price is the middle of bid and ask, or the only one of them.
func (f *File) middle(cells [][]byte, b *blotter.Bar) error {
	l := &f.layout
	for i, into := range [...]*blotter.Decimal{&b.Open, &b.High, &b.Low, &b.Close} {
		bid, ask := cells[l.at[fieldOpen+field(i)]], cells[l.at[fieldAsk]+i]
		if tabular.IsMissing(string(bid)) {
			bid = ask
		} else if tabular.IsMissing(string(ask)) {
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

// stooqPeriod returns the timeframe of a <PER>: D, W, M or a number of minutes.
func stooqPeriod(cell []byte) (blotter.Timeframe, error) {
	period := string(tabular.Trim(cell))
	switch period {
	case "D", "d":
		return "1d", nil
	case "W", "w":
		return "1w", nil
	case "M", "m":
		return "1mo", nil
	}

	n, ok := tabular.PlainNumber(cell)
	minutes, err := n.Int64()
	timeframe := ofDuration(time.Duration(minutes) * time.Minute)
	if ok && err == nil && minutes > 0 && minutes < 1e6 && timeframe != "" {
		return blotter.Timeframe(timeframe), nil
	}
	return "", fmt.Errorf("invalid period %q: want D, W, M or minutes", cmp.Or(period, " "))
}
