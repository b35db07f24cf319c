// Package chart draws bars and equity curves as pictures. It computes in floating point, which is for pixels only.
package chart

import (
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/go-analyze/charts"
)

// The layout of a picture in pixels: prices above, volume below.
const (
	width, height             = 1200, 675
	marginLeft, marginRight   = 20, 96
	marginTop, marginBottom   = 56, 40
	volumeSpan, volumeSpacing = 110, 18
	labelSize, titleSize      = 12.0, 18.0

	plotWidth    = float64(width - marginLeft - marginRight)
	rightEdge    = width - marginRight
	priceTop     = marginTop
	priceBottom  = volumeTop - volumeSpacing
	volumeTop    = volumeBottom - volumeSpan
	volumeBottom = height - marginBottom
)

var (
	colorRise       = charts.Color{R: 38, G: 166, B: 154, A: 255}
	colorFall       = charts.Color{R: 239, G: 83, B: 80, A: 255}
	colorGrid       = charts.Color{R: 229, G: 231, B: 235, A: 255}
	colorText       = charts.Color{R: 55, G: 65, B: 81, A: 255}
	colorBackground = charts.Color{R: 255, G: 255, B: 255, A: 255}
)

// candle is a bar as numbers to draw.
type candle struct {
	at                             time.Time
	open, high, low, close, volume float64
}

// drawing is a picture that is being drawn.
type drawing struct {
	*charts.Painter
	candles         []candle
	step            float64 // pixels from one candle to the next
	lowest, highest float64 // price at the bottom and at the top
	volume          float64 // greatest
	fraction        int     // digits after the point of the prices
	volumeHangs     bool    // the volume grows downwards
}

// newDrawing returns an empty picture with room for the candles.
func newDrawing(candles []candle, step float64) *drawing {
	options := charts.PainterOptions{OutputFormat: charts.ChartOutputPNG, Width: width, Height: height}
	d := &drawing{Painter: charts.NewPainter(options), candles: candles, step: step}
	d.FilledRect(0, 0, width, height, colorBackground, colorBackground, 0)
	d.measure()
	return d
}

// measure finds the range of prices, with some room, and the greatest volume.
func (d *drawing) measure() {
	d.lowest, d.highest = math.Inf(1), math.Inf(-1)
	for _, c := range d.candles {
		d.lowest = math.Min(d.lowest, c.low)
		d.highest = math.Max(d.highest, c.high)
		d.volume = math.Max(d.volume, c.volume)
	}

	room := (d.highest - d.lowest) * 0.05
	if room == 0 {
		room = math.Max(math.Abs(d.highest)*0.01, 1e-9)
	}
	d.lowest -= room
	d.highest += room
}

func (d *drawing) x(i int) float64 { return marginLeft + (float64(i)+0.5)*d.step }

func (d *drawing) y(price float64) int {
	share := (price - d.lowest) / (d.highest - d.lowest)
	return priceBottom - int(math.Round(share*float64(priceBottom-priceTop)))
}

func (d *drawing) volumeHeight(c candle) int {
	return int(math.Round(c.volume / d.volume * float64(volumeBottom-volumeTop)))
}

func (d *drawing) drawTitle(title, caption string) {
	const baseline, gap = 32, 16
	titleStyle := style(titleSize, colorText)
	d.Text(title, marginLeft, baseline, 0, titleStyle)
	left := marginLeft + d.MeasureText(title, 0, titleStyle).Width() + gap
	d.Text(caption, left, baseline, 0, style(labelSize, colorText))
}

// drawPrices draws the grid of prices, at round numbers, and the scale of the volume.
func (d *drawing) drawPrices() {
	step := roundStep((d.highest - d.lowest) / 7)
	d.fraction = max(0, -int(math.Floor(math.Log10(step)+1e-9)))
	for n := math.Ceil(d.lowest/step) + 0; n*step <= d.highest; n++ { // + 0 turns -0 into 0
		y := d.y(n * step)
		d.line(marginLeft, y, rightEdge, y)
		d.label(d.format(n*step), y+4, colorText)
	}

	d.line(marginLeft, volumeBottom, rightEdge, volumeBottom)
	if d.volume == 0 {
		return
	}
	d.line(marginLeft, volumeTop, rightEdge, volumeTop)
	if d.volumeHangs {
		d.label("-"+shortNumber(d.volume), volumeBottom+4, colorText)
		return
	}
	d.label(shortNumber(d.volume), volumeTop+4, colorText)
}

// drawTimes writes times below the candles, as precisely as is needed to tell them apart.
func (d *drawing) drawTimes(timeframe string) {
	const gap = 36
	layout := d.timeLayout(timeframe)
	labelStyle := style(labelSize, colorText)
	labelWidth := d.MeasureText(strings.Repeat("0", len(layout)), 0, labelStyle).Width() + gap
	every := max(1, int(math.Ceil(float64(labelWidth)/d.step)))

	for i := 0; i < len(d.candles); i += every {
		text := d.candles[i].at.Format(layout)
		x := int(d.x(i))
		half := d.MeasureText(text, 0, labelStyle).Width() / 2
		d.line(x, priceTop, x, volumeBottom+5)
		if x+half < rightEdge+marginRight/2 {
			d.Text(text, max(4, x-half), volumeBottom+22, 0, labelStyle)
		}
	}
}

func (d *drawing) timeLayout(timeframe string) string {
	const day, year = 24 * time.Hour, 365 * 24 * time.Hour
	span := d.candles[len(d.candles)-1].at.Sub(d.candles[0].at)
	fixed, months, _ := blotter.Timeframe(timeframe).Length()
	isIntraday := months == 0 && fixed < day
	switch {
	case isIntraday && span < day:
		return "15:04"
	case isIntraday:
		return "Jan 02 15:04"
	case span > 6*year:
		return "2006-01"
	}
	return time.DateOnly
}

func (d *drawing) line(x1, y1, x2, y2 int) {
	d.LineStroke([]charts.Point{{X: x1, Y: y1}, {X: x2, Y: y2}}, colorGrid, 1)
}

// label writes a text to the right of the plot.
func (d *drawing) label(text string, y int, color charts.Color) {
	d.Text(text, rightEdge+8, y, 0, style(labelSize, color))
}

func (d *drawing) format(price float64) string {
	return strconv.FormatFloat(price, 'f', d.fraction, 64)
}

func style(size float64, color charts.Color) charts.FontStyle {
	return charts.FontStyle{FontSize: size, FontColor: color}
}

func number(d blotter.Decimal) float64 {
	f, _ := strconv.ParseFloat(d.String(), 64)
	return f
}

// roundStep returns the next number of at least least that is 1, 2 or 5 times a power of ten.
func roundStep(least float64) float64 {
	power := math.Pow(10, math.Floor(math.Log10(least)))
	for _, n := range []float64{1, 2, 5} {
		if n*power >= least {
			return n * power
		}
	}
	return 10 * power
}

// shortNumber writes 1234567 as 1.23M.
func shortNumber(v float64) string {
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
