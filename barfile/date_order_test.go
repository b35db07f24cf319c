package barfile_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/blotterdb/blotter/barfile"
)

// slashed writes a number of rows for each date, in the layout.
func slashed(layout string, perDate int, dates ...time.Time) string {
	var b strings.Builder
	b.WriteString("Date,Open,High,Low,Close,Volume\n")
	for _, date := range dates {
		for i := range perDate {
			at := date.Format(layout)
			if perDate > 1 {
				at += date.Add(time.Duration(i) * time.Minute).Format(" 15:04")
			}
			fmt.Fprintf(&b, "%s,1,2,1,2,3\n", at)
		}
	}
	return b.String()
}

// datesFrom returns n dates from the first one on, in steps.
func datesFrom(from string, n int, step func(time.Time) time.Time) (dates []time.Time) {
	at := day(from)
	for range n {
		dates = append(dates, at)
		at = step(at)
	}
	return dates
}

// The rows decide whether days or months come first. If they do not, the order is an error that names the flag.
func TestDateOrder(t *testing.T) {
	t.Parallel()
	const dmy, mdy = "02/01/2006", "01/02/2006"

	daily := every(24 * time.Hour)
	for _, test := range []struct {
		name, text, from, want string // the timestamps of the first and the last bar; "" is asked for
	}{
		{"days first, weekdays", slashed(dmy, 1, datesFrom("2021-01-05", 6, weekday)...), "2021-01-05", "2021-01-12"},
		{
			name: "days first, newest first",
			text: slashed(dmy, 1, day("2021-01-12"), day("2021-01-11"), day("2021-01-08"), day("2021-01-07")),
			from: "2021-01-12",
			want: "2021-01-07",
		},
		{"months of thirteen", slashed(mdy, 1, datesFrom("2020-01-01", 13, month)...), "2020-01-01", "2021-01-01"},
		{"days or months", slashed(dmy, 1, datesFrom("2021-01-01", 8, daily)...), "", ""},
		{"five months or days", slashed(dmy, 1, datesFrom("2023-02-01", 5, month)...), "", ""},
		{"five days or months", slashed(mdy, 1, datesFrom("2023-01-02", 5, weekday)...), "", ""},
		{"one date", slashed(dmy, 1, day("2021-01-05")), "", ""},
		{"one date of many minutes", slashed(dmy, 100, day("2021-01-05")), "", ""},
		{"minutes of two days", slashed(dmy, 100, day("2021-01-05"), day("2021-01-06")), "2021-01-05", "2021-01-06"},
		{
			name: "minutes of two days, months first",
			text: slashed(mdy, 100, day("2021-01-05"), day("2021-01-06")),
			from: "2021-01-05",
			want: "2021-01-06",
		},
	} {
		if test.want == "" {
			refused(t, "AAPL.csv", test.text, barfile.Options{Zone: "UTC"}, "set --dates dmy or --dates mdy")
			r := read(t, "AAPL.csv", test.text, barfile.Options{Zone: "UTC", Dates: "dmy", Timeframe: "1d"})
			if got := r.bars[0].Timestamp; got.Year() != 2021 && got.Year() != 2023 {
				t.Errorf("%s: with --dates dmy the first bar is of %s", test.name, got)
			}
			continue
		}

		r := read(t, "AAPL.csv", test.text, barfile.Options{Zone: "UTC"})
		first, last := r.bars[0].Timestamp.Format(time.DateOnly), r.bars[len(r.bars)-1].Timestamp.Format(time.DateOnly)
		if first != test.from || last != test.want {
			t.Errorf("%s: %s to %s, want %s to %s", test.name, first, last, test.from, test.want)
		}
	}

	refused(t, "AAPL.csv", slashed(dmy, 1, day("2021-01-05")), barfile.Options{Dates: "ymd"}, "dmy or mdy")
}

// If the first rows do not decide, the rest of the file is read, also in an archive.
func TestDateOrderFarBehind(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	text := slashed("02/01/2006", 600, day("2021-01-05"), day("2021-01-13"))

	for name, content := range map[string][]byte{
		"AAPL.csv": []byte(text),
		"AAPL.zip": zipped(t, "readme.txt", "x\n", "AAPL.csv", text),
	} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}

		file, err := barfile.Open(path, barfile.Options{Zone: "UTC"})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}

		for row, err := range file.Bars() {
			if err != nil || row.Timestamp.Month() != time.January {
				t.Errorf("%s: line %d is of %s, %v", name, row.Line, row.Timestamp, err)
				break
			}
		}

		_ = file.Close()
	}
}

// Of rows that contradict each other about the order, nine of ten decide.
func TestDateOrderContradicted(t *testing.T) {
	t.Parallel()
	const dmy, mdy = "02/01/2006", "01/02/2006"

	row := func(layout, date string) string { return day(date).Format(layout) + ",1,2,1,2,3\n" }

	for _, test := range []struct {
		name, text string
		bars       int // 0 is asked for
		month      time.Month
	}{
		{"one row among eight", slashed(dmy, 1, datesFrom("2024-01-02", 8, weekday)...) + row(mdy, "2024-01-15"), 0, 0},
		{
			name: "one row among ten that could be either",
			text: slashed(dmy, 1, datesFrom("2024-02-01", 8, weekday)...) + row(dmy, "2024-02-12") +
				row(mdy, "2024-02-13"),
			bars:  9,
			month: time.February,
		},
		{
			name: "the first row of a hundred",
			text: strings.Replace(slashed(dmy, 1, datesFrom("2024-01-01", 100, weekday)...), "\n"+
				"01/01/2024", "\n01/31/2023", 1),
			bars:  99,
			month: time.January,
		},
		{
			name: "half of them",
			text: slashed(dmy, 1, datesFrom("2024-01-15", 10, weekday)...) + row(mdy, "2024-01-29") +
				row(mdy, "2024-01-30"),
			bars:  0,
			month: 0,
		},
		{"the thirteenth, months first", slashed(mdy, 1, datesFrom("2024-01-02", 12, weekday)...), 12, time.January},
	} {
		if test.bars == 0 {
			refused(t, "AAPL.csv", test.text, barfile.Options{Timeframe: "1d"}, "set --dates dmy or --dates mdy")
			continue
		}

		r := read(t, "AAPL.csv", test.text, barfile.Options{Timeframe: "1d"})
		if len(r.bars) != test.bars || r.bars[0].Timestamp.Month() != test.month || r.bars[0].Timestamp.Year() != 2024 {
			t.Errorf("%s: %d bars, the first of %s, rejected %v", test.name, len(r.bars), r.bars[0].Timestamp,
				r.rejected)
		}
	}
}

// If the first rows have one date only, of minutes or of many symbols, later dates decide.
func TestDateOrderOfLaterDates(t *testing.T) {
	t.Parallel()
	var symbols strings.Builder

	symbols.WriteString("Date,Symbol,Open,High,Low,Close,Volume\n")
	for _, date := range datesFrom("2024-01-02", 7, weekday) {
		for i := range 600 {
			fmt.Fprintf(&symbols, "%s,S%d,1,2,1,2,3\n", date.Format("02/01/2006"), i)
		}
	}

	for name, text := range map[string]string{
		"minutes.csv": slashed("02/01/2006", 1440, day("2024-01-04"), day("2024-01-05")),
		"symbols.csv": symbols.String(),
	} {
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}

		file, err := barfile.Open(path, barfile.Options{
			Zone:   "UTC",
			Symbol: map[string]string{"minutes.csv": "X"}[name],
		})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}

		for row, err := range file.Bars() {
			if err != nil || row.Timestamp.Month() != time.January {
				t.Errorf("%s: line %d is of %s, %v", name, row.Line, row.Timestamp, err)
				break
			}
		}

		_ = file.Close()
	}
}
