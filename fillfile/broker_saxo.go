package fillfile

import (
	"cmp"
	"errors"
	"strings"
)

// Saxo writes a fill in words. Its fee is the difference between the amount and quantity x price, if both are in one
// currency.
var saxo = &layout{
	name: "saxo", title: "Saxo CSV", dateOrder: "dmy",
	needs: []string{"clientid", "tradedate", "valuedate", "type", "instrumentsymbol", "event", "amount"},
	read: func(_ *File, r *row) ([]draft, string, error) {
		event := r.get("event")
		d, ok := parseSentence(event, false)
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
			cost, err := feeInTotal(&d, r.get("amount"), true)
			if err != nil {
				return nil, "", err
			}
			d.fees = []fee{{amount: cost}}
		}

		return []draft{d}, "", nil
	},
}
