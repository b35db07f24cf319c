package fillfile

import (
	"errors"
	"regexp"
	"strings"
)

// schwabOption is how Schwab names an option: AAPL 01/19/2024 150.00 C. One is of 100 shares.
var schwabOption = regexp.MustCompile(`^\S+ \d{2}/\d{2}/\d{4} [\d.]+ [CP]$`)

// Schwab's history. Shares bought with a dividend are a fill; a date "as of" another is that of the other.
var schwab = &layout{
	name: "schwab", title: "Schwab CSV", dateOrder: "mdy",
	needs: []string{"date", "action", "symbol", "description", "quantity", "price", "feescomm", "amount"},
	read: func(_ *File, r *row) ([]draft, string, error) {
		action, date := r.get("action"), r.get("date")
		if posted, effective, found := strings.Cut(date, " as of "); found {
			date = or(effective, posted)
		}
		side := action
		switch {
		case strings.EqualFold(action, "Reinvest Shares"):
			side = "buy"
		case strings.HasPrefix(action, "Cancel ") && r.get("quantity") != "":
			return nil, "", errors.New("it cancels an earlier fill; cancellations are not booked")
		case action == "":
			return nil, kindSummary, nil
		case sideOf(action) == "":
			return nil, kindOf(action), nil
		}
		d := draft{
			at: date, symbol: r.get("symbol"), side: side, quantity: r.get("quantity"), price: r.get("price"), currency: "USD",
			fees: []fee{{amount: r.get("feescomm")}},
		}
		if schwabOption.MatchString(d.symbol) {
			d.multiplier = "100"
		}
		return []draft{d}, "", nil
	},
}

// schwabJSON is the same as JSON.
var schwabJSON = &layout{
	name: "schwab-json", title: "Schwab JSON", dateOrder: "mdy", needs: schwab.needs, read: schwab.read,
}
