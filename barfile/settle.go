package barfile

import (
	"cmp"
	"errors"
	"fmt"
	"io"
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
		return fileError(f.name(), fmt.Sprintf("its symbol %s has %d characters, at most %d are kept; say a shorter one with --symbol", f.Symbol, n, blotter.SymbolLengthMax))
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

// settleTimes decides the timeframe and checks that the zone is known where it matters.
func (f *File) settleTimes(path leanFile) error {
	l := &f.layout
	var rows []sampled
	var first error
	repeated, symbols := false, map[string]bool{}
	sampleBar := func(r *record) {
		row, at, err := f.read(r)
		if err != nil {
			first = cmp.Or(first, fmt.Errorf("line %d: %w", r.line, err))
			return
		}
		repeated = repeated || symbols[row.Symbol]
		symbols[row.Symbol] = true
		rows = append(rows, sampled{row.Bar, at})
	}
	for i := range f.peeked {
		sampleBar(&f.peeked[i])
	}
	for l.has(fieldSymbol) && !repeated && len(f.peeked) < peekRowsMax && f.broken == nil && !f.ended {
		err := f.decoder.next(&f.row)
		if f.ended = errors.Is(err, io.EOF); f.ended {
			break
		}
		if f.broken = err; err != nil {
			break
		}
		f.peeked = append(f.peeked, f.row.clone())
		sampleBar(&f.peeked[len(f.peeked)-1])
	}
	switch {
	case len(rows) > 0:
	case f.broken != nil:
		return f.readError(f.broken)
	case len(f.peeked) == 0:
		return &NotBarsError{Path: f.name(), Reason: "it has a header and no rows"}
	case len(f.peeked) == 1:
		return unknown(f.name(), fmt.Sprintf("its only row is no bar (%v)", first))
	default:
		return unknown(f.name(), fmt.Sprintf("none of its first %d rows is a bar (%v)", len(f.peeked), first))
	}
	if areTicks(rows) {
		return notBars(f.name(), "ticks, written as bars of one price")
	}
	perRow := l.has(fieldPeriod) && f.opts.Timeframe == ""
	if !perRow {
		f.Timeframe = cmp.Or(f.opts.Timeframe, path.timeframe, f.timeframeOf(rows))
		if f.Timeframe == "" {
			return fileError(f.name(), "its rows have no usual distance; say --timeframe, as in --timeframe 1d, or 3mo for quarters and 12mo for years")
		}
	}
	for _, row := range rows {
		if f.zone == nil && !isDaily(cmp.Or(row.bar.Timeframe, f.Timeframe)) && !row.at.zoned {
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
