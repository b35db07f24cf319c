package fillfile

import (
	"regexp"
	"strings"
	"time"
)

// Trading 212 has a column for each kind of fee, with its currency in its name or in a column of its own.
var trading212 = &layout{
	name: "trading212", title: "Trading 212 CSV", dateOrder: "dmy",
	needs: []string{"action", "time|timeutc", "isin", "ticker", "noofshares", "priceshare"},
	read: func(_ *File, r *row) ([]draft, string, error) {
		side, other := sideIn(r.get("action"))
		if other != "" || side == "" {
			return nil, kindOf(r.get("action")), nil
		}

		at := r.get("time")
		var zone *time.Location
		if utc := r.get("timeutc"); utc != "" {
			at, zone = utc, time.UTC
		}

		return []draft{{
			id:       r.get("id"),
			at:       at,
			zone:     zone,
			symbol:   r.get("ticker"),
			isin:     r.get("isin"),
			side:     side,
			quantity: r.get("noofshares"),
			price:    r.get("priceshare"),
			currency: r.get("currencypriceshare"),
			fees:     trading212Fees(r),
			totals:   trading212Totals(r),
			rate:     r.get("exchangerate"),
		}}, "", nil
	},
}

var (
	costName = regexp.MustCompile(`(?i)(fee|tax|duty|levy|charge)`)
	inName   = regexp.MustCompile(`\(([A-Za-z]{3})\)\s*$`)
)

// trading212Totals returns the money of an order in the account's currency, which stands in the column's name or beside
// it.
func trading212Totals(r *row) []total {
	for i, name := range r.exact {
		plain := r.names[i]
		if !strings.HasPrefix(plain, "total") {
			continue
		}
		t := total{amount: r.get(plain), currency: r.get("currency" + plain)}
		if found := inName.FindStringSubmatch(name); found != nil {
			t.currency = found[1]
		}
		return []total{t}
	}
	return nil
}

func trading212Fees(r *row) (fees []fee) {
	for i, name := range r.exact {
		plain := r.names[i]
		if !costName.MatchString(name) ||
			strings.HasPrefix(plain, "currency") && !strings.HasPrefix(plain, "currencyconversion") ||
			strings.HasPrefix(plain, "withholding") || strings.HasPrefix(plain, "chargeamount") {
			continue
		}

		cost := fee{amount: r.get(plain), currency: r.get("currency" + plain)}
		if found := inName.FindStringSubmatch(name); found != nil {
			cost.currency = found[1]
		}
		fees = append(fees, cost)
	}

	return fees
}
