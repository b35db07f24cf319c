package demo

import (
	"iter"
	"slices"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/internal/chart"
)

// equityCurve returns the value of an account at every time of the bars: its cash, and its positions at the last close.
// The account began with the capital. Trades come in the order of their execution and belong to the bar that begins at
// or before them.
func equityCurve(
	capital blotter.Decimal, bars map[string][]blotter.Bar, trades iter.Seq2[blotter.Trade, error],
) ([]chart.Point, error) {
	var closes []blotter.Bar
	for _, list := range bars {
		closes = append(closes, list...)
	}
	slices.SortStableFunc(closes, func(a, b blotter.Bar) int { return a.Timestamp.Compare(b.Timestamp) })

	next, stop := iter.Pull2(trades)
	defer stop()
	account := newPaperAccount(capital)
	t, err, more := next()

	var curve []chart.Point
	for i := 0; i < len(closes); {
		at := closes[i].Timestamp
		for ; i < len(closes) && closes[i].Timestamp.Equal(at); i++ {
			account.closes[closes[i].Symbol] = closes[i].Close
		}
		isLast := i == len(closes) // all remaining trades belong to the last bar
		for ; more && err == nil && (isLast || t.ExecutedAt.Before(closes[i].Timestamp)); t, err, more = next() {
			if _, known := bars[t.Symbol]; known {
				account.apply(&t)
			}
		}
		if err != nil {
			return nil, err
		}
		curve = append(curve, chart.Point{At: at, Value: account.value()})
	}
	return curve, nil
}

// paperAccount is an account that is valued at the last closes.
type paperAccount struct {
	cash      blotter.Decimal
	positions map[string]blotter.Decimal
	closes    map[string]blotter.Decimal
}

func newPaperAccount(capital blotter.Decimal) *paperAccount {
	return &paperAccount{cash: capital, positions: map[string]blotter.Decimal{}, closes: map[string]blotter.Decimal{}}
}

func (a *paperAccount) apply(t *blotter.Trade) {
	quantity := t.Quantity
	if t.Side == blotter.Sell {
		quantity = quantity.Neg()
	}
	a.positions[t.Symbol] = a.positions[t.Symbol].Add(quantity)
	a.cash = a.cash.Sub(quantity.Mul(t.Price)).Sub(t.Commission)
}

func (a *paperAccount) value() blotter.Decimal {
	sum := a.cash
	for symbol, quantity := range a.positions {
		sum = sum.Add(quantity.Mul(a.closes[symbol]))
	}
	return sum
}
