package barfile

import (
	"path/filepath"
	"regexp"
	"strings"
)

// noise are the parts of file names that are no part of a symbol: words that say what is in the file, years, days and
// timeframes.
var (
	noiseWord = regexp.MustCompile(`(?i)^(data|daily|weekly|monthly|hourly|minute|prices?|stocks?|bars?|ohlcv?|histor(y|ical)|max|` +
		`yahoo(finance)?|google(finance)?|quandl|wiki|stooq|alphavantage|investing)$`)
	noiseNumber = regexp.MustCompile(`(?i)^((19|20)\d\d((0[1-9]|1[0-2])([0-2]\d|3[01])?)?|\d{1,3}(m|min|h|d|wk?|mo))$`)
	wholeDay    = regexp.MustCompile(`(19|20)\d\d-\d\d-\d\d`)
	extension   = regexp.MustCompile(`(?i)(\.(csv|txt|tsv|dat|json|gz|zip|tar|xz|zst))+$`)
)

// SymbolOf is the symbol that a file's name tells: "brk-b.csv" is BRK-B, "SPY-2007-yahoofinance.csv" SPY, "BRK.B.csv"
// BRK.B. A name that tells none, as "prices.csv" or "2018.csv", gives ""; "MAX.csv", in capitals, is a symbol.
func SymbolOf(path string) string {
	name := extension.ReplaceAllString(filepath.Base(path), "")
	var kept, words []string
	for _, part := range strings.FieldsFunc(wholeDay.ReplaceAllString(name, ""), isSeparator) {
		switch {
		case noiseNumber.MatchString(part):
		case noiseWord.MatchString(part):
			words = append(words, part)
		default:
			kept = append(kept, part)
		}
	}
	if len(kept) == 0 && len(words) > 0 && words[0] == strings.ToUpper(words[0]) {
		kept = words[:1]
	}
	return strings.ToUpper(strings.Join(kept, "-"))
}

func isSeparator(r rune) bool { return r == '-' || r == '_' || r == ' ' }
