package fillfile

import "strings"

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
