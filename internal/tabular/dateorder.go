package tabular

import "time"

// DateReadings are the days that a date such as 2/1/2006 or 24-03-26 may be, by the order of its numbers. A reading
// that is not a day of the calendar is zero.
type DateReadings struct {
	DayFirst, MonthFirst, YearFirst time.Time
}

// ReadingsOf returns the readings of a date of three numbers that does not begin with a year of four digits. ok is
// false for anything else, and for 2.1.2006, in which the day is first.
func ReadingsOf(cell []byte) (r DateReadings, ok bool) {
	t := scanner(Trim(cell))
	t.weekday()
	var numbers, digits [3]int

	for i, most := range []int{2, 2, 4} {
		if i > 0 && t.any("-/ ") == 0 {
			return DateReadings{}, false
		}

		numbers[i], digits[i] = t.number(most)
		if digits[i] == 0 {
			return DateReadings{}, false
		}
	}

	if digits[2] == 1 || len(t) > 0 && isDigit(t[0]) {
		return DateReadings{}, false
	}

	first, second := numbers[0], numbers[1]
	third := numbers[2]
	r.DayFirst = calendarDay(third, second, first)
	r.MonthFirst = calendarDay(third, first, second)
	if digits[0] == 2 && digits[2] == 2 {
		r.YearFirst = calendarDay(first, second, third)
	}
	return r, true
}

// calendarDay returns a day, or the zero time if there is no such day.
func calendarDay(year, month, day int) time.Time {
	if year < 100 {
		year += 2000
	}
	at := time.Date(year, time.Month(month), day, 0, 0, 0, 0, time.UTC)
	if month < 1 || month > 12 || at.Day() != day {
		return time.Time{}
	}
	return at
}
