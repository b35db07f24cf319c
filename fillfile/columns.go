package fillfile

import (
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/blotterdb/blotter/internal/tabular"
)

// column is one column of a table, or one name of JSON objects, with what its first cells hold.
type column struct {
	name  string // plain, as rows are asked for it
	exact string // as the file writes it
	base  string // plain, without a unit in brackets
	unit  string // in brackets behind the name: USD of "Price (USD)", "" where there is none
	next  string // plain name of the column to the right
	// previous is that of the column to the left
	previous string
	cells    []string // of the sample, as they stand, with empty ones for those that are missing
}

// unitInName is a currency or its sign, a time zone or another unit behind a column's name: "Price ($)", "Date(UTC+8)".
var unitInName = regexp.MustCompile(`^(.*\S)\s*[(\[]([^()\[\]]*)[)\]]\s*$`)

// columnsOf collects the columns of the rows, in the order in which they first appear.
func columnsOf(rows []*row) []*column {
	var all []*column
	at := map[string]*column{}
	for n, r := range rows {
		for i, name := range r.names {
			c := at[name]
			if c == nil {
				c = newColumn(r, i)
				at[name] = c
				all = append(all, c)
			}

			for len(c.cells) < n {
				c.cells = append(c.cells, "")
			}

			if len(c.cells) == n {
				c.cells = append(c.cells, r.get(name))
			}
		}
	}

	for _, c := range all {
		for len(c.cells) < len(rows) {
			c.cells = append(c.cells, "")
		}
	}
	return all
}

func newColumn(r *row, i int) *column {
	c := &column{name: r.names[i], exact: r.names[i]}
	c.base, _, _ = strings.Cut(c.name, repeatedMark)
	if i < len(r.exact) {
		c.exact = r.exact[i]
	}

	if found := unitInName.FindStringSubmatch(c.exact); found != nil {
		c.unit = strings.TrimSpace(found[2])
		if isUnit(c.unit) {
			c.base = plainName(found[1])
		}
	}
	if c.unit == "" {
		c.unit, c.base = currencyBehind(c.exact, c.base)
	}

	if i+1 < len(r.names) {
		c.next = r.names[i+1]
	}
	if i > 0 {
		c.previous = r.names[i-1]
	}
	return c
}

// currencyBehind takes the currency from the end of a name, as in Fees EUR.
func currencyBehind(exact, base string) (unit, rest string) {
	exact = strings.TrimSpace(exact)
	at := strings.LastIndexByte(exact, ' ')
	last := exact[at+1:]
	if at < 0 || len(last) != 3 || strings.ToUpper(last) != last || !isMoney(last) {
		return "", base
	}
	return last, plainName(exact[:at])
}

// baseNames returns plain names without units in brackets.
func baseNames(names []string) []string {
	r := &row{names: plainNames(names), exact: names}
	all := make([]string, len(names))
	for i := range names {
		all[i] = newColumn(r, i).base
	}
	return all
}

// isUnit reports whether a text in brackets behind a name is a unit: a currency, its sign, or a time zone.
func isUnit(text string) bool {
	return currencySigns[text] != "" || text == "$" || isCurrency(text) || zoneInName.MatchString(text)
}

// filled returns the cells that are not missing.
func (c *column) filled() []string {
	return slices.DeleteFunc(slices.Clone(c.cells), func(cell string) bool { return cell == "" })
}

// moneyColumn is a column of money and the currency that it is in.
type moneyColumn struct {
	name           string
	currencyColumn string // "" where no column says it
	currency       string // of its name: "Fee (EUR)"
	mixed          bool   // of fees: it holds both signs
	positive       bool   // of fees: it holds positive numbers alone
	gross          bool   // of totals: its name says that it is without fees
	negated        bool   // of fees: what was paid is negative
}

// columns are the columns of a file of fills by their meaning. An empty name is a column that the file does not have.
type columns struct {
	at, day, clock string // a time; or a date and a time of day
	zone           *time.Location
	settles        string
	symbol         []string
	isin           string
	side           string // "" where the quantity's sign tells
	signed         bool   // the quantity's sign tells the side
	quantity       string
	lots           bool   // the quantity counts lots, of a size that is not told
	unit           string // of the quantity
	cancelled      string // says whether a row was taken back
	zoneColumn     string // of the time
	classIsSure    bool   // the column of the class is named for nothing else
	price          moneyColumn
	totals         []moneyColumn
	fees           []moneyColumn
	accrued, rate  string
	currency       []string
	kinds          []string // other columns that tell what a row is
	isBlotter      bool     // an export of blotter, whose signs are known
	feesAreSure    bool     // how fees that were paid are written is known

	id, order, account, strategy, status, multiplier string
	class, expiry, strike, right                     string
}

// finder finds columns by their meaning. A column has one meaning.
type finder struct {
	f     *File
	all   []*column
	taken map[string]bool
	// currencyFirst is a header in which currencies stand before the amounts that they are of.
	currencyFirst bool
}

func newFinder(f *File, rows []*row) *finder {
	d := &finder{f: f, all: columnsOf(rows), taken: map[string]bool{}}
	for _, c := range d.all {
		isMoneyName := slices.Contains(priceNames, c.base) || slices.Contains(totalNames, c.base) ||
			feeWord.MatchString(c.base) && !notFee.MatchString(c.base)
		if slices.Contains(priceCurrencies, c.base) || isMoneyName {
			d.currencyFirst = !isMoneyName
			break
		}
	}
	return d
}

// find returns the free column with the best of the names, or nil.
func (d *finder) find(names []string) *column {
	for _, name := range names {
		for _, c := range d.all {
			if (c.base == name || c.name == name) && !d.taken[c.name] {
				return c
			}
		}
	}
	return nil
}

// take returns the name of the free column with the best of the names, or "", and marks it as taken.
func (d *finder) take(names []string) string {
	c := d.find(names)
	if c == nil {
		return ""
	}
	d.taken[c.name] = true
	return c.name
}

// money describes a column of money: which column or name says its currency.
func (d *finder) money(c *column) moneyColumn {
	m := moneyColumn{name: c.name}
	if currency := currencyInName(c.unit); currency != "" {
		m.currency = currency
		return m
	}

	for _, name := range []string{
		"currency" + c.base, c.base + "currency", c.base + "coin", c.base + "asset",
		c.base + "ccy", c.base + "unit",
	} {
		if other := d.named(name); other != nil && holdsCurrencies(other) {
			m.currencyColumn = other.name
			return m
		}
	}

	// A name as "Currency" that comes more than once belongs to the money beside it, on the side on which the first
	// stands.
	beside := c.next
	if d.currencyFirst {
		beside = c.previous
	}
	other := d.named(beside)
	if other != nil && d.named(other.base+repeatedMark+"2") != nil && slices.Contains(priceCurrencies, other.base) &&
		holdsCurrencies(other) {
		m.currencyColumn = other.name
	}

	return m
}

// repeatedMark numbers names that a header has more than once.
const repeatedMark = "#"

func (d *finder) named(name string) *column {
	for _, c := range d.all {
		if name != "" && c.name == name {
			return c
		}
	}
	return nil
}

// holdsCurrencies reports whether every filled cell of a column is a currency.
func holdsCurrencies(c *column) bool {
	for _, cell := range c.filled() {
		if !isCode(cell) {
			return false
		}
	}
	return true
}

// numberNames makes the names of a header unique: the second "currency" is "currency#2".
func numberNames(names []string) []string {
	seen := map[string]int{}
	all := make([]string, len(names))
	for i, name := range names {
		all[i] = name
		if name == "" {
			continue
		}
		if seen[name]++; seen[name] > 1 {
			all[i] = name + repeatedMark + string(rune('0'+min(seen[name], 9)))
		}
	}
	return all
}

// isNumber reports whether a cell is a number, perhaps with a currency.
func (d *finder) isNumber(cell string) bool {
	amount, _ := splitUnit(cell)
	_, err := number("", amount, d.f.style.comma)
	if err != nil {
		_, err = number("", amount, !d.f.style.comma)
	}
	return err == nil && !tabular.IsMissing(amount)
}
