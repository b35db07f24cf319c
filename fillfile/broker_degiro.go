package fillfile

import (
	"cmp"
	"errors"
	"slices"
	"strings"
)

// DEGIRO's account statement is in the customer's language, with the same twelve columns. A fill stands in words; its
// costs stand in lines of their own with the same order id.
var degiro = &layout{
	name: "degiro", title: "DEGIRO account CSV", dateOrder: "dmy", recognises: isDegiro,
	join: func(_ *File, rows rowReader) rowReader { return &degiroRows{rows: rows} },
	read: func(_ *File, r *row) ([]draft, string, error) {
		text := r.get("description")
		d, ok := parseSentence(text, true)
		switch {
		case r.get("part") != "":
			return nil, "", nil // its fill has taken it
		case !ok && looksLikeSentence(text):
			return nil, "", errors.New("the description tells no side, quantity and price: " + clip(text))
		case !ok:
			return nil, kindOr("other account line", text), nil
		}

		d.order = r.get("orderid")
		d.isin = cmp.Or(d.isin, r.get("isin"))
		d.currency = cmp.Or(d.currency, r.get("currency"))
		d.at = strings.TrimSpace(r.get("date") + " " + r.get("time"))
		if amount, err := plainNumber("amount", r.get("amount"), true); err == nil {
			d.totals = []total{{amount: amount, currency: r.get("currency")}}
		}

		for i, name := range r.names {
			if currency, isFee := strings.CutPrefix(name, "fee "); isFee {
				amount, err := plainNumber("fee", r.cells[i], true)
				if err != nil {
					return nil, "", err
				}
				d.fees = append(d.fees, fee{amount: amount, currency: currency, negated: true})
			}
		}

		return []draft{d}, "", nil
	},
}

// looksLikeSentence reports whether words begin like a fill.
func looksLikeSentence(text string) bool {
	verb, rest, _ := strings.Cut(text, " ")
	return sideOf(verb) != "" && strings.Contains(rest, "@")
}

var degiroNames = []string{
	"date", "time", "valuedate", "product", "isin", "description", "fx", "currency", "amount", "balancecurrency",
	"balance", "orderid",
}

func isDegiro(names []string) bool {
	return len(names) == len(degiroNames) && strings.HasSuffix(names[4], "isin") && names[8] == "" && names[10] == "" &&
		slices.ContainsFunc([]string{"order", "ordre", "orden", "ordem", "ordine"}, func(word string) bool {
			return strings.Contains(names[11], word)
		})
}

// degiroRowsMax is how many lines one order has at most.
const degiroRowsMax = 1000

// degiroRows gives a fill the costs of its order. The lines of an order stand together, or at the same minute.
type degiroRows struct {
	rows  rowReader
	ahead *row
	group []*row
	end   error
}

func (d *degiroRows) next() (*row, error) {
	if len(d.group) == 0 {
		if err := d.fill(); err != nil {
			return nil, err
		}
	}
	r := d.group[0]
	d.group = d.group[1:]
	return r, nil
}

// fill reads the next lines that belong together.
func (d *degiroRows) fill() error {
	for len(d.group) < degiroRowsMax && d.end == nil {
		r := d.ahead
		d.ahead = nil
		if r == nil {
			if r, d.end = d.read(); d.end != nil {
				break
			}
		}

		if n := len(d.group); n > 0 && !belongTogether(d.group[n-1], r) {
			d.ahead = r
			break
		}

		d.group = append(d.group, r)
	}

	if len(d.group) == 0 {
		return d.end
	}
	d.assign()
	return nil
}

// read reads a line, and the one below it if its order id was broken in two.
func (d *degiroRows) read() (*row, error) {
	for {
		r, err := d.rows.next()
		if err != nil {
			return nil, err
		}
		r.names, r.exact = degiroNames, nil
		if n := len(d.group); n > 0 && r.get("date") == "" && r.get("description") == "" && r.get("orderid") != "" {
			last := d.group[n-1]
			last.set("orderid", last.get("orderid")+r.get("orderid"))
			continue
		}
		return r, nil
	}
}

func belongTogether(a, b *row) bool {
	return a.get("orderid") != "" && a.get("orderid") == b.get("orderid") ||
		a.get("date") == b.get("date") && a.get("time") == b.get("time")
}

// assign moves the costs of each order to the last line of it that is a fill, which is the first in time.
func (d *degiroRows) assign() {
	fills := map[string]*row{}
	for _, r := range d.group {
		if _, isFill := parseSentence(r.get("description"), true); isFill && r.get("orderid") != "" {
			fills[r.get("orderid")] = r
		}
	}

	for _, r := range d.group {
		into := fills[r.get("orderid")]
		_, isFill := parseSentence(r.get("description"), true)
		if isFill || into == nil || knownKind(r.get("description")) == kindConversion ||
			looksLikeSentence(r.get("description")) {
			continue
		}
		into.names = append(slices.Clone(into.names), "fee "+r.get("currency"))
		into.cells = append(padCells(into.cells, len(into.names)-1), r.get("amount"))
		r.names = append(slices.Clone(r.names), "part")
		r.cells = append(padCells(r.cells, len(r.names)-1), "1")
	}
}
