package exchange

import (
	"slices"
	"strings"
	"sync"
	"time"
	_ "time/tzdata" // zones of exchanges, the same on every machine

	"github.com/rickar/cal/v2"
)

// Exchange is a market on which instruments are listed.
type Exchange struct {
	Code string // market identifier code (ISO 10383)
	Zone string // IANA name of the zone in which its days are

	suffixes string         // of its symbols, as Yahoo writes them
	indexes  string         // symbols without a suffix that are its indexes
	weekend  []time.Weekday // nil is Saturday and Sunday
	rules    []*cal.Holiday
	closures string // days on which it was closed and no rule says so
	openings string // days on which it was open although a rule says that it was closed

	mu    sync.Mutex // guards years; and the rules, some of which the library computes in place
	years map[int]map[time.Time]bool
}

// US is the calendar of the exchanges of the United States, which all have the same holidays.
const US = "XNYS"

// Named returns the exchange of a market identifier code, or nil.
func Named(code string) *Exchange {
	for _, e := range exchanges {
		if e.Code == code {
			return e
		}
	}
	return nil
}

// All returns all exchanges.
func All() []*Exchange { return slices.Clone(exchanges) }

// OfSymbol returns the exchange that a symbol names: by the suffix that Yahoo writes behind a point, as in VOD.L, or
// because it is a known index, as ^N225. Nil is a symbol that names none. A suffix behind the symbol, as ":ADJ", does
// not count.
func OfSymbol(symbol string) *Exchange {
	symbol, _, _ = strings.Cut(strings.ToUpper(symbol), ":")
	point := strings.LastIndexByte(symbol, '.')

	for _, e := range exchanges {
		hasSuffix := point > 0 && slices.Contains(strings.Fields(e.suffixes), symbol[point+1:])
		if hasSuffix || slices.Contains(strings.Fields(e.indexes), symbol) {
			return e
		}
	}
	return nil
}

// Location returns the zone of the exchange.
func (e *Exchange) Location() *time.Location {
	zone, err := time.LoadLocation(e.Zone)
	if err != nil {
		panic(err) // all zones are of the table, and their data is in the program
	}
	return zone
}

// HasHolidays reports whether the holidays of the exchange are known.
func (e *Exchange) HasHolidays() bool { return len(e.rules) > 0 }

// IsWeekend reports whether the exchange is closed on that day of every week.
func (e *Exchange) IsWeekend(day time.Weekday) bool {
	if e.weekend == nil {
		return day == time.Saturday || day == time.Sunday
	}
	return slices.Contains(e.weekend, day)
}

// IsHoliday reports whether the exchange is closed on the date of day, which is a day of the week on which it trades.
func (e *Exchange) IsHoliday(day time.Time) bool {
	year, month, date := day.Date()
	e.mu.Lock()
	defer e.mu.Unlock()
	holidays := e.years[year]
	if holidays == nil {
		holidays = e.holidays(year)
		if e.years == nil {
			e.years = map[int]map[time.Time]bool{}
		}
		e.years[year] = holidays
	}
	return holidays[time.Date(year, month, date, 0, 0, 0, 0, time.UTC)]
}

// holidays computes the closed days of a year. A holiday of the next year may be observed in this one.
func (e *Exchange) holidays(year int) map[time.Time]bool {
	days := map[time.Time]bool{}
	for _, rule := range e.rules {
		for _, of := range []int{year, year + 1} {
			actual, observed := rule.Calc(of)
			for _, at := range []time.Time{actual, observed} {
				if at.Year() == year && !at.IsZero() {
					days[time.Date(at.Year(), at.Month(), at.Day(), 0, 0, 0, 0, time.UTC)] = true
				}
			}
		}
	}

	for text, closed := range map[string]bool{e.closures: true, e.openings: false} {
		for _, day := range strings.Fields(text) {
			if at, err := time.Parse(time.DateOnly, day); err == nil && at.Year() == year {
				days[at] = closed
			}
		}
	}
	return days
}
