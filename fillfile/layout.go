package fillfile

import (
	"slices"
	"strings"
)

// layout is how a broker writes its fills.
type layout struct {
	name      string // for Options.Format
	title     string // for people
	zone      string // of its times, where they do not say; "" is unknown
	comma     bool   // 1,234 is a bit more than one
	dateOrder string // "dmy" or "mdy", where the broker's is known
	simulated bool   // its fills are a back test's
	round     int    // digits that its numbers are rounded to, where Options.Round is 0
	// needs are names that every row has, plain; "a|b" is one of them. inside is what JSON objects stand in.
	needs  []string
	inside string
	// anyCurrency takes codes of currencies that are not known: an exchange lists new coins every week.
	anyCurrency bool
	exact       bool // needs are as they are written, not plain
	// recognises tells the layout by all its names, where needs cannot.
	recognises func(names []string) bool
	// never are names that tell another kind of file, which has the needed names too.
	never []string
	// join puts together what is one fill and stands in several rows; nil where that does not happen.
	join func(f *File, rows rowReader) rowReader
	// prepare settles what is the same for all rows from the first of them; nil where the layout is fixed.
	prepare func(f *File) error
	// read says what a row is: fills, or something else by its kind. A row of no interest is neither. An error is a row
	// that should be a fill and cannot be read.
	read func(f *File, r *row) (fills []draft, other string, err error)
}

// fits reports names that are those of the layout.
func (l *layout) fits(names []string) bool {
	if l.recognises != nil {
		return l.recognises(names) && !l.excludes(names)
	}
	for _, need := range l.needs {
		if !slices.ContainsFunc(strings.Split(need, "|"),
			func(name string) bool { return slices.Contains(names, name) }) {
			return false
		}
	}
	return !l.excludes(names)
}

func (l *layout) excludes(names []string) bool {
	return slices.ContainsFunc(l.never, func(name string) bool { return slices.Contains(names, name) })
}

// textLayouts, jsonLayouts are tried in this order; the generic ones come last.
var (
	textLayouts = []*layout{
		flexCSV, ibkrStatement, avanza, coinbase, degiro, degiroTrades, freetrade, revolut, saxo, schwab, trading212, xtb, binanceCSV, kraken,
		tastytrade, tastyworks, thinkorswim, robinhood, fidelity, metaTrader, genericCSV,
	}
	jsonLayouts = []*layout{bbgo, binanceTrades, binanceUpdates, bybit, ax, alpaca, freqtrade, schwabJSON, genericJSON}
	layouts     = slices.Concat([]*layout{flexXML}, textLayouts, jsonLayouts)
)

// Formats are the names that Options.Format takes.
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

// candidates are the layouts among these that the user lets.
func (f *File) candidates(of []*layout) []*layout {
	switch f.opts.Format {
	case "":
		return of
	case holdingLayout.name:
		return []*layout{holdingLayout}
	}
	return slices.DeleteFunc(slices.Clone(of), func(l *layout) bool { return l.name != strings.ToLower(f.opts.Format) })
}
