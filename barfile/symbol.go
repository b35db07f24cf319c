package barfile

import (
	"cmp"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// These are the shapes of parts of file names. Noise is not part of a symbol: words for the content or the vendor,
// years and days.
var (
	noiseWord = regexp.MustCompile(`(?i)^(data|datasets?|intraday|daily|weekly|monthly|hourly|minutes?|min|hours?|days?|weeks?|months?|years?|prices?|stocks?|bars?|` +
		`candles?|candlesticks?|klines?|ohlcv?t?|histor(y|ical)(data|quotes)?|hist|table|max|full|raw|bid|ask|nt|tests?|unittest|sample|samples|example|` +
		`backtest(ing)?|live|paper|volume|export(ed)?|download(ed|s)?|latest|last|http|https|api|rest|response|request|result|results|output|out|dump|` +
		`series|time|timeseries|market|markets|quote|quotes|chart|charts|eod|spot|futures?|perpetual|swap|index|indices|crypto|forex|equity|equities|etfs?|` +
		`file|files|csv|json|new|old|final|clean(ed)?|merged|combined|all|my|hello|world|report|unadjusted|split|splits|utc|gmt|bom|us|dates?|` +
		`yahoo(finance)?|yf(inance)?|google(finance)?|quandl|wiki|stooq|alphavantage|investing|binance(us)?|coinbase|kraken|upbit|alpaca|polygon|massive|zipline|lumibot|` +
		`ib|ibkr|interactivebrokers|tws|ninjabot|ninjatrader|tiingo|finnhub|iex(cloud)?|eodhd|twelvedata|bybit|okx|okex|kucoin|bitfinex|bitstamp|bittrex|gemini|huobi|` +
		`deribit|bitmex|cryptodatadownload|tradingview|metatrader|mt4|mt5|dukascopy|histdata|oanda|fxcm|refinitiv|bloomberg|kibot|firstrate(data)?|` +
		`databento|algoseek|quantconnect|lean|ccxt|freqtrade|backtrader|nasdaq|nyse|kaggle|onvista|ariva|finanzen|boerse|macrotrends|marketwatch|barchart)$`)
	adjustedWord   = regexp.MustCompile(`(?i)^adj(usted)?(split)?(div)?(close|prices?)?$`)
	noiseNumber    = regexp.MustCompile(`^((19|20)\d\d((0[1-9]|1[0-2])([0-2]\d|3[01])?)?|1\d{9}(\d{3})?)$`) // and Unix times
	nameTimeframe  = regexp.MustCompile(`(?i)^(?:pt?)?(\d{1,3})(m|min|mins|minutes?|h|hours?|d|days?|wk?|weeks?|mo)$`)
	isoTimeframe   = regexp.MustCompile(`(?i)^pt?(\d{1,3})(m|h|d|w)$`)
	metaTimeframe  = regexp.MustCompile(`^(?i)(m|h|d|w|mn)(\d{1,2})$`)                  // MetaTrader's M5, H1, D1, MN1
	metaName       = regexp.MustCompile(`^([A-Za-z]{6})(1|5|15|30|60|240|1440|10080)$`) // and EURUSD60
	krakenName     = regexp.MustCompile(`^(?i)([A-Z0-9.]{3,})_(1|5|15|30|60|240|720|1440|10080|21600)$`)
	dukascopyName  = regexp.MustCompile(`^(.+?)_Candlestick_(\d{1,2})_([SMHDW])_(?:BID|ASK)_`)
	alphaName      = regexp.MustCompile(`^(?i)(?:digital_currency|currency|crypto|fx)_(intraday|daily|weekly|monthly)(?:_(\d{1,2})min)?_([A-Z0-9]{2,10})_([A-Z0-9]{2,10})$`)
	viewName       = regexp.MustCompile(`^(?:.+_)?([^_, ]+), (\d{0,3}|1440)([SHDWM]?)(?:_[0-9a-f]{5})?$`) // TradingView's BINANCE_BTCUSDT, 60
	histdataName   = regexp.MustCompile(`^DAT_(?:ASCII|MT|NT|XLSX|MS)_([A-Z0-9]+)_M1_`)
	stooqName      = regexp.MustCompile(`^([a-z0-9.^-]+?)(?:_(?:us|uk|jp|de|hk|hu))?_([dwm])$`)
	downloadedName = regexp.MustCompile(`^DA-([A-Z0-9.]+)-T-\d{4}-\d\d-\d\d$`) // Alpha Vantage's daily adjusted, by a tool
	copyNumber     = regexp.MustCompile(`\s*\(\d{1,3}\)`)                      // of browsers: AAPL (1).csv
	polygonRange   = regexp.MustCompile(`range_(\d{1,3})_(minute|hour|day|week|month)_`)
	wholeDay       = regexp.MustCompile(`(19|20)\d\d-(0[1-9]|1[0-2])(-\d\d)?`)
	extension      = regexp.MustCompile(`(?i)(\.(csv|txt|tsv|dat|json|jsonl|gz|zip|tar|tgz|xz|zst|xlsx))+$`)
)

// StandardInput is the path of a stream whose name does not tell a symbol.
const StandardInput = "standard input"

// SymbolOf returns the symbol in a file's name: BRK-B for "brk-b.csv", SPY for "SPY-2007-yahoofinance.csv". It is ""
// for a name without a symbol, such as "prices.csv" or "2018.csv". A word in capitals is a symbol: MAX for "MAX.csv".
func SymbolOf(path string) string { return nameTells(path).symbol }

// nameParts is what the name of a file tells of its bars.
type nameParts struct {
	symbol, timeframe string
	adjusted          bool
}

func nameTells(path string) (t nameParts) {
	if path == StandardInput {
		return nameParts{}
	}
	name := copyNumber.ReplaceAllString(extension.ReplaceAllString(filepath.Base(path), ""), "")
	if t, known := vendorsName(name); known {
		return t
	}

	if span := polygonRange.FindStringSubmatch(name); span != nil {
		t.timeframe = nameUnit(span[1], span[2])
	}

	var kept, words, adjusted []string
	for _, part := range strings.FieldsFunc(wholeDay.ReplaceAllString(name, ""), isSeparator) {
		frame := nameTimeframe.FindStringSubmatch(part)
		if frame == nil {
			frame = isoTimeframe.FindStringSubmatch(part)
		}
		if meta := metaTimeframe.FindStringSubmatch(part); frame == nil && meta != nil {
			frame = []string{part, meta[2], strings.Replace(strings.ToLower(meta[1]), "mn", "mo", 1)}
		}
		if frame == nil && part == "D" && len(kept) > 0 { // SPY_D
			frame = []string{part, "1", "d"}
		}
		switch {
		case frame != nil:
			if t.timeframe == "" {
				t.timeframe = nameUnit(frame[1], frame[2])
			}
			if len(kept) > 0 {
				t.symbol = joined(kept) // what follows a timeframe is a remark, unless nothing stands before: intraday_5min_AAPL
			}
		case noiseNumber.MatchString(part):
		case adjustedWord.MatchString(part):
			adjusted = append(adjusted, part)
		case noiseWord.MatchString(part):
			words = append(words, part)
		default:
			kept = append(kept, part)
		}
	}

	if t.adjusted = len(kept) > 0 && len(adjusted) > 0; len(kept) == 0 {
		kept = adjusted
	}
	if len(kept) == 0 {
		kept = capitalsAmong(words)
	}
	if t.symbol == "" {
		t.symbol = joined(kept)
	}
	return t
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

// vendorsName reads a name that has the form of a vendor's downloads.
func vendorsName(name string) (t nameParts, known bool) {
	minutes := func(count string) string {
		n, _ := strconv.Atoi(count)
		return ofDuration(time.Duration(n) * time.Minute)
	}

	if of := downloadedName.FindStringSubmatch(name); of != nil {
		t = nameParts{symbol: of[1], timeframe: "1d"}
	} else if of := dukascopyName.FindStringSubmatch(name); of != nil {
		t = nameParts{symbol: of[1], timeframe: nameUnit(of[2], of[3])}
	} else if of := metaName.FindStringSubmatch(name); of != nil {
		t = nameParts{symbol: of[1], timeframe: minutes(of[2])}
	} else if of := krakenName.FindStringSubmatch(name); of != nil {
		t = nameParts{symbol: of[1], timeframe: minutes(of[2])}
	} else if of := alphaName.FindStringSubmatch(name); of != nil {
		t = nameParts{symbol: of[3] + "-" + of[4], timeframe: minutes(of[2])}
	} else if of := viewName.FindStringSubmatch(name); of != nil && of[2]+of[3] != "" {
		t = nameParts{symbol: of[1], timeframe: minutes(of[2])}
		if of[3] != "" {
			t.timeframe = nameUnit(cmp.Or(of[2], "1"), strings.Replace(of[3], "M", "mo", 1))
		}
	} else if of := histdataName.FindStringSubmatch(name); of != nil {
		t = nameParts{symbol: of[1], timeframe: "1m"}
	} else if of := stooqName.FindStringSubmatch(name); of != nil && !noiseWord.MatchString(of[1]) {
		t = nameParts{symbol: of[1], timeframe: nameUnit("1", strings.Replace(of[2], "m", "mo", 1))}
	}

	t.symbol = strings.ToUpper(t.symbol)
	return t, t.symbol != ""
}

// joined returns the symbol that parts of a name make. If some are in capitals and others are not, the capitals are
// taken.
func joined(parts []string) string {
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
var yahooExchanges = strings.Fields("AS AT AX BA BE BK BO BR CN CO DE DU F HE HK HM IC IL IR IS JK JO KL KQ KS L LS MC MI MU MX NE " +
	"NS NZ OL PA PR SA SG SI SN SR SS ST SW SZ T TA TO TW TWO V VI WA")

// yahooSymbol returns a symbol as Yahoo writes it: 1398.HK for 1398-HK.
func yahooSymbol(symbol string) string {
	if i := strings.LastIndexByte(symbol, '-'); i > 0 && slices.Contains(yahooExchanges, symbol[i+1:]) {
		return symbol[:i] + "." + symbol[i+1:]
	}
	return symbol
}

// nameUnit returns the timeframe that a name writes as 1min, 5m, 2hours or 1d.
func nameUnit(count, unit string) string {
	unit = strings.ToLower(unit)
	switch {
	case strings.HasPrefix(unit, "mo"):
		unit = "mo"
	default:
		unit = unit[:1]
	}
	timeframe, err := canonical(count + unit)
	if err != nil {
		return ""
	}
	return timeframe
}

func isSeparator(r rune) bool { return r == '-' || r == '_' || r == ' ' }
