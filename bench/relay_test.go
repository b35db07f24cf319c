package bench

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/embedded"
	"github.com/blotterdb/blotter/events"
	"github.com/blotterdb/blotter/pgtest"
	"github.com/blotterdb/blotter/postgres"
)

// redisServer starts a Redis that ends with the benchmark.
func redisServer(b *testing.B) string {
	b.Helper()
	server, err := embedded.StartRedisServer(b.Context(), embedded.RedisConfig{})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = server.Stop() })
	return server.URL
}

// relay starts a relay that ends with the benchmark.
func relay(b *testing.B, cfg events.RelayConfig) *events.Relay {
	b.Helper()
	cfg.Logger = slog.New(slog.DiscardHandler)
	r, err := events.NewRelay(cfg)
	if err == nil {
		err = r.Start(b.Context())
	}
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = r.Stop(context.Background()) })
	return r
}

// fillData returns the data of a fill's event.
func fillData(b *testing.B) json.RawMessage {
	b.Helper()
	one := blotter.MustDecimal("100.25")
	data, err := json.Marshal((&blotter.Trade{
		TradeID: "T-1000001", OrderID: "O-1000001", AccountID: "ACC123", Symbol: "AAPL", Side: blotter.Buy,
		Quantity: one, Price: one, Multiplier: blotter.MustDecimal("1"),
		Currency: "USD", CommissionCurrency: "USD", PositionEffect: blotter.Increased, Strategy: "trend",
		ExecutedAt: time.Now(), QuantityAfter: one, CostBasisAfter: one,
	}).EventData())
	if err != nil {
		b.Fatal(err)
	}
	return data
}

// The relay drains events that have gathered: fills on the channel of trades, and fills of which it makes the
// positions' messages. To reach: 30,000 events a second.
func BenchmarkRelayDrain(b *testing.B) {
	const gathered = 200_000

	for _, channel := range []string{blotter.ChannelTrades, blotter.ChannelPositions} {
		b.Run(channel, func(b *testing.B) {
			db := pgtest.Open(b)
			db.Exec(b, `insert into events.outbox (account_id, channel, key, event_id, type, service, data)
				select 'ACC123', 'trades', 'ACC123', gen_random_uuid(), 'trade_executed', 'execution', $2::text::jsonb
				  from generate_series(1, $1)`, gathered, string(fillData(b)))
			db.Exec(b, `vacuum analyze events.outbox`)

			begin := time.Now()
			r := relay(b, events.RelayConfig{
				DB: db.DB, URL: redisServer(b), Channels: []string{channel}, RateMax: 1_000_000,
			})
			for r.Published() < gathered {
				if err := r.Health(); err != nil {
					b.Fatal(err)
				}
				time.Sleep(time.Millisecond)
			}

			b.ReportMetric(gathered/time.Since(begin).Seconds(), "events/s")
			b.ReportMetric(0, "ns/op")
		})
	}
}

// From the writing of an event, just before its commit, to a subscriber, at 5,000 events a second that another process
// commits: all three channels are relayed, and each event becomes two messages. To reach: p99 of 25 ms.
func BenchmarkRelayLatency(b *testing.B) {
	const (
		perSecond = 5000
		writers   = 5
		span      = 8 * time.Second
		warmUp    = 2 * time.Second
	)

	for _, size := range []int{1, 10} {
		b.Run(fmt.Sprint(size, "_a_transaction"), func(b *testing.B) {
			db := pgtest.Open(b)
			others, err := postgres.Open(b.Context(), db.Config) // no doorbell: as of another process
			if err != nil {
				b.Fatal(err)
			}
			b.Cleanup(others.Close)

			url := redisServer(b)
			relay(b, events.RelayConfig{DB: db.DB, URL: url})
			ctx, cancel := context.WithTimeout(blotter.WithAllAccounts(b.Context()), span)
			defer cancel()

			latencies, ended := listen(ctx, b, url, warmUp)
			written := write(ctx, b, others, writers, size, time.Second*time.Duration(size*writers)/perSecond)
			<-ended

			list := *latencies
			slices.Sort(list)
			at := func(q float64) float64 {
				return float64(list[int(q*float64(len(list)-1))].Microseconds()) / 1000
			}

			b.ReportMetric(float64(written)/span.Seconds(), "events/s")
			b.ReportMetric(at(0.5), "p50-ms")
			b.ReportMetric(at(0.99), "p99-ms")
			b.ReportMetric(at(1), "max-ms")
			b.ReportMetric(0, "ns/op")
		})
	}
}

// listen subscribes to fills and measures, until the context ends, how old each is when it arrives.
func listen(ctx context.Context, b *testing.B, url string, warmUp time.Duration) (*[]time.Duration, chan struct{}) {
	b.Helper()
	client, err := events.OpenRedis(url)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = client.Close() })

	latencies := &[]time.Duration{}
	ended := make(chan struct{})
	begin := time.Now()

	go func() {
		defer close(ended)
		note := func(_ context.Context, m events.Message) error {
			if time.Since(begin) > warmUp {
				*latencies = append(*latencies, time.Since(m.Timestamp.Time()))
			}
			return nil
		}
		err := events.Subscribe(ctx, client, events.SubscribeConfig{
			Channels: []string{blotter.ChannelTrades}, Callback: note,
		})
		if err != nil {
			b.Error(err)
		}
	}()

	return latencies, ended
}

// write commits transactions of so many events until the context ends, each writer one every pause.
func write(ctx context.Context, b *testing.B, db *postgres.DB, writers, size int, pause time.Duration) (written int) {
	b.Helper()

	data := fillData(b)
	var mu sync.Mutex
	var running sync.WaitGroup

	for w := range writers {
		running.Go(func() {
			event := blotter.Event{
				AccountID: fmt.Sprint("A", w), Channel: "trades", Type: "fill", Service: "bench", Data: data,
			}
			list := slices.Repeat([]blotter.Event{event}, size)
			next := time.Now()
			for ctx.Err() == nil {
				err := db.Transaction(ctx, func(tx *postgres.Tx) error { return tx.Emit(ctx, list...) })
				if err == nil {
					mu.Lock()
					written += size
					mu.Unlock()
				} else if ctx.Err() == nil {
					b.Error(err)
					return
				}

				next = next.Add(pause)
				time.Sleep(time.Until(next))
			}
		})
	}

	running.Wait()
	return written
}
