package bench

import (
	"context"
	"flag"
	"fmt"
	"iter"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/internal/calendar"
	"github.com/blotterdb/blotter/pgtest"
	"github.com/blotterdb/blotter/postgres"
)

// scaleSymbols is the largest table of BenchmarkScale: 1000 symbols are 98 million rows and 20 GB.
var scaleSymbols = flag.Int("symbols", 100, "the most symbols of BenchmarkScale: 10, 100 or 1000")

// yearOf returns a symbol's year of minute bars.
func yearOf(symbol string) iter.Seq2[blotter.BarRow, error] {
	return func(yield func(blotter.BarRow, error) bool) {
		for place := range yearOfMinutes {
			if !yield(blotter.BarRow{Bar: minuteBar(symbol, place), Line: int64(place + 2)}, nil) {
				return
			}
		}
	}
}

// The table grows, the density of rows stays, and questions take as long as before: one symbol's month at 100 symbols
// at most 1.3 x of its time at 10.
func BenchmarkScale(b *testing.B) {
	for b.Loop() {
		base := map[string]time.Duration{}
		for symbols := 10; symbols <= *scaleSymbols; symbols *= 10 {
			scale(b, symbols, base)
		}
	}
}

const sqlMinute = `select symbol, close from data_ingestion.market_data where timeframe = '1m' and timestamp = $1`

func scale(b *testing.B, symbols int, base map[string]time.Duration) {
	const asked = 200
	db, ctx := pgtest.Open(b), b.Context()

	start := time.Now()
	for n := range symbols {
		year := postgres.BarImport{File: "bench", Bars: yearOf(fmt.Sprintf("SYM%d", n))}
		if _, err := db.ImportBars(ctx, year); err != nil {
			b.Fatal(err)
		}
	}

	loaded, rows := time.Since(start), symbols*yearOfMinutes
	if err := db.AnalyzeBars(ctx, int64(rows)); err != nil {
		b.Fatal(err)
	}

	db.Exec(b, "vacuum data_ingestion.market_data")
	db.Exec(b, "checkpoint") // or the questions write the load's pages
	fmt.Printf("  %4d symbols, %11d rows: loaded at %.0f rows/s\n", symbols, rows, float64(rows)/loaded.Seconds())

	year := minuteBar("", 0).Timestamp.Year()
	symbol := func() string { return fmt.Sprintf("SYM%d", rand.IntN(symbols)) }
	month := func() (from, to time.Time) {
		from = time.Date(year, time.Month(1+rand.IntN(12)), 1, 0, 0, 0, 0, time.UTC)
		return from, calendar.AddMonths(from, 1)
	}

	for _, question := range []struct {
		name string
		ask  func() (int, error)
	}{
		{"one symbol's month", func() (int, error) {
			from, to := month()
			list, err := db.Bars(ctx, postgres.BarFilter{Symbol: symbol(), Timeframe: "1m", From: from, To: to})
			return len(list), err
		}},
		{"latest bar", func() (int, error) {
			_, err := db.LatestBar(ctx, symbol(), "1m")
			return 1, err
		}},
		{"all symbols at a minute", func() (n int, err error) {
			err = db.ReadOnly(blotter.WithAllAccounts(ctx), func(s *postgres.Session) error {
				minute := minuteBar("", rand.IntN(yearOfMinutes)).Timestamp
				rows, err := s.Query(context.WithoutCancel(ctx), sqlMinute, minute)
				if err != nil {
					return err
				}
				defer rows.Close()
				for rows.Next() {
					n++
				}
				return rows.Err()
			})
			return n, err
		}},
	} {

		var times []time.Duration
		answered := 0
		for n := range asked + asked/4 {
			start := time.Now()
			rows, err := question.ask()
			if err != nil || rows == 0 {
				b.Fatalf("%s: %d rows, %v", question.name, rows, err)
			}
			if n >= asked/4 { // the first ones warm up
				times, answered = append(times, time.Since(start)), answered+rows
			}
		}

		m := median(times)
		if base[question.name] == 0 {
			base[question.name] = m
		}
		fmt.Printf("    %-24s %10s  %6d rows  %.2f x\n", question.name, m.Round(time.Microsecond), answered/asked,
			float64(m)/float64(base[question.name]))
		b.ReportMetric(float64(m.Microseconds()),
			fmt.Sprintf("%s_at_%d_us", strings.ReplaceAll(question.name, " ", "_"), symbols))
	}
}
