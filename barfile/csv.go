package barfile

import (
	"cmp"
	"encoding/csv"
	"fmt"
	"strings"
	"time"

	"github.com/blotterdb/blotter"
)

// columns says where in a row each part of a bar stands; -1 where it does not.
type columns struct {
	date, open, high, low, close, volume, adjClose, symbol int
	count                                                  int
}

// names are what vendors call the columns, in lower case without spaces and punctuation.
var names = map[string]func(*columns) *int{
	"date": func(c *columns) *int { return &c.date }, "timestamp": func(c *columns) *int { return &c.date },
	"datetime": func(c *columns) *int { return &c.date }, "time": func(c *columns) *int { return &c.date },
	"open": func(c *columns) *int { return &c.open }, "o": func(c *columns) *int { return &c.open },
	"high": func(c *columns) *int { return &c.high }, "h": func(c *columns) *int { return &c.high },
	"low": func(c *columns) *int { return &c.low }, "l": func(c *columns) *int { return &c.low },
	"close": func(c *columns) *int { return &c.close }, "c": func(c *columns) *int { return &c.close },
	"last":   func(c *columns) *int { return &c.close },
	"volume": func(c *columns) *int { return &c.volume }, "vol": func(c *columns) *int { return &c.volume },
	"v":        func(c *columns) *int { return &c.volume },
	"adjclose": func(c *columns) *int { return &c.adjClose }, "adjustedclose": func(c *columns) *int { return &c.adjClose },
	"name": func(c *columns) *int { return &c.symbol }, "symbol": func(c *columns) *int { return &c.symbol },
	"stock":  func(c *columns) *int { return &c.symbol },
	"ticker": func(c *columns) *int { return &c.symbol },
}

var plain = strings.NewReplacer(" ", "", "_", "", ".", "", "*", "", "<", "", ">", "")

// plainName is a column's name as the keys of names are written.
func plainName(cell string) string { return plain.Replace(strings.ToLower(strings.TrimSpace(cell))) }

// isYahoo reports whether the header is Yahoo's: an adjusted close, and no name that Yahoo does not use. The vendors
// whose files look alike differ in these.
func (c columns) isYahoo(header string) bool {
	for _, cell := range split(header) {
		switch plainName(cell) {
		case "date", "datetime", "open", "high", "low", "close", "adjclose", "volume", "dividends", "stocksplits", "capitalgains":
		default:
			return false
		}
	}
	return c.adjClose >= 0
}

// recognise reads a header. missing names the first column of a bar that it lacks, or is "".
func recognise(header string) (c columns, missing string) {
	c = columns{-1, -1, -1, -1, -1, -1, -1, -1, 0}
	cells := split(header)
	c.count = len(cells)
	for i, cell := range cells {
		if at, known := names[plainName(cell)]; known && *at(&c) < 0 {
			*at(&c) = i
		}
	}
	for _, need := range []struct {
		name string
		at   int
	}{{"date", c.date}, {"open", c.open}, {"high", c.high}, {"low", c.low}, {"close", c.close}, {"volume", c.volume}} {
		if need.at < 0 {
			return c, need.name
		}
	}
	return c, ""
}

// split divides a line into cells; quotes are rare, so csv is asked only where there are any.
func split(text string) []string {
	if !strings.Contains(text, `"`) {
		return strings.Split(text, ",")
	}
	cells, err := csv.NewReader(strings.NewReader(text)).Read()
	if err != nil {
		return strings.Split(text, ",")
	}
	return cells
}

// parse makes a bar of a line, or says as a *blotter.RejectedRow why it is none.
func (f *File) parse(l line) (blotter.BarRow, error) {
	row := blotter.BarRow{Line: l.number, Bar: blotter.Bar{Symbol: f.Symbol, Timeframe: f.Timeframe, Source: f.Source}}
	reject := func(check, reason string) (blotter.BarRow, error) {
		return blotter.BarRow{}, &blotter.RejectedRow{Line: l.number, Symbol: row.Symbol, Check: check, Reason: reason, Raw: l.text}
	}
	cells := split(l.text)
	for len(cells) > f.columns.count && strings.TrimSpace(cells[len(cells)-1]) == "" {
		cells = cells[:len(cells)-1]
	}
	if len(cells) != f.columns.count {
		return reject("parse", fmt.Sprintf("the row has %d cells, the header %d", len(cells), f.columns.count))
	}
	if f.columns.symbol >= 0 {
		row.Symbol = strings.ToUpper(strings.TrimSpace(cells[f.columns.symbol]))
	}
	if strings.ContainsRune(row.Symbol, '\uFFFD') {
		return reject("parse", "the symbol is not UTF-8 text")
	}
	var err error
	if row.Timestamp, err = parseTime(cells[f.columns.date], f.Timeframe, cmp.Or(f.zone, time.UTC)); err != nil {
		return reject("parse", err.Error())
	}
	for _, cell := range []struct {
		name string
		at   int
		into *blotter.Decimal
	}{
		{"open", f.columns.open, &row.Open},
		{"high", f.columns.high, &row.High},
		{"low", f.columns.low, &row.Low},
		{"close", f.columns.close, &row.Close},
		{"volume", f.columns.volume, &row.Volume},
	} {
		if *cell.into, err = parseNumber(cell.name, cells[cell.at]); err != nil {
			return reject("parse", err.Error())
		}
	}
	if f.columns.adjClose >= 0 {
		adjusted, err := parseNumber("adjusted close", cells[f.columns.adjClose])
		if err != nil {
			return reject("parse", err.Error())
		}
		row.AdjClose = &adjusted
	}
	if err := row.Check(false); err != nil {
		return reject("bar", err.Error())
	}
	return row, nil
}

func parseNumber(name, cell string) (blotter.Decimal, error) {
	cell = strings.TrimSpace(cell)
	switch strings.ToLower(cell) {
	case "", "null", "nan", "n/a", "-":
		return blotter.Decimal{}, fmt.Errorf("%s is missing", name)
	}
	d, err := blotter.ParseDecimal(cell)
	if err != nil {
		return d, fmt.Errorf("%s %q is not a decimal number", name, cell)
	}
	if digits, _, _ := strings.Cut(strings.TrimLeft(cell, "+-0"), "."); len(digits) > blotter.DecimalIntegerDigitsMax {
		return d, fmt.Errorf("%s has more than %d digits before the point", name, blotter.DecimalIntegerDigitsMax)
	}
	return d, nil
}
