package fillfile

import (
	"cmp"
	"errors"
	"io"
	"slices"
	"strings"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/internal/tabular"
)

// Holding is a position as the broker states it.
type Holding struct {
	Account  string // "" if the file does not say
	Symbol   string
	Quantity blotter.Decimal  // negative when short
	AvgPrice *blotter.Decimal // nil if the file does not say
	Digits   int              // of AvgPrice after the point, as the file writes it
	Line     int64
}

// holdingsMax is the most positions of a file.
const holdingsMax = 100_000

var (
	holdingNames = strings.Fields(`
		positionamt netquantity netqty quantity qty position pos shares units size netposition amount balance holding
		holdings`)
	averageNames = strings.Fields(`
		avgprice averageprice avgentryprice entryprice avgcost averagecost averagecostprice costbasisprice
		avgopenprice openprice avgpx averagepx avgfillprice costprice unitcost purchaseprice`)
	longShort     = []string{"positionside", "side", "longshort", "direction"}
	holdingLayout = &layout{
		name: "positions", title: "positions",
		needs: []string{strings.Join(symbolNames, "|"), strings.Join(holdingNames, "|")},
		never: []string{"tradeid", "executedat", "execid", "commission", "fee", "tradetime"},
		read: func(_ *File, r *row) ([]draft, string, error) {
			d := draft{
				account: r.get("accountid", "account"), symbol: r.get(symbolNames...), quantity: r.get(holdingNames...),
				price: r.get(averageNames...), side: r.get(longShort...),
			}
			if d.symbol == "" || d.quantity == "" || strings.HasPrefix(strings.ToLower(d.symbol), "total") {
				return nil, "total", nil
			}
			return []draft{d}, "", nil
		},
	}
)

// OpenPositions reads the positions in a broker's file: CSV or JSON with columns for symbol and quantity, and
// optionally for account, side and average price. Rows of one symbol are not added up, because a broker may list its
// longs and shorts apart. Of opts, Account, Columns and Sheet are used. Errors are those of Open. A row that cannot be
// read is an error too: a comparison without it would be wrong.
func OpenPositions(path string, opts Options) ([]Holding, error) {
	file, err := tabular.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return ReadPositions(file, path, opts)
}

// ReadPositions reads a stream as OpenPositions reads a file. path is used in errors.
func ReadPositions(r io.Reader, path string, opts Options) (list []Holding, err error) {
	file, err := Read(r, path, Options{
		Format: holdingLayout.name, Account: cmp.Or(opts.Account, "-"),
		Columns: opts.Columns, Sheet: opts.Sheet,
	})
	if err != nil {
		var other *NotFillsError
		if errors.As(err, &other) && other.Kind == "" {
			other.Reason = strings.NewReplacer("fills", "positions", "a fill (time, symbol, side, quantity, price)",
				"a position (symbol, quantity)").Replace(other.Reason)
		}
		return nil, err
	}
	defer file.Close()

	for len(list) < holdingsMax {
		row, err := file.nextRow()
		if errors.Is(err, io.EOF) {
			return list, nil
		} else if err != nil {
			return nil, file.readError(err)
		}

		drafts, _, _ := holdingLayout.read(file, row)
		for i := range drafts {
			position, err := file.holding(row, &drafts[i])
			if err != nil {
				return nil, file.rejectedRow(row, position.Symbol, err)
			}
			list = append(list, position)
		}
	}
	return nil, tabular.Error(path, "it has more than 100,000 positions")
}

func (f *File) holding(r *row, d *draft) (h Holding, err error) {
	h = Holding{Account: d.account, Symbol: tabular.Symbol(d.symbol), Line: r.line}
	if h.Quantity, err = number("quantity", d.quantity, f.style.comma); err != nil {
		return h, err
	}

	if slices.Contains([]string{"short", "sell", "s"}, strings.ToLower(d.side)) && !h.Quantity.IsNeg() {
		h.Quantity = h.Quantity.Neg()
	}

	if d.price != "" {
		average, err := number("average price", d.price, f.style.comma)
		if err != nil {
			return h, err
		}
		h.AvgPrice, h.Digits = &average, writtenDigits(d.price, f.style.comma)
	}
	return h, nil
}

// writtenDigits returns how many digits a number has after its point, including zeros at the end.
func writtenDigits(text string, comma bool) int {
	mark := "."
	if comma {
		mark = ","
	}
	_, fraction, _ := strings.Cut(text, mark)
	n := 0
	for n < len(fraction) && fraction[n] >= '0' && fraction[n] <= '9' {
		n++
	}
	return min(n, blotter.DecimalFractionDigitsMax)
}
