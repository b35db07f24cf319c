package fillfile

import (
	"cmp"
	"math/big"
	"slices"
	"strings"

	"github.com/blotterdb/blotter/internal/sqltext"
	"github.com/blotterdb/blotter/internal/tabular"
)

// settleColumns decides what each column of a file of unknown layout means, by its name and the cells of the sample. A
// column that matters and has two possible meanings is an AskError.
func settleColumns(f *File) error {
	c := &columns{}
	f.columns = c
	d := newFinder(f, f.lookahead)

	c.isBlotter = d.named("positioneffect") != nil && d.named("commissioncurrency") != nil &&
		d.named("executedat") != nil
	if err := d.times(c); err != nil {
		return err
	}

	c.settles = d.take(settleNames)
	c.id = d.take(idNames)
	c.order = d.take(orderNames)
	c.account = d.take(accountNames)
	c.strategy = d.take(strategyNames)
	c.status = d.take(statusNames)
	c.cancelled = d.take(strings.Fields("cancelled canceled iscancelled iscanceled busted isbust storniert annulé"))
	c.zoneColumn = d.take(strings.Fields("timezone tz zone zeitzone"))
	c.multiplier = d.take(multiplierNames)
	c.accrued = d.take(accruedNames)
	c.rate = d.take(rateNames)
	c.expiry = d.take(expiryNames)
	c.strike = d.take(strikeNames)
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

// symbols finds the column of the symbol, and the ISIN that stands in for one.
func (d *finder) symbols(c *columns) {
	for _, name := range symbolNames {
		col := d.named(name)
		if col == nil {
			if col = d.find([]string{name}); col == nil {
				continue
			}
		}

		if d.taken[col.name] || len(col.filled()) == 0 || d.isSideColumn(col) ||
			!slices.ContainsFunc(col.filled(), maySymbol) {
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
var exchanges = wordSet(`
	NYSE NASDAQ XNAS XNYS AMEX ARCA BATS CBOE CME CBOT NYMEX COMEX ICE EUREX XETRA LSE TSX TSXV ASX NSE BSE HKEX SGX
	JPX TSE SIX OTC PINK IEX EDGX MEMX FRA GETTEX TRADEGATE SPOT BINANCE COINBASE KRAKEN BYBIT OKX KUCOIN NSDQ`)

// amounts finds the columns of quantity, price and totals.
func (d *finder) amounts(c *columns) error {
	price := d.numeric(priceNames)
	if price != nil {
		if other := d.otherPrice(c, price); other != nil {
			return d.ask("price", "either of its columns may hold the prices",
				[]timeColumn{{column: price}, {column: other}})
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
	c.lots = strings.Contains(quantity.base, "lot") || quantity.base == "contracts" || isContractUnit(quantity.unit) ||
		isMetaTrader
	c.unit = d.money(quantity).currencyColumn
	if c.unit == "" {
		c.unit = d.take(strings.Fields("sizeunit quantityunit qtyunit unit tradingunit"))
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

// otherPrice returns another column of prices that differs and may be that of the fills, or nil. In a list of orders,
// which has their status, the average price of the fills is it.
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

// numeric returns the free column with the best of the names that holds numbers, or nil.
func (d *finder) numeric(names []string) *column {
	if all := d.allNumeric(names); len(all) > 0 {
		return all[0]
	}
	return nil
}

// allNumeric returns the free columns of the names that hold numbers, best first.
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
	return nil, d.ask("quantity", "either of its columns may hold the quantities, and quantity x price is neither",
		[]timeColumn{{column: either[0]}, {column: either[1]}})
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
		if !isNear(value, factors[2], new(big.Rat).Mul(factors[2], big.NewRat(1, 50))) {
			return false
		}
	}
	return rows > 0
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
		names = append(names, cmp.Or(strings.TrimSpace(c.exact), "-"))
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
		Reason: reason + "; its columns are " + tabular.Clip(sqltext.Storable(strings.Join(names, ", ")), 300),
		Say:    "--cols " + what + "=COLUMN to the column that tells it",
	}
}
