package barfile

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/internal/tabular"
)

const day = 24 * time.Hour

// units are those of timeframes of a fixed length, longest first.
var units = []struct {
	name   string
	length time.Duration
}{{"w", 7 * day}, {"d", day}, {"h", time.Hour}, {"m", time.Minute}, {"s", time.Second}}

// canonical returns a timeframe as it is stored: 1h for 60m.
func canonical(timeframe string) (string, error) {
	fixed, _, err := blotter.Timeframe(timeframe).Length()
	if err != nil || fixed == 0 {
		return timeframe, err
	}
	return ofDuration(fixed), nil
}

// durationOf returns the length of a timeframe. A month has 30 days.
func durationOf(timeframe string) time.Duration {
	fixed, months, _ := blotter.Timeframe(timeframe).Length()
	return fixed + time.Duration(months)*30*day
}

// ofDuration returns the timeframe of that length, or "".
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

// isDaily reports whether a timeframe is a day or longer.
func isDaily(timeframe string) bool {
	return strings.HasSuffix(timeframe, "d") || strings.HasSuffix(timeframe, "w") || strings.HasSuffix(timeframe, "mo")
}

// sampleBar is a bar of the sample, with its time as written.
type sampleBar struct {
	bar blotter.Bar
	at  tabular.Stamp
}

// usualTimeframe returns the timeframe that the distances between the rows of a symbol tell, or "". Daily bars have
// weekends between them. Within a day, it is the distance that most rows have, otherwise the greatest one that divides
// all, because vendors leave out bars without trades.
func usualTimeframe(rows []sampleBar) string {
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

	usual := intradayDistance(distances)
	if usual < time.Minute && !slices.Contains(barSeconds, usual/time.Second) {
		return ""
	}
	return ofDuration(usual)
}

// barSeconds are the seconds of the timeframes below a minute.
var barSeconds = []time.Duration{1, 5, 10, 15, 30}

// intradayDistance returns the distance that at least half of the sorted distances have, or their greatest common
// divisor.
func intradayDistance(distances []time.Duration) time.Duration {
	var usual, divisor time.Duration
	most := 0
	for i := 0; i < len(distances); {
		next := i
		for next < len(distances) && distances[next] == distances[i] {
			next++
		}

		if count := next - i; count > most {
			most = count
			usual = distances[i]
		}
		divisor = greatestDivisor(divisor, distances[i])
		i = next
	}

	if 2*most < len(distances) {
		return divisor
	}
	return usual
}

func greatestDivisor(a, b time.Duration) time.Duration {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

// datesAreDaily returns "1d" for rows with dates only, and "" otherwise. Rows of which none follows another within days
// are not daily: they may be quarters or years.
func datesAreDaily(rows []sampleBar) string {
	dates := map[string][]time.Time{}
	for i := range rows {
		if rows[i].at.Unix || !rows[i].at.Time.Equal(rows[i].at.Time.Truncate(day)) {
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

// areTicks reports whether rows are trades written as bars of one price: most are between full seconds.
func areTicks(rows []sampleBar) bool {
	between := 0
	for i := range rows {
		b := &rows[i].bar
		if !b.High.Equal(b.Low) {
			return false
		}
		if rows[i].at.Time.Nanosecond() != 0 && rows[i].at.Time.Nanosecond() != 999_000_000 {
			between++
		}
	}
	return between > 1 && 2*between > len(rows)
}
