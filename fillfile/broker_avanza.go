package fillfile

import (
	"cmp"
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
