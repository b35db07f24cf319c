package events_test

import (
	"context"
	"fmt"
	"log"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/embedded"
	"github.com/blotterdb/blotter/events"
	"github.com/blotterdb/blotter/pgtest"
)

// A fill that is booked is published to Redis, where a subscriber gets it and the position after it.
func ExampleSubscribe() {
	db, done := pgtest.OpenExample()
	defer done()
	redis, err := embedded.StartRedis() // a stand-in; in production the URL of a server
	if err != nil {
		log.Fatal(err)
	}
	defer redis.Close()

	ctx := context.Background()
	relay, err := events.NewRelay(events.RelayConfig{DB: db.DB, URL: redis.URL})
	if err != nil {
		log.Fatal(err)
	}
	if err := relay.Start(ctx); err != nil {
		log.Fatal(err)
	}
	defer func() { _ = relay.Stop(ctx) }()

	_, err = db.ExecuteTrade(blotter.WithAccount(ctx, "ACC123"), blotter.Trade{
		TradeID: "T1", Symbol: "AAPL", Side: blotter.Buy, Quantity: blotter.MustDecimal("10"),
		Price:      blotter.MustDecimal("189.50"),
		ExecutedAt: time.Date(2026, 3, 2, 14, 30, 0, 0, time.UTC),
	})
	if err != nil {
		log.Fatal(err)
	}

	client, err := events.OpenRedis(redis.URL)
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	listening, stop := context.WithTimeout(ctx, time.Minute)
	defer stop()
	err = events.Subscribe(listening, client, events.SubscribeConfig{
		Types: []string{blotter.PositionUpdated},
		From:  map[string]events.Offset{blotter.ChannelPositions: {}}, // from the beginning of the stream
		Callback: func(_ context.Context, m events.Message) error {
			fmt.Println(m.Offset(), m.Type, m.Key)
			stop()
			return nil
		},
	})
	if err != nil {
		log.Fatal(err)
	}
	// Output: 1-1 position_updated ACC123
}
