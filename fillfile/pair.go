package fillfile

import (
	"errors"
	"regexp"
	"strings"
)

// quotes are the currencies of the prices of exchanges' pairs, longer names first.
var quotes = strings.Fields(`FDUSD USDT USDC BUSD TUSD USDP BIDR IDRT BKRW XBT BTC ETH BNB TRX XRP DAI USD EUR GBP AUD
	TRY BRL RUB UAH ZAR NGN PLN RON ARS JPY MXN CZK CHF CAD KRW HKD SGD`)

// quoteOf returns the currency of a pair's price: USDT for BTCUSDT, BTC/USDT and BTC/USDT:USDT, or "". A split whose
// other half is a known coin wins: DOTUSD is in USD, not in TUSD.
func quoteOf(symbol string) string {
	symbol, _, _ = strings.Cut(strings.ToUpper(symbol), ":")
	if _, quote, divided := strings.Cut(symbol, "/"); divided {
		return quote
	}

	var all, known []string
	for _, quote := range quotes {
		base, found := strings.CutSuffix(symbol, quote)
		if !found || len(base) < 2 {
			continue
		}
		all = append(all, quote)
		if coins[strings.Trim(base, "-_")] {
			known = append(known, quote)
		}
	}

	switch {
	case len(known) > 0:
		return known[0]
	case len(all) == 1:
		return all[0]
	}
	return ""
}

// pairQuote returns the currency of the price of a pair: USDT for BTC/USDT, BTC-USDT and BTCUSDT. It is "" for other
// symbols. Both currencies of a pair without a separator must be known.
func pairQuote(symbol string) string {
	symbol, _, _ = strings.Cut(strings.ToUpper(strings.TrimSpace(symbol)), ":")
	for _, mark := range []string{"/", "-", "_"} {
		base, quote, divided := strings.Cut(symbol, mark)
		if !divided {
			continue
		}
		quote, _, _ = strings.Cut(quote, mark) // BTC-USDT-SWAP
		if base != "" && isCurrency(quote) && !strings.ContainsAny(base, " .") {
			return quote
		}
	}

	for at := 3; at <= len(symbol)-3; at++ {
		base, quote := symbol[:at], symbol[at:]
		if isPriceCurrency(quote) && isCurrency(base) {
			return quote
		}
	}
	return ""
}

// isPriceCurrency reports whether pairs are priced in a currency.
func isPriceCurrency(code string) bool {
	switch code {
	case "BTC", "ETH", "BNB", "USDT", "USDC", "BUSD", "FDUSD", "TUSD", "DAI":
		return true
	}
	return isMoney(code)
}

// inverseShape matches contracts whose value is quantity / price, in the coin.
var inverseShape = regexp.MustCompile(`USD(_PERP|-PERPETUAL|-PERP|_\d{6}|[HMUZ]\d{2})?$|-PERPETUAL$`)

// inverseSymbol matches symbols that exchanges give to inverse contracts only.
var inverseSymbol = regexp.MustCompile(`USD_PERP$|USD_\d{6}$|^[A-Z]{2,6}-PERPETUAL$|^XBTUSD$`)

// checkLinear returns an error for an inverse contract, which a book that values quantity x price would value wrongly.
func checkLinear(symbol string) error {
	symbol = strings.ToUpper(symbol)
	if inverseShape.MatchString(symbol) && !strings.Contains(symbol, "_USDC-") && !strings.Contains(symbol, "_USDT-") {
		return errors.New("it is of an inverse contract, whose value is not quantity x price")
	}
	return nil
}
