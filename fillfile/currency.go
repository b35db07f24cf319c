package fillfile

import (
	"regexp"
	"strings"

	"golang.org/x/text/currency"

	"github.com/blotterdb/blotter"
)

// coins are crypto currencies in which prices and fees are known to be. Money of ISO 4217 is in golang.org/x/text.
var coins = wordSet(`BTC XBT ETH USDT USDC BUSD FDUSD TUSD USDP USDD DAI PYUSD GUSD EURC EURT EURS BNB SOL XRP ADA DOGE XDG DOT TRX LTC
	BCH XLM LINK MATIC POL AVAX ATOM UNI ETC XMR FIL APT ARB OP NEAR ALGO AAVE MKR KCS OKB HT CRO BGB GT LEO MX FTT IDRT BIDR BKRW SHIB
	PEPE WBTC STETH WETH TON SUI SEI INJ TIA ICP EOS XTZ DASH ZEC NEO QTUM VET THETA SAND MANA AXS GRT SNX COMP CRV SUSHI ZRX BAT EUROC`)

// currencySigns are the signs of currencies that stand for one alone. $, kr and ¥ stand for several.
var currencySigns = map[string]string{
	"€": "EUR", "£": "GBP", "₹": "INR", "₽": "RUB", "₺": "TRY", "zł": "PLN", "₿": "BTC", "US$": "USD", "A$": "AUD", "C$": "CAD", "CA$": "CAD",
	"HK$": "HKD", "NZ$": "NZD", "S$": "SGD", "R$": "BRL", "₩": "KRW", "₪": "ILS", "₫": "VND", "₦": "NGN", "₱": "PHP", "฿": "THB",
}

// minorUnits are hundredths of a currency in which shares are quoted. GBp is not GBP: capitals tell.
var minorUnits = map[string]string{"GBp": "GBP", "GBX": "GBP", "GBx": "GBP", "ZAc": "ZAR", "ZAX": "ZAR", "ILA": "ILS",
	"ILa": "ILS", "ILX": "ILS", "USX": "USD", "USc": "USD", "EUX": "EUR"}

func wordSet(list string) map[string]bool {
	set := map[string]bool{}
	for _, word := range listOf(list) {
		set[word] = true
	}
	return set
}

// isMoney reports whether a code is money of ISO 4217.
func isMoney(code string) bool {
	unit, err := currency.ParseISO(code)
	return err == nil && unit.String() == strings.ToUpper(code) && unit.String() != "XXX" && unit.String() != "XTS"
}

// isCurrency reports whether a code is money of ISO 4217, a hundredth of it, or a coin that is known.
func isCurrency(code string) bool {
	return minorUnits[code] != "" || isMoney(code) || coins[strings.ToUpper(code)]
}

// isCode reports whether a text may be the code of a currency or coin.
func isCode(text string) bool {
	return codeShape.MatchString(text) && strings.Trim(text, "0123456789") != ""
}

var codeShape = regexp.MustCompile(`^[A-Za-z0-9]{2,12}$`)

// CheckCurrency reports an error unless a code is a currency of ISO 4217 (EUR), a hundredth of one in which shares are
// quoted (GBp, GBX, ZAc, ILA), or a well-known coin (USDT).
func CheckCurrency(code string) error {
	if isCurrency(code) {
		return nil
	}
	return blotter.Invalid("currency", clip(code),
		"a code of ISO 4217 such as EUR, a minor unit such as GBX, or a known coin such as USDT")
}

// MinorUnitOf returns the currency that a code such as GBX stands for a hundredth of, or "".
func MinorUnitOf(code string) string { return minorUnits[code] }

// currencyInName is the currency that a unit behind a name stands for, or "".
func currencyInName(unit string) string {
	if currencySigns[unit] != "" {
		return currencySigns[unit]
	}
	if isCurrency(unit) {
		return unit
	}
	return ""
}

// unitAround is a number with a currency before or behind it: "0.10 BTC", "0.5BTC", "€3", "EUR 21.5", "$1,234.50".
var unitAround = regexp.MustCompile(`^([-+(]?)\s*([A-Z]{0,3}[$€£₹₽₺₿₩₪₫₦₱฿]|[A-Z][A-Z0-9]{1,9}\s)?\s*([-+(]?[\d.,'’\x{a0}\x{202f} ]*\d(?:[eE][-+]?\d+)?[-+]?\)?)\s*([A-Z][A-Z0-9]{1,11}|[A-Z]{2}[pcx]|[A-Z]{0,2}[$€£₹₽₺₿₩₪₫₦₱฿]|zł)?(\)?)$`)

// splitUnit divides a cell into its number and the currency or coin that stands beside it.
func splitUnit(cell string) (amount, unit string) {
	cell = strings.TrimSpace(cell)
	if isPlain(cell) {
		return cell, ""
	}
	found := unitAround.FindStringSubmatch(cell)
	if found == nil || found[2] != "" && found[4] != "" {
		return cell, ""
	}
	unit = strings.TrimSpace(or(found[2], found[4]))
	if unit == "" {
		return cell, ""
	}
	amount = strings.TrimSpace(found[1] + found[3] + found[5])
	if sign := currencySigns[unit]; sign != "" {
		return amount, sign
	}
	if strings.HasSuffix(unit, "$") {
		return amount, "" // of which country is not told
	}
	return amount, unit
}

// pairQuote is the currency of the price of a pair that is written as one: USDT of BTC/USDT, BTC-USDT and BTCUSDT; "" of
// all other symbols. A pair without a sign between must be of two known currencies.
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
