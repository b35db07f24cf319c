package barfile

import (
	"bufio"
	"regexp"
	"slices"
)

// symbolTracker follows the symbol that stands around the records of a JSON file.
type symbolTracker struct {
	symbol string
	rank   int  // in jsonSymbols, of the name that gave the symbol
	keyed  bool // the symbol is the name of an array
}

// array takes the name of an array, or of an object around it, as the symbol if it looks like one: {"AAPL": [...]},
// {"bars": {"AAPL": [...]}} and {"AAPL": {"candles": [...]}}.
func (t *symbolTracker) array(within []string, name string) {
	n := len(within)
	around := slices.IndexFunc(within, isSymbolKey)

	switch {
	case n > 1 && within[n-2] == "bars" || isSymbolKey(name):
		t.symbol = name
		t.keyed = true
	case around >= 0 && (t.symbol == "" || t.keyed):
		t.symbol = within[around]
		t.keyed = true
	case t.keyed:
		t.symbol = ""
		t.keyed = false
	}
}

// jsonSymbols are the names of values that are symbols, best first. From the third on, the value must look like a
// symbol.
var jsonSymbols = []string{
	"symbol", "ticker", "sym", "instrument", "instid", "productid", "pair", "market", "code",
	"name",
}

// scalar takes the value of a name that gives the symbol of the rows that follow.
func (t *symbolTracker) scalar(key, value string) {
	rank := slices.Index(jsonSymbols, plainName([]byte(key)))
	if rank < 0 || value == "" || rank > 1 && !symbolKey.MatchString(value) {
		return
	}
	if t.symbol == "" || t.keyed || rank <= t.rank {
		t.symbol, t.rank = value, rank
	}
}

// symbolKey matches names of arrays that are symbols: in capitals.
var symbolKey = regexp.MustCompile(`^[A-Z0-9^][A-Z0-9.=/:^_-]{0,31}$`)

func isSymbolKey(name string) bool {
	return symbolKey.MatchString(name) && !noiseWord.MatchString(name)
}

// jsonHeadMax is how many bytes of a JSON file are read ahead for a symbol behind the bars.
const jsonHeadMax = 4 << 20

// symbolBehind matches a symbol in the last object of a text.
var symbolBehind = regexp.MustCompile(
	`"(?:symbol|ticker|instrument|pair|name)"\s*:\s*"([A-Z0-9^][^"\\ ]{0,39})"[^{}\[\]]*\}\s*$`)

// symbolAtEnd returns the symbol in the last object of a file, or "" if there is none or the file is too long.
func symbolAtEnd(r *bufio.Reader) string {
	head, err := r.Peek(r.Size())
	if err == nil {
		return ""
	}
	if found := symbolBehind.FindSubmatch(head[max(0, len(head)-1024):]); found != nil {
		return string(found[1])
	}
	return ""
}
