package fillfile

import (
	"cmp"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// The layouts of files of unknown origin. Their columns are recognized by their names and their cells.
var (
	genericCSV = &layout{
		name:       "csv",
		title:      "CSV",
		recognises: namesFills,
		never:      strings.Fields("open high low"),
		prepare:    settleColumns,
		read:       readGeneric,
	}
	genericJSON = &layout{
		name:       "json",
		title:      "JSON",
		recognises: namesFills,
		never:      strings.Fields("open high low submittedat origqty cumexecqty"),
		prepare:    settleColumns,
		read:       readGeneric,
	}
)

// namesFills reports whether names of columns, without units, are those of fills: a time, a quantity, a price, and a
// symbol or a side.
func namesFills(names []string) bool {
	has := func(lists ...[]string) bool {
		return slices.ContainsFunc(names, func(name string) bool {
			return slices.Contains(slices.Concat(lists...), name)
		})
	}

	isTime := func(name string) bool { return timeRank(&column{base: name}) >= 0 }
	if isRoundTrips(names) {
		return false
	}
	isPositions := has(strings.Fields(`positionvalue positionamt positionstatus liqprice liquidationprice
		unrealizedpnl unrealisedpnl unrealizedpl currentprice`))
	if isPositions {
		return false
	}

	return slices.ContainsFunc(names, isTime) && has(quantityNames, eitherNames) && has(priceNames, totalNames) &&
		has(symbolNames, sideNames)
}

// isRoundTrips reports whether names are those of closed positions, each with its entry and exit in one row.
func isRoundTrips(names []string) bool {
	return slices.ContainsFunc(names, entryName.MatchString) && slices.ContainsFunc(names, exitName.MatchString)
}

var (
	entryName = regexp.MustCompile(`^(avg)?(open|opening|entry|acquired|bought|buy|purchase)(price|date|time|rate)$|` +
		`^dateacquired$|^avgprice$`)
	exitName = regexp.MustCompile(`^(avg)?(close|exit|sold|sell|sale)(price|date|time|rate)$|^datesold$`)
)

// readGeneric reads a row by what its columns mean.
func readGeneric(f *File, r *row) ([]draft, string, error) {
	c := f.columns
	if err := f.checkWhole(r); err != nil {
		return nil, "", err
	}

	other, err := c.unfilledKind(r)
	if other != "" || err != nil {
		return nil, other, err
	}

	d := c.draft(r)
	if r.get("sizeinquote") == "true" {
		return nil, "", errors.New("its size is in the currency of the price; the quantity in the coin is needed")
	}
	if kind := r.get(c.class); kind != "" && !d.classKnown {
		return nil, "", fmt.Errorf("its kind of instrument %q is not known", clip(kind))
	}

	if zone := r.get(c.zoneColumn); zone != "" {
		if d.zone, err = zoneNamed(zone); err != nil {
			return nil, "", err
		}
	}

	text := r.get(c.side)
	side, other := sideIn(text)
	if other == "" && text != "" || c.signed {
		d.side = side
		return []draft{d}, c.kindBeside(r), nil
	}

	what := strings.TrimSpace(other + " " + strings.Join(c.kindCells(r), " "))
	switch {
	case d.quantity != "" && isEnd(what) && d.mayEnd():
		d.ends, d.side = true, ""
		return []draft{d}, "", nil
	case knownKind(what) != "" && (other != "" || d.quantity == "" || d.price == ""):
		return nil, knownKind(what), nil // a dividend or a deposit among the fills
	case d.quantity == "" || d.price == "" && d.gross == "":
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
		says: strings.Join(c.cellsOf(r, "description", "name", "securityname", "instrumentname", "securitydescription",
			"bezeichnung"), " "),
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

	d.unit = cmp.Or(unit, r.get(c.unit))
	if isContractUnit(d.unit) && !d.classKnown {
		d.class = lots
	}

	d.price, unit = splitUnit(r.get(c.price.name))
	d.currency = cmp.Or(unit, c.price.currency, r.get(c.currency...))
	if d.currency == "" {
		d.currency = pairQuote(d.symbol)
	}

	for _, m := range c.totals {
		if amount := r.get(m.name); amount != "" {
			d.totals = append(d.totals, total{amount: amount, currency: cmp.Or(m.currency, r.get(m.currencyColumn))})
			if m.gross {
				d.gross = amount
			}
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

// isContractUnit reports whether quantities in a unit count contracts or lots of an unknown size.
func isContractUnit(unit string) bool {
	switch strings.ToLower(strings.TrimSuffix(unit, ".")) {
	case "lot", "lots", "cont", "contract", "contracts", "kontrakte":
		return true
	}
	return false
}

// fee reads one cost, and whether its sign is the one that the column has otherwise.
func (c *columns) fee(cell string, r *row, m moneyColumn) fee {
	amount, unit := splitUnit(cell)
	isNegative := strings.ContainsAny(amount, "-(")
	if strings.Contains(r.get(m.name), "$") && unit == "" {
		unit = "$"
	}
	return fee{
		amount: amount, currency: cmp.Or(unit, m.currency, r.get(m.currencyColumn)), negated: m.negated,
		noCurrency: m.currencyColumn != "" && unit == "" && m.currency == "" && r.get(m.currencyColumn) == "",
		unsure:     !c.feesAreSure && (m.mixed || isNegative != m.negated),
	}
}

// kindCells returns the cells that may say what a row without a side is.
func (c *columns) kindCells(r *row) []string {
	return c.cellsOf(r, append(slices.Clone(c.kinds), "description", "notes", "note", "comment")...)
}

// cellsOf returns the cells of the named columns that are not empty.
func (c *columns) cellsOf(r *row, names ...string) []string {
	var cells []string
	for _, name := range names {
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

// isEnd reports whether words describe the end of an option's life.
func isEnd(text string) bool {
	text = strings.ToLower(text)
	for _, word := range []string{"expir", "assign", "exercis", "verfall", "ausübung", "zuteilung"} {
		if strings.Contains(text, word) {
			return true
		}
	}
	return false
}

// The words of a status: an order that did not fill or was taken back, and one that did.
var (
	failedWords = strings.Fields(`
		cancel reject expire new open pending working accepted storniert gestrichen inactive failed geannuleerd
		vervallen lapsed deleted withdrawn abgelaufen gelöscht annul bust queued placed submitted triggered suspended`)
	filledWords = strings.Fields(`
		fill exec complete done trade ausgeführt uitgevoerd exécut ejecut eseguit executad utför udfør settled
		confirmed closed ok booked processed success`)
)

// unfilledKind returns the kind of an order that ended or waits without a fill, in a list of orders with their fills,
// or "". An unknown status is an error.
func (c *columns) unfilledKind(r *row) (other string, err error) {
	switch strings.ToLower(r.get(c.cancelled)) {
	case "", "n", "no", "false", "0", "nein":
	default:
		return "", errors.New("it was taken back: " + c.cancelled + " is " + clip(r.get(c.cancelled)))
	}

	status := strings.ToLower(r.get(c.status))
	says := func(word string) bool { return strings.Contains(status, word) }

	switch failed := slices.ContainsFunc(failedWords, says); {
	case status == "":
		return "", nil
	case !failed && !slices.ContainsFunc(filledWords, says):
		return "", fmt.Errorf("its status %q is not known", clip(status))
	case !failed:
		return "", nil
	}

	filled, err := number("", r.get("filledqty", "filledquantity", "fillqty", "execqty", "executedqty",
		"executedquantity", "filled"), false)
	if err != nil || filled.IsZero() {
		return kindOrder, nil
	}

	return "", nil
}

// kindBeside returns the kind of a row with a side that is not a fill, as other columns tell it, or "".
func (c *columns) kindBeside(r *row) string {
	for _, cell := range c.cellsOf(r, c.kinds...) {
		cell = strings.ToLower(cell)
		for _, word := range []string{
			"cancel", "bust", "correct", "funding", "settlement", "storno", "reversal",
			"new order", "order placed", "order accepted",
		} {
			if strings.Contains(cell, word) {
				return clip(cell)
			}
		}
	}
	return ""
}

// checkWhole returns an error for a row that ends before a needed column, and for one that begins another table.
func (f *File) checkWhole(r *row) error {
	c := f.columns
	names := 0
	for _, cell := range r.cells {
		if plain := plainName(cell); len(plain) > 1 && slices.Contains(r.names, plain) {
			names++
		}
	}

	if names >= 3 {
		f.isOther = true
	}
	if f.isOther {
		return errors.New("another table begins here; put it into a file of its own")
	}

	needed := append([]string{c.quantity, c.price.name, c.side}, c.symbol...)
	for _, m := range append(slices.Clone(c.fees), c.totals...) {
		needed = append(needed, m.name)
	}
	for i, name := range r.names {
		if i >= len(r.cells) && name != "" && slices.Contains(needed, name) {
			return fmt.Errorf("the row ends before its column %s", name)
		}
	}
	return nil
}

// neutral are words beside buy and sell that do not change what they say.
var neutral = wordSet(`
	market limit stop trade fill filled order lmt mkt to open close opening closing transaction stock stocks share
	shares equity option options you short long at the a position cover partial partially exchange spot advanced
	reinvest reinvestment reinvested drip`)

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

	if len(parts) > 1 && (parts[0] == "close" || parts[0] == "open") && found != "" {
		return "", text // the close of what was bought, or a purchase that closes?
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
var marketMarks = strings.Fields(`
	takerormaker localtimestamp isbuyermaker tickdirection aggressor aggressorside trdmatchid lastupdateid tape
	conditions saleconditions tradeseq`)

// isMarket reports whether a row is a trade of the market, without a fee, an order and an account.
func isMarket(r *row) bool {
	has := func(name string) bool { return slices.Contains(r.names, name) }
	isRecord := (has("tradeid") || has("id")) && (has("createdtime") || has("timestamp") || has("ts")) &&
		len(r.names) <= 7
	if isRecord && !isOwn(r) {
		return true
	}
	return !isOwn(r) && (slices.ContainsFunc(marketMarks, has) || has("cost") && has("amount"))
}

// isOwn reports whether a row says of which account or order it is, or what it cost.
func isOwn(r *row) bool {
	return slices.ContainsFunc(r.names, func(name string) bool {
		says := feeWord.MatchString(name) || slices.Contains(orderNames, name) || slices.Contains(accountNames, name) ||
			name == "strategy"
		return says && r.get(name) != ""
	})
}
