package calendar

import "time"

// AddMonths returns t moved by n calendar months, backwards if n is negative. The time of day and the location stay. If
// the target month has no such day, the result is its last day: 31 January plus one month is 28 or 29 February.
func AddMonths(t time.Time, n int) time.Time {
	first := time.Date(t.Year(), t.Month()+time.Month(n), 1, 0, 0, 0, 0, time.UTC)
	day := min(t.Day(), daysIn(first))

	return time.Date(first.Year(), first.Month(), day, t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), t.Location())
}

// AddYears returns t moved by n calendar years. 29 February becomes 28 February in a year without a leap day.
func AddYears(t time.Time, n int) time.Time { return AddMonths(t, 12*n) }

// StartOfMonth returns the first instant, in UTC, of the UTC month that contains t.
func StartOfMonth(t time.Time) time.Time {
	t = t.UTC()

	return time.Date(t.Year(), t.Month(), 1, 0, 0, 0, 0, time.UTC)
}

// StartOfYear returns the first instant, in UTC, of the UTC year that contains t.
func StartOfYear(t time.Time) time.Time {
	return time.Date(t.UTC().Year(), time.January, 1, 0, 0, 0, 0, time.UTC)
}

// daysIn returns the number of days in the month that starts at first. Day 0 of a month is the last day of the one
// before.
func daysIn(first time.Time) int {
	return time.Date(first.Year(), first.Month()+1, 0, 0, 0, 0, 0, time.UTC).Day()
}
