package main

import (
	"time"

	"github.com/blotterdb/blotter"
	"github.com/spf13/cobra"
)

// addRange adds --from and --to.
func addRange(cmd *cobra.Command, from, to *string) {
	cmd.Flags().StringVar(from, "from", "", "from this `day` or instant on, such as 2024-01-31 or 2024-01-31T14:30:00Z")
	cmd.Flags().StringVar(to, "to", "", "up to this `day` or instant, which is excluded")
}

// parseRange reads --from and --to. Days begin in the zone.
func parseRange(from, to string, zone *time.Location) (since, until time.Time, err error) {
	if since, err = parseDayIn("--from", from, zone); err != nil {
		return since, until, err
	}
	if until, err = parseDayIn("--to", to, zone); err != nil {
		return since, until, err
	}
	if !since.IsZero() && !until.IsZero() && !since.Before(until) {
		return since, until, usagef("--from %s is not before --to %s", from, to)
	}
	return since, until, nil
}

// parseDay reads an instant, or a day in UTC. An empty text is the zero time.
func parseDay(flag, text string) (time.Time, error) { return parseDayIn(flag, text, time.UTC) }

// parseDayIn reads an instant, or a day, which means its beginning in the zone. An empty text is the zero time.
func parseDayIn(flag, text string, zone *time.Location) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	for _, layout := range []string{time.DateOnly, time.RFC3339} {
		if t, err := time.ParseInLocation(layout, text, zone); err == nil {
			return t.UTC(), nil
		}
	}
	return time.Time{}, usagef("invalid %s %q: use 2024-01-31 or 2024-01-31T14:30:00Z", flag, text)
}

// checkTimeframe refuses a --timeframe that is not valid. An empty one is not set.
func checkTimeframe(timeframe string) error {
	if timeframe == "" {
		return nil
	}
	if _, _, err := blotter.Timeframe(timeframe).Length(); err != nil {
		return usagef("invalid --timeframe %q: want a number and a unit (s, m, h, d, w, mo), such as 1d", timeframe)
	}
	return nil
}

// loadZone returns the zone of --tz.
func loadZone(name string) (*time.Location, error) {
	zone, err := time.LoadLocation(name)
	if err != nil {
		return nil, usagef("invalid --tz %q: want the name of a zone, such as America/New_York or UTC", name)
	}
	return zone, nil
}
