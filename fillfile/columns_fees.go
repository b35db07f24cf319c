package fillfile

import (
	"fmt"
	"math/big"
	"slices"
	"strings"
)

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
		m.negated = negative && !positive
		m.positive = positive && !negative
		m.mixed = negative && positive
		c.fees = append(c.fees, m)
	}

	c.mixSigns()
	for _, m := range c.fees {
		d.taken[m.currencyColumn] = true
	}

	switch {
	case c.isBlotter:
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

// valueOf returns the number of a cell, or 0 for an empty one.
func (d *finder) valueOf(cell string) (*big.Rat, bool) {
	amount, _ := splitUnit(cell)
	if amount == "" || isFree(amount) {
		return new(big.Rat), true
	}
	value, _, err := ratIn("", amount, d.f.style.comma)
	if err != nil {
		return new(big.Rat), false
	}
	return value, true
}

// isFree reports whether a text says that there is no fee.
func isFree(text string) bool {
	switch strings.ToLower(text) {
	case "free", "waived", "none", "nil", "gratis", "kostenlos":
		return true
	}
	return false
}

// unread returns an AskError for a column of numbers with an unknown name, because it may be a cost.
func (d *finder) unread(c *columns) error {
	if c.isBlotter {
		return nil
	}
	for _, col := range d.all {
		if cells := col.filled(); len(cells) > 0 &&
			!slices.ContainsFunc(cells, func(cell string) bool { return !isHalfDay(cell) }) {
			return d.ask("time", "a column tells AM and PM apart from the time", []timeColumn{{column: col}})
		}

		isHarmless := col.base == "ignore" || col.base == "" && col.exact == "" || strings.Contains(col.exact, "%") ||
			harmless.MatchString(col.base)
		isOrdered := slices.Contains(quantityNames, col.base) && (c.status != "" || d.same(col, c.quantity))
		isPrice := slices.Contains(priceNames, col.base) && (c.status != "" || d.same(col, c.price.name))
		if d.taken[col.name] || isHarmless || isOrdered || isPrice {
			continue
		}

		if slices.ContainsFunc(col.filled(), d.holdsAmount) {
			name := strings.TrimSpace(col.exact)
			return &AskError{
				Path:   d.f.name(),
				Option: "cols",
				Reason: fmt.Sprintf("its column %q holds numbers and is not understood", clip(name)),
				Say: fmt.Sprintf("its meaning, for example --cols 'fee=%s' or --cols 'ignore=%s'", clip(name),
					clip(name)),
			}
		}
	}
	return nil
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
