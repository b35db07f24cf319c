package postgres

import (
	"time"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/internal/exchange"
)

// weekEvidence collects what a series shows about the days on which its instrument trades: one that trades on Saturdays
// trades on all days. Days are those of the exchange's zone, because Friday evening in New York is Saturday in UTC.
type weekEvidence struct {
	counts      bool           // false for bars of more than a day
	zone        *time.Location // nil if it is not known
	saturdays   int            // with bars
	latest      time.Time      // the last of these Saturdays
	first, last time.Time      // dates of the earliest and the latest bar
}

func newWeekEvidence(symbol, timeframe string, zone *time.Location) weekEvidence {
	length, _, err := blotter.TimeframeLength(timeframe)
	w := weekEvidence{counts: err == nil && length > 0 && length <= day, zone: time.UTC}
	if length < day {
		w.zone = zone
		if listed := exchange.OfSymbol(symbol); listed != nil && (zone == nil || zone == time.UTC) {
			w.zone = listed.Location()
		} else if zone == time.UTC {
			w.zone = nil // vendors write UTC for any exchange
		}
	}
	return w
}

// Hours of a Saturday, in UTC, in which it is Saturday at every exchange from California to Sydney.
const saturdayFrom, saturdayTo = 8, 13

func (w *weekEvidence) add(at time.Time) {
	if !w.counts {
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

// spanned returns the number of Saturdays from the earliest to the latest bar.
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

// calendarOf returns the calendar of a symbol that has bars on some of the Saturdays of their range, and whether that
// is certain. A single bar on a Saturday may be a stray one, so it decides only for a new instrument.
func calendarOf(symbol string, saturdays, spanned int) (calendar blotter.Calendar, sure bool) {
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
