package fillfile

import (
	"slices"
	"strings"
)

// layout is the way in which a broker writes its fills.
type layout struct {
	name      string // for Options.Format
	title     string // for people
	zone      string // of its times, where they do not say; "" is unknown
	comma     bool   // 1,234 is 1.234
	dateOrder string // "dmy" or "mdy", where the broker's is known
	simulated bool   // its fills are a back test's
	round     int    // digits that its numbers are rounded to, where Options.Round is 0
	// needs are the plain names that every row has; "a|b" is either. inside is the name around the JSON objects.
	needs  []string
	inside string
	// anyCurrency accepts unknown codes of currencies, because exchanges list new coins every week.
	anyCurrency bool
	exact       bool // needs are as they are written, not plain
	// recognises decides by all names, if needs cannot.
	recognises func(names []string) bool
	// never are names of another kind of file that has the needed names too.
	never []string
	// join combines the rows of one fill; nil if each has one row.
	join func(f *File, rows rowReader) rowReader
	// prepare decides by the first rows what is the same for all; nil if the layout is fixed.
	prepare func(f *File) error
	// read returns the fills of a row, or the kind of something else, or neither for a row to be skipped. The error is
	// that of a row that should be a fill and cannot be read.
	read func(f *File, r *row) (fills []draft, other string, err error)
}

// fits reports whether names are those of the layout.
func (l *layout) fits(names []string) bool {
	if l.recognises != nil {
		return l.recognises(names) && !l.excludes(names)
	}
	for _, need := range l.needs {
		if !slices.ContainsFunc(strings.Split(need, "|"), func(name string) bool {
			return slices.Contains(names, name)
		}) {
			return false
		}
	}
	return !l.excludes(names)
}

func (l *layout) excludes(names []string) bool {
	return slices.ContainsFunc(l.never, func(name string) bool { return slices.Contains(names, name) })
}

// textLayouts and jsonLayouts are tried in this order. The generic ones come last.
var (
	textLayouts = []*layout{
		flexCSV, ibkrStatement, avanza, coinbase, degiro, degiroTrades, freetrade, revolut, saxo, schwab, trading212,
		xtb, binanceCSV, kraken,
		tastytrade, tastyworks, thinkorswim, robinhood, fidelity, metaTrader, genericCSV,
	}
	jsonLayouts = []*layout{bbgo, binanceTrades, binanceUpdates, bybit, ax, alpaca, freqtrade, schwabJSON, genericJSON}
	layouts     = slices.Concat([]*layout{flexXML}, textLayouts, jsonLayouts)
)

// Formats returns the names that Options.Format accepts.
func Formats() []string {
	var names []string
	for _, l := range layouts {
		names = append(names, l.name)
	}
	return names
}

func formatList() string { return strings.Join(Formats(), ", ") }

func layoutNamed(name string) *layout {
	for _, l := range layouts {
		if l.name == strings.ToLower(name) {
			return l
		}
	}
	return nil
}

// candidates returns the layouts that Options.Format allows.
func (f *File) candidates(of []*layout) []*layout {
	switch f.opts.Format {
	case "":
		return of
	case holdingLayout.name:
		return []*layout{holdingLayout}
	}
	return slices.DeleteFunc(slices.Clone(of), func(l *layout) bool { return l.name != strings.ToLower(f.opts.Format) })
}
