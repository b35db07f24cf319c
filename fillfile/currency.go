package fillfile

import (
	"cmp"
	"regexp"
	"strings"

	"golang.org/x/text/currency"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/internal/tabular"
)

// coins are the known coins of prices and fees. golang.org/x/text has the currencies of ISO 4217.
var coins = wordSet(`
	BTC XBT ETH USDT USDC BUSD FDUSD TUSD USDP USDD DAI PYUSD GUSD EURC EURT EURS BNB SOL XRP ADA DOGE XDG DOT TRX LTC
	BCH XLM LINK MATIC POL AVAX ATOM UNI ETC XMR FIL APT ARB OP NEAR ALGO AAVE MKR KCS OKB HT CRO BGB GT LEO MX FTT
	IDRT BIDR BKRW SHIB PEPE WBTC STETH WETH TON SUI SEI INJ TIA ICP EOS XTZ DASH ZEC NEO QTUM VET THETA SAND MANA AXS
	GRT SNX COMP CRV SUSHI ZRX BAT EUROC`)

// currencySigns are the signs of one currency only. $, kr and ¥ stand for several.
var currencySigns = tabular.ByWord(map[string]string{
	"EUR": "€", "GBP": "£", "INR": "₹", "RUB": "₽", "TRY": "₺", "PLN": "zł", "BTC": "₿", "KRW": "₩", "ILS": "₪",
	"VND": "₫", "NGN": "₦", "PHP": "₱", "THB": "฿",
	"USD": "US$", "AUD": "A$", "CAD": "C$ CA$", "HKD": "HK$", "NZD": "NZ$", "SGD": "S$", "BRL": "R$",
})

// minorUnits are the hundredths of currencies in which shares are quoted. Case matters: GBp is not GBP.
var minorUnits = tabular.ByWord(map[string]string{
	"GBP": "GBp GBX GBx",
	"ZAR": "ZAc ZAX",
	"ILS": "ILA ILa ILX",
	"USD": "USX USc",
	"EUR": "EUX",
})

func wordSet(list string) map[string]bool {
	set := map[string]bool{}
	for _, word := range strings.Fields(list) {
		set[word] = true
	}
	return set
}

// isMoney reports whether a code is a currency of ISO 4217.
func isMoney(code string) bool {
	unit, err := currency.ParseISO(code)
	return err == nil && unit.String() == strings.ToUpper(code) && unit.String() != "XXX" && unit.String() != "XTS"
}

// isCurrency reports whether a code is a currency of ISO 4217, a minor unit, or a known coin.
func isCurrency(code string) bool {
	return minorUnits[code] != "" || isMoney(code) || coins[strings.ToUpper(code)]
}

// isCode reports whether a text may be the code of a currency or coin.
func isCode(text string) bool {
	return codeShape.MatchString(text) && strings.Trim(text, "0123456789") != ""
}

var codeShape = regexp.MustCompile(`^[A-Za-z0-9]{2,12}$`)

// CheckCurrency returns an ErrInvalid unless code is a currency of ISO 4217 (EUR), a minor unit in which shares are
// quoted (GBp, GBX, ZAc, ILA), or a well-known coin (USDT).
func CheckCurrency(code string) error {
	if isCurrency(code) {
		return nil
	}
	return blotter.Invalid("currency", clip(code),
		"a code of ISO 4217 such as EUR, a minor unit such as GBX, or a known coin such as USDT")
}

// MinorUnitOf returns the currency of which code is a hundredth, for example GBP for GBX, or "".
func MinorUnitOf(code string) string { return minorUnits[code] }

// currencyInName returns the currency of a unit behind a column's name, or "".
func currencyInName(unit string) string {
	if currencySigns[unit] != "" {
		return currencySigns[unit]
	}
	if isCurrency(unit) {
		return unit
	}
	return ""
}

// splitUnit divides a cell into its number and the currency or coin beside it. The unit is "" if there is none, if
// there are two, and if it is a sign that several currencies have. A cell that is not an amount is returned as it is.
func splitUnit(cell string) (number, unit string) {
	cell = strings.TrimSpace(cell)
	if _, ok := tabular.PlainNumber([]byte(cell)); ok {
		return cell, ""
	}
	a, ok := amountOf(cell)
	unit = cmp.Or(a.before, a.unit)
	if !ok || unit == "" || a.before != "" && a.unit != "" {
		return cell, ""
	}

	number = strings.TrimSpace(a.sign + a.number)
	if code := currencySigns[unit]; code != "" {
		return number, code
	}
	isShared := strings.HasSuffix(unit, "$") || strings.HasSuffix(unit, "¥") || strings.HasPrefix(unit, "kr")
	if isShared {
		return number, ""
	}
	return number, unit
}
