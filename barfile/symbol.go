package barfile

import (
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// noise are the parts of file names that are no part of a symbol: words that say what is in the file or who wrote it,
// years and days.
var (
	noiseWord = regexp.MustCompile(`(?i)^(data|daily|weekly|monthly|hourly|minute|min|prices?|stocks?|bars?|candles?|klines?|ohlcv?t?|histor(y|ical)|max|raw|` +
		`yahoo(finance)?|google(finance)?|quandl|wiki|stooq|alphavantage|investing|binance|coinbase|kraken|upbit|alpaca|polygon|volume|export)$`)
	adjustedWord  = regexp.MustCompile(`(?i)^(adj(usted)?)$`)
	noiseNumber   = regexp.MustCompile(`^(19|20)\d\d((0[1-9]|1[0-2])([0-2]\d|3[01])?)?$`)
	nameTimeframe = regexp.MustCompile(`(?i)^(?:pt?)?(\d{1,3})(m|min|mins|minutes?|h|hours?|d|days?|wk?|weeks?|mo)$`)
	isoTimeframe  = regexp.MustCompile(`(?i)^pt?(\d{1,3})(m|h|d|w)$`)
	krakenName    = regexp.MustCompile(`^([A-Z0-9.]{3,})_(1|5|15|30|60|240|720|1440|10080|21600)$`)
	polygonRange  = regexp.MustCompile(`range_(\d{1,3})_(minute|hour|day|week|month)_`)
	wholeDay      = regexp.MustCompile(`(19|20)\d\d-(0[1-9]|1[0-2])(-\d\d)?`)
	extension     = regexp.MustCompile(`(?i)(\.(csv|txt|tsv|dat|json|jsonl|gz|zip|tar|tgz|xz|zst))+$`)
)

// SymbolOf is the symbol that a file's name tells: "brk-b.csv" is BRK-B, "SPY-2007-yahoofinance.csv" SPY, "BRK.B.csv"
// BRK.B. A name that tells none, as "prices.csv" or "2018.csv", gives ""; "MAX.csv", in capitals, is a symbol.
func SymbolOf(path string) string { return nameTells(path).symbol }

// told is what the name of a file tells of its bars.
type told struct {
	symbol, timeframe string
	adjusted          bool
}

func nameTells(path string) (t told) {
	name := extension.ReplaceAllString(filepath.Base(path), "")
	if kraken := krakenName.FindStringSubmatch(name); kraken != nil {
		minutes, _ := strconv.Atoi(kraken[2])
		return told{symbol: kraken[1], timeframe: ofDuration(time.Duration(minutes) * time.Minute)}
	}
	if span := polygonRange.FindStringSubmatch(name); span != nil {
		t.timeframe = nameUnit(span[1], span[2])
	}
	var kept, words []string
	for _, part := range strings.FieldsFunc(wholeDay.ReplaceAllString(name, ""), isSeparator) {
		frame := nameTimeframe.FindStringSubmatch(part)
		if frame == nil {
			frame = isoTimeframe.FindStringSubmatch(part)
		}
		switch {
		case frame != nil && len(kept) > 0:
			if t.timeframe == "" {
				t.timeframe = nameUnit(frame[1], frame[2])
			}
			t.symbol = strings.ToUpper(strings.Join(kept, "-")) // what follows a timeframe is a remark
		case frame != nil:
		case noiseNumber.MatchString(part):
		case adjustedWord.MatchString(part) && len(kept) > 0:
			t.adjusted = true
		case noiseWord.MatchString(part):
			words = append(words, part)
		default:
			kept = append(kept, part)
		}
	}
	if len(kept) == 0 && len(words) > 0 && words[0] == strings.ToUpper(words[0]) {
		kept = words[:1]
	}
	if t.symbol == "" {
		t.symbol = strings.ToUpper(strings.Join(kept, "-"))
	}
	return t
}

// nameUnit is a timeframe as names write it: 1min, 5m, 2hours, 1d.
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
