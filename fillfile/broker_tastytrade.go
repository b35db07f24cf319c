package fillfile

import (
	"cmp"
	"errors"
	"regexp"
	"strings"
)

// tastytrade's history. The average price is money per contract, negative where it was paid; of a future it is the
// day's variation. The price of a fill stands in its description. Fees are negative where they were paid.
var tastytrade = &layout{
	name: "tastytrade", title: "tastytrade CSV", zone: "UTC", dateOrder: "mdy",
	needs: []string{
		"date", "type", "subtype", "action", "symbol", "instrumenttype", "description", "value", "quantity",
		"averageprice", "commissions", "fees",
	},
	read: readTastytrade,
}

// tastytradePrice is the price in a description: "Sold 3 SPY 06/21/24 Call 530.00 @ 2.05".
var tastytradePrice = regexp.MustCompile(`(?:^|\s)(?:Bought|Sold|(?:Buy|Sell) to (?:Open|Close))\s.*@\s*(-?[\d.,]+)$`)

func readTastytrade(_ *File, r *row) ([]draft, string, error) {
	kind := r.get("type")
	subtype := r.get("subtype")
	action := r.get("action")
	value := r.get("value")
	d := draft{
		at: r.get("date"), symbol: r.get("symbol"), side: action, quantity: r.get("quantity"),
		multiplier: r.get("multiplier"), currency: cmp.Or(r.get("currency"), "USD"), order: r.get("order"),
		fees: []fee{{amount: r.get("commissions"), negated: true}, {amount: r.get("fees"), negated: true}},
	}

	d.class, d.classKnown = classOf(r.get("instrumenttype"))
	if classOfSymbol(d.symbol) == option && d.multiplier == "" && !strings.HasPrefix(d.symbol, ".") {
		d.multiplier = usOptionSize
	}

	switch {
	case strings.EqualFold(kind, "Money Movement"):
		if knownKind(subtype) == kindDeposit || knownKind(subtype) == kindTransfer {
			return nil, movement(value), nil
		}
		return nil, kindOf(subtype, r.get("description")), nil
	case d.class.needsMultiplier() && isEnd(subtype):
		if d.class == option && classOfSymbol(d.symbol) != option {
			d.class = plain // an option on a future, whose symbol is not read further
			d.side = ""     // the open position tells side and multiplier
		}
		return []draft{d}, "", d.endLife(value)
	case strings.EqualFold(kind, "Receive Deliver") && sideOf(subtype) == "":
		return nil, kindOf(subtype, r.get("description")), nil // splits, mergers, transfers
	case !strings.EqualFold(kind, "Trade") && !strings.EqualFold(kind, "Receive Deliver"):
		return nil, "", errors.New("the type " + clip(kind) + " is not known")
	case sideOf(action) == "":
		return nil, "", errors.New("the action " + clip(action) + " is neither to buy nor to sell")
	}

	if found := tastytradePrice.FindStringSubmatch(r.get("description")); found != nil {
		d.price = found[1]
	}
	if d.class == future {
		return []draft{d}, "", nil // the value is the day's variation
	}

	d.totals = []total{{amount: value, currency: d.currency}}
	if err := d.keepSymbol(value); err != nil {
		return nil, "", err
	}
	if d.price == "" {
		d.total = value
	}

	return []draft{d}, "", d.checkSign(value)
}

// tastyworks is the older history, with an option's parts in columns of their own. The account reference is a mask of
// the owner's name, not an account.
var tastyworks = &layout{
	name: "tastyworks", title: "tastyworks CSV", dateOrder: "mdy",
	needs: []string{
		"datetime", "transactioncode", "transactionsubcode", "symbol", "buysell", "openclose", "quantity",
		"expirationdate", "strike", "callput",
		"price", "fees", "amount",
	},
	read: readTastyworks,
}

func readTastyworks(_ *File, r *row) ([]draft, string, error) {
	kind := r.get("transactioncode")
	subcode := r.get("transactionsubcode")
	amount := r.get("amount")
	d := draft{
		at:       r.get("datetime"),
		symbol:   r.get("symbol"),
		side:     r.get("buysell"),
		quantity: r.get("quantity"),
		price:    r.get("price"),
		expiry:   r.get("expirationdate"),
		strike:   r.get("strike"),
		right:    r.get("callput"),
		currency: "USD",
		fees:     []fee{{amount: r.get("fees")}},
	}

	if d.right != "" && !strings.HasPrefix(d.symbol, "/") && !strings.HasPrefix(d.symbol, ".") {
		d.class, d.classKnown = option, true
		d.multiplier = usOptionSize
	}

	switch {
	case strings.EqualFold(kind, "Money Movement"):
		if knownKind(subcode) == kindDeposit || knownKind(subcode) == kindTransfer {
			return nil, movement(amount), nil
		}
		return nil, kindOf(subcode, r.get("description")), nil
	case d.right != "" && isEnd(subcode):
		return []draft{d}, "", d.endLife(amount)
	case sideOf(d.side) == "" && strings.EqualFold(kind, "Receive Deliver"):
		return nil, kindOf(subcode, r.get("description")), nil // splits, mergers, transfers
	case sideOf(d.side) == "":
		return nil, "", errors.New("the side " + clip(d.side) + " is neither to buy nor to sell")
	case d.right == "" && strings.HasPrefix(d.symbol, "/"):
		return []draft{d}, "", nil // a future, of which the full value does not change hands
	}

	d.totals = []total{{amount: amount, currency: "USD"}}
	return []draft{d}, "", d.checkSign(amount)
}
