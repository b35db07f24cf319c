package barfile

import (
	"fmt"
	"time"
)

// local is the instant of a time on the clocks of the file's zone, which t has as if in UTC. A time that the clocks skip
// is an error. Of an hour that they repeat, the first rows of a symbol are those of daylight saving time, and the others
// come after the clocks went back; where rows go back in time, the other way round.
func (f *File) local(t time.Time, symbol string) (time.Time, error) {
	if at := t.Add(-f.steady.offset); at.After(f.steady.from) && at.Before(f.steady.to) {
		return at, nil
	}
	first, second := f.instants(t)
	switch {
	case first.IsZero() && second.IsZero():
		return time.Time{}, fmt.Errorf("time %s does not exist in %s: the clocks were put forward",
			t.Format("2006-01-02 15:04:05"), f.zone)
	case second.IsZero():
		f.keepSteady(first)
		return first, nil
	}
	if f.newestFirst {
		first, second = second, first
	}
	last, seen := f.repeated[symbol]
	if seen && last.Sub(first).Abs() < day && (first.Equal(last) || first.After(last) == f.newestFirst) {
		first = second
	}
	if f.repeated == nil || len(f.repeated) == repeatedMax {
		f.repeated = map[string]time.Time{}
	}
	f.repeated[symbol] = first
	return first, nil
}

// repeatedMax bounds the symbols whose last time in a repeated hour is kept.
const repeatedMax = 100_000

// instants are the one or two times at which the clocks show t, or none.
func (f *File) instants(t time.Time) (first, second time.Time) {
	for _, around := range []time.Duration{-day, day} {
		_, offset := t.Add(around).In(f.zone).Zone()
		at := t.Add(-time.Duration(offset) * time.Second)
		if _, is := at.In(f.zone).Zone(); is != offset || at.Equal(first) {
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

// steady is a span in which the clocks keep their offset, without the hours around its ends.
type steady struct {
	from, to time.Time
	offset   time.Duration
}

func (f *File) keepSteady(at time.Time) {
	from, to := at.In(f.zone).ZoneBounds()
	_, offset := at.In(f.zone).Zone()
	if from.IsZero() {
		from = at.Add(-day)
	}
	if to.IsZero() {
		to = at.Add(2 * day)
	}
	f.steady = steady{from.Add(day), to.Add(-day), time.Duration(offset) * time.Second}
}
