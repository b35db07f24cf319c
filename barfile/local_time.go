package barfile

import (
	"fmt"
	"time"

	"github.com/blotterdb/blotter/internal/tabular"
)

// local returns the instant at which the clocks of the file's zone show t, which is given as if in UTC. A time that the
// clocks skip is an error. In an hour that they repeat, the first rows of a symbol are before the clocks were put back,
// and those whose times begin again are after it. If rows go back in time, it is the other way round.
func (f *File) local(t time.Time, symbol string) (time.Time, error) {
	if at := t.Add(-f.steady.offset); at.After(f.steady.from) && at.Before(f.steady.to) {
		return at, nil
	}

	first, second := tabular.Instants(t, f.zone)
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

// repeatedMax is the most symbols whose last time in a repeated hour is kept.
const repeatedMax = 100_000

// steady is a span in which the clocks keep their offset, without a day at each end.
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
