package tabular

import (
	"time"

	"github.com/blotterdb/blotter"
)

// LoadZone returns the zone of an IANA name, or nil for "". The error is ErrInvalid.
func LoadZone(name string) (*time.Location, error) {
	if name == "" {
		return nil, nil
	}
	zone, err := time.LoadLocation(name)
	if err != nil {
		return nil, blotter.Invalid("time zone", name, "an IANA name, for example America/New_York or UTC")
	}
	return zone, nil
}

// abbreviations are the zones that are written behind times, in hours from UTC.
var abbreviations = map[string]int{
	"EST": -5, "EDT": -4, "CST": -6, "CDT": -5, "PST": -8, "PDT": -7, "CET": 1, "CEST": 2, "BST": 1, "JST": 9, "HKT": 8,
}

// AbbreviatedZone returns the zone of an abbreviation such as EST, which is one offset all year, or nil.
func AbbreviatedZone(name string) *time.Location {
	hours, known := abbreviations[name]
	if !known {
		return nil
	}
	return time.FixedZone(name, hours*3600)
}

// Instants returns the instants at which the clocks of a zone show t, which is given as if in UTC. There are two if the
// clocks are put back over t, and none if they are put forward; the others are zero.
func Instants(t time.Time, zone *time.Location) (first, second time.Time) {
	for _, around := range []time.Duration{-24 * time.Hour, 24 * time.Hour} {
		_, offset := t.Add(around).In(zone).Zone()
		at := t.Add(-time.Duration(offset) * time.Second)
		if _, is := at.In(zone).Zone(); is != offset || at.Equal(first) {
			continue
		}
		if first.IsZero() {
			first = at
		} else {
			second = at
		}
	}
	return first, second
}
