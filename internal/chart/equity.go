package chart

import (
	"math"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/go-analyze/charts"
)

// Point is the value of an account at a time.
type Point struct {
	At    time.Time
	Value blotter.Decimal
}

// Equity draws a curve as a PNG, with the losses since the highest value below it.
func Equity(title, caption string, curve []Point) ([]byte, error) {
	candles := make([]candle, len(curve))
	peak := math.Inf(-1)
	for i, p := range curve {
		v := number(p.Value)
		peak = math.Max(peak, v)
		candles[i] = candle{at: p.At.UTC(), open: v, high: v, low: v, close: v, volume: peak - v}
	}

	d := newDrawing(candles, plotWidth/float64(len(curve)))
	d.volumeHangs = true
	d.drawTitle(title, caption)
	d.drawPrices()
	d.drawTimes("1d")
	d.drawCurve()
	return d.Bytes()
}

// drawCurve draws the line, and the losses below it.
func (d *drawing) drawCurve() {
	var points []charts.Point
	for i, c := range d.candles {
		points = append(points, charts.Point{X: int(d.x(i)), Y: d.y(c.close)})
		if d.volume > 0 {
			left, right := int(d.x(i)-d.step/2), int(d.x(i)+d.step/2)
			d.FilledRect(left, volumeTop, max(left+1, right), volumeTop+d.volumeHeight(c), colorFall, colorFall, 0)
		}
	}
	d.LineStroke(points, colorRise, 2)

	last := d.candles[len(d.candles)-1]
	d.label(d.format(last.close), d.y(last.close)-6, colorRise)
}
