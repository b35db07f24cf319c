package chart

import (
	"fmt"
	"math"

	"github.com/blotterdb/blotter"
)

// MaxBars is the number of bars that a chart shows well.
const MaxBars = 120

const (
	candleStepMin = 3.0  // pixels from one candle to the next
	candleStepMax = 40.0 // pixels
	bodyShare     = 0.7  // of the step
)

// Candles draws bars as candlesticks, with their volume below, as a PNG. Neighboring bars are merged if there are too
// many for the width, which the caption then mentions.
func Candles(title, caption string, bars []blotter.Bar) ([]byte, error) {
	merged := max(1, int(math.Ceil(float64(len(bars))*candleStepMin/plotWidth)))
	candles := mergeBars(bars, merged)
	if merged > 1 {
		caption += fmt.Sprintf("   (a candle is %d bars)", merged)
	}

	d := newDrawing(candles, math.Min(plotWidth/float64(len(candles)), candleStepMax))
	d.drawTitle(title, caption)
	d.drawPrices()
	d.drawTimes(string(bars[0].Timeframe))
	d.drawCandles()
	return d.Bytes()
}

// mergeBars makes a candle of every n bars.
func mergeBars(bars []blotter.Bar, n int) []candle {
	var candles []candle
	for i := range bars {
		next := newCandle(&bars[i])
		if i%n == 0 {
			candles = append(candles, next)
			continue
		}

		last := &candles[len(candles)-1]
		last.high = math.Max(last.high, next.high)
		last.low = math.Min(last.low, next.low)
		last.close = next.close
		last.volume += next.volume
	}
	return candles
}

func newCandle(b *blotter.Bar) candle {
	return candle{
		at:     b.Timestamp.UTC(),
		open:   number(b.Open),
		high:   number(b.High),
		low:    number(b.Low),
		close:  number(b.Close),
		volume: number(b.Volume),
	}
}

// drawCandles draws the candles and the volume.
func (d *drawing) drawCandles() {
	body := max(1, int(d.step*bodyShare))
	for i, c := range d.candles {
		color := colorRise
		if c.close < c.open {
			color = colorFall
		}
		center := int(d.x(i))
		left := center - body/2

		// wick
		high, low := d.y(c.high), d.y(c.low)
		d.FilledRect(center, high, center+1, max(low, high+1), color, color, 0)

		// body
		top, bottom := d.y(math.Max(c.open, c.close)), d.y(math.Min(c.open, c.close))
		d.FilledRect(left, top, left+body, max(bottom, top+1), color, color, 0)

		if d.volume > 0 {
			d.FilledRect(left, volumeBottom-d.volumeHeight(c), left+body, volumeBottom, color, color, 0)
		}
	}
}
