package barfile

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode"

	"github.com/quagmt/udecimal"

	"github.com/blotterdb/blotter/internal/sqltext"
	"github.com/blotterdb/blotter/internal/tabular"
)

// layoutOf returns the layout of a file that its first records tell, and these without the header.
func (f *File) layoutOf(sample []record, isJSON bool, path leanFile) (layout, []record, error) {
	asked, _ := formatNamed(cmp.Or(f.opts.Format, csvFormat.name))
	if f.opts.Format == "" {
		asked = nil
	}

	var l layout
	var err error

	switch {
	case f.opts.Columns != "":
		l, sample, err = f.askedColumns(sample)
		l.format = csvFormat
	case path.known && (asked == nil || asked == lean):
		l, err = f.leanLayout(sample, path)
	case asked == nil && sample[0].Keys == nil && !isJSON && f.leanOutside(sample), asked == lean && !path.known:
		return l, nil, tabular.Error(f.name(),
			"it is a file of Lean, whose folders tell the market and the scale of its prices; "+
				"import it from its folder, for example equity/usa/minute/spy/20131007_trade.zip, "+
				"or set --format csv for prices as they are written")
	case sample[0].Keys != nil:
		l, sample, err = f.layoutByKeys(sample)
	case isJSON:
		l, err = f.layoutByCells(sample)
	default:
		l, sample, err = f.layoutByHeader(sample)
	}

	if err != nil {
		return l, sample, err
	}
	if asked != nil {
		l.format = asked
	}

	l.clock.Unit = epochUnitOf(&l, sample)
	l.numbers.Comma = writesComma(f.decoder, &l, sample)
	return l, sample, f.settleDates(&l, sample)
}

// askedColumns returns the layout of Options.Columns. A first record that is not a bar and whose prices are words is a
// header.
func (f *File) askedColumns(sample []record) (layout, []record, error) {
	l, missing := layoutByNames(bytes.Split([]byte(f.opts.Columns), []byte(",")))
	if missing != "" {
		return l, nil, tabular.Error(f.name(), fmt.Sprintf("--cols %s has no column for %s", f.opts.Columns, missing))
	}
	l.prefix, l.format = "", csvFormat
	if f.fitting(l, sample[:1]) == 0 && l.isHeading(sample[0].Cells) {
		sample = sample[1:]
	}
	return l, sample, nil
}

// isHeading reports whether a record has no date and no number for a price: it names columns, for example "1. open".
func (l *layout) isHeading(cells [][]byte) bool {
	if at := l.at[fieldDate]; at >= 0 && at < len(cells) {
		if _, err := l.clock.Parse(cells[at]); err == nil {
			return false
		}
	}
	for of := fieldOpen; of <= fieldClose; of++ {
		if at := l.at[of]; at < len(cells) && bytes.ContainsAny(cells[at], "0123456789") &&
			bytes.IndexFunc(cells[at], unicode.IsLetter) < 0 {
			return false
		}
	}
	return true
}

// layoutByKeys returns the layout of a JSON file of objects. Objects before the first one with prices describe the
// file.
func (f *File) layoutByKeys(sample []record) (layout, []record, error) {
	for _, name := range sample[0].Within {
		if kind := otherParts[plainName([]byte(name))]; kind != "" {
			return layout{}, nil, notBars(f.name(), kind)
		}
	}

	first := 0
	for i := range sample[:min(len(sample), headerLines)] {
		if l, _ := layoutByNames(sample[i].Keys); l.missingPrice() == "" {
			first = i
			break
		}
	}

	rows := sample[first:]
	if err := f.sideBySide(rows[0].Keys); err != nil {
		return layout{}, nil, err
	}

	l, missing := layoutByNames(rows[0].Keys)
	if missing == "date" && l.missingPrice() == "" {
		if err := f.settleDateColumn(&l, sameKeys(rows)); err != nil {
			return l, nil, err
		}
		missing = ""
	}

	if missing != "" {
		return l, nil, f.notBars(sample[0].Keys, missing)
	}

	l.format = formatOf(&l, true, rows[0].Within, false)
	l.prefix = ""
	l.certain = true
	return l, rows, nil
}

// sameKeys returns the records that have the names of the first, in the same order.
func sameKeys(rows []record) (same []record) {
	for i := range rows {
		if slices.EqualFunc(rows[i].Keys, rows[0].Keys, bytes.Equal) && len(rows[i].Cells) == len(rows[i].Keys) {
			same = append(same, rows[i])
		}
	}
	return same
}

// fit moves the columns of a header that has one name for date and time if the rows have two cells for them.
func (f *File) fit(l layout, rows []record) layout {
	if len(rows) == 0 || len(rows[0].Cells) != l.count+1 || !l.has(fieldDate) || l.has(fieldTime) {
		return l
	}
	at := l.at[fieldDate]
	date, err := l.clock.Parse(rows[0].Cells[at])
	if err != nil || date.Instant || !bytes.Contains(rows[0].Cells[at+1], []byte(":")) {
		return l
	}

	for i := range l.at {
		if l.at[i] > at {
			l.at[i]++
		}
	}
	l.at[fieldTime] = at + 1
	l.count++
	return l
}

// layoutByStackedHeader returns the layout of a yfinance download of one symbol, whose header has three lines: prices,
// tickers, index.
func (f *File) layoutByStackedHeader(l layout, rows []record) (layout, []record, error) {
	l.at[fieldDate] = 0
	l.format = yfinance
	l.adjusted = !l.has(fieldAdjClose)
	if l.at[fieldClose] == 0 {
		l.at[fieldClose] = slices.Index(l.keys, "close")
	}

	if missing := l.missing(); missing != "" {
		return l, nil, unknown(f.name(), "its first line has no column for "+missing)
	}
	firstName := func() string {
		if len(rows) == 0 {
			return ""
		}
		return plainName(rows[0].Cells[0])
	}

	if name := firstName(); name == "symbol" || name == "ticker" {
		for _, cell := range rows[0].Cells[1:] {
			if l.prefix = string(cell); string(rows[0].Cells[1]) != l.prefix {
				return l, nil, tabular.Error(f.name(), "it has several symbols side by side; write one symbol per file")
			}
		}
		rows = rows[1:]
	}

	if name := firstName(); name == "date" || name == "datetime" {
		rows = rows[1:]
	}
	return l, rows, nil
}

// layoutByCells returns the layout of records without names that reads nearly all of them as bars.
func (f *File) layoutByCells(sample []record) (layout, error) {
	var best *layout
	most := 0
	for i := range unnamedLayouts {
		l := &unnamedLayouts[i]
		if asked := f.opts.Format; asked != "" && l.format.name != asked && l.format != csvFormat {
			continue
		}
		if l.format == kraken && f.opts.Format == "" && (parseName(f.name()).timeframe == "" || !inSeconds(sample)) {
			continue // the names of its files tell the minutes
		}
		if l.has(fieldAdjClose) && !isAdjusted(l, sample) {
			continue
		}
		if bars := f.fitting(*l, sample); bars > most {
			best, most = l, bars
		}
	}

	if best != nil && 10*most >= 9*len(sample) {
		l := *best
		if f.decoder.text == nil && l.format == csvFormat {
			l.format = jsonFormat
			if at := l.at[fieldDate]; at == 0 && l.at[fieldOpen] == 1 && l.at[fieldHigh] == 2 && l.at[fieldLow] == 3 &&
				len(sample[0].Cells[0]) == 13 {
				l.format = binance // or a copy of its arrays of milliseconds; Bitfinex has the close before the high
			}
		}
		return l, nil
	}
	return layout{}, f.notBars(sample[0].Cells, "")
}

// inSeconds reports whether the first cells are Unix seconds.
func inSeconds(sample []record) bool {
	for i := range sample {
		cell := tabular.Trim(sample[i].Cells[0])
		if s, err := (tabular.Clock{}).Parse(cell); err != nil || !s.Unix || len(cell) > 10 {
			return false
		}
	}
	return true
}

// isAdjusted reports whether nearly all adjusted closes are near the close or, long ago, below it. Volumes are not.
func isAdjusted(l *layout, sample []record) bool {
	near := 0
	for i := range sample {
		if len(sample[i].Cells) != l.count {
			continue
		}
		closed, ok := tabular.PlainNumber(sample[i].Cells[l.at[fieldClose]])
		adjusted, ok2 := tabular.PlainNumber(sample[i].Cells[l.at[fieldAdjClose]])
		if ok && ok2 && !adjusted.GreaterThan(closed.Add(closed)) && !adjusted.Mul(ten).LessThan(closed) {
			near++
		}
	}
	return 10*near >= 9*len(sample)
}

var ten = udecimal.MustFromInt64(10, 0)

// fitting counts the records that the layout reads as bars. In a text, the prices of a row must be of one size, unlike
// the sizes of orders beside bid and ask.
func (f *File) fitting(l layout, sample []record) (n int) {
	l.clock.Unit = epochUnitOf(&l, sample)
	probe := File{
		layout: l, decoder: f.decoder, Symbol: "X", Timeframe: "1s", Source: "x", pathAt: -1,
		opts: Options{AllowNegative: f.opts.AllowNegative},
	}

	isText := f.decoder.text != nil
	for i := range sample {
		if len(sample[i].Cells) == l.count {
			if row, _, err := probe.read(&sample[i]); err == nil &&
				(!isText || !row.High.GreaterThan(row.Low.Mul(ten))) {
				n++
			}
		}
	}

	return n
}

// notBars returns the error of a file without the columns of a bar, with what it holds if its names or its first row
// tell.
func (f *File) notBars(cells [][]byte, missing string) error {
	if kind := otherKind(cells); kind != "" {
		return notBars(f.name(), kind)
	}
	if kind := otherRows(cells); kind != "" {
		return notBars(f.name(), kind)
	}
	if missing == "" {
		if _, missing = layoutByNames(cells); missing == "" {
			missing = "date"
		}
	}

	first := strings.TrimSpace(string(bytes.Join(cells[:min(len(cells), 8)], []byte(","))))
	first = tabular.Clip(sqltext.Storable(first), 60)
	if slices.ContainsFunc(cells, isText) && !slices.ContainsFunc(cells, isNumber) {
		return unknown(f.name(), fmt.Sprintf("no column for %s in %q; "+
			"if it holds bars, name its columns in their order, for example --cols date,open,high,low,close,volume",
			missing, first))
	}
	return unknown(f.name(), fmt.Sprintf("no column for %s in %q, and its rows are not bars without names", missing,
		first))
}

// newestFirst reports whether rows go back in time.
func newestFirst(l *layout, rows []record) bool {
	var times []tabular.Stamp
	for i := range rows {
		if at := l.at[fieldDate]; at >= 0 && at < len(rows[i].Cells) {
			if s, err := l.clock.Parse(rows[i].Cells[at]); err == nil {
				times = append(times, s)
			}
		}
	}
	return len(times) > 1 && times[0].Time.After(times[len(times)-1].Time)
}

// writesComma reports whether decimals have a comma, as most prices of the rows tell. If none does, a comma is the
// decimal mark in a file whose cells are divided by semicolons, unless its volumes are grouped by commas.
func writesComma(d *decoder, l *layout, rows []record) bool {
	if d.text == nil || d.text.Delimiter == ',' && !anyQuoted(rows) {
		return false
	}

	commas, points := 0, 0
	unclear := 0 // commas that may be either

	for i := range rows {
		for _, of := range []field{fieldOpen, fieldHigh, fieldLow, fieldClose, fieldAdjClose} {
			at := l.at[of]
			if at < 0 || at >= len(rows[i].Cells) {
				continue
			}

			switch mark, isCertain := tabular.DecimalMark(string(tabular.Trim(rows[i].Cells[at]))); {
			case mark == ',' && !isCertain:
				unclear++
			case mark == ',':
				commas++
			case mark == '.' && isCertain:
				points++
			}
		}
	}

	if commas == 0 && points == 0 {
		return unclear > 0 && d.text.Delimiter == ';' && !groupsByComma(l, rows)
	}
	return commas > points
}

// groupsByComma reports whether volumes are written as 1,234,567.
func groupsByComma(l *layout, rows []record) bool {
	at := l.at[fieldVolume]
	return at >= 0 && slices.ContainsFunc(rows, func(r record) bool {
		return at < len(r.Cells) && bytes.Count(r.Cells[at], []byte(",")) > 1
	})
}

func anyQuoted(rows []record) bool {
	return slices.ContainsFunc(rows, func(r record) bool { return bytes.IndexByte(r.Raw, '"') >= 0 })
}
