package postgres

import (
	"time"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/internal/exchange"
)

// weekEvidence is what a series tells of the days on which its instrument trades: what trades on Saturdays trades on all
// days. A day is judged in the zone of the exchange: Friday evening in New York is Saturday in UTC.
type weekEvidence struct {
	judged      bool           // false for bars of more than a day
	zone        *time.Location // nil where it is not known
	saturdays   int            // with bars
	latest      time.Time      // the last of them
	first, last time.Time      // dates of the earliest and the latest bar
}

func newWeekEvidence(symbol string, timeframe blotter.Timeframe, zone *time.Location) weekEvidence {
	length, _, err := timeframe.Length()
	w := weekEvidence{judged: err == nil && length > 0 && length <= day, zone: time.UTC}
	if length < day {
		w.zone = zone
		if listed := exchange.OfSymbol(symbol); listed != nil && (zone == nil || zone == time.UTC) {
			w.zone = listed.Location()
		} else if zone == time.UTC {
			w.zone = nil // vendors write UTC whatever the exchange
		}
	}
	return w
}

// Hours of a Saturday, in UTC, in which it is Saturday at every exchange from California to Sydney.
const saturdayFrom, saturdayTo = 8, 13

func (w *weekEvidence) add(at time.Time) {
	if !w.judged {
		return
	}
	local := at.UTC()
	if w.zone != nil {
		local = at.In(w.zone)
	}
	date := time.Date(local.Year(), local.Month(), local.Day(), 0, 0, 0, 0, time.UTC)
	if w.first.IsZero() || date.Before(w.first) {
		w.first = date
	}
	if date.After(w.last) {
		w.last = date
	}
	surely := w.zone != nil || local.Hour() >= saturdayFrom && local.Hour() < saturdayTo
	if date.Weekday() == time.Saturday && surely && !date.Equal(w.latest) {
		w.saturdays++
		w.latest = date
	}
}

// spanned returns how many Saturdays there are from the earliest to the latest bar.
func (w *weekEvidence) spanned() int {
	if w.first.IsZero() {
		return 0
	}
	until := int((time.Saturday - w.first.Weekday() + 7) % 7)
	days := int(w.last.Sub(w.first) / day)
	if days < until {
		return 0
	}
	return 1 + (days-until)/7
}

// calendar returns the calendar that bars on some of the Saturdays of their range tell, "" where they tell none. One bar
// on a Saturday is a stray one: it tells only where nothing is known yet, for a new instrument.
func calendarOf(symbol string, saturdays, spanned int) (told blotter.Calendar, sure bool) {
	weekdays := blotter.Weekdays
	if listed := exchange.OfSymbol(symbol); listed != nil {
		weekdays = blotter.Calendar(listed.Code)
	}
	switch {
	case saturdays > 0 && 2*saturdays >= spanned:
		return blotter.AllDays, saturdays > 1
	case spanned > 1 || weekdays != blotter.Weekdays:
		return weekdays, true
	}
	return weekdays, false
}
