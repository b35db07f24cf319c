package blotter

import (
	"regexp"
	"strconv"
	"time"
)

// Timeframe is the length of a bar: a number and a unit, for example "30s", "5m", "4h", "1d", "1w" or "3mo".
type Timeframe string

// Daily is the timeframe of daily bars, the default.
const Daily Timeframe = "1d"

var timeframes = regexp.MustCompile(`^([1-9][0-9]{0,3})(s|m|h|d|w|mo)$`)

var timeframeUnits = map[string]time.Duration{
	"s": time.Second, "m": time.Minute, "h": time.Hour, "d": 24 * time.Hour, "w": 7 * 24 * time.Hour,
}

// Length returns how long a bar of the timeframe lasts: a fixed time, or a number of months. It returns ErrInvalid for
// any other text.
func (t Timeframe) Length() (fixed time.Duration, months int, err error) {
	parts := timeframes.FindStringSubmatch(string(t))
	if parts == nil {
		return 0, 0, Invalid("timeframe", string(t), "a number and a unit (s, m, h, d, w, mo), for example 5m or 1d")
	}

	n, _ := strconv.Atoi(parts[1])
	if parts[2] == "mo" {
		return 0, n, nil
	}

	return time.Duration(n) * timeframeUnits[parts[2]], 0, nil
}
