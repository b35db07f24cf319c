package bench

import (
	"context"
	"flag"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/logs"
	"github.com/blotterdb/blotter/pgtest"
)

var (
	logRate = flag.Int("log-rate", 50_000, "log records offered a second")
	logTime = flag.Duration("log-time", 10*time.Second, "how long they are")
)

// Log records offered at 50,000 a second by four callers: at least 20,000 a second are stored, the others are counted,
// and 99 of 100 callers are done within a millisecond.
func BenchmarkLogHandler(b *testing.B) {
	const callers = 4
	for b.Loop() {
		db := pgtest.Open(b)
		h, err := logs.NewHandler(logs.Config{DB: db.DB, Service: "bench", Next: slog.DiscardHandler})
		if err == nil {
			err = h.Start(b.Context())
		}
		if err != nil {
			b.Fatal(err)
		}

		log := slog.New(h)
		ctx := blotter.WithCorrelation(b.Context(), "0199c0de-7a51-7000-8000-000000000000")

		took := make([][]time.Duration, callers)
		begin := time.Now()
		var wait sync.WaitGroup
		for c := range callers {
			wait.Go(func() { took[c] = offer(ctx, log, *logRate/callers, begin) })
		}

		wait.Wait()
		offering := time.Since(begin)
		stored := h.Stats().Written
		if err := h.Stop(context.WithoutCancel(ctx)); err != nil {
			b.Fatal(err)
		}

		s := h.Stats()
		all := slices.Concat(took...)
		slices.Sort(all)
		rows := pgtest.Value[int64](b, db,
			"select count(*) from logging.system_logs where event_type <> 'logs_dropped'")
		if s.Written+s.Dropped != s.Offered || rows != s.Written || s.Offered != int64(len(all)) {
			b.Fatalf("%+v, %d rows are stored, %d were offered", s, rows, len(all))
		}

		p99, perSecond := all[len(all)*99/100], float64(stored)/offering.Seconds()
		b.ReportMetric(0, "ns/op")
		b.ReportMetric(float64(s.Offered)/offering.Seconds(), "offered/s")
		b.ReportMetric(perSecond, "written/s")
		b.ReportMetric(float64(s.Dropped), "dropped")
		b.ReportMetric(float64(p99.Nanoseconds())/1e3, "p99_us")
		fmt.Printf("  offered %.0f/s, written %.0f/s, dropped %d of %d, caller p50 %s, p99 %s, p99.9 %s, max %s\n",
			float64(s.Offered)/offering.Seconds(), perSecond, s.Dropped, s.Offered, all[len(all)/2], p99,
			all[len(all)*999/1000], all[len(all)-1])

		if perSecond < 20_000 || p99 > time.Millisecond {
			b.Errorf("want 20,000/s and 1 ms")
		}
	}
}

// offer logs at a rate and tells how long each call took.
func offer(ctx context.Context, log *slog.Logger, rate int, begin time.Time) (took []time.Duration) {
	for n := 0; ; n++ {
		due := time.Duration(n) * time.Second / time.Duration(rate)
		if due >= *logTime {
			return took
		}
		if ahead := due - time.Since(begin); ahead > time.Millisecond {
			time.Sleep(ahead)
		}
		start := time.Now()
		log.InfoContext(ctx, "order filled", "event_type", "fill", "symbol", "AAPL", "quantity", 100,
			"price", "187.25", "n", n)
		took = append(took, time.Since(start))
	}
}
