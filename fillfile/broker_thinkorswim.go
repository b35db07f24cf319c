package fillfile

import (
	"cmp"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// thinkorswim's list of filled orders, and its account statement, whose sections are a cash balance and the history of
// trades. The legs of a spread stand below each other, and only the first has the time. An option is named by its
// underlying, expiry, strike and type. Only the cash balance has the fees.
var thinkorswim = &layout{
	name: "thinkorswim", title: "thinkorswim CSV", dateOrder: "mdy",
	recognises: func(names []string) bool { return thinkorswimSection(names) != "" },
	join:       func(_ *File, rows rowReader) rowReader { return newThinkorswimRows(rows) },
	read:       readThinkorswim,
}

// The names of the sections, plain.
var (
	thinkorswimTrades = strings.Fields("exectime spread side qty poseffect symbol exp strike type price netprice")
	thinkorswimCash   = strings.Fields("type ref description miscfees commissionsfees amount balance")
)

// thinkorswimSection returns "trades" or "cash" for the header of such a section.
func thinkorswimSection(names []string) string {
	has := func(needs []string) bool {
		return !slices.ContainsFunc(needs, func(need string) bool { return !slices.Contains(names, need) })
	}
	switch {
	case has(thinkorswimTrades):
		return "trades"
	case has(thinkorswimCash):
		return "cash"
	}
	return ""
}

// thinkorswimExpiry is an expiry with the size of the contract and its cycle: 19 JUN 26 100 (Weeklys).
var thinkorswimExpiry = regexp.MustCompile(`^(\d{1,2} [A-Z]{3} \d{2})(?: (\d+))?(?: \(.*\))?$`)

func readThinkorswim(_ *File, r *row) ([]draft, string, error) {
	switch r.get("section") {
	case "":
		return nil, "", nil // titles, headers, and lines of other sections
	case "cash":
		return readThinkorswimCash(r)
	}
	if problem := r.get("problem"); problem != "" {
		return nil, "", errors.New(problem)
	}

	kind := strings.ToUpper(r.get("type"))
	d := draft{
		at:       r.get("exectime"),
		symbol:   r.get("symbol"),
		side:     r.get("side"),
		quantity: r.get("qty"),
		price:    r.get("price"),
		currency: "USD",
	}

	for _, name := range []string{"tradefee1", "tradefee2"} {
		d.fees = append(d.fees, fee{amount: r.get(name), negated: true})
	}

	switch kind {
	case "STOCK", "ETF":
		d.class, d.classKnown = plain, true
	case "CALL", "PUT":
		d.class, d.classKnown = option, true
		d.expiry = r.get("exp")
		d.strike = r.get("strike")
		d.right = kind
		if !strings.HasPrefix(d.symbol, "/") {
			d.multiplier = usOptionSize
		}
		if found := thinkorswimExpiry.FindStringSubmatch(d.expiry); found != nil {
			d.expiry, d.multiplier = found[1], cmp.Or(found[2], d.multiplier)
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

// readThinkorswimCash reads a line of the cash balance that is not a trade. Trades have their own section.
func readThinkorswimCash(r *row) ([]draft, string, error) {
	kind, description := strings.ToUpper(r.get("type")), r.get("description")
	switch {
	case kind == "TRD" || kind == "BAL" || kind == "":
		return nil, "", nil
	case kind == "RAD" && isEnd(description):
		return nil, "", errors.New("the end of an option stands in the cash balance alone, where it is not read: " +
			clip(description))
	case kind == "EFN" || kind == "FND" || kind == "WIN" || kind == "WOU" || kind == "CRC":
		return nil, movement(r.get("amount")), nil
	}
	return nil, kindOf(description, kind), nil
}

// thinkorswimRows gives each line its section, the legs of a spread the time of the first, and trades the fees that the
// cash balance has for them.
type thinkorswimRows struct {
	rows    rowReader
	header  []string
	section string
	time    string
	cash    map[string][]*cashLine // by date and time
	lines   int
	hasCash bool
}

// cashLine is a trade in the cash balance.
type cashLine struct {
	description      string
	misc, commission string
	taken            bool
}

// cashLinesMax bounds the trades of a statement that are remembered.
const cashLinesMax = 100_000

func newThinkorswimRows(rows rowReader) *thinkorswimRows {
	t := &thinkorswimRows{rows: rows, cash: map[string][]*cashLine{}}
	text, ok := rows.(*textRows)
	if !ok {
		return t
	}
	text.exact = nil // headers of sections are rows
	for _, above := range text.above {
		t.place(&row{cells: above.cells})
	}
	t.startSection(text.header)
	return t
}

func (t *thinkorswimRows) startSection(names []string) {
	t.header, t.section = names, thinkorswimSection(names)
	t.hasCash = t.hasCash || t.section == "cash"
}

func (t *thinkorswimRows) next() (*row, error) {
	r, err := t.rows.next()
	if err != nil {
		return nil, err
	}
	t.place(r)
	if t.lines > cashLinesMax {
		return nil, fmt.Errorf("the cash balance has more than %d trades", cashLinesMax)
	}
	return r, nil
}

// place gives a line its names and its section.
func (t *thinkorswimRows) place(r *row) {
	names := plainNames(r.cells)
	isHeader := slices.Contains(r.cells, "Symbol") || thinkorswimSection(names) != "" ||
		slices.Contains(names, "commissionsfees")
	if isHeader {
		t.startSection(names)
	}

	r.names = t.header
	r.exact = nil
	r.hasExtraCells = false
	if isHeader || t.section == "" {
		return
	}

	switch {
	case t.section == "cash":
		t.addCash(r)
	case r.get("qty") == "" && r.get("symbol") == "":
		t.section = "" // the list is over
		return
	default:
		t.addTrade(r)
	}
	r.set("section", t.section)
}

// addCash remembers the fees of a trade.
func (t *thinkorswimRows) addCash(r *row) {
	at := strings.TrimSpace(r.get("date", "execdate") + " " + r.get("time", "exectime"))
	if r.get("type") != "TRD" {
		return
	}
	t.lines++
	t.cash[at] = append(t.cash[at], &cashLine{
		description: r.get("description"), misc: r.get("miscfees"), commission: r.get("commissionsfees"),
	})
}

// addTrade gives a leg its time, and the first leg the fees of all.
func (t *thinkorswimRows) addTrade(r *row) {
	at := r.get("exectime")
	if at == "" {
		r.set("exectime", t.time)
		return
	}
	t.time = at
	if !t.hasCash {
		return
	}

	line := t.cashOf(at, r.get("symbol"), r.get("netprice"))
	if line == nil {
		r.set("problem", "the cash balance has no line, or several, with its fees at "+clip(at))
		return
	}
	line.taken = true
	r.set("tradefee1", line.misc)
	r.set("tradefee2", line.commission)
}

// cashOf finds the line of a trade: the only one at its time, or the only one that names its symbol and price too.
func (t *thinkorswimRows) cashOf(at, symbol, price string) *cashLine {
	var free, named []*cashLine
	for _, line := range t.cash[at] {
		if line.taken {
			continue
		}

		free = append(free, line)
		words := strings.Fields(line.description)
		if slices.Contains(words, symbol) && slices.Contains(words, "@"+price) {
			named = append(named, line)
		}
	}

	switch {
	case len(free) == 1:
		return free[0]
	case len(named) == 1:
		return named[0]
	}

	return nil
}
