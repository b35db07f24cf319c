package chart

import (
	"math"
	"time"
)

// Size is the size of a picture in pixels (PNG) or user units (SVG).
type Size struct{ Width, Height float64 }

// The sizes of pictures.
var (
	ImageSize = Size{1200, 675} // of a PNG file
	PageSize  = Size{960, 320}  // on a web page
	SmallSize = Size{480, 150}  // on half of a web page
)

// Ink names what a shape shows. PNG has a color for each; SVG writes it as a class, for a stylesheet to color.
type Ink string

// The inks.
const (
	Rise  Ink = "rise"  // a gain, or a price that rises
	Fall  Ink = "fall"  // a loss, or a price that falls
	Grid  Ink = "grid"  // lines of the scale
	Label Ink = "label" // texts of the scale
	Curve Ink = "curve" // a line of values
	Guess Ink = "guess" // a value that is not final
	Buy   Ink = "buy"   // a purchase
	Sell  Ink = "sell"  // a sale
	Full  Ink = "full"  // a part of a strip that has data
	Empty Ink = "empty" // a part of a strip that has none
	Paper Ink = "paper" // the background
)

// Picture is a drawing. The fields say where its columns are, for a crosshair.
type Picture struct {
	Size
	Left, Step  float64 // of the first column, and from one column to the next
	Count       int     // of columns
	Top, Bottom float64 // of the plot

	shapes []shape
}

// shapeKind is the kind of a shape.
type shapeKind int

const (
	rectShape    shapeKind = iota // points: top left, bottom right
	lineShape                     // points in order
	polygonShape                  // points in order, filled
	textShape                     // points: the anchor on the baseline
)

// shape is a part of a picture.
type shape struct {
	kind   shapeKind
	ink    Ink
	points []point
	width  float64 // of a line
	dashed bool
	text   string
	size   float64 // of a text
	anchor anchor
	minor  bool   // a text that a small screen may leave out
	link   string // where a rectangle leads to, or ""
	title  string // what a rectangle says on hover
}

type point struct{ x, y float64 }

// anchor says which end of a text is at its point.
type anchor string

const (
	atStart  anchor = "start"
	atMiddle anchor = "middle"
	atEnd    anchor = "end"
)

const (
	labelSize, titleSize = 12.0, 18.0

	// characterWidth is the width of a character in relation to the size of the font, roughly.
	characterWidth = 0.56
)

func (p *Picture) add(s shape) { p.shapes = append(p.shapes, s) }

func (p *Picture) rect(left, top, right, bottom float64, ink Ink) {
	p.add(shape{kind: rectShape, ink: ink, points: []point{{left, top}, {right, bottom}}})
}

func (p *Picture) line(ink Ink, width float64, points ...point) {
	p.add(shape{kind: lineShape, ink: ink, width: width, points: points})
}

func (p *Picture) text(text string, x, y float64, at anchor, ink Ink) {
	p.add(shape{kind: textShape, ink: ink, points: []point{{x, y}}, text: text, size: labelSize, anchor: at})
}

func (p *Picture) minorText(text string, x, y float64, at anchor) {
	p.text(text, x, y, at, Label)
	p.shapes[len(p.shapes)-1].minor = true
}

func textWidth(text string, size float64) float64 {
	return float64(len([]rune(text))) * size * characterWidth
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

// timeLayout returns the layout of the times of columns from first to last, as precise as is needed to tell them apart.
func timeLayout(first, last time.Time, isIntraday bool) string {
	const day, year = 24 * time.Hour, 365 * 24 * time.Hour
	span := last.Sub(first)
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
