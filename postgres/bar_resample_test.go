package postgres_test

import (
	"fmt"
	"iter"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/pgtest"
	"github.com/blotterdb/blotter/postgres"
)

// minutes yields minute bars of random prices with random gaps.
func minutes(symbol string, from time.Time, n int) iter.Seq2[blotter.BarRow, error] {
	return func(yield func(blotter.BarRow, error) bool) {
		random := rand.New(rand.NewPCG(1, 2))
		at := from
		for range n {
			p := func() blotter.Decimal { return dec(fmt.Sprintf("%d.%05d", 10+random.IntN(3), random.IntN(100_000))) }
			o, c := p(), p()
			bar := blotter.Bar{
				Symbol: symbol, Timeframe: "1m", Timestamp: at, Open: o, Close: c, High: o, Low: c,
				Volume: p(), Source: "csv",
			}
			if c.GreaterThan(o) {
				bar.High, bar.Low = c, o
			}
			if !yield(blotter.BarRow{Bar: bar}, nil) {
				return
			}

			switch random.IntN(40) {
			case 0:
				at = at.Add(time.Duration(random.IntN(3000)) * time.Minute)
			case 1, 2, 3:
				at = at.Add(time.Duration(random.IntN(9)) * time.Minute)
			}
			at = at.Add(time.Minute)
		}
	}
}

// folded combines ordered bars into longer ones in Go, as a reference.
func folded(bars []blotter.Bar, bucket func(time.Time) time.Time) (out []blotter.Bar) {
	for _, b := range bars {
		at := bucket(b.Timestamp)
		if len(out) == 0 || !out[len(out)-1].Timestamp.Equal(at) {
			b.Timestamp = at
			out = append(out, b)
			continue
		}
		last := &out[len(out)-1]
		if b.High.GreaterThan(last.High) {
			last.High = b.High
		}
		if b.Low.LessThan(last.Low) {
			last.Low = b.Low
		}
		last.Close, last.Volume = b.Close, last.Volume.Add(b.Volume)
	}

	return out
}

func ohlcv(bars []blotter.Bar) string {
	var lines []string
	for _, b := range bars {
		lines = append(lines, fmt.Sprint(b.Timestamp.UTC().Format(time.RFC3339), " ", b.Open, " ", b.High, " ", b.Low, " ", b.Close, " ", b.Volume))
	}
	return strings.Join(lines, "\n")
}

// Resampling in SQL gives the same bars as in Go, including gaps and daylight saving time.
func TestResample(t *testing.T) {
	t.Parallel()
	db := pgtest.Open(t)
	if _, err := db.ImportBars(t.Context(),
		postgres.BarImport{Bars: minutes("A", date(2019, 2, 20), 20_000)}); err != nil {
		t.Fatal(err)
	}

	stored, err := db.Bars(t.Context(), postgres.BarFilter{Symbol: "A", Timeframe: "1m"})
	if err != nil || len(stored) != 20_000 {
		t.Fatalf("%d bars, %v", len(stored), err)
	}

	newYork, err := time.LoadLocation("America/New_York")
	if err != nil {
		t.Fatal(err)
	}

	midnight := func(t time.Time) time.Time { return date(t.Year(), t.Month(), t.Day()) }
	for _, test := range []struct {
		to, zone string
		bucket   func(time.Time) time.Time
	}{
		{"5m", "", func(t time.Time) time.Time { return t.UTC().Truncate(5 * time.Minute) }},
		{"1h", "", func(t time.Time) time.Time { return t.UTC().Truncate(time.Hour) }},
		{"4h", "", func(t time.Time) time.Time { return t.UTC().Truncate(4 * time.Hour) }},
		{"1d", "", func(t time.Time) time.Time { return midnight(t.UTC()) }},
		{"1d", "America/New_York", func(t time.Time) time.Time { return midnight(t.In(newYork)) }},
		{"1w", "", func(t time.Time) time.Time {
			t = midnight(t.UTC())
			return t.AddDate(0, 0, -(int(t.Weekday())+6)%7)
		}},
		{"1mo", "America/New_York", func(t time.Time) time.Time { t = t.In(newYork); return date(t.Year(), t.Month(), 1) }},
		{"3mo", "", func(t time.Time) time.Time { t = t.UTC(); return date(t.Year(), (t.Month()-1)/3*3+1, 1) }},
	} {
		f := postgres.BarFilter{Symbol: "A", Timeframe: "1m", Resample: test.to, Zone: test.zone}
		got, err := db.Bars(t.Context(), f)
		want := folded(stored, test.bucket)
		if err != nil || ohlcv(got) != ohlcv(want) || len(got) == 0 || got[0].Timeframe != test.to {
			t.Errorf("%s %s: %d bars, %v, want %d; the first is\n%s\nwant\n%s", test.to, test.zone, len(got), err,
				len(want), ohlcv(got[:1]), ohlcv(want[:1]))
		}
		f.NewestFirst, f.Limit = true, 3
		newest, err := db.Bars(t.Context(), f)
		slices.Reverse(want)
		if err != nil || ohlcv(newest) != ohlcv(want[:min(3, len(want))]) {
			t.Errorf("%s %s, newest first:\n%s\n%v", test.to, test.zone, ohlcv(newest), err)
		}
	}

	for _, bad := range [][2]string{
		{"1h", "1m"},
		{"1h", "90m"},
		{"1m", "7h"},
		{"1w", "1mo"},
		{"1mo", "1w"},
		{"1mo", "5mo"},
		{"1m", "5mo"},
		{"1m", "x"},
		{"2d", "3d"},
	} {
		_, err := db.Bars(t.Context(), postgres.BarFilter{Symbol: "A", Timeframe: bad[0], Resample: bad[1]})
		wantKind(t, fmt.Sprint(bad), err, blotter.ErrInvalid)
	}

	_, err = db.Bars(t.Context(), postgres.BarFilter{Symbol: "A", Timeframe: "1m", Resample: "1d", Zone: "Mars/Base"})
	wantKind(t, "zone", err, blotter.ErrInvalid)
}

func TestLatestBar(t *testing.T) {
	t.Parallel()
	db := pgtest.Open(t)
	if _, err := db.ImportBars(t.Context(),
		postgres.BarImport{Bars: daily("A", "csv", date(2015, 1, 1), 1500, 1)}); err != nil {
		t.Fatal(err)
	}
	bar, err := db.LatestBar(t.Context(), "A", "")
	if err != nil || !bar.Timestamp.Equal(date(2019, 2, 8)) {
		t.Errorf("%+v, %v", bar, err)
	}
	_, err = db.LatestBar(t.Context(), "A", "1m")
	wantKind(t, "no such bar", err, blotter.ErrNotFound)
}

// A day is missing if other symbols of the calendar have bars on it. Holidays and weekends are not gaps.
func TestGaps(t *testing.T) {
	t.Parallel()
	db := pgtest.Open(t)
	without := func(symbol string, n int, weekends bool, missing ...int) iter.Seq2[blotter.BarRow, error] {
		return func(yield func(blotter.BarRow, error) bool) {
			for bar := range daily(symbol, "csv", date(2019, 1, 1), n, 1) { // a Tuesday
				weekend := bar.Timestamp.Weekday() == time.Saturday || bar.Timestamp.Weekday() == time.Sunday
				if slices.Contains(missing, bar.Timestamp.YearDay()) || weekend && !weekends {
					continue
				}
				if !yield(bar, nil) {
					return
				}
			}
		}
	}

	for _, bars := range []iter.Seq2[blotter.BarRow, error]{
		without("EQ1", 60, false, 1, 21), without("EQ2", 60, false, 1, 4, 7, 8, 21, 30), // 1 and 21 are holidays
		without("BTC", 40, true), without("ETH", 30, true, 5, 6, 7, 20), without("XRP", 60, true, 2),
	} {
		if _, err := db.ImportBars(t.Context(), postgres.BarImport{Bars: bars}); err != nil {
			t.Fatal(err)
		}
	}

	for _, test := range []struct {
		filter postgres.BarFilter
		want   string
	}{
		{postgres.BarFilter{Symbol: "EQ1"}, ""},
		{postgres.BarFilter{Symbol: "EQ2"}, "2019-01-04 to 2019-01-08: 3, 2019-01-30 to 2019-01-30: 1"},
		{postgres.BarFilter{Symbol: "ETH"}, "2019-01-05 to 2019-01-07: 3, 2019-01-20 to 2019-01-20: 1"},
		{postgres.BarFilter{Symbol: "ETH", From: date(2019, 1, 6), To: date(2019, 1, 20)}, ""}, // from its first bar on
		{postgres.BarFilter{Symbol: "XRP"}, "2019-01-02 to 2019-01-02: 1"},
		{postgres.BarFilter{Symbol: "BTC"}, ""},
	} {
		gaps, err := db.Gaps(t.Context(), test.filter)
		var got []string
		for _, g := range gaps {
			got = append(got,
				fmt.Sprintf("%s to %s: %d", g.From.Format(time.DateOnly), g.To.Format(time.DateOnly), g.Days))
		}
		if err != nil || strings.Join(got, ", ") != test.want {
			t.Errorf("%+v: %v, %v; want %s", test.filter, got, err, test.want)
		}
	}

	_, err := db.Gaps(t.Context(), postgres.BarFilter{Symbol: "NONE"})
	wantKind(t, "no such symbol", err, blotter.ErrNotFound)
}

// A query for one month of a symbol reads one partition, for every role and any number of partitions.
func TestMonthPrunes(t *testing.T) {
	t.Parallel()
	db := pgtest.Open(t)
	if _, err := db.ImportBars(t.Context(),
		postgres.BarImport{Bars: daily("A", "csv", date(1990, 1, 1), 9000, 1)}); err != nil {
		t.Fatal(err)
	}

	conn := db.Connect(t, db.AdminURL)
	for name, sql := range postgres.BarQueries() {
		var plan string
		rows, err := conn.Query(t.Context(), "explain (analyze, costs off, timing off, summary off) "+sql, "A", "1d",
			date(2001, 3, 1), date(2001, 4, 1), nil)
		if err != nil {
			t.Fatal(err)
		}
		for rows.Next() {
			var line string
			if err := rows.Scan(&line); err != nil {
				t.Fatal(err)
			}
			plan += line + "\n"
		}
		leaves := map[string]bool{}
		for _, leaf := range regexp.MustCompile(`market_data_(y?\d+(_\d\d)?)`).FindAllString(plan, -1) {
			leaves[leaf] = true
		}
		if rows.Err() != nil || len(leaves) != 1 || !leaves["market_data_y2001"] {
			t.Errorf("%s: %v, leaves %v\n%s", name, rows.Err(), leaves, plan)
		}
	}
}
