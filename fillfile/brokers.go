package fillfile

import (
	"cmp"
	"errors"
	"fmt"
	"math/big"
	"regexp"
	"strings"
)

// Avanza writes Swedish, a decimal comma, and no ticker. Prices are in the instrument's currency, fees in the
// account's.
var avanza = &layout{
	name: "avanza", title: "Avanza CSV", comma: true, dateOrder: "dmy",
	needs: []string{"datum", "konto", "typavtransaktion", "antal", "kurs", "isin"},
	read: func(_ *File, r *row) ([]draft, string, error) {
		kind := r.get("typavtransaktion")
		if sideOf(kind) == "" {
			if strings.EqualFold(kind, "övrigt") && r.get("antal") != "" {
				return nil, kindCorporate, nil // shares that come or go by a fund's merger
			}
			return nil, kindOf(kind, r.get("värdepapperbeskrivning")), nil
		}

		cost := fee{amount: r.get("courtage"), currency: r.get("valuta", "transaktionsvaluta")}
		for i, name := range r.names {
			if currency, found := strings.CutPrefix(name, "courtage"); found && currency != "" && i < len(r.cells) {
				cost = fee{amount: r.get(name), currency: currency}
			}
		}

		return []draft{{
			account:  r.get("konto"),
			at:       r.get("datum"),
			isin:     cmp.Or(r.get("isin"), r.get("värdepapperbeskrivning")),
			side:     kind,
			quantity: r.get("antal"),
			price:    r.get("kurs"),
			currency: r.get("instrumentvaluta", "valuta", "transaktionsvaluta"),
			fees:     []fee{cost},
			rate:     r.get("valutakurs"),
			totals:   []total{{amount: r.get("belopp"), currency: r.get("transaktionsvaluta", "valuta")}},
		}}, "", nil
	},
}

// Coinbase's account report. Its price excludes the spread that it charges, so its subtotal only roughly equals
// quantity x price. A conversion names what was given, and in its notes what was received: it is not a fill.
var coinbase = &layout{
	name: "coinbase", title: "Coinbase CSV", zone: "UTC", anyCurrency: true,
	needs: []string{"timestamp", "transactiontype", "asset", "quantitytransacted", "pricecurrency|spotpricecurrency"},
	read: func(_ *File, r *row) ([]draft, string, error) {
		kind := strings.NewReplacer("Advanced Trade", "", "Advance Trade", "").Replace(r.get("transactiontype"))
		side, other := sideIn(kind)
		if other != "" || side == "" {
			return nil, kindOf(cmp.Or(other, r.get("transactiontype"))), nil
		}
		if err := coinbaseAgrees(r); err != nil {
			return nil, "", err
		}

		return []draft{{
			id:       r.get("id"),
			at:       r.get("timestamp"),
			symbol:   r.get("asset"),
			side:     side,
			quantity: r.get("quantitytransacted"),
			price:    r.get("priceattransaction", "spotpriceattransaction"),
			total:    r.get("subtotal"),
			currency: r.get("pricecurrency", "spotpricecurrency"),
			fees:     []fee{{amount: r.get("feesandorspread", "fees")}},
		}}, "", nil
	},
}

// coinbaseAgrees checks a row by its money: the subtotal is quantity x price up to a spread of a few percent, and
// the total is the subtotal with the fees.
func coinbaseAgrees(r *row) error {
	value := func(name ...string) *big.Rat {
		amount, _ := splitUnit(r.get(name...))
		is, ok := ratOf(amount)
		if !ok {
			return nil
		}
		return is.Abs(is)
	}

	quantity, price := value("quantitytransacted"), value("priceattransaction", "spotpriceattransaction")
	subtotal, fees := value("subtotal"), value("feesandorspread", "fees")
	all := value("totalinclusiveoffeesandorspread", "totalinclusiveoffees")
	if quantity == nil || subtotal == nil {
		return nil
	}

	if price != nil {
		gross := new(big.Rat).Mul(quantity, price)
		spread := new(big.Rat).Sub(subtotal, gross)
		if spread.Abs(spread).Cmp(new(big.Rat).Mul(subtotal, big.NewRat(1, 20))) > 0 {
			return fmt.Errorf("quantity %s x price %s is %s, and the subtotal is %s", r.get("quantitytransacted"),
				decimalText(price), decimalText(gross), decimalText(subtotal))
		}
	}

	if all == nil || fees == nil {
		return nil
	}
	rest := new(big.Rat).Sub(all, subtotal)
	if difference := rest.Sub(rest.Abs(rest), fees); difference.Abs(difference).Cmp(big.NewRat(1, 50)) > 0 {
		return fmt.Errorf("the total %s is not the subtotal %s with the fees %s", decimalText(all),
			decimalText(subtotal), decimalText(fees))
	}
	return nil
}

// Freetrade prices in the instrument's currency and charges in the account's. A free share is a reward.
var freetrade = &layout{
	name: "freetrade", title: "Freetrade CSV", zone: "UTC",
	needs: []string{"title", "type", "timestamp", "accountcurrency", "buysell", "pricepershare", "instrumentcurrency"},
	read: func(_ *File, r *row) ([]draft, string, error) {
		if kind := r.get("type"); kind != "ORDER" {
			return nil, kindOf(kind), nil
		}

		account := r.get("accountcurrency")
		return []draft{{
			order:    r.get("orderid"),
			at:       r.get("timestamp"),
			symbol:   r.get("ticker"),
			isin:     r.get("isin"),
			side:     r.get("buysell"),
			quantity: r.get("quantity"),
			price:    r.get("pricepershare"),
			currency: r.get("instrumentcurrency"),
			fees: []fee{
				{amount: r.get("fxfeeamount"), currency: account},
				{amount: r.get("stampduty"), currency: account},
			},
			totals: []total{{amount: r.get("totalsharesamount")}},
		}}, "", nil
	},
}

// Revolut's prices carry their currency's sign. It names no fees: they are what the total differs by.
var revolut = &layout{
	name: "revolut", title: "Revolut CSV", zone: "UTC",
	needs: []string{"date", "ticker", "type", "quantity", "pricepershare", "totalamount", "fxrate"},
	read: func(_ *File, r *row) ([]draft, string, error) {
		side, other := sideIn(r.get("type"))
		if other != "" || side == "" {
			return nil, kindOf(r.get("type")), nil
		}

		return []draft{{
			at:        r.get("date"),
			symbol:    r.get("ticker"),
			side:      side,
			quantity:  r.get("quantity"),
			price:     r.get("pricepershare"),
			currency:  r.get("currency"),
			totals:    []total{{amount: r.get("totalamount")}},
			feeIsRest: true,
		}}, "", nil
	},
}

// Saxo writes a fill in words. Its fee is the difference between the amount and quantity x price, if both are in one
// currency.
var saxo = &layout{
	name: "saxo", title: "Saxo CSV", dateOrder: "dmy",
	needs: []string{"clientid", "tradedate", "valuedate", "type", "instrumentsymbol", "event", "amount"},
	read: func(_ *File, r *row) ([]draft, string, error) {
		event := r.get("event")
		d, ok := spoken(event, false)
		switch {
		case !ok && strings.Contains(event, "@") && knownKind(event) == "":
			return nil, "", errors.New("the event tells no side, quantity and price: " + clip(event))
		case !ok && knownKind(event) == kindDeposit:
			return nil, movement(r.get("amount")), nil
		case !ok:
			return nil, kindOf(event, r.get("type")), nil
		}

		d.account = r.get("clientid")
		d.at = r.get("tradedate")
		d.settles = r.get("valuedate")
		d.order = r.get("orderid")
		d.symbol = r.get("instrumentsymbol")
		d.isin = r.get("instrumentisin")
		d.currency = cmp.Or(d.currency, r.get("instrumentcurrency"))

		if r.get("conversionrate") == "1" {
			cost, err := withoutValue(&d, r.get("amount"), true)
			if err != nil {
				return nil, "", err
			}
			d.fees = []fee{{amount: cost}}
		}

		return []draft{d}, "", nil
	},
}

// xtbComment is a fill of XTB: what was opened or closed, how much of how much, and the price.
var xtbComment = regexp.MustCompile(`^(OPEN|CLOSE) (BUY|SELL) ([\d.]+)(?:/[\d.]+)? @ (-?[\d.]+)$`)

// XTB keeps what was bought in a comment. To close what was bought is to sell it.
var xtb = &layout{
	name: "xtb", title: "XTB CSV", dateOrder: "dmy",
	needs: []string{"id", "type|typ", "time|czas", "symbol", "comment|komentarz", "amount|kwota"},
	read: func(_ *File, r *row) ([]draft, string, error) {
		comment, kind := r.get("comment", "komentarz"), r.get("type", "typ")
		found := xtbComment.FindStringSubmatch(comment)
		switch {
		case found == nil && strings.Contains(comment, "@"):
			return nil, "", errors.New("the comment tells no side, quantity and price: " + clip(comment))
		case found == nil:
			return nil, kindOf(kind), nil
		}

		side := found[2]
		if found[1] == "CLOSE" {
			side = map[string]string{"BUY": "sell", "SELL": "buy"}[side]
		}

		return []draft{{
			id:       r.get("id"),
			at:       r.get("time", "czas"),
			symbol:   r.get("symbol"),
			side:     side,
			quantity: found[3],
			price:    found[4],
		}}, "", nil
	},
}
