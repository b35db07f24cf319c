package fillfile

import (
	"slices"
	"strings"
)

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

// tellsRows reports whether the cells of a column say what each row is: a purchase, a sale, or something else that is
// known.
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

// sides finds the column of the side: by name if some of its cells say buy or sell, otherwise the only one whose
// cells all say what a row is. The other columns that tell what a row is are remembered.
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

// sideOfSign lets the sign of the quantity tell the side if both signs occur. Otherwise the side is unknown, which is
// an error.
func (d *finder) sideOfSign(c *columns) error {
	if c.side != "" {
		return nil
	}

	f := d.f
	for n := 0; ; n++ {
		negative, positive := false, false
		for _, r := range f.lookahead {
			amount, _ := splitUnit(r.get(c.quantity))
			value, err := number("", amount, f.style.comma)
			negative = negative || err == nil && value.IsNeg()
			positive = positive || err == nil && value.IsPos()
		}

		if c.signed = negative && positive; c.signed {
			return nil
		}
		if n > 0 || f.sampleErr != nil {
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
	return slices.Contains([]string{"c", "p", "call", "put", "calls", "puts", "ce", "pe"},
		strings.ToLower(strings.TrimSpace(cell)))
}
