package fillfile

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
