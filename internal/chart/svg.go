package chart

import (
	"bytes"
	"html"
	"math"
	"strconv"
)

// SVG returns the picture as an SVG element for a page. Shapes have classes instead of colors. The attributes
// data-left, data-step and data-count say where the columns are. A screen reader says the label.
func (p *Picture) SVG(label string) []byte {
	var b svgWriter
	b.WriteString(`<svg class="chart" viewBox="0 0 `)
	b.number(p.Width)
	b.WriteByte(' ')
	b.number(p.Height)
	b.WriteString(`" role="` + p.role() + `" aria-label="`)
	b.escaped(label)
	b.WriteByte('"')
	if p.Count > 0 {
		b.attribute("data-left", p.Left)
		b.attribute("data-step", p.Step)
		b.attribute("data-count", float64(p.Count))
		b.attribute("data-top", p.Top)
		b.attribute("data-bottom", p.Bottom)
	}
	b.WriteByte('>')

	for i := 0; i < len(p.shapes); {
		i += b.shape(p.shapes[i:])
	}
	b.WriteString("</svg>")
	return b.Bytes()
}

// role returns "img", or "group" for a picture with links: a screen reader does not look into an image.
func (p *Picture) role() string {
	for i := range p.shapes {
		if p.shapes[i].link != "" {
			return "group"
		}
	}
	return "img"
}

// svgWriter writes SVG.
type svgWriter struct{ bytes.Buffer }

// shape writes the first of the shapes, with those after it that it can be joined with, and returns how many it wrote.
func (b *svgWriter) shape(shapes []shape) int {
	s := &shapes[0]
	switch s.kind {
	case textShape:
		b.textElement(s)
	case rectShape:
		if s.link != "" || s.title != "" {
			b.linkedRect(s)
			return 1
		}
		return b.rects(shapes)
	default:
		b.path(s)
	}

	return 1
}

// rects writes rectangles as one path for each ink, as far as nothing else is drawn between them.
func (b *svgWriter) rects(shapes []shape) (n int) {
	var inks []Ink
	paths := map[Ink]*svgWriter{}
	for ; n < len(shapes); n++ {
		s := &shapes[n]
		if s.kind != rectShape || s.link != "" || s.title != "" {
			break
		}
		path := paths[s.ink]
		if path == nil {
			path = &svgWriter{}
			paths[s.ink] = path
			inks = append(inks, s.ink)
		}
		path.rectPath(s)
	}

	for _, ink := range inks {
		b.WriteString(`<path class="`)
		b.escaped(string(ink))
		b.WriteString(`" d="`)
		b.Write(paths[ink].Bytes())
		b.WriteString(`"/>`)
	}
	return n
}

func (b *svgWriter) rectPath(s *shape) {
	b.WriteByte('M')
	b.point(s.points[0])
	b.WriteByte('H')
	b.number(s.points[1].x)
	b.WriteByte('V')
	b.number(s.points[1].y)
	b.WriteByte('H')
	b.number(s.points[0].x)
	b.WriteByte('z')
}

func (b *svgWriter) linkedRect(s *shape) {
	if s.link != "" {
		b.WriteString(`<a href="`)
		b.escaped(s.link)
		b.WriteString(`" tabindex="-1">`)
	}

	b.WriteString(`<path class="`)
	b.escaped(string(s.ink))
	b.WriteString(`" d="`)
	b.rectPath(s)
	b.WriteString(`"><title>`)
	b.escaped(s.title)
	b.WriteString(`</title></path>`)

	if s.link != "" {
		b.WriteString(`</a>`)
	}
}

func (b *svgWriter) path(s *shape) {
	b.WriteString(`<path class="`)
	b.escaped(string(s.ink))

	if s.kind == lineShape {
		b.WriteString(" line")
	}
	if s.dashed {
		b.WriteString(" dashed")
	}

	b.WriteString(`" d="M`)
	for i, at := range s.points {
		if i > 0 {
			b.WriteByte('L')
		}
		b.point(at)
	}

	if s.kind == polygonShape {
		b.WriteByte('z')
	}

	b.WriteString(`"/>`)
}

func (b *svgWriter) textElement(s *shape) {
	if s.text == "" {
		return
	}

	b.WriteString(`<text class="`)
	b.escaped(string(s.ink))
	if s.minor {
		b.WriteString(" minor")
	}

	b.WriteString(`" x="`)
	b.number(s.points[0].x)
	b.WriteString(`" y="`)
	b.number(s.points[0].y)

	if s.anchor != atStart {
		b.WriteString(`" text-anchor="` + string(s.anchor))
	}

	b.WriteString(`">`)
	b.escaped(s.text)
	b.WriteString("</text>")
}

func (b *svgWriter) attribute(name string, v float64) {
	b.WriteString(" " + name + `="`)
	b.number(v)
	b.WriteByte('"')
}

func (b *svgWriter) point(at point) {
	b.number(at.x)
	b.WriteByte(' ')
	b.number(at.y)
}

// number writes a number with one digit after the point at most.
func (b *svgWriter) number(v float64) {
	b.WriteString(strconv.FormatFloat(math.Round(v*10)/10, 'f', -1, 64))
}

func (b *svgWriter) escaped(text string) { b.WriteString(html.EscapeString(text)) }
