package fillfile

import (
	"fmt"
	"math/big"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/blotterdb/blotter/barfile"
)

// settleColumns decides by names and by what the sample holds what each column of a file of anyone's means. What it
// cannot tell and what matters is an AskError.
func settleColumns(f *File) error {
	c := &columns{}
	f.columns = c
	d := newFinder(f, f.peeked)

	c.ours = d.named("positioneffect") != nil && d.named("commissioncurrency") != nil && d.named("executedat") != nil
	if err := d.times(c); err != nil {
		return err
	}
	c.settles = d.take(settleNames)
	c.id, c.order = d.take(idNames), d.take(orderNames)
	c.account, c.strategy, c.status = d.take(accountNames), d.take(strategyNames), d.take(statusNames)
	c.multiplier, c.accrued, c.rate = d.take(multiplierNames), d.take(accruedNames), d.take(rateNames)
	c.expiry, c.strike = d.take(expiryNames), d.take(strikeNames)
	d.symbols(c)
	if err := d.amounts(c); err != nil {
		return err
	}
	d.sides(c)
	d.classes(c)
	d.costs(c)
	d.currencies(c)

	return d.sideOfSign(c)
}

// The shapes of cells of a time column.
const (
	noTime = iota
	clockOnly
	dateOnly
	fullTime
	zonedTime
)

var clockShape = regexp.MustCompile(`(?i)^\d{1,2}:\d{2}(:\d{2}([.,]\d+)?)?\s*([ap]\.?m\.?)?(\s+[a-z]{3,4}|z|[+-]\d{2}:?\d{2})?$`)

// shapeOf is the shape that most filled cells of a column have, noTime if half of them and more are not times.
func (d *finder) shapeOf(c *column) int {
	cells := c.filled()
	var counts [zonedTime + 1]int
	for _, cell := range cells {
		counts[d.shapeOfCell(cell)]++
	}
	most := noTime
	for shape := clockOnly; shape <= zonedTime; shape++ {
		if counts[shape] > counts[most] || most == noTime {
			most = shape
		}
	}
	if 2*counts[noTime] >= len(cells) {
		return noTime
	}
	return most
}

func (d *finder) shapeOfCell(cell string) int {
	if clockShape.MatchString(cell) {
		return clockOnly
	}
	for _, dayFirst := range []bool{false, true} {
		probe := File{style: style{dayFirst: dayFirst}}
		at, err := probe.stamp(cell)
		switch {
		case err != nil:
			continue
		case at.Zoned:
			return zonedTime
		case at.Instant:
			return fullTime
		}
		return dateOnly
	}
	return noTime
}

// timeColumn is a column that may hold the time of the execution.
type timeColumn struct {
	*column
	rank  int // the lower, the more its name says that it is the execution's
	shape int
}

// Ranks of time columns: named as the execution's, as some time, as when the record was made.
const (
	rankTime    = 1000
	rankCreated = 2000
	rankUnknown = 3000
)

// times finds the columns of the time: one with date and time, else a date and a time of day, else a date.
func (d *finder) times(c *columns) error {
	var all []timeColumn
	for _, col := range d.all {
		t := timeColumn{column: col, rank: timeRank(col), shape: d.shapeOf(col)}
		if t.shape != noTime && t.rank >= 0 {
			all = append(all, t)
		}
	}
	if len(all) == 0 {
		all = d.unnamedTimes()
	}
	slices.SortStableFunc(all, func(a, b timeColumn) int { return a.rank - b.rank })

	best := func(fits func(timeColumn) bool) *timeColumn {
		i := slices.IndexFunc(all, fits)
		if i < 0 {
			return nil
		}
		return &all[i]
	}
	isFull := func(t timeColumn) bool { return t.shape == fullTime || t.shape == zonedTime }
	full := best(func(t timeColumn) bool { return isFull(t) && t.rank < rankTime })
	day := best(func(t timeColumn) bool { return t.shape == dateOnly })
	clock := best(func(t timeColumn) bool { return t.shape == clockOnly })
	if full == nil {
		full = best(func(t timeColumn) bool { return t.shape == zonedTime && t.rank < rankCreated })
	}
	if full == nil && (day == nil || clock == nil) {
		full = best(isFull)
	}

	switch {
	case full != nil:
		c.at = full.name
		c.zone = zoneOfName(full.column)
	case day != nil:
		c.day = day.name
		c.zone = zoneOfName(day.column)
		if clock != nil {
			c.clock = clock.name
			d.taken[clock.name] = true
		}
	default:
		return d.ask("time", "no column holds the times of the fills", all)
	}
	d.taken[c.at], d.taken[c.day] = true, true
	return nil
}

// timeRank ranks the name of a column; it is negative for times of something else.
func timeRank(c *column) int {
	if at := slices.Index(filledNames, c.base); at >= 0 {
		return at
	}
	if notTimes.MatchString(c.base) {
		return -1
	}
	if at := slices.Index(timeNames, c.base); at >= 0 {
		if strings.HasPrefix(c.base, "creat") || strings.HasPrefix(c.base, "update") {
			return rankCreated + at
		}
		return rankTime + at
	}
	for _, word := range []string{"time", "date", "datum", "zeit", "fecha", "heure"} {
		if strings.Contains(c.base, word) {
			return rankUnknown
		}
	}
	return -1
}

// unnamedTimes are columns whose names say nothing and whose cells are dates with words or signs between the digits.
func (d *finder) unnamedTimes() []timeColumn {
	var all []timeColumn
	for _, col := range d.all {
		isNumbers := !slices.ContainsFunc(col.filled(), func(cell string) bool { return strings.Trim(cell, "0123456789.,-") != "" })
		shape := d.shapeOf(col)
		if shape > clockOnly && !notTimes.MatchString(col.base) && !isNumbers {
			all = append(all, timeColumn{col, rankUnknown, shape})
		}
	}
	if len(all) != 1 {
		return nil
	}
	return all
}

// zoneOfName is the zone that a column's name tells, as Filled Time(UTC+08:00) does, or nil.
func zoneOfName(c *column) *time.Location {
	switch c.base {
	case "dateutc", "timeutc", "datetimeutc", "utctime":
		return time.UTC
	}
	found := zoneInName.FindStringSubmatch(c.unit)
	if found == nil {
		return nil
	}
	if found[1] == "" {
		return time.UTC
	}
	offset, err := time.Parse("-07:00", fmt.Sprintf("%s%02s:%02s", found[1], found[2], or(found[3], "00")))
	if err != nil {
		return nil
	}
	_, seconds := offset.Zone()
	return time.FixedZone("", seconds)
}

// symbols finds the column of the symbol, and the ISIN that stands in for one.
func (d *finder) symbols(c *columns) {
	for _, name := range symbolNames {
		col := d.named(name)
		if col == nil {
			if col = d.find([]string{name}); col == nil {
				continue
			}
		}
		if d.taken[col.name] || len(col.filled()) == 0 || d.isSideColumn(col) {
			continue
		}
		d.taken[col.name] = true
		c.symbol = append(c.symbol, col.name)
		break
	}
	if c.isin = d.take(isinNames); c.isin != "" {
		c.symbol = append(c.symbol, c.isin)
	}
}

// amounts finds the columns of quantity, price and totals.
func (d *finder) amounts(c *columns) error {
	price := d.numeric(priceNames)
	if price != nil {
		d.taken[price.name] = true
		c.price = d.money(price)
		d.taken[c.price.currencyColumn] = true
	}

	quantity := d.numeric(quantityNames)
	either := d.allNumeric(eitherNames)
	if quantity == nil && len(either) > 0 {
		var err error
		if quantity, err = d.quantityAmong(either, price); err != nil {
			return err
		}
	}
	if quantity == nil {
		return d.ask("quantity", "no column holds the quantities", nil)
	}
	d.taken[quantity.name] = true
	c.quantity = quantity.name
	isMetaTrader := quantity.base == "volume" && d.named("swap") != nil
	c.lots = strings.Contains(quantity.base, "lot") || strings.EqualFold(quantity.unit, "lots") || isMetaTrader
	if coin := d.money(quantity).currencyColumn; coin != "" {
		d.taken[coin] = true
	}

	for _, col := range slices.Concat(d.allNumeric(eitherNames), d.allNumeric(totalNames)) {
		m := d.money(col)
		d.taken[col.name], d.taken[m.currencyColumn] = true, true
		c.totals = append(c.totals, m)
	}
	if c.price.name == "" && len(c.totals) == 0 {
		return d.ask("price", "no column holds the prices", nil)
	}
	return nil
}

// numeric is the free column with the best of the names that holds numbers, or nil.
func (d *finder) numeric(names []string) *column {
	if all := d.allNumeric(names); len(all) > 0 {
		return all[0]
	}
	return nil
}

// allNumeric are the free columns of the names that hold numbers, best first.
func (d *finder) allNumeric(names []string) []*column {
	var all []*column
	for _, name := range names {
		for _, c := range d.all {
			if c.base != name || d.taken[c.name] || slices.Contains(all, c) {
				continue
			}
			cells := c.filled()
			if len(cells) == 0 || slices.ContainsFunc(cells, d.isNumber) {
				all = append(all, c)
			}
		}
	}
	return all
}

// quantityAmong tells which of the columns, volume and amount, is the quantity: the one whose product with the price is
// another column's money.
func (d *finder) quantityAmong(either []*column, price *column) (*column, error) {
	others := slices.Concat(either, d.allNumeric(totalNames))
	if price == nil || len(others) == 1 {
		return either[0], nil
	}
	var confirmed []*column
	for _, quantity := range either {
		for _, money := range others {
			if money != quantity && isProduct(quantity, price, money) {
				confirmed = append(confirmed, quantity)
				break
			}
		}
	}
	switch {
	case len(confirmed) == 1:
		return confirmed[0], nil
	case len(either) == 1:
		return either[0], nil // the check of the totals rejects what contradicts
	}
	return nil, d.ask("quantity", "either of its columns may hold the quantities, and quantity x price is neither", []timeColumn{{column: either[0]}, {column: either[1]}})
}

// isProduct reports whether quantity x price is the money in every row of the sample that has all three.
func isProduct(quantity, price, money *column) bool {
	rows := 0
	for i := range quantity.cells {
		var factors [3]*big.Rat
		whole := true
		for n, c := range []*column{quantity, price, money} {
			amount, _ := splitUnit(c.cells[i])
			value, ok := ratOf(amount)
			if !ok {
				whole = false
				break
			}
			factors[n] = value.Abs(value)
		}
		if !whole {
			continue
		}
		rows++
		value := new(big.Rat).Mul(factors[0], factors[1])
		difference := new(big.Rat).Sub(value, factors[2])
		if difference.Abs(difference).Cmp(new(big.Rat).Mul(factors[2], big.NewRat(1, 50))) > 0 {
			return false
		}
	}
	return rows > 0
}

// isSideColumn reports whether the cells of a column are words for buying and selling, all of them.
func (d *finder) isSideColumn(c *column) bool {
	cells := c.filled()
	for _, cell := range cells {
		if side, _ := sideIn(cell); sideOf(side) == "" {
			return false
		}
	}
	return len(cells) > 0
}

// tellsRows reports whether the cells of a column say what each row is: a purchase, a sale, or something else that is known.
func (d *finder) tellsRows(c *column) bool {
	for _, cell := range c.filled() {
		if _, other := sideIn(cell); other != "" && !isEnd(other) && knownKind(other) == "" {
			return false
		}
	}
	return d.holdsSides(c)
}

// holdsSides reports whether some cells of a column are words for buying or selling.
func (d *finder) holdsSides(c *column) bool {
	return slices.ContainsFunc(c.filled(), func(cell string) bool {
		side, _ := sideIn(cell)
		return sideOf(side) != ""
	})
}

// sides finds the column of the side: by name where some of its cells say buy or sell, otherwise the only one whose cells
// all say what a row is. The other columns that tell what a row is are remembered.
func (d *finder) sides(c *columns) {
	for _, name := range sideNames {
		col := d.find([]string{name})
		if col == nil {
			continue
		}
		switch {
		case c.side == "" && d.holdsSides(col):
			c.side = col.name
			d.taken[col.name] = true
		default:
			c.kinds = append(c.kinds, col.name)
		}
	}
	if c.side != "" {
		return
	}

	var found []*column
	for _, col := range d.all {
		if !d.taken[col.name] && d.tellsRows(col) {
			found = append(found, col)
		}
	}
	if len(found) == 1 {
		c.side = found[0].name
		d.taken[c.side] = true
		return
	}
	if col := d.find([]string{"side", "buysell", "bs"}); col != nil {
		c.side = col.name // its words are not known: each row is rejected
		d.taken[c.side] = true
	}
}

// sideOfSign lets the quantity's sign tell the side where both signs occur. Otherwise nothing does, and the file is refused.
func (d *finder) sideOfSign(c *columns) error {
	if c.side != "" {
		return nil
	}
	f := d.f
	for n := 0; ; n++ {
		negative, positive := false, false
		for _, r := range f.peeked {
			amount, _ := splitUnit(r.get(c.quantity))
			value, err := number("", amount, f.style.comma)
			negative = negative || err == nil && value.IsNeg()
			positive = positive || err == nil && value.IsPos()
		}
		if c.signed = negative && positive; c.signed {
			return nil
		}
		if n > 0 || f.broken != nil {
			break
		}
		f.readSample(sampleRowsMax)
	}
	return d.ask("side", "no column tells whether a row buys or sells, and its quantities do not have both signs", nil)
}

// classes finds the columns that tell the kind of instrument, and of an option call or put.
func (d *finder) classes(c *columns) {
	for _, name := range rightNames {
		col := d.find([]string{name})
		if col != nil && slices.ContainsFunc(col.filled(), isRight) && c.strike != "" {
			c.right = col.name
			break
		}
	}
	for _, name := range classNames {
		col := d.find([]string{name})
		if col == nil {
			continue
		}
		isClass := slices.ContainsFunc(col.filled(), func(cell string) bool {
			_, known := classOf(cell)
			return known
		})
		if isClass {
			c.class = col.name
			return
		}
	}
}

func isRight(cell string) bool {
	return slices.Contains([]string{"c", "p", "call", "put", "calls", "puts", "ce", "pe"}, strings.ToLower(strings.TrimSpace(cell)))
}

// costs finds all columns of fees. A column of their sum stands for the others.
func (d *finder) costs(c *columns) {
	var all []*column
	for _, col := range d.all {
		if d.taken[col.name] || !feeWord.MatchString(col.base) || notFee.MatchString(col.base) || len(col.filled()) == 0 {
			continue
		}
		if slices.ContainsFunc(col.filled(), func(cell string) bool { return !d.isNumber(cell) && !severalFees.MatchString(cell) }) {
			continue
		}
		if totalFee.MatchString(col.base) {
			all = []*column{col}
			break
		}
		all = append(all, col)
	}

	for _, col := range all {
		m := d.money(col)
		if m.currencyColumn == "" && m.currency == "" {
			if other := d.find(feeCurrencies); other != nil {
				m.currencyColumn = other.name
			}
		}
		d.taken[col.name] = true
		negative, positive := d.signs(col)
		m.negated, m.positive, m.mixed = negative && !positive, positive && !negative, negative && positive
		c.fees = append(c.fees, m)
	}
	c.mixSigns()
	for _, m := range c.fees {
		d.taken[m.currencyColumn] = true
	}
	switch {
	case c.ours:
		c.setFeeSign("positive")
	case d.f.opts.FeeSign != "":
		c.setFeeSign(d.f.opts.FeeSign)
	}
}

// mixSigns marks all columns of fees as mixed if some hold negative numbers and others positive ones.
func (c *columns) mixSigns() {
	negative, positive := false, false
	for _, m := range c.fees {
		negative = negative || m.negated
		positive = positive || m.positive
	}
	if !negative || !positive {
		return
	}
	for i := range c.fees {
		c.fees[i].negated, c.fees[i].mixed = false, true
	}
}

// signs reports whether a column has negative numbers and positive ones.
func (d *finder) signs(c *column) (negative, positive bool) {
	for _, cell := range c.filled() {
		amount, _ := splitUnit(cell)
		value, err := number("", amount, d.f.style.comma)
		negative = negative || err == nil && value.IsNeg()
		positive = positive || err == nil && value.IsPos()
	}
	return negative, positive
}

// setFeeSign says how fees that were paid are written; the other sign is a rebate then.
func (c *columns) setFeeSign(sign string) {
	for i := range c.fees {
		c.fees[i].negated, c.fees[i].mixed = sign == "negative", false
	}
	c.feesAreSure = true
}

// currencies finds the columns of the price's currency.
func (d *finder) currencies(c *columns) {
	if c.price.currencyColumn != "" {
		c.currency = append(c.currency, c.price.currencyColumn)
	}
	for _, name := range priceCurrencies {
		if col := d.find([]string{name}); col != nil && holdsCurrencies(col) {
			c.currency = append(c.currency, col.name)
			d.taken[col.name] = true
		}
	}
}

// ask refuses a file that does not tell what a column means, and gives the command that does.
func (d *finder) ask(what, reason string, candidates []timeColumn) error {
	names := make([]string, 0, len(d.all))
	for _, c := range d.all {
		names = append(names, or(strings.TrimSpace(c.exact), "-"))
	}
	if len(candidates) > 0 {
		found := make([]string, 0, len(candidates))
		for _, c := range candidates {
			found = append(found, c.exact)
		}
		reason += " (" + strings.Join(found, ", ") + ")"
	}
	return &AskError{
		Path: d.f.name(), Option: "cols",
		Reason: reason + "; its columns are " + clipTo(barfile.Storable(strings.Join(names, ", ")), 300),
		Say:    "--cols " + what + "=COLUMN, with the column that tells it",
	}
}
