package chart

import (
	"fmt"
	"math"
	"time"
)

// Day is a day of a calendar.
type Day struct {
	Date  time.Time // midnight UTC
	Value float64   // decides the color: a loss below zero, a gain above
	Link  string    // where the day leads to
	Title string    // what it says on hover
}

const (
	dayPitch      = 17.0 // from one day to the next
	dayLength     = 14.0
	calendarLeft  = 34.0
	calendarTop   = 22.0
	heatLevels    = 4
	weeksOfAYear  = 54
	daysOfAWeek   = 7
	calendarRight = 6.0
)

// Calendar draws a year of days, one column for each week, in shades of loss and gain. Days without a value are empty.
func Calendar(year int, days []Day) *Picture {
	p := &Picture{Size: Size{
		Width:  calendarLeft + weeksOfAYear*dayPitch + calendarRight,
		Height: calendarTop + daysOfAWeek*dayPitch,
	}}
	known := map[string]Day{}
	most := 0.0
	for _, d := range days {
		known[d.Date.Format(time.DateOnly)] = d
		most = math.Max(most, math.Abs(d.Value))
	}

	for i, name := range []string{"Mon", "", "Wed", "", "Fri", "", ""} {
		p.text(name, 0, calendarTop+float64(i)*dayPitch+11, atStart, Label)
	}

	first := time.Date(year, 1, 1, 0, 0, 0, 0, time.UTC)
	offset := (int(first.Weekday()) + 6) % daysOfAWeek // days of the first week that belong to the year before
	for day := first; day.Year() == year; day = day.AddDate(0, 0, 1) {
		n := day.YearDay() - 1 + offset
		x := calendarLeft + float64(n/daysOfAWeek)*dayPitch
		y := calendarTop + float64(n%daysOfAWeek)*dayPitch
		if day.Day() == 1 {
			p.text(day.Format("Jan"), x, 12, atStart, Label)
		}

		d, isKnown := known[day.Format(time.DateOnly)]
		cell := shape{kind: rectShape, ink: Empty, points: []point{{x, y}, {x + dayLength, y + dayLength}}}
		if isKnown {
			cell.ink = heat(d.Value, most)
			cell.link = d.Link
			cell.title = d.Title
		}
		p.add(cell)
	}
	return p
}

// heat returns the ink of a value: "gain-1" to "gain-4", "loss-1" to "loss-4", or "flat".
func heat(value, most float64) Ink {
	if value == 0 || most == 0 {
		return "flat"
	}
	level := min(heatLevels, 1+int(math.Sqrt(math.Abs(value)/most)*heatLevels))
	if value < 0 {
		return Ink(fmt.Sprintf("loss-%d", level))
	}
	return Ink(fmt.Sprintf("gain-%d", level))
}

// Part is a part of a strip.
type Part struct {
	Share float64 // how much of it has data, from 0 to 1
	Ink   Ink     // default Full
	Title string  // what it says on hover
	Link  string  // where it leads to, or ""
}

// StripHeight is the height of a strip.
const StripHeight = 18.0

// Strip draws parts beside each other, each filled from below by its share.
func Strip(width float64, parts []Part) *Picture {
	p := &Picture{Size: Size{width, StripHeight}}
	if len(parts) == 0 {
		return p
	}

	step := width / float64(len(parts))
	gap := math.Min(1.5, step/4)
	for i, part := range parts {
		left := float64(i) * step
		right := left + step - gap
		p.rect(left, 0, right, StripHeight, Empty)
		if part.Share <= 0 && part.Title == "" {
			continue
		}

		ink := part.Ink
		if ink == "" {
			ink = Full
		}
		top := StripHeight * (1 - math.Min(1, part.Share))
		p.add(shape{
			kind: rectShape, ink: ink, points: []point{{left, top}, {right, StripHeight}},
			title: part.Title, link: part.Link,
		})
	}
	return p
}
