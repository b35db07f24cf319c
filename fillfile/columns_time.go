package fillfile

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
)

// The shapes of cells of a time column.
const (
	noTime = iota
	clockOnly
	dateOnly
	fullTime
	zonedTime
)

// clockShape matches a time of day, with AM or PM and a zone.
var clockShape = regexp.MustCompile(`(?i)^\d{1,2}:\d{2}(:\d{2}([.,]\d+)?)?` +
	`\s*([ap]\.?m\.?)?(\s+[a-z]{3,4}|z|[+-]\d{2}:?\d{2})?$`)

// shapeOf returns the shape of most filled cells of a column. It is noTime if half of them or more are not times.
func (d *finder) shapeOf(c *column) int {
	cells := c.filled()
	var counts [zonedTime + 1]int
	for _, cell := range cells {
		counts[d.shapeOfCell(cell)]++
	}

	most := noTime
	for shape := clockOnly; shape <= zonedTime; shape++ {
		if counts[shape] > counts[most] || most == noTime {
			most = shape
		}
	}
	if 2*counts[noTime] >= len(cells) {
		return noTime
	}
	return most
}

func (d *finder) shapeOfCell(cell string) int {
	if clockShape.MatchString(cell) {
		return clockOnly
	}

	for _, dayFirst := range []bool{false, true} {
		probe := File{style: style{dayFirst: dayFirst}}
		at, err := probe.stamp(cell)
		switch {
		case err != nil:
			continue
		case at.Zoned:
			return zonedTime
		case at.Instant:
			return fullTime
		}

		return dateOnly
	}

	return noTime
}

// timeColumn is a column that may hold the time of the execution.
type timeColumn struct {
	*column
	rank  int // the lower, the more its name says that it is the execution's
	shape int
}

// Ranks of time columns: named as the execution's, as some time, as when the record was made.
const (
	rankTime    = 1000
	rankCreated = 2000
	rankUnknown = 3000
)

// times finds the columns of the time: one with date and time, or else a date and a time of day, or else a date.
func (d *finder) times(c *columns) error {
	var all []timeColumn
	for _, col := range d.all {
		t := timeColumn{column: col, rank: timeRank(col), shape: d.shapeOf(col)}
		if t.shape != noTime && t.rank >= 0 {
			all = append(all, t)
		}
	}

	if len(all) == 0 {
		all = d.unnamedTimes()
	}

	hidden := d.hiddenTimes()
	slices.SortStableFunc(all, func(a, b timeColumn) int { return a.rank - b.rank })

	best := func(fits func(timeColumn) bool) *timeColumn {
		i := slices.IndexFunc(all, fits)
		if i < 0 {
			return nil
		}
		return &all[i]
	}

	isFull := func(t timeColumn) bool { return t.shape == fullTime || t.shape == zonedTime }
	full := best(func(t timeColumn) bool { return isFull(t) && t.rank < rankTime })
	day := best(func(t timeColumn) bool { return t.shape == dateOnly })
	clock := best(func(t timeColumn) bool { return t.shape == clockOnly })
	if full == nil {
		full = best(func(t timeColumn) bool { return t.shape == zonedTime && t.rank < rankCreated })
	}
	if full == nil && (day == nil || clock == nil) {
		full = best(isFull)
	}

	switch {
	case full != nil:
		c.at = full.name
		c.zone = zoneOfName(full.column)
	case day != nil && clock == nil && hidden != nil:
		return d.ask("time", "a column may hold the times of day and is not understood", []timeColumn{*hidden})
	case day != nil:
		c.day = day.name
		c.zone = zoneOfName(day.column)
		if clock != nil {
			c.clock = clock.name
			d.taken[clock.name] = true
		}
	default:
		return d.ask("time", "no column holds the times of the fills", all)
	}

	d.taken[c.at], d.taken[c.day] = true, true
	return nil
}

// hiddenTimes returns a column that is named as a time and holds something else, for example 093005, or nil.
func (d *finder) hiddenTimes() *timeColumn {
	for _, c := range d.all {
		isNamed := strings.Contains(c.base, "time") || c.base == "hora" || c.base == "uhrzeit" || c.base == "tijd" ||
			c.base == "heure"
		if isNamed && timeRank(c) >= 0 && len(c.filled()) > 0 && d.shapeOf(c) == noTime {
			return &timeColumn{column: c}
		}
	}
	return nil
}

// timeRank ranks the name of a column. It is negative for times of other events.
func timeRank(c *column) int {
	if at := slices.Index(filledNames, c.base); at >= 0 {
		return at
	}
	if notTimes.MatchString(c.base) {
		return -1
	}

	if at := slices.Index(timeNames, c.base); at >= 0 {
		if strings.HasPrefix(c.base, "creat") || strings.HasPrefix(c.base, "update") {
			return rankCreated + at
		}
		return rankTime + at
	}

	for _, word := range []string{"time", "date", "datum", "zeit", "fecha", "heure"} {
		if strings.Contains(c.base, word) {
			return rankUnknown
		}
	}
	return -1
}

// unnamedTimes returns the column without a telling name whose cells are dates with words or signs between the digits.
func (d *finder) unnamedTimes() []timeColumn {
	var all []timeColumn
	for _, col := range d.all {
		isNumbers := !slices.ContainsFunc(col.filled(),
			func(cell string) bool { return strings.Trim(cell, "0123456789.,-") != "" })
		shape := d.shapeOf(col)
		if shape > clockOnly && !notTimes.MatchString(col.base) && !isNumbers {
			all = append(all, timeColumn{col, rankUnknown, shape})
		}
	}
	if len(all) != 1 {
		return nil
	}
	return all
}

// zoneOfName returns the zone in a column's name, for example in Filled Time(UTC+08:00), or nil.
func zoneOfName(c *column) *time.Location {
	if strings.HasSuffix(c.base, "utc") || c.base == "utctime" {
		return time.UTC
	}

	found := zoneInName.FindStringSubmatch(c.unit)
	if found == nil {
		if zone, err := zoneNamed(c.unit); err == nil && c.unit != "" && !strings.EqualFold(c.unit, "local") {
			return zone
		}
		return nil
	}
	if found[1] == "" {
		return time.UTC
	}

	offset, err := time.Parse("-07:00", fmt.Sprintf("%s%02s:%02s", found[1], found[2], cmp.Or(found[3], "00")))
	if err != nil {
		return nil
	}
	_, seconds := offset.Zone()
	return time.FixedZone("", seconds)
}

func isHalfDay(cell string) bool {
	cell = strings.ToLower(strings.ReplaceAll(cell, ".", ""))
	return cell == "am" || cell == "pm"
}
