package main

import (
	"fmt"
	"iter"
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/internal/calendar"
	"github.com/go-analyze/charts"
)

// equity is what an account was worth at the close of a bar.
type equity struct {
	At    time.Time
	Value blotter.Decimal
}

// equityCurve is the worth of capital and trades at every time of the bars: cash, and what is held at the last close.
// Trades come by the time of their execution, within the bar that begins at or before it.
func equityCurve(capital blotter.Decimal, bars map[string][]blotter.Bar, trades iter.Seq2[blotter.Trade, error]) ([]equity, error) {
	var closes []blotter.Bar
	for _, list := range bars {
		closes = append(closes, list...)
	}
	slices.SortStableFunc(closes, func(a, b blotter.Bar) int { return a.Timestamp.Compare(b.Timestamp) })
	next, stop := iter.Pull2(trades)
	defer stop()
	cash, held, last := capital, map[string]blotter.Decimal{}, map[string]blotter.Decimal{}
	value := func() blotter.Decimal {
		sum := cash
		for symbol, quantity := range held {
			sum = sum.Add(quantity.Mul(last[symbol]))
		}
		return sum
	}
	t, err, more := next()
	var curve []equity
	for i := 0; i < len(closes); {
		at := closes[i].Timestamp
		for ; i < len(closes) && closes[i].Timestamp.Equal(at); i++ {
			last[closes[i].Symbol] = closes[i].Close
		}
		end := calendar.AddYears(at, 1000) // after the last bar, every trade counts
		if i < len(closes) {
			end = closes[i].Timestamp
		}
		for ; more && err == nil && t.ExecutedAt.Before(end); t, err, more = next() {
			quantity := t.Quantity
			if t.Side == blotter.Sell {
				quantity = quantity.Neg()
			}
			if _, known := bars[t.Symbol]; known {
				held[t.Symbol] = held[t.Symbol].Add(quantity)
				cash = cash.Sub(quantity.Mul(t.Price)).Sub(t.Commission)
			}
		}
		if err != nil {
			return nil, err
		}
		curve = append(curve, equity{at, value()})
	}
	return curve, nil
}

// drawEquity draws a curve as a PNG, with what was lost since the highest value below it.
func drawEquity(title string, curve []equity) ([]byte, error) {
	const wide = pictureWidth - marginLeft - marginRight
	p := charts.NewPainter(charts.PainterOptions{OutputFormat: charts.ChartOutputPNG, Width: pictureWidth, Height: pictureHeight})
	p.FilledRect(0, 0, pictureWidth, pictureHeight, colorBack, colorBack, 0)
	d := &drawing{Painter: p, step: float64(wide) / float64(len(curve)), hanging: true}
	peak := math.Inf(-1)
	for _, e := range curve {
		v := number(e.Value)
		peak = math.Max(peak, v)
		d.candles = append(d.candles, candle{at: e.At.UTC(), open: v, high: v, low: v, close: v, volume: peak - v})
	}
	d.measure()
	first, last := curve[0], curve[len(curve)-1]
	d.Text(title, marginLeft, 32, 0, style(titleSize, colorText))
	left := marginLeft + d.MeasureText(title, 0, style(titleSize, colorText)).Width() + 16
	d.Text(fmt.Sprintf("%s to %s   from %s to %s   below: what was lost since the peak", first.At.UTC().Format(time.DateOnly), last.At.UTC().Format(time.DateOnly),
		money(first.Value, ""), money(last.Value, "")), left, 32, 0, style(labelSize, colorText))
	d.prices()
	d.times("1d")
	d.curve()
	return p.Bytes()
}

// curve draws the line, and the losses below it.
func (d *drawing) curve() {
	var points []charts.Point
	for i, c := range d.candles {
		points = append(points, charts.Point{X: int(d.x(i)), Y: d.y(c.close)})
		if d.volume > 0 {
			height := int(math.Round(c.volume / d.volume * float64(volumeBottom-volumeTop)))
			left := int(d.x(i) - d.step/2)
			d.FilledRect(left, volumeTop, max(left+1, int(d.x(i)+d.step/2)), volumeTop+height, colorFall, colorFall, 0)
		}
	}
	d.LineStroke(points, colorRise, 2)
	last := d.candles[len(d.candles)-1]
	d.Text(strconv.FormatFloat(last.close, 'f', d.fraction, 64), rightEdge+8, d.y(last.close)-6, 0, style(labelSize, colorRise))
}
