package bench

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/maintenance"
	"github.com/blotterdb/blotter/pgtest"
	"github.com/blotterdb/blotter/postgres"
)

// monthRows is how many bars the month has that is vacuumed.
const monthRows = 600_000

// importBars imports 2,000 bars of this month that are new and tells how long it took.
func importBars(ctx context.Context, db *postgres.DB, n int) (time.Duration, error) {
	now := time.Now().UTC()
	month := time.Date(now.Year(), now.Month(), 1, 0, 0, 0, 0, time.UTC)
	bars := func(yield func(blotter.BarRow, error) bool) {
		for i := range 2000 {
			bar := minuteBar("NEW", i)
			bar.Symbol = fmt.Sprint("NEW", n)
			bar.Timestamp = month.Add(time.Duration(i) * time.Minute)
			if !yield(blotter.BarRow{Bar: bar, Line: int64(i + 2)}, nil) {
				return
			}
		}
	}

	begin := time.Now()
	_, err := db.ImportBars(ctx, postgres.BarImport{File: fmt.Sprint(n), Bars: bars})
	return time.Since(begin), err
}

// VACUUM of a month of market data, of which a third is dead, while bars are imported into it: no import fails, and the
// median and the slowest one of a hundred take at most 1.5 times as long as without.
func BenchmarkVacuumWhileImporting(b *testing.B) {
	const rounds, imports = 4, 120
	for b.Loop() {
		db := pgtest.Open(b)
		ctx := blotter.WithAllAccounts(b.Context())
		db.Exec(b, `insert into data_ingestion.market_data (symbol, timeframe, timestamp, open, high, low, close,
			       volume, source)
			select 'S' || n % 100, '1m', date_trunc('month', now(), 'UTC') + n / 100 * interval '1 minute', 1, 1, 1, 1,
			       n, 'bench'
			  from generate_series(1, $1) n`, monthRows)

		runner, err := maintenance.New(maintenance.Config{OwnerURL: db.OwnerURL, Logger: db.Config.Logger})
		if err != nil {
			b.Fatal(err)
		}

		var alone, beside []time.Duration
		var vacuum time.Duration
		n := 0

		measure := func(times []time.Duration) []time.Duration {
			took, err := importBars(ctx, db.DB, n)
			if err != nil {
				b.Fatal(err)
			}
			n++
			return append(times, took)
		}

		for range 3 {
			measure(nil)
		}

		for range rounds {
			db.Exec(b, `update data_ingestion.market_data set volume = volume + 1
				where volume::bigint % 3 = 0 and source = 'bench' and symbol like 'S%'`)
			db.Exec(b, "checkpoint")

			for range imports {
				alone = measure(alone)
			}

			done := make(chan error, 1)
			begin := time.Now()
			go func() {
				outcomes, err := runner.Run(ctx, maintenance.Request{
					Jobs: []string{"vacuum_analyze"}, Service: "data_ingestion", Force: true,
				})
				if err == nil {
					err = outcomes[0].Err
				}
				done <- err
			}()

			for running := true; running; {
				select {
				case err := <-done:
					if err != nil {
						b.Fatal(err)
					}
					running = false
				default:
					beside = measure(beside)
				}
			}

			vacuum += time.Since(begin)
		}

		hundredth := func(times []time.Duration) time.Duration { return times[len(times)*99/100] }
		ratio := float64(median(beside)) / float64(median(alone)) // which sorts them
		worst := float64(hundredth(beside)) / float64(hundredth(alone))

		b.ReportMetric(0, "ns/op")
		b.ReportMetric(ratio, "median_x")
		b.ReportMetric(worst, "p99_x")

		fmt.Printf("  %d imports alone: median %s, p99 %s, slowest %s; ", len(alone), median(alone), hundredth(alone),
			slices.Max(alone))
		fmt.Printf("%d beside VACUUM (%s each): median %s, p99 %s, slowest %s\n", len(beside), vacuum/rounds,
			median(beside), hundredth(beside), slices.Max(beside))

		if ratio > 1.5 || worst > 1.5 {
			b.Errorf("more than 1.5 times as slow")
		}
	}
}
