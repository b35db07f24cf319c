package barfile

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/blotterdb/blotter"
)

const day = 24 * time.Hour

// units of timeframes of a fixed length, longest first.
var units = []struct {
	name   string
	length time.Duration
}{{"w", 7 * day}, {"d", day}, {"h", time.Hour}, {"m", time.Minute}, {"s", time.Second}}

// canonical is a timeframe as it is stored: 60m is 1h.
func canonical(timeframe string) (string, error) {
	fixed, _, err := blotter.Timeframe(timeframe).Length()
	if err != nil || fixed == 0 {
		return timeframe, err
	}
	return ofDuration(fixed), nil
}

// durationOf is the length of a timeframe, of a month 30 days.
func durationOf(timeframe string) time.Duration {
	fixed, months, _ := blotter.Timeframe(timeframe).Length()
	return fixed + time.Duration(months)*30*day
}

// ofDuration is the timeframe of that length, or "". Months have no one length.
func ofDuration(length time.Duration) string {
	if length > 28*day && length <= 31*day {
		return "1mo"
	}
	for _, unit := range units {
		if n := length / unit.length; n > 0 && n < 10000 && length%unit.length == 0 {
			return fmt.Sprintf("%d%s", n, unit.name)
		}
	}
	return ""
}

// isDaily reports a timeframe of a day or longer.
func isDaily(timeframe string) bool {
	return strings.HasSuffix(timeframe, "d") || strings.HasSuffix(timeframe, "w") || strings.HasSuffix(timeframe, "mo")
}

// sampled is a bar of the sample, with its time as written.
type sampled struct {
	bar blotter.Bar
	at  stamp
}

// usualTimeframe is the timeframe that the distances between one symbol's rows tell, or "". A daily file has weekends, a
// weekly one has not; within a day, the distance that most rows have is believed, else the greatest that divides all:
// bars without trades are left out.
func usualTimeframe(rows []sampled) string {
	var distances []time.Duration
	last := map[string]time.Time{}
	for i := range rows {
		b := &rows[i].bar
		if before, seen := last[b.Symbol]; seen && !before.Equal(b.Timestamp) {
			distances = append(distances, b.Timestamp.Sub(before).Abs())
		}
		last[b.Symbol] = b.Timestamp
	}
	if len(distances) == 0 {
		return ""
	}
	slices.SortFunc(distances, cmp.Compare)
	switch usual := distances[len(distances)/2]; {
	case usual >= 27*day && usual <= 32*day:
		return "1mo"
	case usual >= 6*day && usual <= 8*day:
		return "1w"
	case usual >= 20*time.Hour && usual <= 5*day:
		return "1d"
	case usual >= day:
		return ""
	}
	usual, count, divisor := time.Duration(0), 0, time.Duration(0)
	for i := 0; i < len(distances); {
		j := i
		for j < len(distances) && distances[j] == distances[i] {
			j++
		}
		if j-i > count {
			usual, count = distances[i], j-i
		}
		divisor, i = greatestDivisor(divisor, distances[i]), j
	}
	if 2*count < len(distances) {
		usual = divisor
	}
	if usual < time.Minute {
		return map[time.Duration]string{time.Second: "1s", 5 * time.Second: "5s", 10 * time.Second: "10s",
			15 * time.Second: "15s", 30 * time.Second: "30s"}[usual]
	}
	return ofDuration(usual)
}

func greatestDivisor(a, b time.Duration) time.Duration {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

// datesAreDaily: rows that have dates, and no other times than midnight, are daily where nothing else tells, unless none
// follows another within days: quarters and years are not.
func datesAreDaily(rows []sampled) string {
	dates := map[string][]time.Time{}
	for i := range rows {
		if rows[i].at.unix || !rows[i].at.t.Equal(rows[i].at.t.Truncate(day)) {
			return ""
		}
		b := &rows[i].bar
		dates[b.Symbol] = append(dates[b.Symbol], b.Timestamp)
	}
	follows := false
	for _, list := range dates {
		slices.SortFunc(list, time.Time.Compare)
		list = slices.CompactFunc(list, time.Time.Equal)
		for i := 1; i < len(list); i++ {
			if follows = true; list[i].Sub(list[i-1]) <= 5*day {
				return "1d"
			}
		}
	}
	if follows {
		return ""
	}
	return "1d"
}

// areTicks reports trades that are written as bars of one price, each at its instant: many, and between the seconds.
func areTicks(rows []sampled) bool {
	between := 0
	for i := range rows {
		b := &rows[i].bar
		if !b.High.Equal(b.Low) {
			return false
		}
		if rows[i].at.t.Nanosecond() != 0 && rows[i].at.t.Nanosecond() != 999_000_000 {
			between++
		}
	}
	return between > 1 && 2*between > len(rows)
}
