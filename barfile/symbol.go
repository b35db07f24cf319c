package barfile

import (
	"cmp"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/blotterdb/blotter/internal/tabular"
)

// Words in names of files that are not symbols, as regular expressions.
const (
	contentWords = `data datasets? table series time timeseries dates? samples? example tests? unittest
		intraday daily weekly monthly hourly minutes? min hours? days? weeks? months? years? eod max full latest last
		prices? stocks? bars? candles? candlesticks? klines? ohlcv?t? quotes? charts? bid ask volume
		histor(y|ical)(data|quotes)? hist raw unadjusted splits? backtest(ing)? live paper nt
		markets? spot futures? perpetual swap index indices crypto forex equity equities etfs?
		export(ed)? download(ed|s)? http https api rest response request results? output out dump
		files? csv json bom utc gmt us new old final clean(ed)? merged combined all my hello world report`

	vendorWords = `yahoo(finance)? yf(inance)? google(finance)? quandl wiki stooq alphavantage investing nasdaq nyse
		binance(us)? coinbase kraken upbit alpaca polygon massive bybit okx okex kucoin bitfinex bitstamp bittrex gemini
		huobi deribit bitmex cryptodatadownload ccxt freqtrade
		ib ibkr interactivebrokers tws ninjabot ninjatrader tradingview metatrader mt4 mt5 dukascopy histdata oanda fxcm
		tiingo finnhub iex(cloud)? eodhd twelvedata refinitiv bloomberg kibot firstrate(data)? databento algoseek
		quantconnect lean zipline lumibot backtrader
		kaggle onvista ariva finanzen boerse macrotrends marketwatch barchart`
)

// Shapes of parts of file names. noiseNumber matches years, days and Unix times.
var (
	noiseWord     = regexp.MustCompile(`(?i)^` + tabular.AnyOf(contentWords, vendorWords) + `$`)
	noiseNumber   = regexp.MustCompile(`^((19|20)\d\d((0[1-9]|1[0-2])([0-2]\d|3[01])?)?|1\d{9}(\d{3})?)$`)
	adjustedWord  = regexp.MustCompile(`(?i)^adj(usted)?(split)?(div)?(close|prices?)?$`)
	nameTimeframe = regexp.MustCompile(`(?i)^(?:pt?)?(\d{1,3})(m|min|mins|minutes?|h|hours?|d|days?|wk?|weeks?|mo)$`)
	isoTimeframe  = regexp.MustCompile(`(?i)^pt?(\d{1,3})(m|h|d|w)$`)
	wholeDay      = regexp.MustCompile(`(19|20)\d\d-(0[1-9]|1[0-2])(-\d\d)?`)
	extension     = regexp.MustCompile(`(?i)(\.(csv|txt|tsv|dat|json|jsonl|gz|zip|tar|tgz|xz|zst|xlsx))+$`)
	copyNumber    = regexp.MustCompile(`\s*\(\d{1,3}\)`) // of browsers: AAPL (1).csv
)

// metaTimeframe matches MetaTrader's M5, H1, D1 and MN1, and polygonRange the range in the names of Polygon's answers.
var (
	metaTimeframe = regexp.MustCompile(`^(?i)(m|h|d|w|mn)(\d{1,2})$`)
	polygonRange  = regexp.MustCompile(`range_(\d{1,3})_(minute|hour|day|week|month)_`)
)

// StandardInput is the path of a stream whose name does not tell a symbol.
const StandardInput = "standard input"

// SymbolOf returns the symbol in a file's name: BRK-B for "brk-b.csv", SPY for "SPY-2007-yahoofinance.csv". It is ""
// for a name without a symbol, such as "prices.csv" or "2018.csv". A word in capitals is a symbol: MAX for "MAX.csv".
func SymbolOf(path string) string { return parseName(path).symbol }

// nameParts holds what the name of a file says about its bars.
type nameParts struct {
	symbol    string
	timeframe string
	adjusted  bool
}

// parseName reads the name of a file.
func parseName(path string) (parts nameParts) {
	if path == StandardInput {
		return nameParts{}
	}
	name := copyNumber.ReplaceAllString(extension.ReplaceAllString(filepath.Base(path), ""), "")
	if parts, known := vendorName(name); known {
		return parts
	}

	if span := polygonRange.FindStringSubmatch(name); span != nil {
		parts.timeframe = nameUnit(span[1], span[2])
	}

	var kept, noise, adjusted []string
	for _, word := range strings.FieldsFunc(wholeDay.ReplaceAllString(name, ""), isSeparator) {
		timeframe, isTimeframe := timeframeWord(word, len(kept) > 0)

		switch {
		case isTimeframe:
			parts.timeframe = cmp.Or(parts.timeframe, timeframe)
			if len(kept) > 0 {
				// Words after a timeframe are remarks, unless there is none before it: intraday_5min_AAPL.
				parts.symbol = joinSymbol(kept)
			}
		case noiseNumber.MatchString(word):
		case adjustedWord.MatchString(word):
			adjusted = append(adjusted, word)
		case noiseWord.MatchString(word):
			noise = append(noise, word)
		default:
			kept = append(kept, word)
		}
	}

	parts.adjusted = len(kept) > 0 && len(adjusted) > 0
	if len(kept) == 0 {
		kept = adjusted
	}
	if len(kept) == 0 {
		kept = capitalsAmong(noise)
	}
	parts.symbol = cmp.Or(parts.symbol, joinSymbol(kept))
	return parts
}

// timeframeWord reads a word of a name that is a timeframe: 5min, PT1H, M5, or D after a symbol.
func timeframeWord(word string, afterSymbol bool) (timeframe string, ok bool) {
	for _, shape := range []*regexp.Regexp{nameTimeframe, isoTimeframe} {
		if found := shape.FindStringSubmatch(word); found != nil {
			return nameUnit(found[1], found[2]), true
		}
	}

	if found := metaTimeframe.FindStringSubmatch(word); found != nil {
		unit := strings.Replace(strings.ToLower(found[1]), "mn", "mo", 1)
		return nameUnit(found[2], unit), true
	}
	if word == "D" && afterSymbol { // SPY_D
		return "1d", true
	}
	return "", false
}

// capitalsAmong returns the word in capitals among noise words: MAX.csv and data_ALL.csv have a symbol. Of several, the
// name must begin with it.
func capitalsAmong(words []string) []string {
	var capitals []string
	for _, word := range words {
		if word == strings.ToUpper(word) {
			capitals = append(capitals, word)
		}
	}
	if len(capitals) == 1 || len(capitals) > 0 && capitals[0] == words[0] {
		return capitals[:1]
	}
	return nil
}

// vendorNames are names of files as one vendor or program writes them, with what their parts say. They are tried in
// this order.
var vendorNames = []struct {
	shape *regexp.Regexp
	parse func(found []string) nameParts
}{
	{ // Alpha Vantage's daily adjusted prices, as a tool saves them
		regexp.MustCompile(`^DA-([A-Z0-9.]+)-T-\d{4}-\d\d-\d\d$`),
		func(found []string) nameParts { return nameParts{symbol: found[1], timeframe: "1d"} },
	},
	{ // Dukascopy
		regexp.MustCompile(`^(.+?)_Candlestick_(\d{1,2})_([SMHDW])_(?:BID|ASK)_`),
		func(found []string) nameParts {
			return nameParts{symbol: found[1], timeframe: nameUnit(found[2], found[3])}
		},
	},
	{ // MetaTrader: EURUSD60
		regexp.MustCompile(`^([A-Za-z]{6})(1|5|15|30|60|240|1440|10080)$`),
		func(found []string) nameParts { return nameParts{symbol: found[1], timeframe: minutesOf(found[2])} },
	},
	{ // Kraken
		regexp.MustCompile(`^(?i)([A-Z0-9.]{3,})_(1|5|15|30|60|240|720|1440|10080|21600)$`),
		func(found []string) nameParts { return nameParts{symbol: found[1], timeframe: minutesOf(found[2])} },
	},
	{ // Alpha Vantage: crypto_intraday_5min_BTC_USD
		regexp.MustCompile(`^(?i)(?:digital_currency|currency|crypto|fx)` +
			`_(?:intraday|daily|weekly|monthly)(?:_(\d{1,2})min)?_([A-Z0-9]{2,10})_([A-Z0-9]{2,10})$`),
		func(found []string) nameParts {
			return nameParts{symbol: found[2] + "-" + found[3], timeframe: minutesOf(found[1])}
		},
	},
	{ // TradingView: "BINANCE_BTCUSDT, 60"
		regexp.MustCompile(`^(?:.+_)?([^_, ]+), (\d{1,3}|1440)(?:_[0-9a-f]{5})?$`),
		func(found []string) nameParts { return nameParts{symbol: found[1], timeframe: minutesOf(found[2])} },
	},
	{ // TradingView: "BINANCE_BTCUSDT, 1D"
		regexp.MustCompile(`^(?:.+_)?([^_, ]+), (\d{0,3}|1440)([SHDWM])(?:_[0-9a-f]{5})?$`),
		func(found []string) nameParts {
			unit := strings.Replace(found[3], "M", "mo", 1)
			return nameParts{symbol: found[1], timeframe: nameUnit(cmp.Or(found[2], "1"), unit)}
		},
	},
	{ // HistData
		regexp.MustCompile(`^DAT_(?:ASCII|MT|NT|XLSX|MS)_([A-Z0-9]+)_M1_`),
		func(found []string) nameParts { return nameParts{symbol: found[1], timeframe: "1m"} },
	},
	{ // Stooq: aapl_us_d
		regexp.MustCompile(`^([a-z0-9.^-]+?)(?:_(?:us|uk|jp|de|hk|hu))?_([dwm])$`),
		func(found []string) nameParts {
			if noiseWord.MatchString(found[1]) {
				return nameParts{}
			}
			return nameParts{symbol: found[1], timeframe: nameUnit("1", strings.Replace(found[2], "m", "mo", 1))}
		},
	},
}

// vendorName reads a name that has the form of a vendor's downloads.
func vendorName(name string) (parts nameParts, known bool) {
	for _, vendor := range vendorNames {
		found := vendor.shape.FindStringSubmatch(name)
		if found == nil {
			continue
		}

		parts = vendor.parse(found)
		parts.symbol = strings.ToUpper(parts.symbol)
		return parts, parts.symbol != ""
	}
	return nameParts{}, false
}

// minutesOf returns the timeframe of a number of minutes, or "".
func minutesOf(count string) string {
	n, _ := strconv.Atoi(count)
	return ofDuration(time.Duration(n) * time.Minute)
}

// joinSymbol returns the symbol that parts of a name make. If some are in capitals and others are not, the capitals are
// taken.
func joinSymbol(parts []string) string {
	capitals := slices.DeleteFunc(slices.Clone(parts), func(part string) bool { return strings.ToUpper(part) != part })
	if slices.ContainsFunc(capitals, func(part string) bool { return strings.ToLower(part) != part }) {
		parts = capitals
	}
	symbol := strings.ToUpper(strings.Join(parts, "-"))
	if len(symbol) <= 3 && strings.Trim(symbol, "0123456789") == "" {
		return "" // the number of a part
	}
	return symbol
}

// yahooExchanges are the suffixes of Yahoo's symbols, which file names may write after a dash instead of a point.
var yahooExchanges = strings.Fields(`AS AT AX BA BE BK BO BR CN CO DE DU F HE HK HM IC IL IR IS JK JO KL KQ KS L LS
	MC MI MU MX NE NS NZ OL PA PR SA SG SI SN SR SS ST SW SZ T TA TO TW TWO V VI WA`)

// YahooSymbol returns a symbol as Yahoo writes it: 1398.HK for 1398-HK.
func YahooSymbol(symbol string) string {
	if i := strings.LastIndexByte(symbol, '-'); i > 0 && slices.Contains(yahooExchanges, symbol[i+1:]) {
		return symbol[:i] + "." + symbol[i+1:]
	}
	return symbol
}

// nameUnit returns the timeframe that a name writes as 1min, 5m, 2hours or 1d.
func nameUnit(count, unit string) string {
	unit = strings.ToLower(unit)
	if strings.HasPrefix(unit, "mo") {
		unit = "mo"
	} else {
		unit = unit[:1]
	}

	timeframe, err := canonical(count + unit)
	if err != nil {
		return ""
	}
	return timeframe
}

func isSeparator(r rune) bool { return r == '-' || r == '_' || r == ' ' }
