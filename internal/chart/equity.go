package chart

import (
	"math"
	"time"

	"github.com/blotterdb/blotter"
)

// Point is the value of an account at a time.
type Point struct {
	At    time.Time
	Value blotter.Decimal
}

const equityPointsMax = 480 // that are drawn

// Equity draws a curve, with the losses since the highest value below it. If now is not nil, it is a value that is not
// final, such as one with unrealized profit and loss, to which a dashed line leads. Without a title the picture has no
// heading.
func Equity(size Size, title, caption string, curve []Point, now *Point) *Picture {
	candles := make([]candle, len(curve))
	peak := math.Inf(-1)
	for i, point := range curve {
		v := number(point.Value)
		peak = math.Max(peak, v)
		candles[i] = candle{at: point.At, open: v, high: v, low: v, close: v, volume: peak - v}
	}
	candles = thin(candles, equityPointsMax)
	if now != nil {
		v := number(now.Value)
		candles = append(candles, candle{at: now.At, open: v, high: v, low: v, close: v, volume: math.Max(0, peak-v)})
	}

	p := newPlot(size, title, caption, candles, math.Inf(1))
	p.volumeHangs = true
	last := candles[len(candles)-1].close
	p.reserve(last)
	p.drawPrices()
	p.drawTimes(false)
	p.drawCurve(now != nil)
	p.scaleLabel(p.format(last), p.y(last), Curve)
	return p.Picture
}

// thin keeps at most n candles: of each group of neighbors the last value, and the greatest loss.
func thin(candles []candle, n int) []candle {
	group := (len(candles) + n - 1) / n
	if group < 2 {
		return candles
	}

	var kept []candle
	for start := 0; start < len(candles); start += group {
		members := candles[start:min(start+group, len(candles))]
		last := members[len(members)-1]
		for _, c := range members {
			last.volume = math.Max(last.volume, c.volume)
			last.high = math.Max(last.high, c.high)
			last.low = math.Min(last.low, c.low)
		}
		kept = append(kept, last)
	}
	return kept
}

// drawCurve draws the line, and the losses below it. The last value may be one that is not final.
func (p *plot) drawCurve(isGuess bool) {
	var points []point
	for i, c := range p.candles {
		points = append(points, point{p.x(i), p.y(c.close)})
		if p.volume > 0 && c.volume > 0 {
			left := p.x(i) - p.Step/2
			p.rect(left, p.volumeTop, left+math.Max(1, p.Step), p.volumeTop+p.volumeHeight(c), Fall)
		}
	}

	final := points
	if isGuess {
		final = points[:len(points)-1]
	}
	p.line(Curve, 2, final...)
	if isGuess && len(points) > 1 {
		p.add(shape{kind: lineShape, ink: Guess, width: 2, dashed: true, points: points[len(points)-2:]})
	}
}

// Steps draws a value that stays until the next one, for example how far a consumer is behind, on a scale with zero.
func Steps(size Size, values []Point) *Picture {
	candles := make([]candle, len(values))
	for i, point := range values {
		v := number(point.Value)
		candles[i] = candle{at: point.At, open: v, high: math.Max(v, 0), low: math.Min(v, 0), close: v}
	}

	p := newPlot(size, "", "", candles, math.Inf(1))
	p.priceBottom = p.volumeBottom
	p.drawPrices()
	p.drawTimes(true)

	var points []point
	for i, c := range candles {
		if i > 0 {
			points = append(points, point{p.x(i), points[len(points)-1].y})
		}
		points = append(points, point{p.x(i), p.y(c.close)})
	}
	p.line(Curve, 2, points...)
	return p.Picture
}
