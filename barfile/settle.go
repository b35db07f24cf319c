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
	"github.com/blotterdb/blotter/internal/sqltext"
	"github.com/blotterdb/blotter/internal/tabular"
)

// settleSymbol decides source, zone and symbol, if they are the same for all rows.
func (f *File) settleSymbol(path leanFile, symbolBehind string) error {
	l := &f.layout
	f.Format, f.Source = l.format.title, cmp.Or(f.opts.Source, f.vendor(l.format))
	if !l.has(fieldVolume) && !l.has(fieldAsk) {
		f.Unknown = l.notUnderstood()
	}

	zone := cmp.Or(f.opts.Zone, path.zone, l.format.zone)
	if zone != "" && (l.format != alphaVantage || f.opts.Zone != "" || f.saysAlphaVantage()) {
		f.zone, _ = tabular.LoadZone(zone)
	}
	if l.utc && f.opts.Zone == "" {
		f.zone = time.UTC
	}

	tells := parseName(f.name())
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
	if len(f.lookahead) > 0 {
		around = f.lookahead[0]
	}
	inside := around.symbol
	if l.format == yfinance {
		tells.symbol = YahooSymbol(tells.symbol)
	}

	f.Symbol = cmp.Or(f.opts.Symbol, path.symbol, l.prefix, inside, symbolBehind)
	f.inside = f.opts.Symbol == "" && inside != "" && around.keyed
	f.around = around.clone()
	f.pathAt = -1
	if f.Symbol == "" && !l.has(fieldSymbol) {
		f.pathAt = differing(f.lookahead)
	}

	f.Guessed = f.Symbol == "" && !l.has(fieldSymbol) && f.pathAt < 0
	if f.Guessed {
		f.Symbol = tells.symbol
	}
	if l.has(fieldSymbol) || f.inside || f.pathAt >= 0 {
		f.Symbol = ""
	} else if f.Symbol == "" {
		return tabular.Error(f.name(), "neither a column nor its name tells the symbol; "+
			"set --symbol, for example --symbol AAPL")
	}

	if f.Symbol = tabular.Symbol(f.Symbol); f.Symbol != "" {
		f.Symbol += f.suffix
	}
	if n := utf8.RuneCountInString(f.Symbol); n > blotter.SymbolLengthMax {
		return tabular.Error(f.name(), fmt.Sprintf("its symbol %s has %d characters, at most %d can be stored; "+
			"set a shorter one with --symbol", f.Symbol, n, blotter.SymbolLengthMax))
	}

	f.symbol = interned{}
	f.newestFirst = newestFirst(l, f.lookahead)
	f.steady = steady{}
	f.repeated = nil
	return nil
}

// differing returns the position of the name around the rows that differs from row to row and is therefore the symbol,
// or -1.
func differing(rows []record) int {
	for i := 1; i < len(rows); i++ {
		a, b := rows[0].Within, rows[i].Within
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

// saysAlphaVantage reports whether more than the names of the columns tells that the file is Alpha Vantage's, so that
// its times are those of New York.
func (f *File) saysAlphaVantage() bool {
	return f.opts.Format == alphaVantage.name || f.layout.has(fieldAdjClose) || f.namesAlphaVantage()
}

// namesAlphaVantage reports whether the name of the file or its folder says Alpha Vantage.
func (f *File) namesAlphaVantage() bool {
	path := filepath.Base(filepath.Dir(cmp.Or(f.absolute, f.Path))) + filepath.Base(f.Path) + f.member
	return strings.Contains(plain.Replace(strings.ToLower(path)), "alphavantage")
}

// sourceLengthMax is the most characters of a source.
const sourceLengthMax = 50

// vendor returns the source of a file of that format. If the format does not tell the vendor, the folder is part of the
// source, because people keep the files of a vendor together. Otherwise vendors would overwrite each other's bars.
func (f *File) vendor(of *format) string {
	if of != csvFormat && of != jsonFormat || f.absolute == "" {
		return of.source
	}
	folder := filepath.Base(filepath.Dir(f.absolute))
	if folder == string(filepath.Separator) || folder == "." {
		return of.source
	}
	source := []rune(of.source + ":" + sqltext.Storable(folder))
	return string(source[:min(len(source), sourceLengthMax)])
}

// timeSample collects the first bars of a file, which tell how its times are to be read.
type timeSample struct {
	file     *File
	rows     []sampleBar
	rejected error // the error of the first row that is not a bar
	symbols  map[string]bool
	repeated bool // a symbol has several rows
}

func (s *timeSample) add(r *record) {
	row, at, err := s.file.read(r)
	if err != nil {
		s.rejected = cmp.Or(s.rejected, fmt.Errorf("line %d: %w", r.Line, err))
		return
	}
	s.repeated = s.repeated || s.symbols[row.Symbol]
	s.symbols[row.Symbol] = true
	s.rows = append(s.rows, sampleBar{row.Bar, at})
}

// sampleTimes reads the bars among the first rows. If each row has another symbol, it reads on until a symbol repeats.
// If none is a bar and the names of the columns say that bars will follow, it reads on until it finds some.
func (f *File) sampleTimes() (*timeSample, error) {
	s := &timeSample{file: f, symbols: map[string]bool{}}
	for i := range f.lookahead {
		s.add(&f.lookahead[i])
	}
	for f.layout.has(fieldSymbol) && !s.repeated && len(f.lookahead) < peekRowsMax && f.peekNext() {
		s.add(&f.lookahead[len(f.lookahead)-1])
	}
	if len(s.rows) == 0 && f.layout.certain {
		f.findBars(s)
	}

	switch {
	case len(s.rows) > 0:
		return s, nil
	case f.sampleErr != nil:
		return nil, f.readError(f.sampleErr)
	case len(f.lookahead) == 0:
		return nil, &NotBarsError{Path: f.name(), Reason: "it has a header and no rows"}
	case len(f.lookahead) == 1:
		return nil, unknown(f.name(), fmt.Sprintf("its only row is not a bar (%v)", s.rejected))
	case f.atEnd || f.reopen != "":
		return nil, unknown(f.name(), fmt.Sprintf("none of its rows is a bar (%v)", s.rejected))
	}

	return nil, unknown(f.name(), fmt.Sprintf("none of its first %d rows is a bar (%v), "+
		"and a stream is not searched further; save it as a file first", len(f.lookahead), s.rejected))
}

// findBars adds the first bars of a file that begins with any number of other rows. A file is opened again and read up
// to its bars. Of a stream, only some more rows are read ahead.
func (f *File) findBars(s *timeSample) {
	if f.reopen == "" {
		for len(s.rows) < peekBars && len(f.lookahead) < peekRowsMax && f.peekNext() {
			s.add(&f.lookahead[len(f.lookahead)-1])
		}
		return
	}

	file, err := os.Open(f.reopen)
	if err != nil {
		return
	}
	defer file.Close()
	source, err := tabular.NewSource(f.Path, file, f.opts.Sheet)
	if err != nil {
		return
	}
	defer source.Close()
	decoder := f.reopenMember(source)
	if decoder == nil {
		return
	}

	var filled []record // rows with prices, which tell their decimal mark
	for r := new(record); len(s.rows) < peekBars && decoder.next(r) == nil; {
		if s.add(r); len(s.rows) > 0 || len(filled) == 2*peekBars || tabular.IsMissing(string(f.cell(r, fieldOpen))) {
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

// rewrite reads rows again if they tell another decimal mark.
func (f *File) rewrite(s *timeSample, rows []record) {
	comma := writesComma(f.decoder, &f.layout, rows)
	if comma == f.layout.numbers.Comma {
		return
	}
	f.layout.numbers.Comma = comma
	for i := range rows {
		s.add(&rows[i])
	}
}

// settleTimes decides the timeframe, and checks that the zone of times within a day is known.
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
			return tabular.Error(f.name(), "cannot infer its timeframe; "+
				"set --timeframe, for example 1d, or 3mo for quarters and 12mo for years")
		}
	}

	for _, row := range rows {
		if f.zone == nil && !isDaily(cmp.Or(string(row.bar.Timeframe), f.Timeframe)) && !row.at.Zoned {
			return tabular.Error(f.name(), "its times have no zone; "+
				"set --tz, for example --tz America/New_York or --tz UTC")
		}
	}
	return nil
}

// timeframeOf returns the timeframe that the rows tell, or "". Both ends of a bar tell it, as Binance writes them.
// Kraken leaves out empty intervals, so the minutes in the name tell it. For other files, the usual distance of rows
// wins over the name.
func (f *File) timeframeOf(rows []sampleBar) string {
	l, name := &f.layout, parseName(f.name()).timeframe
	if l.has(fieldDate) && l.has(fieldEnd) {
		for i := range f.lookahead {
			start, err := l.clock.Parse(f.cell(&f.lookahead[i], fieldDate))
			end, err2 := l.clock.Parse(f.cell(&f.lookahead[i], fieldEnd))
			if err == nil && err2 == nil {
				if timeframe := ofDuration(end.Time.Sub(start.Time).Round(time.Second)); timeframe != "" {
					return timeframe
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
