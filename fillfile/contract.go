package fillfile

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/blotterdb/blotter"
)

// class is the kind of an instrument, as far as it decides what quantity x price is worth.
type class string

// The classes. A share, a coin and whatever a file says nothing about is plain: its multiplier is 1.
const (
	plain     class = ""
	option    class = "option"
	future    class = "future"
	bond      class = "bond" // priced in percent
	cfd       class = "CFD"
	perpetual class = "PERP" // a contract without an end, beside the coin
	lots      class = "lots" // quantities count lots
)

// needsMultiplier reports whether an instrument is worth something else than quantity x price, so that the multiplier must
// be told.
func (c class) needsMultiplier() bool { return c == option || c == future || c == bond || c == lots }

// classOf is the class that the word of a file stands for; known is false for words that say nothing of it.
func classOf(text string) (is class, known bool) {
	text = strings.ToLower(strings.TrimSpace(text))
	switch {
	case text == "":
		return plain, false
	case strings.Contains(text, "option"), text == "opt", text == "call", text == "put", text == "fop", text == "optidx", text == "optstk", text == "optn",
		strings.HasPrefix(text, "warrant"):
		return option, true
	case strings.Contains(text, "future"), text == "fut", text == "futidx", text == "futstk", text == "futcom":
		return future, true
	case strings.Contains(text, "bond"), strings.Contains(text, "treasury"), strings.Contains(text,
		"fixed income"), text == "bill", text == "anleihe",
		text == "obligation", text == "note":
		return bond, true
	case strings.Contains(text, "cfd"), strings.Contains(text, "contract for difference"):
		return cfd, true
	case strings.Contains(text, "perpetual"), text == "perp", text == "swap":
		return perpetual, true
	case strings.Contains(text, "stock"), strings.Contains(text, "equity"), strings.Contains(text,
		"etf"), strings.Contains(text, "share"),
		strings.Contains(text, "fund"), strings.Contains(text,
			"crypto"), text == "stk", text == "eq", text == "security", text == "aktie", text == "aktien",
		text == "spot", text == "reit", text == "adr", text == "be", text == "common", strings.Contains(text,
			"ordinary"), strings.Contains(text, "preferred"),
		strings.Contains(text, "forex"), text == "fx", text == "currency", text == "coin", text == "token", text == "linear":
		return plain, true
	}
	return plain, false
}

// The symbols of options and futures as brokers write them.
var (
	occSymbol = regexp.MustCompile(`^-?\.?(?:O:)?[A-Z][A-Z0-9./^]{0,5}[\s_]*\d{6}[CP]\d+(\.\d+)?$`)                                                                                            // AAPL  240119C00150000, -XOM240419C125
	sayOption = regexp.MustCompile(`^\S+\s+(?:\d{1,2}/\d{1,2}/\d{2,4}|\d{1,2}[ -]?[A-Z]{3}[ -]?\d{2,4}|\d{4}-\d{2}-\d{2})\s+(?:\$?[\d.,]+\s+(?:C|P|CALL|PUT)|(?:CALL|PUT|C|P)\s+\$?[\d.,]+)$`) // AAPL 01/19/2024 150.00 C
	deribit   = regexp.MustCompile(`^[A-Z]{2,6}(?:_[A-Z]{3,5})?-\d{1,2}[A-Z]{3}\d{2}-\d+(?:D\d+)?-[CP](-USDT)?$`)                                                                              // BTC-27DEC24-60000-C
	// foreignOption are options as other exchanges name them: AAPL_041924C170, BTC-240628-60000-C, NIFTY24APR22500CE.
	foreignOption = regexp.MustCompile(`^(?:[A-Z.]{1,6}_\d{6}[CP]\d+(?:\.\d+)?|[A-Z]{2,6}(?:-[A-Z]{3,5})?-\d{6,8}-\d+-[CP]|[A-Z&-]{2,20}\d{2}[A-Z0-9]{3,5}\d+(?:CE|PE)|` +
		`[A-Z]{1,6}\d{2}[A-Z]{3}\d{2}[CP]\d+(?:\.\d+)?)$`)
	// namedFuture are futures with the month in words or digits, continuous ones, and those behind an exchange's prefix.
	namedFuture = regexp.MustCompile(`^(?:[A-Z0-9]{1,4}[ _-](?:0[1-9]|1[0-2])-\d{2}|[A-Z0-9]{1,4}[ _-](?:JAN|FEB|MAR|APR|MAY|JUN|JUL|AUG|SEP|OCT|NOV|DEC)[ -]?\d{2,4}|` +
		`[A-Z0-9]{1,4}\d?!|[A-Z0-9]{1,4}=F|[A-Z0-9]{1,4} (?:INDEX|COMDTY|CURNCY)|[A-Z0-9]{1,4} 20\d{2}-\d{2}|@[A-Z0-9]{1,4}[FGHJKMNQUVXZ]\d{1,2})$`)
	futureSym = regexp.MustCompile(`^(?:/[A-Z0-9]{1,4}[FGHJKMNQUVXZ]\d{1,2}|[A-Z0-9]{0,2}[A-Z][FGHJKMNQUVXZ]\d{1,2}|[A-Z0-9]{1,3}[FGHJKMNQUVXZ]20\d{2}|/[A-Z0-9]{1,4})(?::[A-Z]+)?$`)
)

// optionWords are words for options in descriptions: a call or put with a number.
var optionWords = regexp.MustCompile(`(?i)\b(?:call|put)s?\b.*\d|\d.*\b(?:call|put)s?\b|\d/\d{2,4}\s+\$?[CP]\$?\d|\d/\d{2,4}\s+\$?[\d.]+\s*[CP]\b`)

// saysOption reports whether words of a row are those of an option.
func saysOption(text string) bool { return optionWords.MatchString(text) }

// classOfSymbol is the class that a symbol tells by its shape.
func classOfSymbol(symbol string) class {
	symbol = strings.ToUpper(strings.TrimSpace(symbol))
	switch {
	case occSymbol.MatchString(symbol), sayOption.MatchString(symbol), deribit.MatchString(symbol), foreignOption.MatchString(symbol), saysOption(symbol):
		return option
	case futureSym.MatchString(symbol), namedFuture.MatchString(symbol):
		return future
	}
	prefix, rest, found := strings.Cut(symbol, ":")
	if found && (futureSym.MatchString(rest) || namedFuture.MatchString(rest)) && rest != prefix {
		return future // CME_MINI:ES1!
	}
	if before, _, found := strings.Cut(symbol, "."); found && len(before) > 3 && futureSym.MatchString(before) {
		return future // ESM24.CME
	}
	for _, suffix := range []string{"_FUT_CME", "_FUT_CBOT", "_FUT_NYMEX", "_FUT_COMEX"} {
		if strings.HasSuffix(symbol, suffix) {
			return future
		}
	}
	if strings.HasPrefix(symbol, "F.US.") {
		return future
	}
	return plain
}

// optionSymbol is the OCC's symbol of an option: its root in six places, its expiry as YYMMDD, C or P, and the strike times
// 1000 in eight digits.
func (f *File) optionSymbol(root, expiry, right, strike string) (string, error) {
	root = symbolOf(strings.TrimPrefix(strings.TrimSpace(root), "."))
	if root == "" || len(root) > 6 {
		return "", fmt.Errorf("the option's underlying symbol %q does not have one to six letters", clip(root))
	}
	if expiry == "" || right == "" || strike == "" {
		return "", fmt.Errorf("the option on %s needs an expiry, a strike and call or put; it has %q, %q and %q", root,
			clip(expiry), clip(strike), clip(right))
	}

	day, err := f.day(expiry)
	if err != nil {
		return "", fmt.Errorf("expiry: %w", err)
	}
	letter := ""
	switch strings.ToLower(strings.TrimSpace(right)) {
	case "c", "call", "calls", "ce":
		letter = "C"
	case "p", "put", "puts", "pe":
		letter = "P"
	default:
		return "", fmt.Errorf("%q is neither call nor put", clip(right))
	}

	amount, _ := splitUnit(strings.TrimPrefix(strike, "$"))
	at, err := number("strike", amount, f.style.comma)
	if err != nil {
		return "", err
	}
	thousandths, ok := product(at, blotter.MustDecimal("1000"))
	if !ok || digitsOf(thousandths) > 0 || at.IsNeg() || len(thousandths.String()) > 8 {
		return "", fmt.Errorf("strike %s does not fit into an option's symbol", clip(strike))
	}

	return fmt.Sprintf("%-6s%s%s%08s", root, day.Format("060102"), letter, thousandths.String()), nil
}

// instrument settles symbol and class of a draft. What makes another instrument is part of its symbol: an option and its
// share, a future and its index are never one position.
func (f *File) instrument(d *draft) (symbol string, is class, err error) {
	symbol, is = symbolOf(or(d.symbol, d.isin)), d.class
	byShape := classOfSymbol(symbol)
	switch {
	case f.opts.Symbol != "":
		return symbolOf(f.opts.Symbol), is, nil
	case symbol == "":
		return "", is, fmt.Errorf("neither a symbol nor an ISIN is given")
	case byShape == option:
		return symbol, option, nil
	case d.strike != "" || d.right != "" || is == option && d.expiry != "":
		symbol, err = f.optionSymbol(symbol, d.expiry, d.right, d.strike)
		return symbol, option, err
	case is == option:
		return symbol, option, fmt.Errorf("%s is an option, and no column tells its expiry, strike and call or put",
			symbol)
	case is == plain && d.expiry != "" && !d.classKnown:
		return symbol + " " + monthOf(f, d.expiry), future, nil
	case is == plain && saysOption(d.says):
		return symbol, option, fmt.Errorf("its words %q are those of an option, and its symbol %s is not", clip(d.says),
			symbol)
	case is == plain && !d.classKnown && byShape == future:
		return symbol, future, nil
	case is == future && byShape != future && d.expiry != "":
		return symbol + " " + monthOf(f, d.expiry), future, nil
	case is == cfd && !strings.Contains(symbol, "CFD"):
		return symbol + " CFD", cfd, nil
	case is == perpetual && !strings.Contains(symbol, "PERP") && !strings.Contains(symbol, "SWAP"):
		return symbol + " PERP", perpetual, nil
	}
	return symbol, is, nil
}

// monthOf writes the month of a future's contract in one way where it can be read: 2026-06, else JUN26.
func monthOf(f *File, expiry string) string {
	if day, err := f.day(expiry); err == nil {
		return day.Format("2006-01")
	}
	return symbolOf(strings.Join(strings.Fields(expiry), ""))
}
