package fillfile

import (
	"cmp"
	"fmt"
	"math/big"
	"strings"
)

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
		if spread := new(big.Rat).Mul(subtotal, big.NewRat(1, 20)); !isNear(subtotal, gross, spread) {
			return fmt.Errorf("quantity %s x price %s is %s, and the subtotal is %s", r.get("quantitytransacted"),
				decimalText(price), decimalText(gross), decimalText(subtotal))
		}
	}

	if all == nil || fees == nil {
		return nil
	}
	rest := new(big.Rat).Sub(all, subtotal)
	if !isNear(rest.Abs(rest), fees, cents(2)) {
		return fmt.Errorf("the total %s is not the subtotal %s with the fees %s", decimalText(all),
			decimalText(subtotal), decimalText(fees))
	}
	return nil
}
