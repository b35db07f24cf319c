package chart

import (
	"math"

	"github.com/go-analyze/charts"
)

// colors has the color of each ink in a PNG.
var colors = map[Ink]charts.Color{
	Rise:  {R: 38, G: 166, B: 154, A: 255},
	Fall:  {R: 239, G: 83, B: 80, A: 255},
	Grid:  {R: 229, G: 231, B: 235, A: 255},
	Label: {R: 55, G: 65, B: 81, A: 255},
	Curve: {R: 38, G: 166, B: 154, A: 255},
	Guess: {R: 107, G: 114, B: 128, A: 255},
	Buy:   {R: 29, G: 78, B: 216, A: 255},
	Sell:  {R: 194, G: 65, B: 12, A: 255},
	Full:  {R: 59, G: 130, B: 246, A: 255},
	Empty: {R: 243, G: 244, B: 246, A: 255},
	Paper: {R: 255, G: 255, B: 255, A: 255},
}

// PNG returns the picture as a PNG file.
func (p *Picture) PNG() ([]byte, error) {
	options := charts.PainterOptions{
		OutputFormat: charts.ChartOutputPNG, Width: int(p.Width), Height: int(p.Height),
	}
	painter := charts.NewPainter(options)
	paper := colors[Paper]
	painter.FilledRect(0, 0, int(p.Width), int(p.Height), paper, paper, 0)
	for i := range p.shapes {
		p.shapes[i].paint(painter)
	}
	return painter.Bytes()
}

func (s *shape) paint(painter *charts.Painter) {
	color := colors[s.ink]
	corners := make([]charts.Point, len(s.points))
	for i, at := range s.points {
		corners[i] = charts.Point{X: pixel(at.x), Y: pixel(at.y)}
	}

	switch s.kind {
	case rectShape:
		right := max(corners[1].X, corners[0].X+1)
		bottom := max(corners[1].Y, corners[0].Y+1)
		painter.FilledRect(corners[0].X, corners[0].Y, right, bottom, color, color, 0)
	case lineShape:
		painter.LineStroke(corners, color, s.width)
	case polygonShape:
		painter.FillArea(append(corners, corners[0]), color)
	case textShape:
		s.write(painter, corners[0], color)
	}
}

func (s *shape) write(painter *charts.Painter, at charts.Point, color charts.Color) {
	style := charts.FontStyle{FontSize: s.size, FontColor: color}
	switch width := painter.MeasureText(s.text, 0, style).Width(); s.anchor {
	case atMiddle:
		at.X -= width / 2
	case atEnd:
		at.X -= width
	}
	painter.Text(s.text, at.X, at.Y, 0, style)
}

func pixel(v float64) int { return int(math.Round(v)) }
