package fillfile

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
