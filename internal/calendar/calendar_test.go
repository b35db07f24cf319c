package calendar_test

import (
	"testing"
	"time"

	"github.com/blotterdb/blotter/internal/calendar"
	"github.com/blotterdb/blotter/pgtest"
	"github.com/jackc/pgx/v5"
)

func TestAddMonths(t *testing.T) {
	t.Parallel()

	for _, test := range []struct {
		from   string
		months int
		want   string
	}{
		{"2026-01-31T23:59:59.999999999Z", 1, "2026-02-28T23:59:59.999999999Z"},
		{"2028-01-31T00:00:00Z", 1, "2028-02-29T00:00:00Z"},
		{"2026-11-30T06:00:00Z", 3, "2027-02-28T06:00:00Z"},
		{"2027-03-29T06:00:00Z", -1, "2027-02-28T06:00:00Z"},
		{"2028-02-29T06:00:00Z", 24, "2030-02-28T06:00:00Z"},
		{"2028-02-29T06:00:00Z", -48, "2024-02-29T06:00:00Z"},
		{"2026-12-31T06:00:00Z", 1, "2027-01-31T06:00:00Z"},
		{"2026-01-15T06:00:00Z", -1, "2025-12-15T06:00:00Z"},
		{"2026-08-31T06:00:00+13:00", -2, "2026-06-30T06:00:00+13:00"},
		{"2026-05-31T06:00:00Z", 0, "2026-05-31T06:00:00Z"},
	} {
		from, err := time.Parse(time.RFC3339Nano, test.from)
		if err != nil {
			t.Fatal(err)
		}

		if got := calendar.AddMonths(from, test.months).Format(time.RFC3339Nano); got != test.want {
			t.Errorf("%s plus %d months: got %s, want %s", test.from, test.months, got, test.want)
		}
	}
}

const sqlAddMonths = `
select d, n, d + make_interval(months => n)
  from generate_series(timestamp '2023-12-28 13:14:15', '2028-03-03 13:14:15', '1 day') d,
       unnest(array[-37, -25, -24, -13, -12, -3, -2, -1, 0, 1, 2, 3, 4, 11, 12, 13, 24, 49]) n`

// TestAddMonthsAgreesWithPostgreSQL compares every day of more than four years, which hold two leap days.
func TestAddMonthsAgreesWithPostgreSQL(t *testing.T) {
	t.Parallel()

	db := pgtest.Blank(t)
	rows, err := db.Connect(t, db.AdminURL).Query(t.Context(), sqlAddMonths)
	if err != nil {
		t.Fatal(err)
	}

	var day, want time.Time
	var months, compared int
	_, err = pgx.ForEachRow(rows, []any{&day, &months, &want}, func() error {
		compared++
		if got := calendar.AddMonths(day, months); !got.Equal(want) {
			t.Errorf("%s plus %d months: got %s, PostgreSQL says %s", day, months, got, want)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if compared < 25_000 {
		t.Errorf("only %d dates were compared", compared)
	}
}

func TestStarts(t *testing.T) {
	t.Parallel()

	auckland := time.FixedZone("NZDT", 13*60*60)
	instant := time.Date(2027, 1, 1, 8, 0, 0, 0, auckland) // 2026-12-31T19:00Z

	if got, want := calendar.StartOfMonth(instant), time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC); got != want {
		t.Errorf("StartOfMonth: got %s, want %s", got, want)
	}
	if got, want := calendar.StartOfYear(instant), time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC); got != want {
		t.Errorf("StartOfYear: got %s, want %s", got, want)
	}
}
