package fillfile

import (
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/blotterdb/blotter/internal/tabular"
)

// style says how a file writes numbers and dates. The sample decides it.
type style struct {
	comma     bool // 1,234 is 1.234
	dayFirst  bool // 2/1/2006 is the second of January
	unknown   bool // it is not known whether decimals have a comma
	yearFirst bool // 24-03-26 is the 26th of March of 2024
}

var zoneBehind = regexp.MustCompile(`\s([A-Z]{3,4})$`)

// zoneNamed returns the zone that a cell names: an IANA name, or an abbreviation that brokers write.
func zoneNamed(text string) (*time.Location, error) {
	switch strings.ToUpper(text) {
	case "ET", "EST/EDT", "US/EASTERN":
		return tabular.LoadZone("America/New_York")
	case "CT":
		return tabular.LoadZone("America/Chicago")
	case "PT":
		return tabular.LoadZone("America/Los_Angeles")
	case "IST":
		return tabular.LoadZone("Asia/Kolkata")
	}

	if zone := tabular.AbbreviatedZone(strings.ToUpper(text)); zone != nil {
		return zone, nil
	}
	return tabular.LoadZone(text)
}

// moment is a point in time of the file. second is not zero if the clocks of its zone show it twice.
type moment struct {
	first, second time.Time
	local         time.Time // as the file writes it, as if in UTC
}

// moment reads the time of a draft. Its zone is the offset in the cell, or else the zone that the file tells,
// Options.Zone, or the zone of the layout, in this order.
func (f *File) moment(d *draft) (moment, error) {
	s, err := f.stamp(d.at)
	if err != nil {
		return moment{}, err
	}

	zone := d.zone
	if zone == nil {
		zone = f.zone
	}
	if zone == nil && s.Instant {
		zone = f.usual
	}

	switch {
	case s.Zoned:
		return moment{first: s.Time.UTC()}, nil
	case zone != nil:
		return inZone(s.Time, zone)
	case !s.Instant:
		return moment{first: s.Time}, nil
	}
	return moment{}, fmt.Errorf("time %q has no zone", d.at)
}

// inZone finds the one or two instants at which the clocks of a zone show t. It is an error if they skip it.
func inZone(t time.Time, zone *time.Location) (moment, error) {
	m := moment{local: t}
	m.first, m.second = tabular.Instants(t, zone)
	if !m.first.IsZero() {
		return m, nil
	}
	if isMidnight := t.Hour()+t.Minute()+t.Second() == 0; isMidnight { // of a day that begins at one
		m.first = time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, zone).UTC()
		return m, nil
	}
	return m, fmt.Errorf("time %s does not exist in %s: the clocks were put forward", t.Format("2006-01-02 15:04:05"),
		zone)
}

// stamp reads a time as it is written.
func (f *File) stamp(text string) (tabular.Stamp, error) {
	clock := tabular.Clock{DayFirst: f.style.dayFirst, YearFirst: f.style.yearFirst}
	return clock.Parse([]byte(text))
}

// day reads a date, and returns midnight UTC of the date as written.
func (f *File) day(text string) (time.Time, error) {
	s, err := f.stamp(text)
	if err != nil {
		return time.Time{}, err
	}
	t := s.Time
	return time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, time.UTC), nil
}
