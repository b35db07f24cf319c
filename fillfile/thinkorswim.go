package fillfile

import (
	"errors"
	"regexp"
	"slices"
	"strings"
)

// thinkorswim's list of filled orders, and the trade history of its account statement. The legs of a spread stand below
// each other, and only the first has the time. An option is named by its underlying, expiry, strike and type.
var thinkorswim = &layout{
	name: "thinkorswim", title: "thinkorswim CSV", dateOrder: "mdy",
	needs: []string{"exectime", "spread", "side", "qty", "poseffect", "symbol", "exp", "strike", "type", "price", "netprice"},
	join:  func(_ *File, rows rowReader) rowReader { return &thinkorswimRows{rows: rows} },
	read:  readThinkorswim,
}

// thinkorswimExpiry is an expiry with the size of the contract and its cycle: 19 JUN 26 100 (Weeklys).
var thinkorswimExpiry = regexp.MustCompile(`^(\d{1,2} [A-Z]{3} \d{2})(?: (\d+))?(?: \(.*\))?$`)

func readThinkorswim(_ *File, r *row) ([]draft, string, error) {
	if r.get("other") != "" {
		return nil, "", nil // a line of another section
	}

	kind := strings.ToUpper(r.get("type"))
	d := draft{
		at: r.get("exectime"), symbol: r.get("symbol"), side: r.get("side"), quantity: r.get("qty"), price: r.get("price"), currency: "USD",
	}
	switch kind {
	case "STOCK", "ETF":
		d.class, d.classKnown = plain, true
	case "CALL", "PUT":
		d.class, d.classKnown = option, true
		d.expiry, d.strike, d.right = r.get("exp"), r.get("strike"), kind
		if !strings.HasPrefix(d.symbol, "/") {
			d.multiplier = usOptionSize
		}
		if found := thinkorswimExpiry.FindStringSubmatch(d.expiry); found != nil {
			d.expiry, d.multiplier = found[1], or(found[2], d.multiplier)
		}
	case "FUTURE":
		d.class, d.classKnown = future, true
	default:
		return nil, "", errors.New("the type " + clip(kind) + " is not known")
	}

	isNegative := strings.HasPrefix(d.quantity, "-")
	if side := sideOf(d.side); side != "" && isNegative != (side == "sell") {
		return nil, "", errors.New("side " + clip(d.side) + " contradicts the quantity " + clip(d.quantity))
	}
	return []draft{d}, "", nil
}

// thinkorswimRows gives the legs of a spread the time of its first leg, and ends the list where another section begins.
type thinkorswimRows struct {
	rows rowReader
	time string
	over bool
}

func (t *thinkorswimRows) next() (*row, error) {
	r, err := t.rows.next()
	if err != nil {
		return nil, err
	}

	if slices.Contains(r.cells, "Symbol") && slices.Contains(r.cells, "Qty") {
		t.over = !slices.Contains(r.cells, "Exec Time") // the header of another section
	}
	if t.over || r.get("qty") == "" && r.get("symbol") == "" || r.get("qty") == "Qty" {
		r.set("other", "1")
		return r, nil
	}

	if at := r.get("exectime"); at != "" {
		t.time = at
	} else {
		r.set("exectime", t.time)
	}
	return r, nil
}
