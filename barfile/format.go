package barfile

import (
	"slices"
	"strings"

	"github.com/blotterdb/blotter"
)

// format is a vendor's way to write bars.
type format struct {
	name   string // for Options.Format
	title  string // for people
	source string // that its bars are stored under
	zone   string // of its times within a day, where they do not say; "" is unknown
}

var (
	csvFormat    = &format{"csv", "CSV", "csv", ""}
	jsonFormat   = &format{"json", "JSON", "json", ""}
	yahoo        = &format{"yahoo", "Yahoo CSV", "yahoo", ""}
	yfinance     = &format{"yfinance", "yfinance", "yahoo", ""}
	stooq        = &format{"stooq", "Stooq", "stooq", ""}
	alphaVantage = &format{"alphavantage", "Alpha Vantage", "alphavantage", "America/New_York"}
	binance      = &format{"binance", "Binance klines", "binance", "UTC"}
	kraken       = &format{"kraken", "Kraken OHLCVT", "kraken", "UTC"}
	polygonFlat  = &format{"polygon", "Polygon flat file", "polygon", "UTC"}
	polygonJSON  = &format{"polygon-json", "Polygon aggregates JSON", "polygon", "UTC"}
	alpaca       = &format{"alpaca", "Alpaca JSON", "alpaca", "UTC"}
	coinbase     = &format{"coinbase", "Coinbase candles JSON", "coinbase", "UTC"}
	lean         = &format{"lean", "Lean zip", "lean", ""}
)

var formats = []*format{
	yahoo, yfinance, csvFormat, stooq, alphaVantage, binance, kraken, polygonFlat, alpaca, polygonJSON, coinbase, lean, jsonFormat,
}

// Formats are the names that Options.Format takes.
func Formats() []string {
	var names []string
	for _, f := range formats {
		names = append(names, f.name)
	}
	return names
}

func formatNamed(name string) (*format, error) {
	for _, f := range formats {
		if f.name == strings.ToLower(name) {
			return f, nil
		}
	}
	return nil, blotter.Invalid("format", name, "one of "+strings.Join(Formats(), ", "))
}

// tried is the end of the sentence that refuses a file.
func tried() string {
	var titles []string
	for _, f := range formats {
		titles = append(titles, f.title)
	}
	return "; tried " + strings.Join(titles, ", ")
}

// formatOf tells the vendor by the names of the columns: those whose files look alike differ in these. saysAlpha reports
// that the name of the file or its folder is Alpha Vantage's: its plain columns are anybody's.
func formatOf(l *layout, isJSON bool, context []string, saysAlpha bool) *format {
	has := func(names ...string) bool {
		for _, name := range names {
			if !slices.Contains(l.keys, name) {
				return false
			}
		}
		return true
	}
	only := func(names ...string) bool {
		for _, key := range l.keys {
			if !slices.Contains(names, key) {
				return false
			}
		}
		return true
	}
	switch {
	case isJSON && slices.Contains(context, "bars") && has("t", "o", "h", "l", "c"):
		return alpaca
	case isJSON && slices.Contains(context, "results") && has("t", "o", "h", "l", "c"):
		return polygonJSON
	case isJSON && slices.Contains(context, "candles") && has("start", "low", "high"):
		return coinbase
	case isJSON && has("t", "o", "h", "l", "c") &&
		(slices.Contains(l.names, "symbol") || slices.Contains(l.names, "S")):
		return alpaca
	case isJSON:
		return jsonFormat
	case has("windowstart"):
		return polygonFlat
	case has("opentime"):
		return binance
	case has("ticker", "per", "date"):
		return stooq
	case has("timestamp") && (has("adjustedclose") || has("splitcoefficient") || saysAlpha) &&
		only("timestamp", "open", "high", "low", "close", "adjustedclose", "volume", "dividendamount",
			"splitcoefficient"):
		return alphaVantage
	case has("dividends", "stocksplits"):
		return yfinance
	case has("adjclose") && only("date", "datetime", "open", "high", "low", "close", "adjclose", "volume"):
		return yahoo
	}
	return csvFormat
}
