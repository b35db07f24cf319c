package fillfile

import (
	"cmp"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/internal/tabular"
)

// Symbols of options, with an example of each.
var optionSymbols = []*regexp.Regexp{
	// AAPL  240119C00150000, -XOM240419C125
	regexp.MustCompile(`^-?\.?(?:O:)?[A-Z][A-Z0-9./^]{0,5}[\s_]*\d{6}[CP]\d+(\.\d+)?$`),

	// AAPL 01/19/2024 150.00 C
	regexp.MustCompile(`^\S+\s+` +
		`(?:\d{1,2}/\d{1,2}/\d{2,4}|\d{1,2}[ -]?[A-Z]{3}[ -]?\d{2,4}|\d{4}-\d{2}-\d{2})\s+` +
		`(?:\$?[\d.,]+\s+(?:C|P|CALL|PUT)|(?:CALL|PUT|C|P)\s+\$?[\d.,]+)$`),

	// Deribit: BTC-27DEC24-60000-C
	regexp.MustCompile(`^[A-Z]{2,6}(?:_[A-Z]{3,5})?-\d{1,2}[A-Z]{3}\d{2}-\d+(?:D\d+)?-[CP](-USDT)?$`),

	// AAPL_041924C170
	regexp.MustCompile(`^[A-Z.]{1,6}_\d{6}[CP]\d+(?:\.\d+)?$`),

	// BTC-240628-60000-C
	regexp.MustCompile(`^[A-Z]{2,6}(?:-[A-Z]{3,5})?-\d{6,8}-\d+-[CP]$`),

	// India: NIFTY24APR22500CE
	regexp.MustCompile(`^[A-Z&-]{2,20}\d{2}[A-Z0-9]{3,5}\d+(?:CE|PE)$`),

	// AAPL19APR24C170
	regexp.MustCompile(`^[A-Z]{1,6}\d{2}[A-Z]{3}\d{2}[CP]\d+(?:\.\d+)?$`),
}

// Symbols of futures, with an example of each.
var futureSymbols = []*regexp.Regexp{
	// /ESM24, /ES:XCME
	regexp.MustCompile(`^/[A-Z0-9]{1,4}(?:[FGHJKMNQUVXZ]\d{1,2})?(?::[A-Z]+)?$`),

	// ESM24, ESM2024
	regexp.MustCompile(`^[A-Z0-9]{0,2}[A-Z][FGHJKMNQUVXZ]\d{1,2}(?::[A-Z]+)?$`),
	regexp.MustCompile(`^[A-Z0-9]{1,3}[FGHJKMNQUVXZ]20\d{2}(?::[A-Z]+)?$`),
}

// Symbols of futures with the month in words or digits, of continuous ones, and with the prefix or suffix of a vendor.
var namedFutures = []*regexp.Regexp{
	regexp.MustCompile(`^[A-Z0-9]{1,4}[ _-](?:0[1-9]|1[0-2])-\d{2}$`),
	regexp.MustCompile(`^[A-Z0-9]{1,4}[ _-](?:JAN|FEB|MAR|APR|MAY|JUN|JUL|AUG|SEP|OCT|NOV|DEC)[ -]?\d{2,4}$`),
	regexp.MustCompile(`^[A-Z0-9]{1,4} 20\d{2}-\d{2}$`),
	regexp.MustCompile(`^[A-Z0-9]{1,4}\d?!$`),
	regexp.MustCompile(`^[A-Z0-9]{1,4}=F$`),
	regexp.MustCompile(`^[A-Z0-9]{1,4} (?:INDEX|COMDTY|CURNCY)$`),
	regexp.MustCompile(`^@[A-Z0-9]{1,4}[FGHJKMNQUVXZ]\d{1,2}$`),
}

// matchesAny reports whether one of the patterns matches a text.
func matchesAny(text string, patterns []*regexp.Regexp) bool {
	return slices.ContainsFunc(patterns, func(p *regexp.Regexp) bool { return p.MatchString(text) })
}

// optionWords match a call or put with a number, in descriptions.
var optionWords = []*regexp.Regexp{
	regexp.MustCompile(`(?i)\b(?:call|put)s?\b.*\d`),
	regexp.MustCompile(`(?i)\d.*\b(?:call|put)s?\b`),
	regexp.MustCompile(`(?i)\d/\d{2,4}\s+\$?[CP]\$?\d`),
	regexp.MustCompile(`(?i)\d/\d{2,4}\s+\$?[\d.]+\s*[CP]\b`),
}

// saysOption reports whether words of a row are those of an option.
func saysOption(text string) bool { return matchesAny(text, optionWords) }

// classOfSymbol returns the class that the shape of a symbol tells.
func classOfSymbol(symbol string) class {
	symbol = strings.ToUpper(strings.TrimSpace(symbol))
	switch {
	case matchesAny(symbol, optionSymbols), saysOption(symbol):
		return option
	case matchesAny(symbol, futureSymbols), matchesAny(symbol, namedFutures):
		return future
	}

	prefix, rest, found := strings.Cut(symbol, ":")
	if found && rest != prefix && (matchesAny(rest, futureSymbols) || matchesAny(rest, namedFutures)) {
		return future // CME_MINI:ES1!
	}
	if before, _, found := strings.Cut(symbol, "."); found && len(before) > 3 && matchesAny(before, futureSymbols) {
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

// optionSymbol returns the OCC's symbol of an option: its root in six places, its expiry as YYMMDD, C or P, and the
// strike times 1000 in eight digits.
func (f *File) optionSymbol(root, expiry, right, strike string) (string, error) {
	root = tabular.Symbol(strings.TrimPrefix(strings.TrimSpace(root), "."))
	if root == "" || len(root) > 6 {
		return "", fmt.Errorf("the option's underlying symbol %q does not have one to six letters", clip(root))
	}
	if expiry == "" || right == "" || strike == "" {
		return "", fmt.Errorf("the option on %s needs an expiry, a strike and call or put; it has %q, %q and %q",
			root, clip(expiry), clip(strike), clip(right))
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

// instrument decides the symbol and the class of a draft. Whatever tells instruments apart is part of the symbol: an
// option and its share, or a future and its index, are never one position.
func (f *File) instrument(d *draft) (symbol string, is class, err error) {
	symbol, is = tabular.Symbol(cmp.Or(d.symbol, d.isin)), d.class
	byShape := classOfSymbol(symbol)

	switch {
	case f.opts.Symbol != "":
		return tabular.Symbol(f.opts.Symbol), is, nil
	case symbol == "":
		return "", is, errors.New("the symbol and the ISIN are missing")
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
		return symbol, option, fmt.Errorf("its words %q are those of an option, and its symbol %s is not",
			clip(d.says), symbol)
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

// monthOf returns the month of a future's contract: 2026-06, or the cell itself if it is not a date, for example JUN26.
func monthOf(f *File, expiry string) string {
	if day, err := f.day(expiry); err == nil {
		return day.Format("2006-01")
	}
	return tabular.Symbol(strings.Join(strings.Fields(expiry), ""))
}
