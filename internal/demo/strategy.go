package demo

import (
	"fmt"
	"time"

	"github.com/blotterdb/blotter"
)

// Strategy is the name of the strategy. It holds a symbol long while the fast moving average of its closes is above the
// slow one, and short otherwise. It orders after the close of the bar that crosses, and the order is filled in parts
// during the next bar.
const Strategy = "moving-average"

const (
	fastBars = 10 // of the fast average
	slowBars = 40 // of the slow average
)

var (
	stakePerSymbol = blotter.MustDecimal("10000")
	feePerFill     = blotter.MustDecimal("0.35")
	half           = blotter.MustDecimal("0.5")
)

// plan holds the orders of the strategy and their fills.
type plan struct {
	orders []blotter.Order
	fills  []blotter.Trade
}

// planTrades runs the strategy on the bars of one symbol.
func planTrades(account string, bars []blotter.Bar) plan {
	var p plan
	var position, fast, slow blotter.Decimal // fast and slow are sums
	ratio := blotter.MustDecimal(fmt.Sprint(slowBars / fastBars))
	for i := range bars {
		slow = slow.Add(bars[i].Close)
		fast = fast.Add(bars[i].Close)
		if i >= slowBars {
			slow = slow.Sub(bars[i-slowBars].Close)
		}
		if i >= fastBars {
			fast = fast.Sub(bars[i-fastBars].Close)
		}
		if i < slowBars || i+1 == len(bars) || bars[i+1].Open.Sign() <= 0 {
			continue
		}

		isAbove := fast.Mul(ratio).GreaterThan(slow)
		if isAbove && position.Sign() > 0 || !isAbove && position.Sign() < 0 {
			continue
		}
		target := stake(bars[i+1].Open)
		if !isAbove {
			target = target.Neg()
		}
		p.addOrder(account, &bars[i+1], target.Sub(position))
		position = target
	}
	return p
}

// stake returns how much of a symbol the strategy holds, in whole units if the price allows.
func stake(price blotter.Decimal) blotter.Decimal {
	units, err := stakePerSymbol.Div(price)
	if err != nil || units.LessThan(blotter.MustDecimal("1")) {
		return units.RoundHAZ(4)
	}
	return units.Trunc(0)
}

// addOrder orders a quantity, and fills it in up to three parts between the open and the close of the bar.
func (p *plan) addOrder(account string, bar *blotter.Bar, quantity blotter.Decimal) {
	side := blotter.Buy
	if quantity.IsNeg() {
		side = blotter.Sell
		quantity = quantity.Neg()
	}
	if quantity.IsZero() {
		return
	}

	id := fmt.Sprintf("MA-%s-%s", bar.Symbol, bar.Timestamp.UTC().Format("20060102T1504"))
	p.orders = append(p.orders, blotter.Order{
		AccountID: account, OrderID: id, Symbol: bar.Symbol, Side: side, Quantity: quantity,
		Status: blotter.Submitted, Strategy: Strategy,
	})

	prices := []blotter.Decimal{bar.Open, bar.Open.Add(bar.Close).Mul(half), bar.Close}
	for i, part := range parts(quantity) {
		if part.Sign() <= 0 {
			continue
		}
		p.fills = append(p.fills, blotter.Trade{
			AccountID: account, TradeID: fmt.Sprintf("%s-%d", id, i+1), OrderID: id, Symbol: bar.Symbol, Side: side,
			Quantity: part, Price: prices[i], Commission: feePerFill,
			ExecutedAt: bar.Timestamp.Add(time.Duration(i+1) * time.Second),
		})
	}
}

// parts splits a quantity into a half and two quarters. The parts of a whole number are whole numbers.
func parts(quantity blotter.Decimal) []blotter.Decimal {
	digits := uint8(4)
	if quantity.Equal(quantity.Trunc(0)) {
		digits = 0
	}
	first := quantity.Mul(half).Trunc(digits)
	last := first.Mul(half).Trunc(digits)
	return []blotter.Decimal{first, quantity.Sub(first).Sub(last), last}
}
