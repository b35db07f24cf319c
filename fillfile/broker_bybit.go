package fillfile

import "math/big"

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

		return []draft{d}, "", checkLinear(d.symbol)
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
