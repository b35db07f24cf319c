package barfile

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/blotterdb/blotter"
)

// settleSymbol decides source, zone and symbol, as far as they are the same for all rows.
func (f *File) settleSymbol(path leanFile, symbolBehind string) error {
	l := &f.layout
	f.Format, f.Source = l.format.title, cmp.Or(f.opts.Source, f.vendor(l.format))
	if !l.has(fieldVolume) && !l.has(fieldAsk) {
		f.Unknown = l.notUnderstood()
	}
	if zone := cmp.Or(f.opts.Zone, path.zone, l.format.zone); zone != "" && (l.format != alphaVantage || f.opts.Zone != "" || f.saysAlphaVantage()) {
		f.zone, _ = loadZone(zone)
	}
	if l.utc && f.opts.Zone == "" {
		f.zone = time.UTC
	}
	tells := nameTells(f.name())
	f.Adjusted = l.adjusted || tells.adjusted && !l.has(fieldAdjClose)
	switch {
	case f.Adjusted:
		f.suffix = AdjustedSuffix
	case l.has(fieldAsk) && !path.spot:
		f.suffix = MidSuffix
	}
	if f.opts.Symbol != "" {
		l.at[fieldSymbol] = -1
	}
	var around record
	if len(f.peeked) > 0 {
		around = f.peeked[0]
	}
	inside := around.symbol
	if l.format == yfinance {
		tells.symbol = yahooSymbol(tells.symbol)
	}
	f.Symbol = cmp.Or(f.opts.Symbol, path.symbol, l.prefix, inside, symbolBehind)
	f.inside = f.opts.Symbol == "" && inside != "" && around.keyed
	f.around = around.clone()
	f.pathAt = -1
	if f.Symbol == "" && !l.has(fieldSymbol) {
		f.pathAt = differing(f.peeked)
	}
	f.Guessed = f.Symbol == "" && !l.has(fieldSymbol) && f.pathAt < 0
	if f.Guessed {
		f.Symbol = tells.symbol
	}
	if l.has(fieldSymbol) || f.inside || f.pathAt >= 0 {
		f.Symbol = ""
	} else if f.Symbol == "" {
		return fileError(f.name(), "neither a column nor its name tells the symbol; say --symbol, as in --symbol AAPL")
	}
	if f.Symbol = symbolName(f.Symbol); f.Symbol != "" {
		f.Symbol += f.suffix
	}
	if n := utf8.RuneCountInString(f.Symbol); n > blotter.SymbolLengthMax {
		return fileError(f.name(), fmt.Sprintf("its symbol %s has %d characters, at most %d are kept; " +
			"say a shorter one with --symbol", f.Symbol, n, blotter.SymbolLengthMax))
	}
	f.symbol = interned{}
	f.newestFirst, f.steady, f.repeated = newestFirst(l, f.peeked), steady{}, nil
	return nil
}

// differing returns which of the names around the rows differs from row to row, and so is their symbol, or -1.
func differing(rows []record) int {
	for i := 1; i < len(rows); i++ {
		a, b := rows[0].within, rows[i].within
		if len(a) != len(b) {
			continue
		}
		for at := range a {
			if a[at] != b[at] {
				return at
			}
		}
	}
	return -1
}

// saysAlphaVantage reports that more than the names of the columns says whose file it is: then its times are New York's.
func (f *File) saysAlphaVantage() bool {
	return f.opts.Format == alphaVantage.name || f.layout.has(fieldAdjClose) || f.namesAlphaVantage()
}

// namesAlphaVantage reports that the name of the file or its folder says Alpha Vantage.
func (f *File) namesAlphaVantage() bool {
	path := filepath.Base(filepath.Dir(cmp.Or(f.absolute, f.Path))) + filepath.Base(f.Path) + f.member
	return strings.Contains(plain.Replace(strings.ToLower(path)), "alphavantage")
}

// sourceLengthMax is the most characters of a source.
const sourceLengthMax = 50

// vendor is the source of a file of that format. A format that tells no vendor is told apart by its folder, for people
// keep a vendor's files together: so vendors do not overwrite each other's bars as their own.
func (f *File) vendor(of *format) string {
	if of != csvFormat && of != jsonFormat || f.absolute == "" {
		return of.source
	}
	folder := filepath.Base(filepath.Dir(f.absolute))
	if folder == string(filepath.Separator) || folder == "." {
		return of.source
	}
	source := []rune(of.source + ":" + storable(folder))
	return string(source[:min(len(source), sourceLengthMax)])
}

// symbolName is a symbol as it is stored.
func symbolName(text string) string { return strings.ToUpper(strings.TrimSpace(storable(text))) }

// timeSample is what the first bars of a file tell of its times.
type timeSample struct {
	file     *File
	rows     []sampled
	rejected error // why the first row that is no bar is none
	symbols  map[string]bool
	repeated bool // a symbol has several rows
}

func (s *timeSample) add(r *record) {
	row, at, err := s.file.read(r)
	if err != nil {
		s.rejected = cmp.Or(s.rejected, fmt.Errorf("line %d: %w", r.line, err))
		return
	}
	s.repeated = s.repeated || s.symbols[row.Symbol]
	s.symbols[row.Symbol] = true
	s.rows = append(s.rows, sampled{row.Bar, at})
}

// sampleTimes reads the bars among the first rows. Where these are a row a symbol, it reads on until a symbol repeats;
// where none is a bar and the names of the columns say that bars are to come, until some are found.
func (f *File) sampleTimes() (*timeSample, error) {
	s := &timeSample{file: f, symbols: map[string]bool{}}
	for i := range f.peeked {
		s.add(&f.peeked[i])
	}
	for f.layout.has(fieldSymbol) && !s.repeated && len(f.peeked) < peekRowsMax && f.peekNext() {
		s.add(&f.peeked[len(f.peeked)-1])
	}
	if len(s.rows) == 0 && f.layout.certain {
		f.findBars(s)
	}
	switch {
	case len(s.rows) > 0:
		return s, nil
	case f.broken != nil:
		return nil, f.readError(f.broken)
	case len(f.peeked) == 0:
		return nil, &NotBarsError{Path: f.name(), Reason: "it has a header and no rows"}
	case len(f.peeked) == 1:
		return nil, unknown(f.name(), fmt.Sprintf("its only row is no bar (%v)", s.rejected))
	case f.ended || f.reopen != "":
		return nil, unknown(f.name(), fmt.Sprintf("none of its rows is a bar (%v)", s.rejected))
	}
	return nil, unknown(f.name(), fmt.Sprintf("none of its first %d rows is a bar (%v), " +
		"and a stream is read ahead no further; save it as a file first", len(f.peeked), s.rejected))
}

// findBars adds the first bars of a file that begins with rows that are none, however many. A file is read anew for that
// up to them; of a stream, some rows more are kept.
func (f *File) findBars(s *timeSample) {
	if f.reopen == "" {
		for len(s.rows) < peekBars && len(f.peeked) < peekRowsMax && f.peekNext() {
			s.add(&f.peeked[len(f.peeked)-1])
		}
		return
	}
	file, err := os.Open(f.reopen)
	if err != nil {
		return
	}
	defer file.Close()
	source, err := newSource(f.Path, file, f.opts.Sheet)
	if err != nil {
		return
	}
	defer source.close()
	decoder := f.again(source)
	if decoder == nil {
		return
	}

	var filled []record // rows with prices, which tell how they are written
	for r := new(record); len(s.rows) < peekBars && decoder.next(r) == nil; {
		if s.add(r); len(s.rows) > 0 || len(filled) == 2*peekBars || isMissing(string(f.cell(r, fieldOpen))) {
			continue
		}
		if filled = append(filled, r.clone()); len(filled) < 2*peekBars {
			continue
		}
		f.rewrite(s, filled)
	}
	if len(s.rows) == 0 {
		f.rewrite(s, filled)
	}
}

// rewrite reads rows again with the decimal sign that they tell themselves.
func (f *File) rewrite(s *timeSample, rows []record) {
	comma := writesComma(f.decoder, &f.layout, rows)
	if comma == f.layout.numbers.comma {
		return
	}
	f.layout.numbers.comma = comma
	for i := range rows {
		s.add(&rows[i])
	}
}

// settleTimes decides the timeframe and checks that the zone is known where it matters.
func (f *File) settleTimes(path leanFile) error {
	l := &f.layout
	s, err := f.sampleTimes()
	if err != nil {
		return err
	}
	rows := s.rows
	if areTicks(rows) {
		return notBars(f.name(), "ticks, written as bars of one price")
	}
	perRow := l.has(fieldPeriod) && f.opts.Timeframe == ""
	if !perRow {
		f.Timeframe = cmp.Or(f.opts.Timeframe, path.timeframe, f.timeframeOf(rows))
		if f.Timeframe == "" {
			return fileError(f.name(), "its rows have no usual distance; " +
				"say --timeframe, as in --timeframe 1d, or 3mo for quarters and 12mo for years")
		}
	}
	for _, row := range rows {
		if f.zone == nil && !isDaily(cmp.Or(string(row.bar.Timeframe), f.Timeframe)) && !row.at.zoned {
			return fileError(f.name(), "its times carry no zone; say --tz, as in --tz America/New_York or --tz UTC")
		}
	}
	return nil
}

// timeframeOf is what the rows tell: Binance gives both ends of a bar; Kraken leaves out empty intervals and writes the
// minutes into the name; of others, the usual distance of rows is believed before the name.
func (f *File) timeframeOf(rows []sampled) string {
	l, name := &f.layout, nameTells(f.name()).timeframe
	if l.has(fieldDate) && l.has(fieldEnd) {
		for i := range f.peeked {
			start, err := l.clock.parse(f.cell(&f.peeked[i], fieldDate))
			end, err2 := l.clock.parse(f.cell(&f.peeked[i], fieldEnd))
			if err == nil && err2 == nil {
				if told := ofDuration(end.t.Sub(start.t).Round(time.Second)); told != "" {
					return told
				}
				break
			}
		}
	}
	if l.format == kraken && name != "" {
		return name
	}
	return cmp.Or(usualTimeframe(rows), name, datesAreDaily(rows))
}

func loadZone(name string) (*time.Location, error) {
	if name == "" {
		return nil, nil
	}
	zone, err := time.LoadLocation(name)
	if err != nil {
		return nil, blotter.Invalid("time zone", name, "an IANA name, as America/New_York or UTC")
	}
	return zone, nil
}
