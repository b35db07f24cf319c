package fillfile

import (
	"cmp"
	"errors"
	"math/big"
	"regexp"
	"strings"

	"github.com/blotterdb/blotter/internal/tabular"
)

// bbgo exports the fills of an account at any exchange. A fee is in what was bought, what was sold, or the exchange's
// coin.
var bbgo = &layout{
	name: "bbgo", title: "bbgo fills JSON", zone: "UTC", anyCurrency: true,
	needs: []string{"gid", "exchange", "tradedat", "symbol", "side", "quantity", "price", "fee", "feecurrency"},
	read: func(_ *File, r *row) ([]draft, string, error) {
		return []draft{{
			id:       r.get("id"),
			order:    r.get("orderid"),
			strategy: r.get("strategy"),
			at:       r.get("tradedat"),
			symbol:   r.get("symbol"),
			side:     r.get("side"),
			quantity: r.get("quantity"),
			price:    r.get("price"),
			currency: quoteOf(r.get("symbol")),
			fees:     []fee{{amount: r.get("fee"), currency: r.get("feecurrency")}},
			totals:   []total{{amount: r.get("quotequantity")}},
		}}, "", nil
	},
}

// bybit are executions of Bybit. Funding and settlement are listed among them.
var bybit = &layout{
	name: "bybit", title: "Bybit executions JSON", zone: "UTC", anyCurrency: true,
	needs: []string{"execid", "execprice", "execqty", "exectime", "side", "symbol"},
	read: func(_ *File, r *row) ([]draft, string, error) {
		switch kind := r.get("exectype"); kind {
		case "", "Trade", "AdlTrade", "BustTrade", "BlockTrade", "MovePosition":
		case "Funding":
			return nil, "funding payment", nil
		default:
			return nil, kindOf(kind), nil
		}

		d := draft{
			id:       r.get("execid"),
			order:    r.get("orderid"),
			at:       r.get("exectime"),
			symbol:   r.get("symbol"),
			side:     r.get("side"),
			quantity: r.get("execqty"),
			price:    r.get("execprice"),
			currency: quoteOf(r.get("symbol")),
			fees:     []fee{bybitFee(r)},
			totals:   []total{{amount: r.get("execvalue")}},
		}

		return []draft{d}, "", linear(d.symbol)
	},
}

// bybitFee returns the fee of an execution. Contracts charge it in the currency of the price, and may not say so. The
// spot market charges a share of the quantity, so that a fee of that size without a currency is in an unknown coin.
func bybitFee(r *row) fee {
	is := fee{amount: r.get("execfee"), currency: r.get("feecurrency")}
	if is.currency != "" || is.amount == "" {
		return is
	}
	paid, ok := ratOf(is.amount)
	quantity, ok2 := ratOf(r.get("execqty"))
	if !ok || !ok2 || quantity.Sign() == 0 {
		return is
	}
	share := paid.Quo(paid.Abs(paid), quantity)
	is.noCurrency = share.Cmp(big.NewRat(1, 50)) < 0 && share.Sign() > 0
	return is
}

// kraken is the list of trades that Kraken exports. Fees are in the currency of the price.
var kraken = &layout{
	name: "kraken", title: "Kraken trades CSV", zone: "UTC", anyCurrency: true,
	needs: []string{"txid", "ordertxid", "pair", "time", "type", "price", "vol", "fee"},
	read: func(_ *File, r *row) ([]draft, string, error) {
		pair := r.get("pair")
		return []draft{{
			id:       r.get("txid"),
			order:    r.get("ordertxid"),
			at:       r.get("time"),
			symbol:   pair,
			side:     r.get("type"),
			quantity: r.get("vol"),
			price:    r.get("price"),
			currency: quoteOf(pair),
			fees:     []fee{{amount: r.get("fee")}},
			totals:   []total{{amount: r.get("cost")}},
		}}, "", nil
	},
}

// ax are fills of AX, an exchange of perpetual contracts on currencies.
var ax = &layout{
	name: "ax", title: "AX fills JSON", zone: "UTC", anyCurrency: true,
	needs: []string{"tradeid", "orderid", "istaker", "price", "quantity", "side", "symbol", "timestamp", "accountid"},
	read: func(_ *File, r *row) ([]draft, string, error) {
		pair := strings.TrimSuffix(strings.ToUpper(r.get("symbol")), "-PERP")
		return []draft{{
			id:       r.get("tradeid"),
			order:    r.get("orderid"),
			account:  r.get("accountid"),
			at:       r.get("timestamp"),
			symbol:   r.get("symbol"),
			side:     r.get("side"),
			quantity: r.get("quantity"),
			price:    r.get("price"),
			currency: quoteOf(pair),
			fees:     []fee{{amount: r.get("fee")}},
		}}, "", nil
	},
}

// alpacaKinds are Alpaca's names of activities that are not fills.
var alpacaKinds = tabular.ByWord(map[string]string{
	kindDividend:   "DIV",
	kindInterest:   "INT",
	kindFee:        "FEE CFEE",
	kindDeposit:    "CSD",
	kindWithdrawal: "CSW",
	kindSplit:      "SPLIT",
	kindTransfer:   "TRANS JNLC JNLS ACATC ACATS",
	kindCorporate:  "MA SPIN NC REORG",
})

// alpaca are activities of an Alpaca account, in dollars. Its fees are activities of their own.
var alpaca = &layout{
	name: "alpaca", title: "Alpaca activities JSON", zone: "UTC",
	needs: []string{"activitytype", "id", "qty|date"},
	read: func(_ *File, r *row) ([]draft, string, error) {
		kind := strings.ToUpper(r.get("activitytype"))
		switch kind {
		case "OPEXP", "OPASN", "OPXRC":
			return []draft{{
				id:         r.get("id"),
				account:    r.get("accountid"),
				at:         r.get("date", "transactiontime"),
				symbol:     r.get("symbol"),
				ends:       true,
				quantity:   r.get("qty"),
				currency:   "USD",
				class:      option,
				multiplier: "100",
			}}, "", nil
		case "OPTRD":
			return nil, "", errors.New("the shares of an option's assignment or exercise have no side")
		}

		if kind != "FILL" {
			if strings.HasPrefix(kind, "DIV") {
				kind = "DIV" // DIVNRA, DIVROC, ...
			}
			return nil, cmp.Or(alpacaKinds[kind], kindOf(kind)), nil
		}

		symbol := r.get("symbol")
		currency := "USD"
		if strings.Contains(symbol, "/") {
			currency = quoteOf(symbol)
		}

		return []draft{{
			id:       r.get("id"),
			order:    r.get("orderid"),
			account:  r.get("accountid"),
			at:       r.get("transactiontime"),
			symbol:   symbol,
			side:     r.get("side"),
			quantity: r.get("qty"),
			price:    r.get("price"),
			currency: currency,
		}}, "", nil
	},
}

// inverse matches contracts whose value is quantity / price, in the coin.
var inverse = regexp.MustCompile(`USD(_PERP|-PERPETUAL|-PERP|_\d{6}|[HMUZ]\d{2})?$|-PERPETUAL$`)

// inverseSymbol matches symbols that exchanges give to inverse contracts only.
var inverseSymbol = regexp.MustCompile(`USD_PERP$|USD_\d{6}$|^[A-Z]{2,6}-PERPETUAL$|^XBTUSD$`)

// linear returns an error for an inverse contract, which a book that values quantity x price would value wrongly.
func linear(symbol string) error {
	symbol = strings.ToUpper(symbol)
	if inverse.MatchString(symbol) && !strings.Contains(symbol, "_USDC-") && !strings.Contains(symbol, "_USDT-") {
		return errors.New("it is of an inverse contract, whose value is not quantity x price")
	}
	return nil
}

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
