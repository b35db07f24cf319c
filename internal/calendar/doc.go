// Package calendar does the arithmetic of months and years.
//
// time.Time.AddDate overflows: 31 January plus one month is 3 March. Here a day that the target month lacks becomes the
// month's last day, as in PostgreSQL's interval arithmetic, so that Go and SQL agree on every date.
package calendar
