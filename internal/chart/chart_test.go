package chart

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"image/png"
	"io"
	"math"
	"regexp"
	"testing"
	"time"

	"github.com/blotterdb/blotter"
)

var firstDay = time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)

func curve(values ...string) (points []Point) {
	for i, v := range values {
		points = append(points, Point{At: firstDay.AddDate(0, 0, i), Value: blotter.MustDecimal(v)})
	}
	return points
}

func bars(n int) (list []blotter.Bar) {
	for i := range n {
		price := blotter.MustDecimal(fmt.Sprint(100 + i%7))
		list = append(list, blotter.Bar{
			Symbol: "KO", Timeframe: "1d", Timestamp: firstDay.AddDate(0, 0, i), Open: price, Low: price,
			High: blotter.MustDecimal("110"), Close: blotter.MustDecimal("105"), Volume: blotter.MustDecimal("1000"),
		})
	}
	return list
}

// The label of the last value stands alone: no label of the scale is printed over it, wherever the curve ends.
func TestLastLabelStandsAlone(t *testing.T) {
	t.Parallel()
	for last := 900; last <= 1100; last++ {
		p := Equity(ImageSize, "T", "", curve("1000", "900", "1100", fmt.Sprint(last)), nil)

		var own float64
		for _, s := range p.shapes {
			if s.kind == textShape && s.ink == Curve {
				own = s.points[0].y
			}
		}

		for _, s := range p.shapes {
			isScale := s.kind == textShape && s.ink == Label && s.anchor == atEnd
			if isScale && math.Abs(s.points[0].y-own) < labelHeight && s.points[0].y < p.Bottom-40 {
				t.Errorf("a curve that ends at %d has %q over its last value", last, s.text)
			}
		}
	}
}

// Every picture has a scale, is well-formed as SVG, and can be read as PNG.
func TestPictures(t *testing.T) {
	t.Parallel()
	fills := []Fill{{At: firstDay.Add(time.Hour), Price: blotter.MustDecimal("101"), Side: blotter.Buy}}
	now := Point{At: firstDay.AddDate(0, 0, 31), Value: blotter.MustDecimal("-5")}
	for name, p := range map[string]*Picture{
		"candles":  Candles(PageSize, "", "", bars(120), fills),
		"a bar":    Candles(ImageSize, "T<", "C", bars(1), nil),
		"merged":   Candles(ImageSize, "T", "C", bars(3000), fills),
		"equity":   Equity(PageSize, "", "", curve("0", "-10.5", "20"), &now),
		"flat":     Equity(PageSize, "", "", curve("5", "5"), nil),
		"steps":    Steps(SmallSize, curve("0", "-3", "4")),
		"calendar": Calendar(2024, []Day{{Date: firstDay, Value: 1, Link: "/?a=1&b=2", Title: "<1>"}}),
		"strip":    Strip(100, []Part{{Share: 1, Title: "a"}, {}}),
	} {
		svg := p.SVG(`a "picture" <of> ` + name)
		decoder := xml.NewDecoder(bytes.NewReader(svg))
		for {
			if _, err := decoder.Token(); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				t.Fatalf("%s: %v\n%s", name, err, svg)
			}
		}
		if regexp.MustCompile(`NaN|Inf|style=`).Match(svg) {
			t.Errorf("%s: %s", name, svg)
		}
		if hasScale := regexp.MustCompile(`text-anchor="end">[-0-9.,]+<`).Match(svg); p.Count > 0 && !hasScale {
			t.Errorf("%s has no scale", name)
		}

		file, err := p.PNG()
		if err == nil {
			_, err = png.Decode(bytes.NewReader(file))
		}
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A calendar has every day of its year once, in the row of its weekday.
func TestCalendarHasEveryDay(t *testing.T) {
	t.Parallel()
	for _, year := range []int{2023, 2024, 2028, 2012} {

		cells := map[point]bool{}

		for _, s := range Calendar(year, nil).shapes {
			if s.kind == rectShape {
				cells[s.points[0]] = true
				if s.points[1].x > calendarLeft+(weeksOfAYear+1)*dayPitch {
					t.Errorf("%d does not fit into the picture", year)
				}
			}
		}

		if want := time.Date(year, 12, 31, 0, 0, 0, 0, time.UTC).YearDay(); len(cells) != want {
			t.Errorf("%d has %d days, want %d", year, len(cells), want)
		}
	}
}
