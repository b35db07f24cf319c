package tabular_test

import (
	"testing"
	"time"

	"github.com/blotterdb/blotter/internal/tabular"
)

func TestNotation(t *testing.T) {
	t.Parallel()

	for _, test := range []struct{ text, point, comma string }{
		{"1234.5", "1234.5", ""},
		{"1,234.50", "1234.5", ""},
		{"1.234,5", "", "1234.5"},
		{"12 345,67", "", "12345.67"},
		{"0,5", "", "0.5"},
		{"1.5e3", "1500", ""},
		{"-2.5E-3", "-0.0025", ""},
		{"3.4M", "3400000", ""},
		{"$5", "5", "5"},
		{"1,23,4", "", ""},
		{"1e+-5", "", ""},
		{"1e", "", ""},
		{"five", "", ""},
		{"N/A", "", ""},
	} {
		for comma, want := range map[bool]string{false: test.point, true: test.comma} {
			got, err := tabular.Notation{Comma: comma}.Parse("price", []byte(test.text))
			if (err == nil) != (want != "") || err == nil && got.String() != want {
				t.Errorf("%q, comma %v: got %s, %v; want %q", test.text, comma, got, err, want)
			}
		}
	}
}

func TestDecimalMark(t *testing.T) {
	t.Parallel()

	for number, want := range map[string]struct {
		mark    byte
		certain bool
	}{
		"1234": {
			mark:    0,
			certain: true,
		}, "1,234.5": {'.', true}, "1.234,5": {',', true}, "1,234,567": {'.', true}, "1.234.567": {',', true},
		"0,125": {',', true}, "-0.125": {'.', true}, "1234,567": {',', true}, "12.5": {'.', true}, ".125": {'.', true},
		"1,234": {',', false}, "-1.234": {'.', false},
	} {
		if mark, certain := tabular.DecimalMark(number); mark != want.mark || certain != want.certain {
			t.Errorf("%s: got %q, %v; want %q, %v", number, mark, certain, want.mark, want.certain)
		}
	}
}

func TestClock(t *testing.T) {
	t.Parallel()
	dayFirst, yearFirst := tabular.Clock{DayFirst: true}, tabular.Clock{YearFirst: true}

	for _, test := range []struct {
		clock      tabular.Clock
		text, want string // want is "" for an invalid date
		zoned      bool
	}{
		{text: "2024-03-26", want: "2024-03-26T00:00:00Z"},
		{text: "1/2/2006", want: "2006-01-02T00:00:00Z"},
		{clock: dayFirst, text: "1/2/2006", want: "2006-02-01T00:00:00Z"},
		{clock: yearFirst, text: "24-03-26 10:00", want: "2024-03-26T10:00:00Z"},
		{text: "1.2.2006", want: "2006-02-01T00:00:00Z"},
		{text: "Tue, 05 Jan 2021 09:30:00 GMT", want: "2021-01-05T09:30:00Z", zoned: true},
		{text: "5 mei 2021", want: "2021-05-05T00:00:00Z"},
		{text: "05-mär-2021 10:00", want: "2021-03-05T10:00:00Z"},
		{text: "Jan 5, 2023, 10:00", want: "2023-01-05T10:00:00Z"},
		{text: "2023-01-05, 10:00:00", want: "2023-01-05T10:00:00Z"},
		{text: "20220125;105910", want: "2022-01-25T10:59:10Z"},
		{text: "1/5/2023, 3:04:05\u202fPM", want: "2023-01-05T15:04:05Z"},
		{text: "2023-01-05 10:00 EST", want: "2023-01-05T15:00:00Z", zoned: true},
		{text: "2023-07-05 10:00 CEST", want: "2023-07-05T08:00:00Z", zoned: true},
		{text: "2023-01-05T10:00:00.123+02:00", want: "2023-01-05T08:00:00.123Z", zoned: true},
		{text: "1672912800", want: "2023-01-05T10:00:00Z", zoned: true},
		{text: "1672912800123", want: "2023-01-05T10:00:00.123Z", zoned: true},
		{text: "20230105", want: "2023-01-05T00:00:00Z"},
		{text: "2023-02-30"},
		{text: "2023-01-05,"},
		{text: "13:00 PM 2023-01-05"},
		{text: "2023-01-05 13:00 PM"},
		{text: "44200"},
		{text: "2023-01-05 10:00 XYZ"},
		{text: "5 foo 2021"},
		{text: "1066-10-14"},
		{text: ""},
	} {
		got, err := test.clock.Parse([]byte(test.text))
		switch {
		case test.want == "" && err == nil:
			t.Errorf("%q: got %s, want an error", test.text, got.Time)
		case test.want == "":
		case err != nil || got.Time.UTC().Format(time.RFC3339Nano) != test.want || got.Zoned != test.zoned:
			t.Errorf("%q: got %s, zoned %v, %v; want %s, zoned %v", test.text, got.Time.UTC(), got.Zoned, err,
				test.want, test.zoned)
		}
	}
}

func TestReadingsOf(t *testing.T) {
	t.Parallel()

	for text, want := range map[string]string{ // day, month and year first
		"1/2/2006":             "2006-02-01 2006-01-02 -",
		"24-03-26":             "2026-03-24 - 2024-03-26",
		"Tue 01/02/2024 10:00": "2024-02-01 2024-01-02 -",
		"31/04/2020":           "- - -",
		"2024-03-26":           "none",
		"1.2.2006":             "none",
		"5 Jan 2021":           "none",
		"20240326":             "none",
		"1/2/6":                "none",
	} {
		got := "none"
		if r, ok := tabular.ReadingsOf([]byte(text)); ok {
			got = dateText(r.DayFirst) + " " + dateText(r.MonthFirst) + " " + dateText(r.YearFirst)
		}
		if got != want {
			t.Errorf("%q: got %s, want %s", text, got, want)
		}
	}
}

func dateText(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.Format(time.DateOnly)
}

func TestInstants(t *testing.T) {
	t.Parallel()
	zone, err := tabular.LoadZone("America/New_York")
	if err != nil {
		t.Fatal(err)
	}

	for local, want := range map[string]int{"2024-07-01 10:00": 1, "2024-11-03 01:30": 2, "2024-03-10 02:30": 0} {
		at, err := time.Parse("2006-01-02 15:04", local)
		if err != nil {
			t.Fatal(err)
		}

		got := 0
		first, second := tabular.Instants(at, zone)

		for _, instant := range []time.Time{first, second} {
			if !instant.IsZero() {
				got++
				if shown := instant.In(zone).Format("2006-01-02 15:04"); shown != local {
					t.Errorf("%s: the clocks show %s at %s", local, shown, instant)
				}
			}
		}

		if got != want {
			t.Errorf("%s: got %d instants, want %d", local, got, want)
		}
	}
}
