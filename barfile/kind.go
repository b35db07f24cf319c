package barfile

import (
	"bytes"
	"regexp"
	"slices"
	"strings"

	"github.com/quagmt/udecimal"

	"github.com/blotterdb/blotter/internal/tabular"
)

// vendorMessage matches answers without data, for example to a caller that asked too often.
var vendorMessage = regexp.MustCompile(`^\{\s*"(information|note|error|message|status)"\s*:\s*"[^"]*"\s*\}?\s*$`)

// otherText returns what a file holds that is not bars, as far as its beginning tells, or "".
func otherText(start []byte) string {
	head := bytes.ToLower(start[:min(len(start), 4096)])

	switch {
	case bytes.HasPrefix(head, []byte("{")) && bytes.Contains(head, []byte("error message")):
		return "the vendor's error message"
	case vendorMessage.Match(head):
		return "the vendor's message"
	case bytes.Contains(head, []byte("<flexqueryresponse")):
		return "an Interactive Brokers Flex statement (fills, cash, dividends)"
	case bytes.HasPrefix(head, []byte("statement,header,")):
		return "an Interactive Brokers activity statement"
	case bytes.HasPrefix(head, []byte("<!doctype html")) || bytes.HasPrefix(head, []byte("<html")):
		return "a web page; the download failed or asked to log in"
	case bytes.HasPrefix(head, []byte("<?xml")):
		return "XML"
	case bytes.Contains(head, []byte(`"stream":"`)) && bytes.Contains(head, []byte(`"data":{`)):
		return "a recorded stream (trades, quotes and order book changes)"
	}

	return ""
}

// kinds are contents of files, with names of their columns. A file has the first kind of which each group has a name
// among its columns.
var kinds = []struct {
	kind   string
	groups [][]string
}{
	{"an error message instead of data", [][]string{{"errormessage", "information", "note"}}},
	{snapshots, [][]string{{"latesttrade", "lasttrade", "dailybar", "prevday"}}},
	{"ticker changes", [][]string{{"ticker", "symbol"}, {"newsymbol", "newticker"}}},
	{"trades", [][]string{{"cost"}, {"price"}, {"amount"}, {"side"}}},
	{"orders", [][]string{{"sp"}, {"ap"}, {"i"}}}, // Binance's order updates
	{"splits", [][]string{{"splitfrom", "oldrate", "forwardsplit", "forwardsplits"}}},
	{"dividends", [][]string{{"cashamount", "cashdividend", "exdividenddate"}}},
	{"fills", [][]string{
		{"ismaker", "isbuyer", "commission", "execid", "execprice", "feecurrency", "ibcommission", "fee", "feesfees"},
		{"price", "tradeprice", "execprice", "p"},
	}},
	{"orders", [][]string{
		{"orderid", "clientorderid", "origqty", "ordertype"},
		{"status", "orderstatus", "side", "price", "filledat"},
	}},
	{"positions", [][]string{
		{"positionamt", "entryprice", "avgprice", "positionvalue", "avgentryprice"},
		{"symbol", "size", "leverage", "markprice", "unrealizedpnl"},
	}},
	{"fills", [][]string{{"cumqty", "leavesqty"}, {"price"}}},
	{"simulated trades of a back test", [][]string{{"opendate", "openrate"}, {"closedate", "closerate"}}},
	{"quotes", [][]string{{"bid", "bidprice", "bp", "bidopen", "p"}, {"ask", "askprice", "ap", "askopen", "P"}}},
	{"account activity (fills, dividends, cash)", [][]string{
		strings.Fields(`isin nofshares noofshares transactiontype quantitytransacted mutatie courtagesek buysell
			settledate feescomm feesandcomm`),
	}},
	{"account activity (fills, dividends, cash)", [][]string{
		{"type", "action", "event"},
		{"amount", "quantity", "pricepershare"},
		{"date", "time", "tradedate", "datum"},
	}},
	{"trades", [][]string{
		{"price", "p", "rate"},
		{"size", "qty", "quantity", "amount", "volume", "vol", "s", "v", "sz"},
	}},
}

const (
	snapshots        = "snapshots (latest trade, quote and bars)"
	corporateActions = "corporate actions"
)

// otherParts are the names of the parts of JSON files that are not series of bars.
var otherParts = tabular.ByWord(map[string]string{
	snapshots: `latesttrade latestquote dailybar minutebar day lasttrade prevday`,
	corporateActions: `splits cashdividends cashdividend forwardsplits reversesplits stockdividends
		corporateactions`,
})

// otherKind returns what columns of these names hold, or "".
func otherKind(names [][]byte) string {
	var keys []string
	for _, name := range names {
		key := plainName(name)
		switch raw := string(bytes.TrimSpace(name)); raw {
		case "P", "S":
			key = raw // Polygon's quotes have p and P, s and S
		}
		keys = append(keys, key)
	}

	isKey := func(name string) bool { return slices.Contains(keys, name) }
	isMissing := func(group []string) bool { return !slices.ContainsFunc(group, isKey) }
	for _, k := range kinds {
		if !slices.ContainsFunc(k.groups, isMissing) {
			return k.kind
		}
	}
	return ""
}

// otherRows returns what rows without names look like, or "".
func otherRows(cells [][]byte) string {
	var c tabular.Clock
	number := func(i int) bool {
		_, ok := tabular.PlainNumber(cells[i])
		return ok
	}
	dated := func(i int) bool { _, err := c.Parse(cells[i]); return err == nil }
	word := func(i int) bool { return len(cells[i]) > 0 && !number(i) && !dated(i) }
	isSide := func(i int) bool {
		side := string(bytes.ToLower(tabular.Trim(cells[i])))
		return side == "buy" || side == "sell" || side == "b" || side == "s" || side == "any"
	}

	switch n := len(cells); {
	case n < 2 || n > 20:
	case n <= 3 && dated(0) && len(tabular.Trim(cells[0])) == 8 && word(1):
		return "ticker changes (a map file)"
	case n == 4 && dated(0) && len(tabular.Trim(cells[0])) == 8 && number(1) && number(2) && number(3):
		return "split and dividend factors (a factor file)"
	case slices.ContainsFunc([]int{1, 2, 3, 4, 5}, func(i int) bool { return i < n && isSide(i) }):
		return "trades"
	case n == 6 && isMessage(cells):
		return "order book messages"
	case (n == 3 || n == 4) && dated(0) && isQuote(cells):
		return "quotes"
	case n == 3 && dated(0) && number(1) && number(2):
		return "trades"
	}

	return ""
}

// isQuote reports whether a row holds a time, bid and ask, and optionally a volume. Bid and ask are close to each other
// and have as many digits, unlike a price and an amount.
func isQuote(cells [][]byte) bool {
	bid, ok := tabular.PlainNumber(cells[1])
	ask, ok2 := tabular.PlainNumber(cells[2])
	if !ok || !ok2 || !bid.IsPos() || ask.LessThan(bid) || len(cells) == 4 && !isNumber(cells[3]) {
		return false
	}
	spread := ask.Sub(bid)
	return !spread.Mul(hundred).GreaterThan(bid) && fractionDigits(cells[1]) > 1 &&
		fractionDigits(cells[1]) == fractionDigits(cells[2])
}

var hundred = udecimal.MustFromInt64(100, 0)

func fractionDigits(cell []byte) int {
	_, fraction, _ := bytes.Cut(tabular.Trim(cell), []byte("."))
	return len(fraction)
}

// isMessage reports whether a row is one of LOBSTER's message files: seconds after midnight, type of the event, order,
// size, price and direction.
func isMessage(cells [][]byte) bool {
	seconds, ok := tabular.PlainNumber(cells[0])
	kind, isKind := tabular.PlainNumber(cells[1])
	direction := string(tabular.Trim(cells[5]))
	return ok && fractionDigits(cells[0]) > 0 && seconds.LessThan(udecimal.MustFromInt64(24*3600, 0)) &&
		isKind && kind.IsPos() && !kind.GreaterThan(udecimal.MustFromInt64(7, 0)) && fractionDigits(cells[1]) == 0 &&
		isNumber(cells[2]) && isNumber(cells[3]) && isNumber(cells[4]) && (direction == "1" || direction == "-1")
}

// KindOf returns what columns of these names, or rows without names, hold: "bars", "orders", "quotes", ..., or "" if
// that is unknown.
func KindOf(cells [][]byte) string {
	if _, missing := layoutByNames(cells); missing == "" {
		return "bars"
	}
	if kind := otherKind(cells); kind != "" {
		return kind
	}
	return otherRows(cells)
}

// KindWithin returns what a JSON file holds inside of objects and arrays of these names, or "" if that is unknown.
func KindWithin(names []string) string {
	for _, name := range names {
		if kind := otherParts[plainName([]byte(name))]; kind != "" {
			return kind
		}
	}
	return ""
}
