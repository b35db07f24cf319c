package term

import (
	"fmt"
	"time"
)

// Thousands writes 1234567 as 1,234,567.
func Thousands[T ~int | ~int64](n T) string {
	digits := fmt.Sprint(n)
	for i := len(digits) - 3; i > 0 && digits[i-1] != '-'; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}

// Count writes a number with its noun, which is one for 1 and many otherwise.
func Count[T ~int | ~int64](n T, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return Thousands(n) + " " + many
}

// Estimate writes a number in three digits, such as 999 or 1.23M.
func Estimate(n int64) string {
	value, unit := scale(n, 1000, "", "k", "M", "G", "T")
	if unit == "" {
		return fmt.Sprint(n)
	}
	return fmt.Sprintf("%.3g%s", value, unit)
}

// Bytes writes a size in units of 1024, as PostgreSQL does.
func Bytes(n int64) string {
	value, unit := scale(n, 1024, "B", "kB", "MB", "GB", "TB")
	return fmt.Sprintf("%.3g %s", value, unit)
}

// scale divides n by step until it has at most three digits before the point, and returns the unit that belongs to it.
func scale(n int64, step float64, units ...string) (value float64, unit string) {
	value = float64(n)
	for _, unit = range units[:len(units)-1] {
		if value < 999.5 {
			return value, unit
		}
		value /= step
	}
	return value, units[len(units)-1]
}

// Elapsed writes a duration to the millisecond, and longer ones less precisely.
func Elapsed(d time.Duration) string {
	switch {
	case d >= time.Minute:
		return d.Round(time.Second).String()
	case d >= time.Second:
		return d.Round(100 * time.Millisecond).String()
	}
	return d.Round(time.Millisecond).String()
}
