package barfile

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/blotterdb/blotter"
)

var timeframes = regexp.MustCompile(`^[1-9][0-9]{0,3}(s|m|h|d|w|mo)$`)

// zonedLayouts carry their zone, localLayouts are in the zone of Options.Zone. They are tried in turn.
var (
	zonedLayouts = []string{time.RFC3339, "2006-01-02 15:04:05-07:00"}
	localLayouts = []string{time.DateOnly, time.DateTime, "2006-01-02T15:04:05", "2006-01-02 15:04", "2006/01/02", "20060102"}
	allLayouts   = slices.Concat(localLayouts, zonedLayouts)
)

// A date outside of these years is a slip of the pen, not a bar.
const yearMin, yearMax = 1600, 2200

// parseTime reads a bar's timestamp. A bar of a day or longer stands at midnight UTC of its trading date, which is the
// date as written: in UTC, midnight in Tokyo is the day before.
func parseTime(cell, timeframe string, zone *time.Location) (time.Time, error) {
	cell = strings.TrimSpace(cell)
	for _, layout := range allLayouts {
		t, err := time.ParseInLocation(layout, cell, zone)
		if err != nil {
			continue
		}
		if t.Year() < yearMin || t.Year() > yearMax {
			return time.Time{}, fmt.Errorf("date %q is outside the years %d to %d", cell, yearMin, yearMax)
		}
		if isDaily(timeframe) {
			return time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, time.UTC), nil
		}
		return t.UTC(), nil
	}
	return time.Time{}, fmt.Errorf("date %q is none; want YYYY-MM-DD", cell)
}

// hasZone reports a timestamp that says itself where its clock stands.
func hasZone(cell string) bool {
	return slices.ContainsFunc(zonedLayouts, func(layout string) bool {
		_, err := time.Parse(layout, strings.TrimSpace(cell))
		return err == nil
	})
}

// isDaily reports a timeframe of a day or longer.
func isDaily(timeframe string) bool {
	return strings.HasSuffix(timeframe, "d") || strings.HasSuffix(timeframe, "w") || strings.HasSuffix(timeframe, "mo")
}

// usualTimeframe is the timeframe that the usual (median) distance between one symbol's rows tells: a daily file has
// weekends, a weekly one has not. "" where it tells none; bars of one instant at midnight are daily.
func usualTimeframe(bars []blotter.Bar) string {
	var distances []time.Duration
	last := map[string]time.Time{}
	for i := range bars {
		if before, seen := last[bars[i].Symbol]; seen && !before.Equal(bars[i].Timestamp) {
			distances = append(distances, bars[i].Timestamp.Sub(before).Abs())
		}
		last[bars[i].Symbol] = bars[i].Timestamp
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
