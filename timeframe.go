package blotter

import (
	"regexp"
	"strconv"
	"time"
)

var timeframes = regexp.MustCompile(`^([1-9][0-9]{0,3})(s|m|h|d|w|mo)$`)

var timeframeUnits = map[string]time.Duration{
	"s": time.Second, "m": time.Minute, "h": time.Hour, "d": 24 * time.Hour, "w": 7 * 24 * time.Hour,
}

// TimeframeLength is how long a bar of a timeframe lasts: so many months (as "1mo", "3mo"), or a fixed time ("30s",
// "5m", "4h", "1d", "1w"). Another text is ErrInvalid.
func TimeframeLength(timeframe string) (fixed time.Duration, months int, err error) {
	parts := timeframes.FindStringSubmatch(timeframe)
	if parts == nil {
		return 0, 0, Invalid("timeframe", timeframe, "a number and a unit (s, m, h, d, w, mo), as 1d")
	}
	n, _ := strconv.Atoi(parts[1])
	if parts[2] == "mo" {
		return 0, n, nil
	}
	return time.Duration(n) * timeframeUnits[parts[2]], 0, nil
}
