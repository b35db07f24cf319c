package barfile_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/blotterdb/blotter/barfile"
	"github.com/blotterdb/blotter/internal/calendar"
)

// bars writes n bars from start on, a step apart, for each symbol in turn.
func bars(start time.Time, step func(time.Time) time.Time, n int, symbols ...string) string {
	var b strings.Builder
	b.WriteString("date,open,high,low,close,volume,symbol\n")
	for range n {
		for _, symbol := range symbols {
			fmt.Fprintf(&b, "%s,1,2,1,2,3,%s\n", start.Format(time.DateTime), symbol)
		}
		start = step(start)
	}
	return b.String()
}

func every(d time.Duration) func(time.Time) time.Time {
	return func(t time.Time) time.Time { return t.Add(d) }
}

func weekday(t time.Time) time.Time {
	for t = t.AddDate(0, 0, 1); t.Weekday() == time.Saturday || t.Weekday() == time.Sunday; {
		t = t.AddDate(0, 0, 1)
	}
	return t
}

func month(t time.Time) time.Time { return calendar.AddMonths(t, 1) }

func TestTimeframe(t *testing.T) {
	t.Parallel()
	many := strings.Split(strings.Repeat("A B C D E F G H I J ", 1)+strings.Repeat("X", 1), " ")
	for i := range 200 {
		many = append(many, fmt.Sprintf("S%d", i))
	}

	start := day("2019-01-02")
	for _, test := range []struct{ name, text, want string }{
		{"weekdays", bars(start, weekday, 20, "A"), "1d"},
		{"every day", bars(start, every(24*time.Hour), 20, "A"), "1d"},
		{"newest first", bars(start, every(-24*time.Hour), 20, "A"), "1d"},
		{"weeks", bars(start, every(7*24*time.Hour), 20, "A"), "1w"},
		{"weeks of more symbols than Open looks at", bars(start, every(7*24*time.Hour), 3, many...), "1w"},
		{"months", bars(start, month, 20, "A"), "1mo"},
		{"minutes", bars(start, every(time.Minute), 20, "A"), "1m"},
		{"five minutes of two symbols", bars(start, every(5*time.Minute), 20, "A", "B"), "5m"},
		{"hours", bars(start, every(4*time.Hour), 20, "A"), "4h"},
		{"one bar at midnight", bars(start, weekday, 1, "A"), "1d"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			r := read(t, "x.csv", test.text, barfile.Options{Zone: "UTC"})
			if r.file.Timeframe != test.want || string(r.bars[len(r.bars)-1].Timeframe) != test.want {
				t.Errorf("timeframe %q, bars %q, want %q", r.file.Timeframe, r.bars[0].Timeframe, test.want)
			}
		})
	}
}

func TestTimeframeAskedFor(t *testing.T) {
	t.Parallel()
	seconds := bars(day("2019-01-02"), every(7*time.Second), 20, "A")
	refused(t, "x.csv", seconds, barfile.Options{}, "set --timeframe")
	r := read(t, "x.csv", seconds, barfile.Options{Timeframe: "7s", Zone: "UTC"})
	if len(r.bars) != 20 || r.bars[0].Timeframe != "7s" {
		t.Errorf("%d bars of %q, want 20 of 7s", len(r.bars), r.bars[0].Timeframe)
	}

	quarters := bars(day("2019-01-01"), func(t time.Time) time.Time { return calendar.AddMonths(t, 3) }, 8, "A")
	years := bars(day("2000-12-31"), func(t time.Time) time.Time { return calendar.AddYears(t, 1) }, 8, "A")
	for _, text := range []string{quarters, years, bars(day("2000-12-31"), every(365*24*time.Hour), 2, "A")} {
		refused(t, "x.csv", text, barfile.Options{},
			"set --timeframe, for example 1d, or 3mo for quarters and 12mo for years")
	}

	if r := read(t, "x.csv", quarters, barfile.Options{Timeframe: "3mo"}); r.bars[7].Timeframe != "3mo" {
		t.Errorf("timeframe %q, want 3mo", r.bars[7].Timeframe)
	}

	daily := bars(day("2019-01-02"), weekday, 20, "A")
	if r := read(t, "x.csv", daily, barfile.Options{Timeframe: "1w"}); r.bars[0].Timeframe != "1w" {
		t.Errorf("timeframe %q, want the one asked for", r.bars[0].Timeframe)
	}

	for _, bad := range []string{"banana", "d", "0d", "1y", "1D", " 1d", "-1d", "10000d"} {
		if _, err := barfile.Read(strings.NewReader(daily), "x.csv", barfile.Options{Timeframe: bad}); err == nil {
			t.Errorf("timeframe %q was taken", bad)
		}
	}
}

// A daily bar has midnight UTC of its date as written. A shorter bar has its instant.
func TestTimestamp(t *testing.T) {
	t.Parallel()

	for _, test := range []struct{ name, rows, want string }{
		{
			name: "day in Hong Kong",
			rows: "2022-01-03 00:00:00+08:00,2022-01-04 00:00:00+08:00,2022-01-05 00:00:00+08:00",
			want: "2022-01-03T00:00:00Z",
		},
		{
			name: "day in New York",
			rows: "2022-01-03 00:00:00-05:00,2022-01-04 00:00:00-05:00,2022-01-05 00:00:00-05:00",
			want: "2022-01-03T00:00:00Z",
		},
		{
			name: "day over the change of the clock",
			rows: "2022-03-11 00:00:00-05:00,2022-03-14 00:00:00-04:00,2022-03-15 00:00:00-04:00",
			want: "2022-03-11T00:00:00Z",
		},
		{
			name: "minute in New York",
			rows: "2022-01-03 09:30:00-05:00,2022-01-03 09:31:00-05:00,2022-01-03 09:32:00-05:00",
			want: "2022-01-03T14:30:00Z",
		},
		{"minute in UTC", "2022-01-03T09:30:00Z,2022-01-03T09:31:00Z,2022-01-03T09:32:00Z", "2022-01-03T09:30:00Z"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			text := "Datetime,Open,High,Low,Close,Volume\n"
			for _, at := range strings.Split(test.rows, ",") {
				text += at + ",1,2,1,2,3\n"
			}

			r := read(t, "1398-HK.csv", text, barfile.Options{})
			if got := r.bars[0].Timestamp.Format(time.RFC3339); got != test.want || len(r.bars) != 3 {
				t.Errorf("%s, %d bars, want %s, 3 bars", got, len(r.bars), test.want)
			}
		})
	}
}

// Intraday times without a zone require one.
func TestZone(t *testing.T) {
	t.Parallel()
	text := "Date,Open,High,Low,Close,Volume\n" +
		"2019-02-15 09:31,1,1,1,1,1\n" +
		"2019-02-15 09:32,1,1,1,1,1\n" +
		"2019-07-15 09:31,1,1,1,1,1\n"

	refused(t, "x.csv", text, barfile.Options{Timeframe: "1m"}, "set --tz")
	r := read(t, "x.csv", text, barfile.Options{Timeframe: "1m", Zone: "America/New_York"})
	for i, want := range []string{"2019-02-15T14:31:00Z", "2019-02-15T14:32:00Z", "2019-07-15T13:31:00Z"} {
		if got := r.bars[i].Timestamp.Format(time.RFC3339); got != want {
			t.Errorf("bar %d is at %s, want %s", i, got, want)
		}
	}

	zoned := strings.ReplaceAll(text, " 09:", "T09:")
	zoned = strings.NewReplacer(":31,", ":31:00-05:00,", ":32,", ":32:00-05:00,").Replace(zoned)
	r = read(t, "x.csv", zoned, barfile.Options{Timeframe: "1m"})
	if r.bars[0].Timestamp.Format(time.RFC3339) != "2019-02-15T14:31:00Z" {
		t.Errorf("a time with its own offset is at %s", r.bars[0].Timestamp)
	}

	refused(t, "x.csv", text, barfile.Options{Timeframe: "1m", Zone: "Mars/Base"}, "IANA name")
}

// Rows from new to old do not prove Alpha Vantage. Only the name of the file decides the source and the zone.
func TestAlphaVantageZone(t *testing.T) {
	t.Parallel()
	const text = "timestamp,open,high,low,close,volume\n" +
		"2021-04-21 20:00:00,1,2,1,2,3\n" +
		"2021-04-21 19:55:00,1,2,1,2,3\n" +
		"2021-04-21 19:50:00,1,2,1,2,3\n"

	refused(t, "IBM.csv", text, barfile.Options{}, "set --tz")

	for name, opts := range map[string]barfile.Options{
		"alpha_vantage/IBM.csv": {},
		"IBM-AlphaVantage.csv":  {Symbol: "IBM"},
		"IBM.csv":               {Zone: "America/New_York", Source: "alphavantage"},
		"x/IBM.csv":             {Format: "alphavantage"},
	} {
		got := describe(read(t, name, text, opts).bars[0])
		if got != "IBM 5m 2021-04-22T00:00:00Z 1 2 1 2 3 none alphavantage" {
			t.Errorf("%s: %s", name, got)
		}
	}
}

// Local times that the clocks skip are quarantined. In the hour that they repeat, the order of the rows decides.
func TestDaylightSaving(t *testing.T) {
	t.Parallel()
	const head = "Date,Open,High,Low,Close,Volume\n"

	lines := func(times ...string) string {
		text := head
		for _, at := range times {
			text += at + ",1,2,1,2,3\n"
		}
		return text
	}

	opts := barfile.Options{Timeframe: "30m", Zone: "America/New_York"}
	r := read(t, "x.csv", lines("2021-03-14 01:30", "2021-03-14 02:00", "2021-03-14 02:30", "2021-03-14 03:00"), opts)
	if len(r.bars) != 2 || len(r.rejected) != 2 ||
		!strings.Contains(r.rejected[0].Reason, "time 2021-03-14 02:00:00 does not exist in America/New_York") {
		t.Errorf("%d bars, rejected %v; want two of each", len(r.bars), r.rejected)
	}

	autumn := []string{
		"2021-11-07 00:30", "2021-11-07 01:00", "2021-11-07 01:30", "2021-11-07 01:00", "2021-11-07 01:30",
		"2021-11-07 02:00",
	}

	want := "04:30 05:00 05:30 06:00 06:30 07:00"
	check := func(what, text, want string) {
		t.Helper()
		var got []string
		for _, b := range read(t, "x.csv", text, opts).bars {
			got = append(got, b.Timestamp.Format("15:04"))
		}

		if strings.Join(got, " ") != want {
			t.Errorf("%s: %v, want %s", what, got, want)
		}
	}

	check("oldest first", lines(autumn...), want)
	slices.Reverse(autumn)
	check("newest first", lines(autumn...), "07:00 06:30 06:00 05:30 05:00 04:30")
	check("hours", lines("2021-11-07 00:00", "2021-11-07 01:00", "2021-11-07 01:00", "2021-11-07 02:00"),
		"04:00 05:00 06:00 07:00")
}
