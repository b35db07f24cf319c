package main

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/go-analyze/charts"
)

// The picture: candles above, volume below. Floats are for pixels only.
const (
	pictureBars                       = 120
	pictureWidth, pictureHeight       = 1200, 675
	marginLeft, marginRight           = 20, 96
	marginTop, marginBottom           = 56, 40
	volumeHeight, volumeGap           = 110, 18
	candleLeast                       = 3.0 // pixels from one candle to the next
	labelSize, titleSize, candlesWide = 12.0, 18.0, 0.7
)

var (
	colorRise = charts.Color{R: 38, G: 166, B: 154, A: 255}
	colorFall = charts.Color{R: 239, G: 83, B: 80, A: 255}
	colorGrid = charts.Color{R: 229, G: 231, B: 235, A: 255}
	colorText = charts.Color{R: 55, G: 65, B: 81, A: 255}
	colorBack = charts.Color{R: 255, G: 255, B: 255, A: 255}
)

// candle is a bar as numbers to draw.
type candle struct {
	at                             time.Time
	open, high, low, close, volume float64
}

// drawCandles draws bars as a PNG. More than fit are put together, neighbours with neighbours.
func drawCandles(bars []blotter.Bar) ([]byte, error) {
	const wide = pictureWidth - marginLeft - marginRight
	merged := (len(bars)*int(candleLeast) + wide - 1) / wide
	candles := mergeCandles(bars, max(1, merged))
	p := charts.NewPainter(charts.PainterOptions{OutputFormat: charts.ChartOutputPNG, Width: pictureWidth, Height: pictureHeight})
	p.FilledRect(0, 0, pictureWidth, pictureHeight, colorBack, colorBack, 0)
	d := &drawing{Painter: p, candles: candles, step: math.Min(float64(wide)/float64(len(candles)), 40)}
	d.measure()
	d.title(bars, merged)
	d.prices()
	d.times(bars[0].Timeframe)
	d.bodies()
	return p.Bytes()
}

func mergeCandles(bars []blotter.Bar, n int) (candles []candle) {
	for i := range bars {
		b := &bars[i]
		o, h, l, c, v := number(b.Open), number(b.High), number(b.Low), number(b.Close), number(b.Volume)
		if i%n == 0 {
			candles = append(candles, candle{b.Timestamp.UTC(), o, h, l, c, v})
			continue
		}
		last := &candles[len(candles)-1]
		last.high, last.low, last.close = math.Max(last.high, h), math.Min(last.low, l), c
		last.volume += v
	}
	return candles
}

func number(d blotter.Decimal) float64 {
	f, _ := strconv.ParseFloat(d.String(), 64)
	return f
}

// drawing is a picture that is being drawn.
type drawing struct {
	*charts.Painter
	candles                 []candle
	step                    float64
	lowest, highest, volume float64
	fraction                int  // digits after the point of the grid's prices
	hanging                 bool // what is below hangs from its top
}

const (
	priceTop     = marginTop
	priceBottom  = pictureHeight - marginBottom - volumeHeight - volumeGap
	volumeTop    = priceBottom + volumeGap
	volumeBottom = pictureHeight - marginBottom
	rightEdge    = pictureWidth - marginRight
)

// measure finds the range of prices, with some room, and the most volume.
func (d *drawing) measure() {
	d.lowest, d.highest = math.Inf(1), math.Inf(-1)
	for _, c := range d.candles {
		d.lowest, d.highest, d.volume = math.Min(d.lowest, c.low), math.Max(d.highest, c.high), math.Max(d.volume, c.volume)
	}
	room := (d.highest - d.lowest) * 0.05
	if room == 0 {
		room = math.Max(math.Abs(d.highest)*0.01, 1e-9)
	}
	d.lowest, d.highest = d.lowest-room, d.highest+room
}

func (d *drawing) x(i int) float64 { return marginLeft + (float64(i)+0.5)*d.step }

func (d *drawing) y(price float64) int {
	return priceBottom - int(math.Round((price-d.lowest)/(d.highest-d.lowest)*float64(priceBottom-priceTop)))
}

func style(size float64, color charts.Color) charts.FontStyle {
	return charts.FontStyle{FontSize: size, FontColor: color}
}

func (d *drawing) title(bars []blotter.Bar, merged int) {
	first, last := &bars[0], &bars[len(bars)-1]
	d.Text(first.Symbol, marginLeft, 32, 0, style(titleSize, colorText))
	left := marginLeft + d.MeasureText(first.Symbol, 0, style(titleSize, colorText)).Width() + 16
	note := fmt.Sprintf("%s   %s to %s   close %s", first.Timeframe, when(first), when(last), last.Close)
	if merged > 1 {
		note += fmt.Sprintf("   (a candle is %d bars)", merged)
	}
	d.Text(note, left, 32, 0, style(labelSize, colorText))
}

// prices draws the grid of prices, at round numbers.
func (d *drawing) prices() {
	step := roundStep((d.highest - d.lowest) / 7)
	d.fraction = max(0, -int(math.Floor(math.Log10(step)+1e-9)))
	for n := math.Ceil(d.lowest/step) + 0; n*step <= d.highest; n++ { // + 0: no -0
		y := d.y(n * step)
		d.line(marginLeft, y, rightEdge, y, colorGrid)
		d.Text(strconv.FormatFloat(n*step, 'f', d.fraction, 64), rightEdge+8, y+4, 0, style(labelSize, colorText))
	}
	d.line(marginLeft, volumeBottom, rightEdge, volumeBottom, colorGrid)
	if d.volume > 0 {
		d.line(marginLeft, volumeTop, rightEdge, volumeTop, colorGrid)
		if d.hanging {
			d.Text("-"+shortVolume(d.volume), rightEdge+8, volumeBottom+4, 0, style(labelSize, colorText))
			return
		}
		d.Text(shortVolume(d.volume), rightEdge+8, volumeTop+4, 0, style(labelSize, colorText))
	}
}

func (d *drawing) line(x1, y1, x2, y2 int, color charts.Color) {
	d.LineStroke([]charts.Point{{X: x1, Y: y1}, {X: x2, Y: y2}}, color, 1)
}

// roundStep is the next 1, 2 or 5 times a power of ten.
func roundStep(least float64) float64 {
	power := math.Pow(10, math.Floor(math.Log10(least)))
	for _, n := range []float64{1, 2, 5} {
		if n*power >= least {
			return n * power
		}
	}
	return 10 * power
}

// shortVolume writes 1234567 as 1.23M.
func shortVolume(v float64) string {
	for _, unit := range []struct {
		size float64
		name string
	}{{1e12, "T"}, {1e9, "B"}, {1e6, "M"}, {1e3, "K"}} {
		if v >= unit.size {
			return strconv.FormatFloat(v/unit.size, 'g', 3, 64) + unit.name
		}
	}
	return strconv.FormatFloat(v, 'g', 3, 64)
}

// times writes the time below every so many candles, as much of it as tells them apart.
func (d *drawing) times(timeframe blotter.Timeframe) {
	layout := "2006-01-02"
	span := d.candles[len(d.candles)-1].at.Sub(d.candles[0].at)
	if fixed, months, _ := timeframe.Length(); months == 0 && fixed < 24*time.Hour {
		layout = "Jan 02 15:04"
		if span < 24*time.Hour {
			layout = "15:04"
		}
	} else if span > 6*365*24*time.Hour {
		layout = "2006-01"
	}
	wide := float64(d.MeasureText(strings.Repeat("0", len(layout)), 0, style(labelSize, colorText)).Width() + 36)
	every := max(1, int(math.Ceil(wide/d.step)))
	for i := 0; i < len(d.candles); i += every {
		text := d.candles[i].at.Format(layout)
		x := int(d.x(i))
		half := d.MeasureText(text, 0, style(labelSize, colorText)).Width() / 2
		d.line(x, priceTop, x, volumeBottom+5, colorGrid)
		if x+half < rightEdge+marginRight/2 {
			d.Text(text, max(4, x-half), volumeBottom+22, 0, style(labelSize, colorText))
		}
	}
}

// bodies draws the candles and the volume.
func (d *drawing) bodies() {
	body := max(1, int(d.step*candlesWide))
	for i, c := range d.candles {
		color := colorRise
		if c.close < c.open {
			color = colorFall
		}
		center := int(d.x(i))
		left := center - body/2
		d.FilledRect(center, d.y(c.high), center+1, max(d.y(c.low), d.y(c.high)+1), color, color, 0)
		top, bottom := d.y(math.Max(c.open, c.close)), d.y(math.Min(c.open, c.close))
		d.FilledRect(left, top, left+body, max(bottom, top+1), color, color, 0)
		if d.volume > 0 {
			height := int(math.Round(c.volume / d.volume * float64(volumeBottom-volumeTop)))
			d.FilledRect(left, volumeBottom-height, left+body, volumeBottom, color, color, 0)
		}
	}
}
