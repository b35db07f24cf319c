package exchange_test

import (
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/blotterdb/blotter/internal/exchange"
)

// The closed weekdays of some years, as the exchanges published them.
func TestHolidays(t *testing.T) {
	t.Parallel()

	for _, test := range []struct{ code, year, days string }{
		{"XNYS", "2012", "01-02 01-16 02-20 04-06 05-28 07-04 09-03 10-29 10-30 11-22 12-25"},
		{"XNYS", "2021", "01-01 01-18 02-15 04-02 05-31 07-05 09-06 11-25 12-24"},
		{"XNYS", "2022", "01-17 02-21 04-15 05-30 06-20 07-04 09-05 11-24 12-26"},
		{"XNYS", "2024", "01-01 01-15 02-19 03-29 05-27 06-19 07-04 09-02 11-28 12-25"},
		{"XTSE", "2021", "01-01 02-15 04-02 05-24 07-01 08-02 09-06 10-11 12-27 12-28"},
		{"XLON", "2020", "01-01 04-10 04-13 05-08 05-25 08-31 12-25 12-28"},
		{"XLON", "2022", "01-03 04-15 04-18 05-02 06-02 06-03 08-29 09-19 12-26 12-27"},
		{"XETR", "2023", "04-07 04-10 05-01 12-25 12-26"},
		{"XPAR", "2024", "01-01 03-29 04-01 05-01 12-25 12-26"},
		{"XSWX", "2024", "01-01 01-02 03-29 04-01 05-01 05-09 05-20 08-01 12-24 12-25 12-26 12-31"},
		{"XSTO", "2023", "01-06 04-07 04-10 05-01 05-18 06-06 06-23 12-25 12-26"},
		{"XCSE", "2023", "04-06 04-07 04-10 05-05 05-18 05-19 05-29 06-05 12-25 12-26"},
		{"XOSL", "2024", "01-01 03-28 03-29 04-01 05-01 05-09 05-17 05-20 12-24 12-25 12-26 12-31"},
		{"XASX", "2023", "01-02 01-26 04-07 04-10 04-25 06-12 12-25 12-26"},
		{
			code: "XTKS",
			year: "2020",
			days: "01-01 01-02 01-03 01-13 02-11 02-24 03-20 04-29 05-04 05-05 05-06 07-23 07-24 08-10 09-21 09-22 " +
				"10-01 11-03 11-23 12-31",
		},
		{
			code: "XTKS",
			year: "2021",
			days: "01-01 01-11 02-11 02-23 04-29 05-03 05-04 05-05 07-22 07-23 08-09 09-20 09-23 11-03 11-23 12-31",
		},
		{
			code: "XTKS",
			year: "2024",
			days: "01-01 01-02 01-03 01-08 02-12 02-23 03-20 04-29 05-03 05-06 07-15 08-12 09-16 09-23 10-14 11-04 " +
				"12-31",
		},
	} {
		e := exchange.Named(test.code)
		var got []string

		first, _ := time.Parse("2006", test.year)
		for day := first; day.Year() == first.Year(); day = day.AddDate(0, 0, 1) {
			if !e.IsWeekend(day.Weekday()) && e.IsHoliday(day) {
				got = append(got, day.Format("01-02"))
			}
		}

		if text := strings.Join(got, " "); text != test.days {
			t.Errorf("%s %s:\ngot  %s\nwant %s", test.code, test.year, text, test.days)
		}
	}
}

func TestOfSymbol(t *testing.T) {
	t.Parallel()

	for symbol, want := range map[string]string{
		"VOD.L":       "XLON",
		"7203.T":      "XTKS",
		"sap.de":      "XETR",
		"1398.HK:ADJ": "XHKG",
		"^N225":       "XTKS",
		"AAPL.US":     "XNYS",
		"BRK.B":       "",
		"AAPL":        "",
		"BTC-USD":     "",
		"T":           "",
		".T":          "",
	} {
		got := ""
		if e := exchange.OfSymbol(symbol); e != nil {
			got = e.Code
		}
		if got != want {
			t.Errorf("%s: exchange %q, want %q", symbol, got, want)
		}
	}
}

// Every exchange has a zone that exists and a code of its own, and may be asked from several goroutines.
func TestTable(t *testing.T) {
	t.Parallel()
	codes := map[string]bool{}
	var wait sync.WaitGroup

	for _, e := range exchange.All() {
		if e.Location() == nil || codes[e.Code] || len(e.Code) != 4 {
			t.Errorf("exchange %q: zone %s, want one that exists and a code of its own", e.Code, e.Zone)
		}

		codes[e.Code] = true
		for range 2 {
			wait.Go(func() {
				for year := 1950; year < 2050; year++ {
					e.IsHoliday(time.Date(year, 3, 20, 0, 0, 0, 0, time.UTC))
				}
			})
		}
	}

	wait.Wait()
}
