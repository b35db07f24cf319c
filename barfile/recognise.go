package barfile

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode"

	"github.com/quagmt/udecimal"
)

// layoutOf finds the layout of a file by its first records, and the records that are left when the header is gone.
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
	case asked == nil && sample[0].keys == nil && !isJSON && f.leanOutside(sample), asked == lean && !path.known:
		return l, nil, fileError(f.name(), "it is a file of Lean, " +
			"whose folders tell the market and the scale of its prices; "+
			"import it where it belongs, as in equity/usa/minute/spy/20131007_trade.zip, " +
				"or say --format csv for prices as they are written")
	case sample[0].keys != nil:
		l, sample, err = f.keyed(sample)
	case isJSON:
		l, err = f.unnamed(sample)
	default:
		l, sample, err = f.headed(sample)
	}
	if err != nil {
		return l, sample, err
	}
	if asked != nil {
		l.format = asked
	}
	l.clock.unit = epochUnitOf(&l, sample)
	l.numbers.comma = writesComma(f.decoder, &l, sample)
	return l, sample, f.settleDates(&l, sample)
}

// askedColumns is the layout of Options.Columns. A first record that is no bar and has a price without digits is a header.
func (f *File) askedColumns(sample []record) (layout, []record, error) {
	l, missing := named(bytes.Split([]byte(f.opts.Columns), []byte(",")))
	if missing != "" {
		return l, nil, fileError(f.name(), fmt.Sprintf("--cols %s names no column for %s", f.opts.Columns, missing))
	}
	l.prefix, l.format = "", csvFormat
	if f.fitting(l, sample[:1]) == 0 && l.isHeading(sample[0].cells) {
		sample = sample[1:]
	}
	return l, sample, nil
}

// isHeading reports a record without a date and without a number for a price: the names of columns, as "1. open".
func (l *layout) isHeading(cells [][]byte) bool {
	if at := l.at[fieldDate]; at >= 0 && at < len(cells) {
		if _, err := l.clock.parse(cells[at]); err == nil {
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

// keyed is the layout of a JSON file of objects. Objects before the first with prices are about the file.
func (f *File) keyed(sample []record) (layout, []record, error) {
	for _, name := range sample[0].within {
		if kind := otherParts[plainName([]byte(name))]; kind != "" {
			return layout{}, nil, notBars(f.name(), kind)
		}
	}
	first := 0
	for i := range sample[:min(len(sample), headerLines)] {
		if l, _ := named(sample[i].keys); l.missingPrice() == "" {
			first = i
			break
		}
	}
	rows := sample[first:]
	if err := f.sideBySide(rows[0].keys); err != nil {
		return layout{}, nil, err
	}
	l, missing := named(rows[0].keys)
	if missing == "date" && l.missingPrice() == "" {
		if err := f.settleDateColumn(&l, sameKeys(rows)); err != nil {
			return l, nil, err
		}
		missing = ""
	}
	if missing != "" {
		return l, nil, f.notBars(sample[0].keys, missing)
	}
	l.format, l.prefix, l.certain = formatOf(&l, true, rows[0].within, false), "", true
	return l, rows, nil
}

// sameKeys are the records that have the names of the first, in its order.
func sameKeys(rows []record) (same []record) {
	for i := range rows {
		if slices.EqualFunc(rows[i].keys, rows[0].keys, bytes.Equal) && len(rows[i].cells) == len(rows[i].keys) {
			same = append(same, rows[i])
		}
	}
	return same
}

// fit moves the columns of a header that has one name for date and time, where the rows have two cells.
func (f *File) fit(l layout, rows []record) layout {
	if len(rows) == 0 || len(rows[0].cells) != l.count+1 || !l.has(fieldDate) || l.has(fieldTime) {
		return l
	}
	at := l.at[fieldDate]
	date, err := l.clock.parse(rows[0].cells[at])
	if err != nil || date.instant || !bytes.Contains(rows[0].cells[at+1], []byte(":")) {
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

// stacked is the layout of a yfinance download of one symbol, whose header has three lines: prices, tickers, index.
func (f *File) stacked(l layout, rows []record) (layout, []record, error) {
	l.at[fieldDate], l.format, l.adjusted = 0, yfinance, !l.has(fieldAdjClose)
	if l.at[fieldClose] == 0 {
		l.at[fieldClose] = slices.Index(l.keys, "close")
	}
	if missing := l.missing(); missing != "" {
		return l, nil, unknown(f.name(), "its first line names no column for "+missing)
	}
	if len(rows) > 0 && plainName(rows[0].cells[0]) == "symbol" || len(rows) > 0 && plainName(rows[0].cells[0]) == "ticker" {
		for _, cell := range rows[0].cells[1:] {
			if l.prefix = string(cell); string(rows[0].cells[1]) != l.prefix {
				return l, nil, fileError(f.name(), "it has several symbols side by side; write one symbol a file")
			}
		}
		rows = rows[1:]
	}
	if len(rows) > 0 && (plainName(rows[0].cells[0]) == "date" || plainName(rows[0].cells[0]) == "datetime") {
		rows = rows[1:]
	}
	return l, rows, nil
}

// unnamed is the layout of records without names: the one that makes bars of nearly all of them.
func (f *File) unnamed(sample []record) (layout, error) {
	var best *layout
	most := 0
	for i := range unnamed {
		l := &unnamed[i]
		if asked := f.opts.Format; asked != "" && l.format.name != asked && l.format != csvFormat {
			continue
		}
		if l.format == kraken && f.opts.Format == "" && (nameTells(f.name()).timeframe == "" || !inSeconds(sample)) {
			continue // its files name the minutes
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
		if _, isText := f.decoder.(*textDecoder); !isText && l.format == csvFormat {
			l.format = jsonFormat
			if at := l.at[fieldDate]; at == 0 && l.at[fieldOpen] == 1 && l.at[fieldHigh] == 2 && l.at[fieldLow] == 3 &&
				len(sample[0].cells[0]) == 13 {
				l.format = binance // and who copies its arrays of milliseconds; Bitfinex has the close before the high
			}
		}
		return l, nil
	}
	return layout{}, f.notBars(sample[0].cells, "")
}

// inSeconds reports first cells that are Unix seconds.
func inSeconds(sample []record) bool {
	for i := range sample {
		if s, ok := unixTime(trim(sample[i].cells[0]), unitUnknown); !ok || len(trim(sample[i].cells[0])) > 10 ||
			!s.unix {
			return false
		}
	}
	return true
}

// isAdjusted reports that nearly all adjusted closes are near the close or, in days long gone, below it, as no volume is.
func isAdjusted(l *layout, sample []record) bool {
	near := 0
	for i := range sample {
		if len(sample[i].cells) != l.count {
			continue
		}
		closed, ok := plainNumber(sample[i].cells[l.at[fieldClose]])
		adjusted, ok2 := plainNumber(sample[i].cells[l.at[fieldAdjClose]])
		if ok && ok2 && !adjusted.GreaterThan(closed.Add(closed)) && !adjusted.Mul(ten).LessThan(closed) {
			near++
		}
	}
	return 10*near >= 9*len(sample)
}

var ten = udecimal.MustFromInt64(10, 0)

// fitting is how many of the records the layout makes bars of. In a text, their prices are of one size: sizes of orders
// beside bid and ask are not.
func (f *File) fitting(l layout, sample []record) (n int) {
	l.clock.unit = epochUnitOf(&l, sample)
	probe := File{layout: l, decoder: f.decoder, Symbol: "X", Timeframe: "1s", Source: "x", pathAt: -1,
		opts: Options{AllowNegative: f.opts.AllowNegative}}
	_, isText := f.decoder.(*textDecoder)
	for i := range sample {
		if len(sample[i].cells) == l.count {
			if row, _, err := probe.read(&sample[i]); err == nil &&
				(!isText || !row.High.GreaterThan(row.Low.Mul(ten))) {
				n++
			}
		}
	}
	return n
}

// notBars says what a file without the columns of a bar is, as far as its names or its first row tell.
func (f *File) notBars(cells [][]byte, missing string) error {
	if kind := otherKind(cells); kind != "" {
		return notBars(f.name(), kind)
	}
	if kind := otherRows(cells); kind != "" {
		return notBars(f.name(), kind)
	}
	if missing == "" {
		if _, missing = named(cells); missing == "" {
			missing = "date"
		}
	}
	first := strings.TrimSpace(string(bytes.Join(cells[:min(len(cells), 8)], []byte(","))))
	if len(first) > 60 {
		first = first[:57] + "..."
	}
	if slices.ContainsFunc(cells, isText) && !slices.ContainsFunc(cells, isNumber) {
		return unknown(f.name(), fmt.Sprintf("no column for %s in %q; " +
			"where it holds bars, name its columns in their order, as in --cols date,open,high,low,close,volume",
			missing, storable(first)))
	}
	return unknown(f.name(), fmt.Sprintf("no column for %s in %q, and without names its rows are no bars", missing,
		storable(first)))
}

// newestFirst reports rows that go back in time.
func newestFirst(l *layout, rows []record) bool {
	var times []stamp
	for i := range rows {
		if at := l.at[fieldDate]; at >= 0 && at < len(rows[i].cells) {
			if s, err := l.clock.parse(rows[i].cells[at]); err == nil {
				times = append(times, s)
			}
		}
	}
	return len(times) > 1 && times[0].t.After(times[len(times)-1].t)
}

// writesComma reports decimal commas, by what all prices of the rows tell: the sign that comes last, that stands once and
// not before three digits, or that another one groups, is the decimal one. Where nothing tells, a comma in a file whose
// cells are not divided by commas is.
func writesComma(d decoder, l *layout, rows []record) bool {
	text, ok := d.(*textDecoder)
	if !ok || text.separator == ',' && !anyQuoted(rows) {
		return false
	}
	commas, points, unclear := 0, 0, 0
	for i := range rows {
		for _, of := range []field{fieldOpen, fieldHigh, fieldLow, fieldClose, fieldAdjClose} {
			at := l.at[of]
			if at < 0 || at >= len(rows[i].cells) {
				continue
			}
			switch decimalSign(trim(rows[i].cells[at])) {
			case ',':
				commas++
			case '.':
				points++
			case '?':
				unclear++
			}
		}
	}
	if commas == 0 && points == 0 {
		return unclear > 0 && text.separator == ';' && !groupsByComma(l, rows)
	}
	return commas > points
}

// groupsByComma reports volumes as 1,234,567, which tell what the commas of the prices are.
func groupsByComma(l *layout, rows []record) bool {
	at := l.at[fieldVolume]
	return at >= 0 && slices.ContainsFunc(rows, func(r record) bool {
		return at < len(r.cells) && bytes.Count(r.cells[at], []byte(",")) > 1
	})
}

// decimalSign is the sign before a number's fraction, '?' for a comma that may be it or group thousands, else 0.
func decimalSign(cell []byte) byte {
	comma, point := bytes.LastIndexByte(cell, ','), bytes.LastIndexByte(cell, '.')
	switch {
	case comma >= 0 && point >= 0:
		return cell[max(comma, point)]
	case comma >= 0 && bytes.Count(cell, []byte(",")) > 1:
		return '.'
	case point >= 0 && bytes.Count(cell, []byte(".")) > 1:
		return ','
	case comma >= 0 && (len(cell)-comma-1 != 3 || bytes.ContainsAny(cell[:comma], blankGroups)):
		return ','
	case comma >= 0:
		return '?'
	case point >= 0 && len(cell)-point-1 != 3:
		return '.'
	}
	return 0
}

func anyQuoted(rows []record) bool {
	return slices.ContainsFunc(rows, func(r record) bool { return bytes.IndexByte(r.raw, '"') >= 0 })
}
