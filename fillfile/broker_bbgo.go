package fillfile

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
