package fillfile

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// The layouts of files of anyone's, whose columns are told by their names and by what they hold.
var (
	genericCSV = &layout{
		name: "csv", title: "CSV", recognises: namesFills, never: listOf("open high low"), prepare: settleColumns, read: readGeneric,
	}
	genericJSON = &layout{
		name: "json", title: "JSON", recognises: namesFills, never: listOf("open high low submittedat origqty cumexecqty"),
		prepare: settleColumns, read: readGeneric,
	}
)

// namesFills reports whether names of columns, without units, are those of fills: a time, a quantity, a price, and a symbol
// or a side.
func namesFills(names []string) bool {
	has := func(lists ...[]string) bool {
		return slices.ContainsFunc(names, func(name string) bool { return slices.Contains(slices.Concat(lists...), name) })
	}
	isTime := func(name string) bool { return timeRank(&column{base: name}) >= 0 }
	if has(listOf("openprice entryprice openrate buyprice")) && has(listOf("closeprice exitprice closerate sellprice")) {
		return false // an entry and an exit a row
	}
	if has(listOf("positionvalue positionamt positionstatus liqprice liquidationprice unrealizedpnl unrealisedpnl unrealizedpl")) {
		return false // positions
	}
	return slices.ContainsFunc(names, isTime) && has(quantityNames, eitherNames) && has(priceNames, totalNames) && has(symbolNames, sideNames)
}

// readGeneric reads a row by what its columns mean.
func readGeneric(f *File, r *row) ([]draft, string, error) {
	c := f.columns
	if c.unfilled(r) {
		return nil, kindOrder, nil
	}
	d := c.draft(r)

	text := r.get(c.side)
	side, other := sideIn(text)
	if other == "" && text != "" || c.signed {
		d.side = side
		return []draft{d}, "", nil
	}
	what := strings.TrimSpace(other + " " + strings.Join(c.kindCells(r), " "))
	switch {
	case d.quantity != "" && isEnd(what) && d.mayEnd():
		d.ends, d.side = true, ""
		return []draft{d}, "", nil
	case knownKind(what) != "" && (other != "" || d.quantity == "" || d.price == ""):
		return nil, knownKind(what), nil // a dividend or a deposit among the fills
	case d.quantity == "" || d.price == "" && len(d.totals) == 0:
		return nil, kindOf(what), nil
	case text == "":
		return nil, "", errors.New("the row does not say whether it buys or sells")
	}
	return nil, "", fmt.Errorf("side %q is neither buy nor sell", clip(text))
}

// draft reads the cells of a row.
func (c *columns) draft(r *row) draft {
	d := draft{
		id: r.get(c.id), order: r.get(c.order), account: r.get(c.account), strategy: r.get(c.strategy),
		at: r.get(c.at), settles: r.get(c.settles), zone: c.zone,
		symbol: r.get(c.symbol...), multiplier: r.get(c.multiplier),
		expiry: r.get(c.expiry), strike: r.get(c.strike), right: r.get(c.right),
		accrued: r.get(c.accrued), rate: r.get(c.rate),
	}
	if c.at == "" {
		d.at = strings.TrimSpace(dayOf(r.get(c.day), c.clock) + " " + r.get(c.clock))
	}
	if !isRight(d.right) {
		d.right = ""
	}
	d.class, d.classKnown = classOf(r.get(c.class))
	if !d.classKnown && c.lots {
		d.class = lots
	}

	var unit string
	d.quantity, unit = splitUnit(r.get(c.quantity))
	if d.symbol == "" {
		d.symbol = unit
	}
	d.price, unit = splitUnit(r.get(c.price.name))
	d.currency = or(unit, c.price.currency, r.get(c.currency...))
	if d.currency == "" {
		d.currency = pairQuote(d.symbol)
	}
	for _, m := range c.totals {
		if amount := r.get(m.name); amount != "" {
			d.totals = append(d.totals, total{amount: amount, currency: or(m.currency, r.get(m.currencyColumn))})
		}
	}
	for _, m := range c.fees {
		for _, cell := range feesApart(r.get(m.name)) {
			d.fees = append(d.fees, c.fee(cell, r, m))
		}
	}
	return d
}

// severalFees is a cell with fees in several currencies, as blotter trades list writes them: "0.8 EUR, 0.62 GBP".
var severalFees = regexp.MustCompile(`^-?\d+(\.\d+)? [A-Z0-9]+(, -?\d+(\.\d+)? [A-Z0-9]+)+$`)

// feesApart takes a cell with several fees apart.
func feesApart(cell string) []string {
	if severalFees.MatchString(cell) {
		return strings.Split(cell, ", ")
	}
	return []string{cell}
}

// fee reads one cost, and whether its sign is the one that the column has otherwise.
func (c *columns) fee(cell string, r *row, m moneyColumn) fee {
	amount, unit := splitUnit(cell)
	isNegative := strings.ContainsAny(amount, "-(")
	return fee{
		amount: amount, currency: or(unit, m.currency, r.get(m.currencyColumn)), negated: m.negated,
		unsure: !c.feesAreSure && (m.mixed || isNegative != m.negated),
	}
}

// kindCells are the cells that may say what a row without a side is.
func (c *columns) kindCells(r *row) []string {
	var cells []string
	for _, name := range append(slices.Clone(c.kinds), "description", "notes", "note", "comment") {
		if cell := r.get(name); cell != "" {
			cells = append(cells, cell)
		}
	}
	return cells
}

// dayOf drops the time of midnight that a date has beside a column of times of day.
func dayOf(date, clock string) string {
	if clock == "" {
		return date
	}
	for _, midnight := range []string{" 00:00:00", "T00:00:00", " 12:00:00 AM", " 0:00"} {
		date = strings.TrimSuffix(date, midnight)
	}
	return date
}

// mayEnd reports whether a draft is of an instrument whose life ends: an option or a future.
func (d *draft) mayEnd() bool {
	return d.class == option || d.class == future || d.strike != "" || classOfSymbol(d.symbol).needsMultiplier()
}

// isEnd reports words of an end of an option's life.
func isEnd(text string) bool {
	text = strings.ToLower(text)
	for _, word := range []string{"expir", "assign", "exercis", "verfall", "ausübung", "zuteilung"} {
		if strings.Contains(text, word) {
			return true
		}
	}
	return false
}

// unfilled reports an order that ended or waits without a fill, in a list of orders with their fills.
func (c *columns) unfilled(r *row) bool {
	status := strings.ToLower(r.get(c.status))
	waits := func(word string) bool { return strings.Contains(status, word) }
	if !slices.ContainsFunc(listOf("cancel reject expire new open pending working accepted storniert gestrichen inactive failed"), waits) {
		return false
	}
	filled, err := number("", r.get("filledqty", "filledquantity", "fillqty", "execqty", "executedqty", "executedquantity", "filled"), false)
	return err != nil || filled.IsZero()
}

// neutral are words beside buy and sell that do not change what they say.
var neutral = wordSet(`market limit stop trade fill filled order lmt mkt to open close opening closing transaction stock stocks share shares
	equity option options you short long at the a position cover partial partially exchange spot advanced reinvest reinvestment
	reinvested drip`)

// sideIn finds buy or sell in words as "Market buy". Words that tell nothing of the side come back as other.
func sideIn(text string) (side, other string) {
	if text == "" || sideOf(text) != "" {
		return text, ""
	}
	found := ""
	parts := strings.FieldsFunc(strings.ToLower(text), func(c rune) bool { return strings.ContainsRune(" -_:,()/", c) })
	for _, part := range parts {
		is := sides[part]
		switch {
		case is != "" && len(part) > 2 && (found == "" || found == string(is)):
			found = string(is)
		case is != "" && len(part) > 2:
			return "", text // both
		case !neutral[part]:
			return "", text
		}
	}
	if found == "" {
		found = positionSide(parts)
	}
	if found == "" {
		return "", text
	}
	return found, ""
}

// positionSide reads "open long" and "close short" and the like.
func positionSide(parts []string) string {
	has := func(word string) bool { return slices.Contains(parts, word) }
	opens, closes := has("open") || has("opening"), has("close") || has("closing")
	switch long, short := has("long"), has("short"); {
	case opens == closes || long == short:
		return ""
	case opens == long:
		return "buy"
	}
	return "sell"
}

// marketMarks are names that trades of everybody have.
var marketMarks = listOf(`takerormaker localtimestamp isbuyermaker tickdirection aggressor aggressorside trdmatchid lastupdateid tape conditions
	saleconditions tradeseq`)

// isMarket reports a trade of everybody: it has no fee, no order and no account.
func isMarket(r *row) bool {
	has := func(name string) bool { return slices.Contains(r.names, name) }
	return !isOwn(r) && (slices.ContainsFunc(marketMarks, has) || has("cost") && has("amount"))
}

// isOwn reports whether a row says of which account or order it is, or what it cost.
func isOwn(r *row) bool {
	return slices.ContainsFunc(r.names, func(name string) bool {
		says := feeWord.MatchString(name) || slices.Contains(orderNames, name) || slices.Contains(accountNames, name) || name == "strategy"
		return says && r.get(name) != ""
	})
}
