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
	c.cancelled = d.take(listOf("cancelled canceled iscancelled iscanceled busted isbust storniert annulé"))
	c.zoneColumn = d.take(listOf("timezone tz zone zeitzone"))
	c.multiplier, c.accrued, c.rate = d.take(multiplierNames), d.take(accruedNames), d.take(rateNames)
	c.expiry, c.strike = d.take(expiryNames), d.take(strikeNames)
	d.symbols(c)
	if err := d.amounts(c); err != nil {
		return err
	}
	d.sides(c)
	d.classes(c)
	if err := d.costs(c); err != nil {
		return err
	}
	d.currencies(c)
	if err := d.sideOfSign(c); err != nil {
		return err
	}
	return d.unread(c)
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
	hidden := d.hiddenTimes()
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
	case day != nil && clock == nil && hidden != nil:
		return d.ask("time", "a column may hold the times of day and is not understood", []timeColumn{*hidden})
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

// hiddenTimes is a column that is named as a time and holds something else, as 093005 or a fraction of a day.
func (d *finder) hiddenTimes() *timeColumn {
	for _, c := range d.all {
		isNamed := strings.Contains(c.base, "time") || c.base == "hora" || c.base == "uhrzeit" || c.base == "tijd" || c.base == "heure"
		if isNamed && timeRank(c) >= 0 && len(c.filled()) > 0 && d.shapeOf(c) == noTime {
			return &timeColumn{column: c}
		}
	}
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
	if strings.HasSuffix(c.base, "utc") || c.base == "utctime" {
		return time.UTC
	}
	found := zoneInName.FindStringSubmatch(c.unit)
	if found == nil {
		if zone, err := zoneNamed(c.unit); err == nil && c.unit != "" && !strings.EqualFold(c.unit, "local") {
			return zone
		}
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
		if d.taken[col.name] || len(col.filled()) == 0 || d.isSideColumn(col) || !slices.ContainsFunc(col.filled(), maySymbol) {
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

// maySymbol reports whether a cell may be a symbol: it is neither an exchange nor the kind of an instrument.
func maySymbol(cell string) bool {
	_, isKind := classOf(cell)
	return !isKind && !exchanges[strings.ToUpper(cell)]
}

// exchanges are names of exchanges, which are not symbols.
var exchanges = wordSet(`NYSE NASDAQ XNAS XNYS AMEX ARCA BATS CBOE CME CBOT NYMEX COMEX ICE EUREX XETRA LSE TSX TSXV ASX NSE BSE HKEX SGX JPX
	TSE SIX OTC PINK IEX EDGX MEMX FRA GETTEX TRADEGATE SPOT BINANCE COINBASE KRAKEN BYBIT OKX KUCOIN NSDQ`)

// amounts finds the columns of quantity, price and totals.
func (d *finder) amounts(c *columns) error {
	price := d.numeric(priceNames)
	if price != nil {
		if other := d.otherPrice(c, price); other != nil {
			return d.ask("price", "either of its columns may hold the prices", []timeColumn{{column: price}, {column: other}})
		}
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
	c.lots = strings.Contains(quantity.base, "lot") || quantity.base == "contracts" || isContractUnit(quantity.unit) || isMetaTrader
	c.unit = d.money(quantity).currencyColumn
	if c.unit == "" {
		c.unit = d.take(listOf("sizeunit quantityunit qtyunit unit tradingunit"))
	}
	d.taken[c.unit] = true

	for _, col := range slices.Concat(d.allNumeric(eitherNames), d.allNumeric(totalNames)) {
		m := d.money(col)
		d.taken[col.name], d.taken[m.currencyColumn] = true, true
		m.gross = slices.Contains(grossNames, col.base)
		c.totals = append(c.totals, m)
	}
	if c.price.name == "" && len(c.totals) == 0 {
		return d.ask("price", "no column holds the prices", nil)
	}
	return nil
}

// otherPrice is another column of prices that differs and may be the fills' as well. In a list of orders, which has their
// status, the average price of the fills is it.
func (d *finder) otherPrice(c *columns, price *column) *column {
	if c.status != "" || d.named("ordertype") != nil {
		return nil
	}
	for _, other := range d.allNumeric(priceNames) {
		isAverage := strings.HasPrefix(other.base, "a") != strings.HasPrefix(price.base, "a")
		isTwice := other.base == price.base
		if other != price && (isAverage || isTwice) && !slices.Equal(other.cells, price.cells) {
			return other
		}
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
		c.classIsSure = slices.Contains(sureClassNames, col.base)
		if isClass || c.classIsSure && len(col.filled()) > 0 {
			c.class = col.name
			return
		}
	}
}

func isRight(cell string) bool {
	return slices.Contains([]string{"c", "p", "call", "put", "calls", "puts", "ce", "pe"}, strings.ToLower(strings.TrimSpace(cell)))
}

// costs finds all columns of fees, by name. A column that is the sum of all others stands for them.
func (d *finder) costs(c *columns) error {
	var all []*column
	for _, col := range d.all {
		if d.taken[col.name] || !isFeeName(col) {
			continue
		}
		if other := sameBase(all, col); other != nil {
			return d.ask("fee", "two columns may hold the same fee", []timeColumn{{column: other}, {column: col}})
		}
		all = append(all, col)
	}
	all, err := d.withoutParts(all)
	if err != nil {
		return err
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
	return nil
}

// isFeeName reports whether a column is named for a cost.
func isFeeName(c *column) bool {
	return feeWord.MatchString(c.base) && !notFee.MatchString(c.base) && !strings.Contains(c.exact, "%")
}

func sameBase(all []*column, c *column) *column {
	for _, other := range all {
		if other.base == c.base && !strings.Contains(c.name, repeatedMark) && c.unit != "" {
			return other
		}
	}
	return nil
}

// withoutParts drops the columns whose sum another column is. A column named as a total that is not their sum is asked
// about: it may contain them or come on top.
func (d *finder) withoutParts(all []*column) ([]*column, error) {
	if len(all) < 2 {
		return all, nil
	}
	for _, sum := range all {
		isSum, hasParts := true, false
		for row := range sum.cells {
			whole := new(big.Rat)
			for _, part := range all {
				value, ok := d.valueOf(part.cells[row])
				if part == sum || !ok {
					continue
				}
				whole.Add(whole, value)
				hasParts = hasParts || value.Sign() != 0
			}
			value, _ := d.valueOf(sum.cells[row])
			isSum = isSum && value.Cmp(whole) == 0
		}
		if isSum && hasParts {
			for _, part := range all {
				d.taken[part.name] = true
			}
			return []*column{sum}, nil
		}
	}
	for _, c := range all {
		if totalFee.MatchString(c.base) || strings.HasSuffix(c.base, "total") {
			return nil, d.ask("fee", "a column may be the sum of the other fees and is not", []timeColumn{{column: c}})
		}
	}
	return all, nil
}

// valueOf is the number of a cell, 0 of an empty one.
func (d *finder) valueOf(cell string) (*big.Rat, bool) {
	amount, _ := splitUnit(cell)
	if amount == "" || isFree(amount) {
		return new(big.Rat), true
	}
	plain, err := plainNumber("", amount, d.f.style.comma)
	if err != nil {
		return new(big.Rat), false
	}
	value, ok := ratOf(plain)
	if !ok {
		return new(big.Rat), false
	}
	return value, true
}

// isFree reports words for no fee.
func isFree(text string) bool {
	switch strings.ToLower(text) {
	case "free", "waived", "none", "nil", "gratis", "kostenlos":
		return true
	}
	return false
}

// unread refuses columns of numbers whose names say nothing, unless they are known to be harmless: one may be a cost.
func (d *finder) unread(c *columns) error {
	if c.ours {
		return nil
	}
	for _, col := range d.all {
		if cells := col.filled(); len(cells) > 0 && !slices.ContainsFunc(cells, func(cell string) bool { return !isHalfDay(cell) }) {
			return d.ask("time", "a column tells AM and PM apart from the time", []timeColumn{{column: col}})
		}
		isHarmless := col.base == "ignore" || col.base == "" && col.exact == "" || strings.Contains(col.exact, "%") || harmless.MatchString(col.base)
		isOrdered := slices.Contains(quantityNames, col.base) && (c.status != "" || d.same(col, c.quantity))
		isPrice := slices.Contains(priceNames, col.base) && (c.status != "" || d.same(col, c.price.name))
		if d.taken[col.name] || isHarmless || isOrdered || isPrice {
			continue
		}
		if slices.ContainsFunc(col.filled(), d.holdsAmount) {
			name := strings.TrimSpace(col.exact)
			return &AskError{
				Path: d.f.name(), Option: "cols", Reason: fmt.Sprintf("its column %q holds numbers and is not understood", clip(name)),
				Say: fmt.Sprintf("what it is, for example --cols 'fee=%s', or --cols 'ignore=%s'", clip(name), clip(name)),
			}
		}
	}
	return nil
}

func isHalfDay(cell string) bool {
	cell = strings.ToLower(strings.ReplaceAll(cell, ".", ""))
	return cell == "am" || cell == "pm"
}

// same reports whether a column holds what the named one does.
func (d *finder) same(c *column, name string) bool {
	other := d.named(name)
	return other != nil && slices.Equal(c.cells, other.cells)
}

// holdsAmount reports whether a cell is a number other than 0.
func (d *finder) holdsAmount(cell string) bool {
	value, ok := d.valueOf(cell)
	return ok && value.Sign() != 0 && d.isNumber(cell)
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
