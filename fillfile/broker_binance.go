package fillfile

import (
	"cmp"
	"regexp"
	"strings"

	"github.com/blotterdb/blotter/internal/tabular"
)

// binanceTrades are an account's trades of Binance: of the spot market with isBuyer, of futures with side.
var binanceTrades = &layout{
	name: "binance", title: "Binance trades JSON", zone: "UTC", anyCurrency: true,
	needs: []string{"symbol", "id", "price", "qty", "commission", "commissionasset", "time", "isbuyer|buyer"},
	read: func(_ *File, r *row) ([]draft, string, error) {
		side := r.get("side")
		if side == "" {
			switch r.get("isbuyer", "buyer") {
			case "true":
				side = "buy"
			case "false":
				side = "sell"
			}
		}

		d := draft{
			id:       r.get("id"),
			order:    r.get("orderid"),
			at:       r.get("time"),
			symbol:   r.get("symbol"),
			side:     cmp.Or(side, "unknown"),
			quantity: r.get("qty"),
			price:    r.get("price"),
			currency: quoteOf(r.get("symbol")),
			fees:     []fee{{amount: r.get("commission"), currency: r.get("commissionasset")}},
			totals:   []total{{amount: r.get("quoteqty")}},
		}

		return []draft{d}, "", checkLinear(d.symbol)
	},
}

// binanceUpdates are the messages of Binance's user streams: ORDER_TRADE_UPDATE of futures, executionReport of the spot
// market. Of an order's life the execution type TRADE is a fill.
var binanceUpdates = &layout{
	name: "binance-updates", title: "Binance order updates JSON", zone: "UTC", exact: true, anyCurrency: true,
	needs: []string{"s", "S", "x", "X", "l", "L", "t", "T", "i"},
	read: func(_ *File, r *row) ([]draft, string, error) {
		switch kind := r.getExact("x"); kind {
		case "TRADE", "CALCULATED": // CALCULATED is a liquidation
		case "":
			return nil, "", nil // another message
		default:
			return nil, kindOrder, nil
		}

		d := draft{
			id:       r.getExact("t"),
			order:    r.getExact("i"),
			at:       r.getExact("T"),
			symbol:   r.getExact("s"),
			side:     r.getExact("S"),
			quantity: r.getExact("l"),
			price:    r.getExact("L"),
			currency: quoteOf(r.getExact("s")),
			fees:     []fee{{amount: r.getExact("n"), currency: r.getExact("N")}},
		}

		return []draft{d}, "", checkLinear(d.symbol)
	},
}

// numberAndCoin is a number with its coin behind it, as 0.5BTC.
var numberAndCoin = regexp.MustCompile(`^([\d,]*\.?\d+)\s*([A-Z][A-Z0-9]*)$`)

// binanceCSV is the export of Binance's site. Its amounts carry their coin.
var binanceCSV = &layout{
	name: "binance-csv", title: "Binance trade history CSV", zone: "UTC", dateOrder: "ymd", anyCurrency: true,
	needs: []string{"dateutc|timeutc|date|time", "pair|market", "side|type", "price", "executed", "fee"},
	read: func(_ *File, r *row) ([]draft, string, error) {
		pair := r.get("pair", "market")
		base := strings.Trim(strings.TrimSuffix(strings.ToUpper(pair), quoteOf(pair)), "/-_")
		quantity, _ := splitCoin(r.get("executed"), base)
		cost, coin := splitCoin(r.get("fee"), base)

		return []draft{{
			at:       r.get("dateutc", "timeutc", "date", "time"),
			symbol:   pair,
			side:     r.get("side", "type"),
			quantity: quantity,
			price:    r.get("price"),
			currency: quoteOf(pair),
			totals:   []total{{amount: r.get("amount", "total")}},
			order:    r.get("orderid", "orderno"),
			fees:     []fee{{amount: cost, currency: coin}},
		}}, "", nil
	},
}

// splitCoin divides a number and the coin behind it. base is the pair's, which may begin with digits, as 1INCH.
func splitCoin(text, base string) (amount, coin string) {
	if amount, found := strings.CutSuffix(text, base); found && base != "" {
		if _, ok := tabular.PlainNumber([]byte(strings.ReplaceAll(amount, ",", ""))); ok {
			return strings.TrimSpace(amount), base
		}
	}
	if found := numberAndCoin.FindStringSubmatch(text); found != nil {
		return found[1], found[2]
	}
	return text, ""
}
