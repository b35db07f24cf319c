package barfile

import (
	"bytes"
	"cmp"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/blotterdb/blotter/internal/tabular"
)

// field is what a column holds.
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

// layout tells where the parts of a bar are in the records of a file, and how they are written.
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

// dateNames are what vendors call the column of dates, best first: names that tell the zone come before others.
var dateNames = []string{
	"windowstart", "opentime", "unix", "unixtime", "unixtimestamp", "epoch", "candledatetimeutc", "start", "t", "ts", "datetime",
	"timestamp", "date", "dtyyyymmdd", "tradedate", "datum", "time", "from", "begin", "beginsat", "gmttime", "localtime", "",
}

// fieldNames are what vendors call the other columns, in lower case without blanks and punctuation.
var fieldNames = map[string]field{
	"eröffnung": fieldOpen, "eröffn": fieldOpen, "zuletzt": fieldClose, "hoch": fieldHigh, "tief": fieldLow, "schluss": fieldClose, "schlusskurs": fieldClose,
	"open": fieldOpen, "o": fieldOpen, "openprice": fieldOpen, "openingprice": fieldOpen, "opening": fieldOpen, "priceopen": fieldOpen,
	"high": fieldHigh, "h": fieldHigh, "highprice": fieldHigh, "highest": fieldHigh, "pricehigh": fieldHigh,
	"low": fieldLow, "l": fieldLow, "lowprice": fieldLow, "lowest": fieldLow, "pricelow": fieldLow,
	"close": fieldClose, "c": fieldClose, "closeprice": fieldClose, "closing": fieldClose, "closingprice": fieldClose, "priceclose": fieldClose,
	"ouverture": fieldOpen, "apertura": fieldOpen, "haut": fieldHigh, "máximo": fieldHigh, "bas": fieldLow, "mínimo": fieldLow,
	"clôture": fieldClose, "cierre": fieldClose,
	"closelast": fieldClose, "last": fieldClose, "price": fieldClose,
	"tradeprice": fieldClose, "settle": fieldClose,
	"volume": fieldVolume, "vol": fieldVolume, "v": fieldVolume, "candleacctradevolume": fieldVolume, "tickvol": fieldVolume,
	"totaltradedquantity": fieldVolume, "totaltradequantity": fieldVolume, "tottrdqty": fieldVolume, "ttltrdqnty": fieldVolume,
	"tradedquantity": fieldVolume, "sharestraded": fieldVolume, "noofshares": fieldVolume, "numberofshares": fieldVolume,
	"shares": fieldVolume, "qty": fieldVolume, "quantity": fieldVolume, "volumen": fieldVolume, "umsatz": fieldVolume,
	"adjclose": fieldAdjClose, "adjustedclose": fieldAdjClose, "adjusted": fieldAdjClose,
	"name": fieldSymbol, "symbol": fieldSymbol, "stock": fieldSymbol, "ticker": fieldSymbol, "oymbol": fieldSymbol,
	"market": fieldSymbol, "sym": fieldSymbol, "instrument": fieldSymbol, "pair": fieldSymbol,
	"per": fieldPeriod, "endtime": fieldEnd, "closetime": fieldEnd,
}

// symbolNames win over "name", "market", "pair" and "instrument".
var symbolNames = []string{"symbol", "ticker", "sym", "oymbol"}

var plain = strings.NewReplacer(
	" ", "", "_", "", ".", "", "*", "", "<", "", ">", "", "\t", "", "/", "", "$", "", "-", "", "\"", "",
)

// plainName returns the name of a column as it is looked up. Polygon calls the symbol T and the time t. In a file
// without another time, T is the time; see named.
func plainName(cell []byte) string {
	name := string(bytes.TrimSpace(cell))
	if name == "T" || name == "S" {
		return "symbol"
	}
	if before, after, found := strings.Cut(name, "/"); found && isASCII(before) && !isASCII(after) {
		name = before // in two languages, as OKX has them
	}
	return plain.Replace(strings.ToLower(numbered.ReplaceAllString(name, "")))
}

func isASCII(text string) bool {
	return strings.IndexFunc(text, func(r rune) bool { return r >= utf8.RuneSelf }) < 0
}

// numbered is what Alpha Vantage's JSON writes before names: "1. open".
var numbered = regexp.MustCompile(`^\s*\d{1,2}[a-z]?\.\s+`)

// named returns the layout of records whose columns have these names. missing is the first field that a bar needs and
// that has no column, or "".
func named(names [][]byte) (l layout, missing string) {
	l.at = [fields]int(slices.Repeat([]int{-1}, int(fields)))
	l.count, l.names, l.keys = len(names), make([]string, len(names)), make([]string, len(names))
	for i, name := range names {
		l.names[i], l.keys[i] = string(name), plainName(name)
	}
	if l.prefix = commonPrefix(names); l.prefix != "" {
		for i, key := range l.keys {
			l.keys[i] = strings.TrimPrefix(key, plain.Replace(strings.ToLower(l.prefix)))
		}
	}

	best := len(dateNames)
	for i, key := range l.keys {
		if rank := slices.Index(dateNames, key); rank >= 0 && rank < best && (key != "" || i == 0) {
			best, l.at[fieldDate] = rank, i
			l.utc = strings.HasSuffix(key, "utc") || key == "gmttime"
		}
	}

	for i, key := range l.keys {
		of, known := fieldNames[key]
		switch {
		case key == "time" && l.at[fieldDate] != i &&
			slices.Contains(plainDates, dateNames[min(best, len(dateNames)-1)]):
			of = fieldTime
		case known:
		case isVolume(key):
			of = fieldVolume
		default:
			continue
		}
		if l.at[of] < 0 || of == fieldClose && key == "close" ||
			of == fieldVolume && volumeRank(key) < volumeRank(l.keys[l.at[of]]) ||
			of == fieldSymbol && slices.Contains(symbolNames, key) && !slices.Contains(symbolNames, l.keys[l.at[of]]) {
			l.at[of] = i
		}
	}

	if i := slices.Index(l.names, "T"); i >= 0 && !l.has(fieldDate) && !l.has(fieldEnd) && l.at[fieldSymbol] == i { // Bittrex's time
		l.keys[i] = "t"
		l.at[fieldDate] = i
		l.at[fieldSymbol] = -1
	}

	l.adjusted = !l.has(fieldAdjClose) && slices.Contains(l.keys, "dividends") && slices.Contains(l.keys, "stocksplits")
	return l, l.missing()
}

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
			names = append(names, strings.TrimSpace(tabular.Storable(name)))
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

// positional returns the layout of records without names from a list of fields. "" is a column that is ignored.
func positional(of *format, columns ...string) layout {
	l := layout{format: of, at: [fields]int(slices.Repeat([]int{-1}, int(fields))), count: len(columns)}

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

// unnamed are the layouts of records without names, in the order in which they are tried. The first that reads most
// records as bars is taken.
var unnamed = []layout{
	positional(binance, "date", "open", "high", "low", "close", "volume", "closetime", "", "", "", "", ""),
	positional(csvFormat, "date", "open", "high", "low", "close", "adjclose", "volume"), // Yahoo's order
	positional(kraken, "date", "open", "high", "low", "close", "volume", "trades"),
	positional(kraken, "date", "open", "high", "low", "close", "vwap", "volume", "trades"),
	positional(csvFormat, "date", "open", "high", "low", "close", "volume"),
	positional(coinbase, "date", "low", "high", "open", "close", "volume"),
	positional(csvFormat, "date", "volume", "open", "high", "low", "close"),
	positional(csvFormat, "date", "open", "close", "low", "high", "volume"),
	positional(csvFormat, "date", "open", "close", "high", "low", "volume"),
	positional(csvFormat, "date", "open", "close", "low", "high", "volume", "trades"),
	positional(csvFormat, "date", "open", "close", "high", "low", "volume", "trades"),
	positional(csvFormat, "date", "time", "open", "high", "low", "close", "volume"),
	positional(csvFormat, "date", "time", "open", "high", "low", "close", "volume", "openinterest"),
	positional(csvFormat, "symbol", "date", "open", "high", "low", "close", "volume"),
	positional(csvFormat, "symbol", "date", "time", "open", "high", "low", "close", "volume"),
	positional(csvFormat, "date", "open", "high", "low", "close"),
	positional(csvFormat, "date", "open", "high", "low", "close", "volume", "openinterest"),
}

var (
	leanTrades = positional(lean, "date", "open", "high", "low", "close", "volume")
	leanQuotes = positional(lean, "date", "open", "high", "low", "close", "volume", "ask", "", "", "", "")
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
