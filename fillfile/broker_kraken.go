package fillfile

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
