package chart

import (
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/blotterdb/blotter"
)

// candle is a bar as numbers to draw.
type candle struct {
	at                             time.Time
	open, high, low, close, volume float64
}

// plot is a picture of values over time: prices above, and a second scale (the volume, or losses) below.
type plot struct {
	*Picture
	candles         []candle
	lowest, highest float64 // price at the bottom and at the top
	volume          float64 // greatest
	fraction        int     // digits after the point of the prices
	volumeHangs     bool    // the volume grows downwards
	reserved        float64 // the height of a label of the last value, or NaN: the scale leaves it free

	rightEdge, priceBottom, volumeTop, volumeBottom float64
}

const (
	marginLeft, marginRight = 16.0, 92.0
	marginBottom            = 36.0
	titleHeight             = 56.0
	pageTop                 = 12.0
	volumeShare             = 0.17
	volumeSpacing           = 16.0
	labelHeight             = 16.0
	narrowHeight            = 40.0 // of a label on a small screen, in units of the picture
)

// newPlot returns an empty picture with room for the candles, and for a title unless it is empty.
func newPlot(size Size, title, caption string, candles []candle, stepMax float64) *plot {
	top := pageTop
	if title != "" {
		top = titleHeight
	}

	p := &plot{Picture: &Picture{Size: size}, candles: candles, reserved: math.NaN()}
	p.rightEdge = size.Width - marginRight
	p.volumeBottom = size.Height - marginBottom
	p.volumeTop = p.volumeBottom - (p.volumeBottom-top)*volumeShare
	p.priceBottom = p.volumeTop - volumeSpacing

	p.Left = marginLeft
	p.Step = math.Min((p.rightEdge-marginLeft)/float64(len(candles)), stepMax)
	p.Count = len(candles)
	p.Top = top
	p.Bottom = p.volumeBottom

	p.measure()
	p.drawTitle(title, caption)
	return p
}

// measure finds the range of prices, with some room, and the greatest volume.
func (p *plot) measure() {
	p.lowest, p.highest = math.Inf(1), math.Inf(-1)
	for _, c := range p.candles {
		p.lowest = math.Min(p.lowest, c.low)
		p.highest = math.Max(p.highest, c.high)
		p.volume = math.Max(p.volume, c.volume)
	}
	p.widen()
}

func (p *plot) widen() {
	room := (p.highest - p.lowest) * 0.05
	if room == 0 {
		room = math.Max(math.Abs(p.highest)*0.01, 1e-9)
	}
	p.lowest -= room
	p.highest += room
}

func (p *plot) x(i int) float64 { return p.Left + (float64(i)+0.5)*p.Step }

func (p *plot) y(price float64) float64 {
	share := (price - p.lowest) / (p.highest - p.lowest)
	return p.priceBottom - share*(p.priceBottom-p.Top)
}

func (p *plot) volumeHeight(c candle) float64 {
	return c.volume / p.volume * (p.volumeBottom - p.volumeTop)
}

func (p *plot) drawTitle(title, caption string) {
	if title == "" {
		return
	}
	const baseline, gap = 32, 16
	p.text(title, marginLeft, baseline, atStart, Label)
	p.shapes[len(p.shapes)-1].size = titleSize
	p.text(caption, marginLeft+textWidth(title, titleSize)+gap, baseline, atStart, Label)
}

// reserve keeps the scale from writing where the label of a value is.
func (p *plot) reserve(value float64) { p.reserved = p.y(value) }

// drawPrices draws the grid of prices, at round numbers, and the scale of the volume.
func (p *plot) drawPrices() {
	lines := math.Max(2, math.Floor((p.priceBottom-p.Top)/40))
	step := roundStep((p.highest - p.lowest) / lines)
	p.fraction = max(0, -int(math.Floor(math.Log10(step)+1e-9)))
	for n := math.Ceil(p.lowest/step) + 0; n*step <= p.highest; n++ { // + 0 turns -0 into 0
		y := p.y(n * step)
		p.line(Grid, 1, point{marginLeft, y}, point{p.rightEdge, y})
		switch distance := math.Abs(y - p.reserved); { // NaN without a reserved place
		case distance < labelHeight:
		case distance < narrowHeight:
			p.minorText(p.format(n*step), p.Width-10, y+4, atEnd)
		default:
			p.scaleLabel(p.format(n*step), y, Label)
		}
	}

	p.line(Grid, 1, point{marginLeft, p.volumeBottom}, point{p.rightEdge, p.volumeBottom})
	if p.volume == 0 {
		return
	}
	p.line(Grid, 1, point{marginLeft, p.volumeTop}, point{p.rightEdge, p.volumeTop})
	if p.volumeHangs {
		p.scaleLabel("-"+shortNumber(p.volume), p.volumeBottom, Label)
		return
	}
	p.scaleLabel(shortNumber(p.volume), p.volumeTop, Label)
}

// drawTimes writes times below the candles, as precisely as is needed to tell them apart.
func (p *plot) drawTimes(isIntraday bool) {
	const gap = 36
	layout := timeLayout(p.candles[0].at, p.candles[len(p.candles)-1].at, isIntraday)
	width := textWidth(layout, labelSize)
	every := max(1, int(math.Ceil((width+gap)/p.Step)))

	for i := 0; i < len(p.candles); i += every {
		x := p.x(i)
		p.line(Grid, 1, point{x, p.Top}, point{x, p.volumeBottom + 5})
		if x+width/2 >= p.Width-4 {
			continue
		}
		left := math.Max(4, x-width/2)
		text := p.candles[i].at.Format(layout)
		if i/every%3 == 0 {
			p.text(text, left, p.volumeBottom+22, atStart, Label)
		} else {
			p.minorText(text, left, p.volumeBottom+22, atStart)
		}
	}
}

// scaleLabel writes a text to the right of the plot.
func (p *plot) scaleLabel(text string, y float64, ink Ink) { p.text(text, p.Width-10, y+4, atEnd, ink) }

func (p *plot) format(price float64) string {
	digits := strconv.FormatFloat(math.Abs(price), 'f', p.fraction, 64)
	whole, fraction, hasFraction := strings.Cut(digits, ".")
	for i := len(whole) - 3; i > 0; i -= 3 {
		whole = whole[:i] + "," + whole[i:]
	}
	if hasFraction {
		whole += "." + fraction
	}
	if price < 0 {
		return "-" + whole
	}
	return whole
}

func number(d blotter.Decimal) float64 {
	f, _ := strconv.ParseFloat(d.String(), 64)
	return f
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
