package fillfile

import "strings"

// DEGIRO's list of transactions, in the customer's language: the columns stand in the same places, and currencies stand
// behind amounts without a name.
var degiroTrades = &layout{
	name: "degiro-transactions", title: "DEGIRO transactions CSV", dateOrder: "dmy", recognises: isDegiroTrades,
	read: func(_ *File, r *row) ([]draft, string, error) {
		cell := func(i int) string {
			if i < 0 || i >= len(r.cells) {
				return ""
			}
			return r.cells[i]
		}

		plain := func(i int) string {
			text, err := plainNumber("", cell(i), true)
			if err != nil {
				return cell(i)
			}
			return text
		}

		last := len(r.names) - 1
		costs := degiroCosts(r.names)
		d := draft{
			at:       strings.TrimSpace(cell(0) + " " + cell(1)),
			isin:     cell(3),
			quantity: plain(6),
			price:    plain(7),
			currency: cell(8),
			totals:   []total{{amount: plain(9), currency: cell(10)}},
			order:    cell(last),
			fees:     []fee{{amount: plain(costs), currency: cell(costs + 1), negated: true}},
		}

		if costs < 0 || cell(costs) == "" {
			d.fees = nil
		}

		return []draft{d}, "", nil
	},
}

func isDegiroTrades(names []string) bool {
	return len(names) >= 17 && len(names) <= 22 && strings.HasSuffix(names[3], "isin") && names[8] == "" &&
		names[10] == "" && degiroCosts(names) > 0
}

// degiroCosts returns the column of the costs, which is the last one before the total that has a currency behind it.
func degiroCosts(names []string) int {
	named := 0
	for i := len(names) - 2; i > 12; i-- {
		if names[i] != "" && names[i+1] == "" {
			if named++; named == 2 {
				return i
			}
		}
	}
	return -1
}
