package fillfile

import (
	"slices"
	"strings"
)

// The names by which anyone's columns are known, plain, best first. An export of our own has those of blotter.Trade.
var (
	timeNames     = []string{"executedat", "tradedat", "dateutc", "timeutc", "datetimeutc", "utctime", "transactiontime", "exectime", "executiontime", "filltime", "filledat", "datetime", "dateandtime", "timestamp", "tradedate", "date", "time", "tradetime", "createdat"}
	dayTimeNames  = []string{"time", "tradetime", "timeofday"}
	symbolNames   = []string{"symbol", "ticker", "instrument", "market", "pair", "contract", "security", "asset", "product", "isin"}
	sideNames     = []string{"side", "buysell", "bs", "direction", "action", "transactiontype", "type"}
	quantityNames = []string{"filledqty", "filledquantity", "fillqty", "execqty", "lastqty", "quantity", "qty", "shares", "noofshares", "units", "size", "filled", "volume", "amount"}
	priceNames    = []string{"fillprice", "filledprice", "execprice", "tradeprice", "lastpx", "averageprice", "avgprice", "avgfillprice", "filledavgprice", "price", "rate", "pricepershare", "unitprice"}
	totalNames    = []string{"total", "totalamount", "value", "grossamount", "notional", "cost"}
	feeNames      = []string{"commission", "fee", "fees", "commissions", "feeamount", "transactionfee"}
	feeCurrencies = []string{"commissioncurrency", "feecurrency", "commissionasset", "feeasset", "feecoin", "currencycommission", "currencyfee"}
	idNames       = []string{"tradeid", "execid", "executionid", "fillid", "transactionid", "id"}
	orderNames    = []string{"orderid", "order", "orderref", "ordernumber", "clientorderid"}
	currencyNames = []string{"currency", "pricecurrency", "quotecurrency", "currencyprice", "ccy", "pricefeetotalunit"}
	accountNames  = []string{"accountid", "account", "accountnumber", "portfolio"}
)

var genericNeeds = []string{
	strings.Join(append(slices.Clone(symbolNames), "side", "buysell", "action", "direction"), "|"),
	strings.Join(timeNames, "|"), strings.Join(quantityNames, "|"), strings.Join(append(slices.Clone(priceNames), totalNames...), "|"),
}

var (
	genericCSV  = &layout{name: "csv", title: "CSV", needs: genericNeeds, never: []string{"open", "high", "low"}, read: readGeneric}
	genericJSON = &layout{name: "json", title: "JSON", needs: genericNeeds, never: []string{"open", "high", "low", "submittedat", "origqty", "cumexecqty"}, read: readGeneric}
)

func readGeneric(_ *File, r *row) ([]draft, string, error) {
	d := draft{
		id: r.get(idNames...), order: r.get(orderNames...), account: r.get(accountNames...), strategy: r.get("strategy"),
		at: r.get(timeNames...), settles: r.get("settlementdate", "settledate"), symbol: r.get(symbolNames...),
		side: r.get(sideNames...), quantity: r.get(quantityNames...), price: r.get(priceNames...), total: r.get(totalNames...),
		multiplier: r.get("multiplier"), currency: r.get(currencyNames...),
		fees: []fee{{amount: r.get(feeNames...), currency: r.get(feeCurrencies...)}},
	}
	if utc := r.get("dateutc", "timeutc", "datetimeutc", "utctime"); utc != "" && utc == d.at {
		d.at += " UTC"
	}
	if unfilled(r) {
		return nil, kindOrder, nil
	}
	if date := r.get("tradedate", "date"); date != "" && date == d.at {
		d.at = strings.TrimSpace(date + " " + r.get(dayTimeNames...))
	}
	other := ""
	if d.side, other = sideIn(d.side); other != "" && (knownKind(other) != "" || d.quantity == "" || d.price+d.total == "") {
		return nil, kindOf(other), nil // a dividend or a deposit among the fills
	} else if other != "" {
		d.side = other
	}
	return []draft{d}, "", nil
}

// unfilled reports an order that ended or waits without a fill, in a list of orders with their fills.
func unfilled(r *row) bool {
	status := strings.ToLower(r.get("status", "orderstatus", "state"))
	if !slices.ContainsFunc([]string{"cancel", "reject", "expire", "new", "open", "pending", "working", "accepted"}, func(word string) bool { return strings.Contains(status, word) }) {
		return false
	}
	filled, err := number("", r.get("filledqty", "filledquantity", "fillqty", "execqty", "filled"), false)
	return err != nil || filled.IsZero()
}

// sideIn finds buy or sell in words as "Market buy". Words that tell nothing of the side come back as other; the type of
// an order alone leaves the side to the sign of the quantity.
func sideIn(text string) (side, other string) {
	if text == "" || sideOf(text) != "" {
		return text, ""
	}
	for _, word := range strings.FieldsFunc(strings.ToLower(text), func(c rune) bool { return c == ' ' || c == '-' || c == '_' || c == ':' }) {
		switch word {
		case "market", "limit", "stop", "trade", "fill", "order", "lmt", "mkt":
		case "buy", "sell":
			return word, ""
		default:
			other = text
		}
	}
	return "", other
}

// marketNames are those of trades of everybody, which have a side and a price too.
var marketNames = []string{"takerormaker", "localtimestamp", "isbuyermaker", "tickdirection", "aggressor", "trdmatchid", "lastupdateid"}

// isMarket reports a trade of everybody: it has no fee, no order and no account.
func isMarket(r *row) bool {
	if r.get(slices.Concat(feeNames, orderNames, accountNames, []string{"strategy", "tradeid"})...) != "" {
		return false
	}
	return slices.ContainsFunc(r.names, func(name string) bool { return slices.Contains(marketNames, name) }) ||
		slices.Contains(r.names, "cost") && slices.Contains(r.names, "amount")
}
