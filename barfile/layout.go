package barfile

import (
	"bytes"
	"cmp"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/blotterdb/blotter/internal/sqltext"
	"github.com/blotterdb/blotter/internal/tabular"
)

// field is a part of a bar that a column may hold.
type field int

const (
	fieldDate field = iota
	fieldTime       // of day, if the date has a column of its own
	fieldEnd        // of the interval; in a file without the start, the start is a timeframe before
	fieldOpen
	fieldHigh
	fieldLow
	fieldClose
	fieldVolume
	fieldAdjClose
	fieldSymbol
	fieldPeriod // Stooq's <PER>: D, W, M or minutes
	fieldAsk    // the first of five columns of a quote file: open, high, low, close and size; the others are the bid's
	fields
)

// layout says where the parts of a bar are in the records of a file, and how they are written.
type layout struct {
	format  *format
	at      [fields]int // position of each field, or -1
	names   []string    // of the columns, if the file has any
	keys    []string    // plain, as they are looked up
	count   int         // cells of a record
	prefix  string      // of the columns' names, which is the symbol: AAPL.Open
	scale   int64       // prices are written so many times higher; 0 is 1
	base    time.Time   // midnight in the file's zone from which times count milliseconds, or zero
	utc     bool        // the file says that times without a zone are in UTC
	numbers tabular.Notation
	clock   tabular.Clock
	certain bool // the names of the columns say that the rows are bars, whatever the first ones are
	// adjusted: all prices are adjusted for splits and dividends, and there are no others.
	adjusted bool
}

func (l *layout) has(f field) bool { return l.at[f] >= 0 }

// dateNames are names that vendors give the column of dates, best first: names that include the zone come before
// others. The last one is a column without a name.
var dateNames = append(strings.Fields(`windowstart opentime unix unixtime unixtimestamp epoch candledatetimeutc start
	t ts datetime timestamp date dtyyyymmdd tradedate datum time from begin beginsat gmttime localtime`), "")

// fieldNames are names that vendors give the other columns, in lower case without blanks and punctuation.
var fieldNames = tabular.ByWord(map[field]string{
	fieldOpen: `open o openprice openingprice opening priceopen eröffnung eröffn ouverture apertura`,
	fieldHigh: `high h highprice highest pricehigh hoch haut máximo`,
	fieldLow:  `low l lowprice lowest pricelow tief bas mínimo`,
	fieldClose: `close c closeprice closing closingprice priceclose closelast last price tradeprice settle
		zuletzt schluss schlusskurs clôture cierre`,
	fieldVolume: `volume vol v candleacctradevolume tickvol totaltradedquantity totaltradequantity tottrdqty ttltrdqnty
		tradedquantity sharestraded noofshares numberofshares shares qty quantity volumen umsatz`,
	fieldAdjClose: `adjclose adjustedclose adjusted`,
	fieldSymbol:   `symbol name stock ticker oymbol market sym instrument pair`,
	fieldPeriod:   `per`,
	fieldEnd:      `endtime closetime`,
})

// symbolNames win over "name", "market", "pair" and "instrument".
var symbolNames = []string{"symbol", "ticker", "sym", "oymbol"}

var plain = strings.NewReplacer(
	" ", "", "_", "", ".", "", "*", "", "<", "", ">", "", "\t", "", "/", "", "$", "", "-", "", "\"", "",
)

// plainName returns the name of a column as it is looked up. Polygon calls the symbol T and the time t. In a file
// without another time, T is the time; see layoutByNames.
func plainName(cell []byte) string {
	name := string(bytes.TrimSpace(cell))
	if name == "T" || name == "S" {
		return "symbol"
	}
	if before, after, found := strings.Cut(name, "/"); found && isASCII(before) && !isASCII(after) {
		name = before // in two languages, as in files of OKX
	}
	return plain.Replace(strings.ToLower(numbered.ReplaceAllString(name, "")))
}

func isASCII(text string) bool {
	return strings.IndexFunc(text, func(r rune) bool { return r >= utf8.RuneSelf }) < 0
}

// numbered matches the number before a name in Alpha Vantage's JSON: "1. open".
var numbered = regexp.MustCompile(`^\s*\d{1,2}[a-z]?\.\s+`)

// layoutByNames returns the layout of records whose columns have these names. missing is the first field that a bar
// needs and that has no column, or "".
func layoutByNames(names [][]byte) (l layout, missing string) {
	l.at = noFields()
	l.count = len(names)
	for _, name := range names {
		l.names = append(l.names, string(name))
		l.keys = append(l.keys, plainName(name))
	}
	if l.prefix = commonPrefix(names); l.prefix != "" {
		for i, key := range l.keys {
			l.keys[i] = strings.TrimPrefix(key, plain.Replace(strings.ToLower(l.prefix)))
		}
	}

	dateName := l.findDate()
	for i, key := range l.keys {
		of, known := fieldNames[key]
		switch {
		case key == "time" && l.at[fieldDate] != i && slices.Contains(plainDates, dateName):
			of = fieldTime
		case known:
		case isVolume(key):
			of = fieldVolume
		default:
			continue
		}

		if !l.has(of) || isBetterName(of, key, l.keys[l.at[of]]) {
			l.at[of] = i
		}
	}

	// Bittrex's time
	if i := slices.Index(l.names, "T"); i >= 0 && !l.has(fieldDate) && !l.has(fieldEnd) && l.at[fieldSymbol] == i {
		l.keys[i] = "t"
		l.at[fieldDate] = i
		l.at[fieldSymbol] = -1
	}

	l.adjusted = !l.has(fieldAdjClose) && slices.Contains(l.keys, "dividends") && slices.Contains(l.keys, "stocksplits")
	return l, l.missing()
}

// findDate finds the column of dates, and returns its name.
func (l *layout) findDate() string {
	best := len(dateNames)
	for i, key := range l.keys {
		rank := slices.Index(dateNames, key)
		if rank >= 0 && rank < best && (key != "" || i == 0) {
			best = rank
			l.at[fieldDate] = i
			l.utc = strings.HasSuffix(key, "utc") || key == "gmttime"
		}
	}

	if best == len(dateNames) {
		return ""
	}
	return dateNames[best]
}

// isBetterName reports whether a name fits a field better than the name of the column that was found before.
func isBetterName(of field, name, before string) bool {
	switch of {
	case fieldClose:
		return name == "close"
	case fieldVolume:
		return volumeRank(name) < volumeRank(before)
	case fieldSymbol:
		return slices.Contains(symbolNames, name) && !slices.Contains(symbolNames, before)
	}
	return false
}

// noFields returns the positions of the fields in a layout without columns.
func noFields() [fields]int { return [fields]int(slices.Repeat([]int{-1}, int(fields))) }

// plainDates are names of columns beside which a column "time" holds times of day.
var plainDates = []string{"date", "datetime", "dtyyyymmdd", "tradedate"}

// volumeRank ranks the names of columns that may be the volume. Volumes in the quoted currency come last, for example
// "Volume USD" beside "Volume BTC". Of equal ones, the first is taken.
func volumeRank(key string) int {
	rest := strings.NewReplacer("volume", "", "vol", "", "(", "", ")", "").Replace(key)
	_, known := fieldNames[key]
	switch {
	case slices.Contains(quoteWords, rest):
		return 2
	case known || strings.HasPrefix(key, "vol"):
		return 0
	}
	return 1
}

// quoteWords stand beside "volume" if it is counted in money.
var quoteWords = []string{
	"usd", "usdt", "usdc", "busd", "eur", "gbp", "jpy", "krw", "try", "quote", "quoteasset",
	"quotecurrency", "money", "dollar",
}

// isVolume reports whether a name begins or ends with volume, and is not an average or another figure computed from it.
func isVolume(key string) bool {
	for _, computed := range []string{"weight", "avg", "average", "change", "ratio", "ma"} {
		if strings.Contains(strings.Replace(key, "volume", "", 1), computed) {
			return false
		}
	}
	return strings.HasPrefix(key, "volume") || strings.HasPrefix(key, "vol(") || strings.HasSuffix(key, "volume") ||
		strings.HasSuffix(key, "vol")
}

// notUnderstood returns the names of the columns that are ignored.
func (l *layout) notUnderstood() (names []string) {
	for i, name := range l.names {
		if !slices.Contains(l.at[:], i) && strings.TrimSpace(name) != "" {
			names = append(names, strings.TrimSpace(sqltext.Storable(name)))
		}
	}
	return names
}

func (l *layout) missing() string {
	if !l.has(fieldDate) && !l.has(fieldEnd) {
		return "date"
	}
	return l.missingPrice()
}

// commonPrefix returns the symbol that a file writes before the names of its prices, such as AAPL in AAPL.Open, or "".
func commonPrefix(names [][]byte) string {
	prefix := ""
	for _, name := range names {
		before, after, found := bytes.Cut(name, []byte("."))
		if of, known := fieldNames[plainName(after)]; !found || !known || of == fieldVolume && len(after) < 6 {
			continue
		}
		symbol := string(bytes.Trim(before, " \""))
		if strings.EqualFold(symbol, "adj") || prefix != "" && prefix != symbol {
			return ""
		}
		prefix = cmp.Or(symbol, prefix)
	}
	return prefix
}

// layoutByPosition returns the layout of records without names from a list of fields. "" is a column that is ignored.
func layoutByPosition(of *format, columns ...string) layout {
	l := layout{format: of, at: noFields(), count: len(columns)}

	for i, column := range columns {
		switch column {
		case "date":
			l.at[fieldDate] = i
		case "time":
			l.at[fieldTime] = i
		case "ask":
			l.at[fieldAsk] = i
		case "":
		default:
			if f, known := fieldNames[column]; known && l.at[f] < 0 {
				l.at[f] = i
			}
		}
	}

	return l
}

// unnamedLayouts are the layouts of records without names, in the order in which they are tried. The first that reads
// most records as bars is taken.
var unnamedLayouts = []layout{
	layoutByPosition(binance, "date", "open", "high", "low", "close", "volume", "closetime", "", "", "", "", ""),
	layoutByPosition(csvFormat, "date", "open", "high", "low", "close", "adjclose", "volume"), // Yahoo's order
	layoutByPosition(kraken, "date", "open", "high", "low", "close", "volume", "trades"),
	layoutByPosition(kraken, "date", "open", "high", "low", "close", "vwap", "volume", "trades"),
	layoutByPosition(csvFormat, "date", "open", "high", "low", "close", "volume"),
	layoutByPosition(coinbase, "date", "low", "high", "open", "close", "volume"),
	layoutByPosition(csvFormat, "date", "volume", "open", "high", "low", "close"),
	layoutByPosition(csvFormat, "date", "open", "close", "low", "high", "volume"),
	layoutByPosition(csvFormat, "date", "open", "close", "high", "low", "volume"),
	layoutByPosition(csvFormat, "date", "open", "close", "low", "high", "volume", "trades"),
	layoutByPosition(csvFormat, "date", "open", "close", "high", "low", "volume", "trades"),
	layoutByPosition(csvFormat, "date", "time", "open", "high", "low", "close", "volume"),
	layoutByPosition(csvFormat, "date", "time", "open", "high", "low", "close", "volume", "openinterest"),
	layoutByPosition(csvFormat, "symbol", "date", "open", "high", "low", "close", "volume"),
	layoutByPosition(csvFormat, "symbol", "date", "time", "open", "high", "low", "close", "volume"),
	layoutByPosition(csvFormat, "date", "open", "high", "low", "close"),
	layoutByPosition(csvFormat, "date", "open", "high", "low", "close", "volume", "openinterest"),
}

var (
	leanTrades = layoutByPosition(lean, "date", "open", "high", "low", "close", "volume")
	leanQuotes = layoutByPosition(lean, "date", "open", "high", "low", "close", "volume", "ask", "", "", "", "")
)

// ColumnNames returns the column names that are recognized, sorted, in lower case and without blanks and punctuation.
func ColumnNames() []string {
	names := slices.Clone(dateNames)
	for name := range fieldNames {
		names = append(names, name)
	}
	slices.Sort(names)
	return slices.Compact(names)
}
