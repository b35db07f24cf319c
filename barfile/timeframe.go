package barfile

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/blotterdb/blotter"
)

// usualTimeframe is the timeframe that the usual (median) distance between neighbouring rows of one symbol tells: a
// daily file has weekends, a weekly one has not. "" where it tells none; a single bar at midnight is daily.
func usualTimeframe(bars []blotter.Bar) string {
	var distances []time.Duration
	for i := 1; i < len(bars); i++ {
		if bars[i].Symbol == bars[i-1].Symbol && !bars[i].Timestamp.Equal(bars[i-1].Timestamp) {
			distances = append(distances, bars[i].Timestamp.Sub(bars[i-1].Timestamp).Abs())
		}
	}
	if len(distances) == 0 {
		if bars[0].Timestamp.Equal(bars[0].Timestamp.Truncate(24 * time.Hour)) {
			return "1d"
		}
		return ""
	}
	slices.SortFunc(distances, cmp.Compare)
	const day = 24 * time.Hour
	switch usual := distances[len(distances)/2]; {
	case usual >= 27*day && usual <= 32*day:
		return "1mo"
	case usual >= 6*day && usual <= 8*day:
		return "1w"
	case usual >= 20*time.Hour && usual <= 5*day:
		return "1d"
	case usual >= time.Hour && usual < day && usual%time.Hour == 0:
		return fmt.Sprintf("%dh", usual/time.Hour)
	case usual >= time.Minute && usual < time.Hour && usual%time.Minute == 0:
		return fmt.Sprintf("%dm", usual/time.Minute)
	}
	return ""
}
