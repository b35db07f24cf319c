package fillfile

import (
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/blotterdb/blotter/barfile"
)

// style is how a file writes what can be written in two ways. It is found out from the sample.
type style struct {
	comma     bool // 1,234 is a bit more than one
	dayFirst  bool // 2/1/2006 is the second of January
	untold    bool // nothing tells whether decimals have a comma
	yearFirst bool // 24-03-26 is the 26th of March of 2024
}

// abbreviations are zones that brokers write behind times.
var abbreviations = map[string]string{
	"EST": "-05:00", "EDT": "-04:00", "CST": "-06:00", "CDT": "-05:00", "PST": "-08:00", "PDT": "-07:00",
	"CET": "+01:00", "CEST": "+02:00", "BST": "+01:00", "JST": "+09:00", "HKT": "+08:00",
}

// shortYear is a date that may begin with a year of two digits.
var shortYear = regexp.MustCompile(`^\d{2}[-/]\d{2}[-/]\d{2}(\D|$)`)

var (
	zoneBehind = regexp.MustCompile(`\s([A-Z]{3,4})$`)
	// monthNames are those of Dutch, German and Scandinavian exports that are not the English ones.
	monthNames = strings.NewReplacer("mrt", "mar", "maa", "mar", "mei", "may", "okt", "oct", "dez", "dec", "des", "dec",
		"maj", "may", "mai", "may", "mär", "mar")
	letterDate = regexp.MustCompile(`^(\d{1,2}[-/. ])([\p{L}]{3})\.?([-/. ]\d{2,4})`)
	// blanksBetween are what stands between a date and a time, and is read as a blank.
	blanksBetween = strings.NewReplacer(";", " ", "\u202f", " ", "\u00a0", " ")
	commaAfter    = regexp.MustCompile(`^([\d/.-]{6,}|[\p{L}\d ,.-]*\d{4}),\s*(\d)`)
)

// zoneNamed is the zone of a cell: an IANA name, or an abbreviation that brokers write.
func zoneNamed(text string) (*time.Location, error) {
	switch strings.ToUpper(text) {
	case "ET", "EST/EDT", "US/EASTERN":
		return barfile.LoadZone("America/New_York")
	case "CT":
		return barfile.LoadZone("America/Chicago")
	case "PT":
		return barfile.LoadZone("America/Los_Angeles")
	case "IST":
		return barfile.LoadZone("Asia/Kolkata")
	}
	if offset := abbreviations[strings.ToUpper(text)]; offset != "" {
		at, err := time.Parse("-07:00", offset)
		if err != nil {
			return nil, err
		}
		_, seconds := at.Zone()
		return time.FixedZone(text, seconds), nil
	}
	return barfile.LoadZone(text)
}

// moment is a point in time of the file. second is not zero where the clocks of its zone show it twice.
type moment struct {
	first, second time.Time
	local         time.Time // as the file writes it, as if in UTC
}

// moment reads the time of a draft. An offset in the cell wins over the zone that the file says, that over Options.Zone, and
// that over the layout's.
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
	return moment{}, fmt.Errorf("time %q carries no zone", d.at)
}

// inZone finds the one or two instants at which the clocks of a zone show t. It is an error if they skip it.
func inZone(t time.Time, zone *time.Location) (moment, error) {
	m := moment{local: t}
	for _, around := range []time.Duration{-24 * time.Hour, 24 * time.Hour} {
		_, offset := t.Add(around).In(zone).Zone()
		at := t.Add(-time.Duration(offset) * time.Second)
		if _, is := at.In(zone).Zone(); is != offset || at.Equal(m.first) {
			continue
		}
		if m.first.IsZero() {
			m.first = at.UTC()
		} else {
			m.second = at.UTC()
		}
	}
	if m.first.IsZero() {
		if midnight := t.Hour()+t.Minute()+t.Second() == 0; midnight {
			return moment{first: time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, zone).UTC(), local: t}, nil // of a day that begins at one
		}
		return m, fmt.Errorf("time %s does not exist in %s, where the clocks were put forward",
			t.Format("2006-01-02 15:04:05"), zone)
	}
	return m, nil
}

// stamp reads a time as it is written.
func (f *File) stamp(text string) (barfile.Stamp, error) {
	if f.style.yearFirst && shortYear.MatchString(text) {
		text = "20" + text
	}
	if strings.Trim(text, "0123456789-:.TZ+ ") == "" { // most are ISO 8601
		return barfile.ParseTime(text, f.style.dayFirst)
	}
	text = blanksBetween.Replace(strings.TrimSpace(text))
	text = commaAfter.ReplaceAllString(text, "$1 $2") // 20220125,105910; 2023-01-05, 10:00:00; Jan 5, 2023, 10:00
	if found := zoneBehind.FindStringSubmatch(text); found != nil && abbreviations[found[1]] != "" {
		text = strings.TrimSuffix(text, found[1]) + abbreviations[found[1]]
	}
	if found := letterDate.FindStringSubmatch(text); found != nil {
		text = found[1] + monthNames.Replace(strings.ToLower(found[2])) + found[3] + text[len(found[0]):]
	}
	return barfile.ParseTime(text, f.style.dayFirst)
}

// day is a date: midnight UTC of what is written.
func (f *File) day(text string) (time.Time, error) {
	s, err := f.stamp(text)
	if err != nil {
		return time.Time{}, err
	}
	t := s.Time
	return time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, time.UTC), nil
}
