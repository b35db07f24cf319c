package barfile

import (
	"slices"
	"strings"

	"github.com/blotterdb/blotter"
)

// format is the way in which a vendor writes bars.
type format struct {
	name   string // for Options.Format
	title  string // for people
	source string // that its bars are stored under
	zone   string // of times within a day that have none; "" if it is unknown
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
	yahoo, yfinance, csvFormat, stooq, alphaVantage, binance, kraken, polygonFlat, alpaca, polygonJSON, coinbase,
	lean, jsonFormat,
}

// Formats returns the names that Options.Format accepts.
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

// tried lists the formats, at the end of an error.
func tried() string {
	var titles []string
	for _, f := range formats {
		titles = append(titles, f.title)
	}
	return "; tried " + strings.Join(titles, ", ")
}

// formatOf returns the format that the names of the columns tell. saysAlpha reports whether the name of the file or its
// folder says Alpha Vantage, whose column names are too common to tell.
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
