package fillfile

import (
	"slices"
	"strings"
)

// bbgo exports an account's own fills of any exchange. A fee is in what was bought, what was sold, or the exchange's coin.
var bbgo = &layout{
	name: "bbgo", title: "bbgo fills JSON", zone: "UTC",
	needs: []string{"gid", "exchange", "tradedat", "symbol", "side", "quantity", "price", "fee", "feecurrency"},
	read: func(_ *File, r *row) ([]draft, string, error) {
		return []draft{{
			id: r.get("id"), order: r.get("orderid"), strategy: r.get("strategy"), at: r.get("tradedat"), symbol: r.get("symbol"),
			side: r.get("side"), quantity: r.get("quantity"), price: r.get("price"), currency: quoteOf(r.get("symbol")),
			fees: []fee{{amount: r.get("fee"), currency: r.get("feecurrency")}},
		}}, "", nil
	},
}

// quotes are what prices of an exchange's pairs are in, the longer names first.
var quotes = []string{
	"FDUSD", "USDT", "USDC", "BUSD", "TUSD", "USDP", "BIDR", "IDRT", "BKRW",
	"BTC", "ETH", "BNB", "TRX", "XRP", "DAI", "USD", "EUR", "GBP", "AUD", "TRY", "BRL", "RUB", "UAH", "ZAR", "NGN", "PLN", "RON", "ARS", "JPY", "MXN", "CZK",
}

// quoteOf is the currency of a pair's price: USDT of BTCUSDT, of BTC/USDT and of BTC/USDT:USDT, or "".
func quoteOf(symbol string) string {
	symbol, _, _ = strings.Cut(strings.ToUpper(symbol), ":")
	if _, quote, divided := strings.Cut(symbol, "/"); divided {
		return quote
	}
	i := slices.IndexFunc(quotes, func(quote string) bool {
		return len(symbol) > len(quote)+1 && strings.HasSuffix(symbol, quote)
	})
	if i < 0 {
		return ""
	}
	return quotes[i]
}
