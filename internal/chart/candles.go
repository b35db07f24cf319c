package chart

import (
	"fmt"
	"math"
	"sort"
	"time"

	"github.com/blotterdb/blotter"
)

// MaxBars is the number of bars that a chart shows well.
const MaxBars = 120

const (
	candleStepMin = 3.0  // pixels from one candle to the next
	candleStepMax = 40.0 // pixels
	bodyShare     = 0.7  // of the step
)

// Fill is a trade to mark on a chart.
type Fill struct {
	At    time.Time
	Price blotter.Decimal
	Side  blotter.Side
}

// Candles draws bars as candlesticks, with their volume below, and marks the fills. Neighboring bars are merged if
// there are too many for the width, which the caption then mentions. Without a title the picture has no heading.
func Candles(size Size, title, caption string, bars []blotter.Bar, fills []Fill) *Picture {
	plotWidth := size.Width - marginLeft - marginRight
	merged := max(1, int(math.Ceil(float64(len(bars))*candleStepMin/plotWidth)))
	candles := mergeBars(bars, merged)
	if merged > 1 {
		caption += fmt.Sprintf("   (a candle is %d bars)", merged)
	}

	fixed, months, _ := bars[0].Timeframe.Length()
	p := newPlot(size, title, caption, candles, candleStepMax)
	p.drawPrices()
	p.drawTimes(months == 0 && fixed < 24*time.Hour)
	p.drawCandles()
	p.drawFills(fills)
	return p.Picture
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
func (p *plot) drawCandles() {
	body := math.Max(1, math.Floor(p.Step*bodyShare))
	for i, c := range p.candles {
		ink := Rise
		if c.close < c.open {
			ink = Fall
		}
		center := math.Floor(p.x(i))
		left := center - math.Floor(body/2)

		// wick
		high, low := p.y(c.high), p.y(c.low)
		p.rect(center, high, center+1, math.Max(low, high+1), ink)

		// body
		top, bottom := p.y(math.Max(c.open, c.close)), p.y(math.Min(c.open, c.close))
		p.rect(left, top, left+body, math.Max(bottom, top+1), ink)

		if p.volume > 0 {
			p.rect(left, p.volumeBottom-p.volumeHeight(c), left+body, p.volumeBottom, ink)
		}
	}
}

// drawFills marks purchases by triangles that point up, below their price, and sales by ones that point down, above it.
func (p *plot) drawFills(fills []Fill) {
	const half, height = 5, 8
	for _, f := range fills {
		i := sort.Search(len(p.candles), func(i int) bool { return p.candles[i].at.After(f.At) }) - 1
		if i < 0 {
			continue
		}

		x := p.x(i)
		y := p.y(number(f.Price))
		ink, base := Buy, y+height
		if f.Side == blotter.Sell {
			ink, base = Sell, y-height
		}
		corners := []point{{x, y}, {x - half, base}, {x + half, base}}
		p.add(shape{kind: polygonShape, ink: ink, points: corners})
	}
}
