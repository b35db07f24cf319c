package fillfile

import (
	"cmp"
	"errors"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Fidelity's history, of one account or of several. The action says in words what a row is. The quantity is negative
// for what was sold; the amount has commission and fees in it.
var fidelity = &layout{
	name: "fidelity", title: "Fidelity CSV", dateOrder: "mdy",
	needs: []string{
		"rundate", "action", "symbol", "description", "quantity", "price", "commission", "fees", "amount",
		"settlementdate",
	},
	read: readFidelity,
}

var (
	fidelityAsOf   = regexp.MustCompile(`(?i)\bas of ((?:[a-z]{3}|\d{2})-\d{2}-\d{2,4})`)
	fidelityShares = regexp.MustCompile(`\((\d+) SHS\)`)
)

// fidelityTrades are how the actions of trades begin, and their sides.
var fidelityTrades = []struct{ begin, side string }{
	{"YOU BOUGHT", "buy"},
	{"YOU SOLD", "sell"},
	{"REINVESTMENT", "buy"},
	{"BOUGHT ", "buy"},
	{"SOLD ", "sell"},
	{"BUY ", "buy"},
	{"SELL ", "sell"},
}

// fidelityEnds are how the actions begin that end an option's life.
var fidelityEnds = strings.Fields("EXPIRED ASSIGNED EXERCISED")

func readFidelity(_ *File, r *row) ([]draft, string, error) {
	action, amount := strings.ToUpper(r.get("action")), r.get("amount")
	d := draft{
		account:  r.get("accountnumber"),
		at:       r.get("rundate"),
		settles:  r.get("settlementdate"),
		symbol:   r.get("symbol"),
		quantity: r.get("quantity"),
		price:    r.get("price"),
		currency: cmp.Or(r.get("currency"), "USD"),
		accrued:  r.get("accruedinterest"),
		fees:     []fee{{amount: r.get("commission")}, {amount: r.get("fees")}},
	}

	if found := fidelityAsOf.FindStringSubmatch(action); found != nil {
		day, ok := fidelityDay(found[1])
		if !ok {
			return nil, "", errors.New("the action has a date that cannot be read: " + clip(action))
		}
		d.at = day
	}

	description := r.get("description")
	switch {
	case classOfSymbol(d.symbol) == option:
		d.class, d.classKnown = option, true
		d.multiplier = usOptionSize
		if found := fidelityShares.FindStringSubmatch(description); found != nil {
			d.multiplier = found[1]
		}
	case cusip.MatchString(d.symbol):
		d.class, d.classKnown = bond, true
	}

	begins := func(word string) bool { return strings.HasPrefix(action, word) }
	switch {
	case action == "":
		return nil, kindSummary, nil
	case strings.Contains(action, "CANCEL") || begins("CXL"):
		return nil, "", errors.New("it cancels an earlier fill; cancellations are not booked")
	case d.class == option && slices.ContainsFunc(fidelityEnds, begins):
		return []draft{d}, "", d.endLife(amount)
	}

	for _, trade := range fidelityTrades {
		if !begins(trade.begin) {
			continue
		}

		d.side = trade.side
		if trade.begin != "REINVESTMENT" || !d.isRoundedPrice(amount) {
			d.totals = []total{{amount: amount, currency: d.currency}}
		}
		return []draft{d}, "", d.checkSign(amount)
	}

	if knownKind(action) == "" && looksTraded(d.quantity, d.price) {
		return nil, "", errors.New("the action is not known: " + clip(action))
	}
	return nil, fidelityKind(action, amount), nil
}

// fidelityDay reads the day in an action, which is older than the row: Apr-19-2024, 04-19-24.
func fidelityDay(text string) (string, bool) {
	for _, layout := range []string{"Jan-02-2006", "01-02-2006", "01-02-06"} {
		if day, err := time.Parse(layout, text); err == nil {
			return day.Format(time.DateOnly), true
		}
	}
	return "", false
}

// fidelityKinds are the beginnings of actions that are not fills, and their kinds.
var fidelityKinds = []struct{ begin, kind string }{
	{"DIVIDEND", kindDividend},
	{"LONG-TERM CAP GAIN", kindDividend},
	{"SHORT-TERM CAP GAIN", kindDividend},
	{"RETURN OF CAPITAL", kindDividend},
	{"INTEREST", kindInterest},
	{"FOREIGN TAX", kindTax},
	{"DISTRIBUTION", kindCorporate},
	{"MERGER", kindCorporate},
	{"REDEMPTION PAYOUT", kindCorporate},
}

func fidelityKind(action, amount string) string {
	for _, known := range fidelityKinds {
		if strings.HasPrefix(action, known.begin) {
			return known.kind
		}
	}

	for _, word := range []string{
		"ELECTRONIC FUNDS TRANSFER", "DIRECT DEPOSIT", "DIRECT DEBIT", "CASH CONTRIBUTION", "CHECK RECEIVED",
		"WIRE TRANSFER",
	} {
		if strings.HasPrefix(action, word) {
			return movement(amount)
		}
	}

	return kindOf(action)
}
