package fillfile

import (
	"cmp"
	"errors"
	"regexp"
	"strings"
)

var (
	// schwabOption is how Schwab names an option: AAPL 01/19/2024 150.00 C.
	schwabOption = regexp.MustCompile(`^\S+ \d{2}/\d{2}/\d{4} [\d.]+ [CP]$`)
	// cusip is the symbol of a bond or bill.
	cusip = regexp.MustCompile(`^\d[0-9A-Z]{7}\d$`)
)

// Schwab's history. Shares bought with a dividend are a fill; a date "as of" another is that of the other. The amount
// has the fees in it. The sign of the quantity at the end of an option's life differs between exports: what is open
// tells.
var schwab = &layout{
	name: "schwab", title: "Schwab CSV", dateOrder: "mdy",
	needs: []string{"date", "action", "symbol", "description", "quantity", "price", "feescomm", "amount"},
	read:  readSchwab,
}

// schwabJSON is the same as JSON.
var schwabJSON = &layout{
	name: "schwab-json", title: "Schwab JSON", dateOrder: "mdy", needs: schwab.needs, read: readSchwab,
}

func readSchwab(_ *File, r *row) ([]draft, string, error) {
	action, date := r.get("action"), r.get("date")
	if posted, effective, found := strings.Cut(date, " as of "); found {
		date = cmp.Or(effective, posted)
	}

	d := draft{
		at:       date,
		symbol:   r.get("symbol"),
		side:     action,
		quantity: r.get("quantity"),
		price:    r.get("price"),
		currency: "USD",
		fees:     []fee{{amount: r.get("feescomm")}},
	}

	switch {
	case schwabOption.MatchString(d.symbol):
		d.class, d.classKnown = option, true
		d.multiplier = usOptionSize
	case cusip.MatchString(d.symbol):
		d.class, d.classKnown = classOf(cmp.Or(r.get("description"), "bond"))
		if d.class == plain {
			d.class = bond
		}
	}

	amount := r.get("amount")
	switch {
	case strings.HasPrefix(action, "Reinvest Shares"):
		d.side = "buy"
	case strings.HasPrefix(action, "Cancel ") && d.quantity != "":
		return nil, "", errors.New("it cancels an earlier fill; cancellations are not booked")
	case action == "":
		return nil, kindSummary, nil
	case d.class == option && isSchwabEnd(action):
		d.side = ""
		return []draft{d}, "", d.endLife(amount)
	case sideOf(action) == "" && knownKind(action) == "" && looksTraded(d.quantity, d.price):
		return nil, "", errors.New("the action " + clip(action) + " is not known")
	case sideOf(action) == "":
		return nil, kindOf(action), nil
	}

	if !strings.HasPrefix(action, "Reinvest Shares") || !d.isRoundedPrice(amount) {
		d.totals = []total{{amount: amount, currency: "USD"}}
	}

	return []draft{d}, "", d.checkSign(amount)
}

// isSchwabEnd reports whether an action ends an option: Expired, Assigned, and Exchange or Exercise.
func isSchwabEnd(action string) bool {
	return isEnd(action) || strings.EqualFold(action, "Exchange or Exercise")
}
