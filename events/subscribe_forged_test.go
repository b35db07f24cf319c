package events

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"regexp"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/google/uuid"
)

// forgedService is the service of messages that no relay has published.
const forgedService = "forger"

// forge publishes a message under the number at, as any user with the right to PUBLISH can.
func (d *desk) forge(channel string, at Offset) {
	d.t.Helper()
	text, err := json.Marshal(Message{
		Type: blotter.MarketDataUpdated, Service: forgedService, Data: json.RawMessage(`{"symbol": "S1"}`),
		Timestamp: Time(time.Now()),
		ID:        uuid.New(), Epoch: at.Epoch, Seq: at.Seq, Key: "S1", V: 1,
	})
	if err != nil {
		d.t.Fatal(err)
	}
	if err := d.client.Publish(d.ctx(), DefaultPrefix+channel, text).Err(); err != nil {
		d.t.Fatal(err)
	}
}

// genuine wants the messages of the stream, each once, in order, and nothing else.
func (d *desk) genuine(got []Message, channel string) {
	d.t.Helper()
	want, err := d.stream(channel)
	if err != nil {
		d.t.Fatal(err)
	}
	if len(got) != len(want) {
		d.t.Fatalf("got %d messages, want the %d of the stream", len(got), len(want))
	}

	for i, m := range got {
		if m.Service == forgedService || m.ID != want[i].ID || m.Offset() != want[i].Offset() {
			d.t.Errorf("message %d is %s of %s, want %s of %s", i+1, m.Offset(), m.Service, want[i].Offset(),
				want[i].Service)
		}
	}
}

// A forged message on the channel displaces no message of the stream, whatever number it carries.
func TestForgedMessagesAreNotDelivered(t *testing.T) {
	onEveryRedis(t, func(t *testing.T, d *desk) {
		l := d.relay.channel(blotter.ChannelMarketData)
		all := d.subscribe(
			SubscribeConfig{Channels: []string{"market_data"}, From: map[string]Offset{"market_data": {}}},
		)
		d.subscribers("market_data", 1)
		d.emit(1)
		if err := d.drain(l); err != nil {
			t.Fatal(err)
		}
		until(t, "the first message", func() bool { return len(all.messages()) == 1 })

		n := 1
		for _, forged := range []struct {
			what string
			at   func(next int64) Offset
		}{
			{"the next number", func(next int64) Offset { return Offset{1, next} }},
			{"the number after the next", func(next int64) Offset { return Offset{1, next + 1} }},
			{"a number of the past", func(int64) Offset { return Offset{1, 1} }},
			{"a huge number", func(int64) Offset { return Offset{1, math.MaxInt64} }},
			{"the next epoch", func(int64) Offset { return Offset{2, 1} }},
			{"a huge epoch", func(int64) Offset { return Offset{math.MaxInt64, math.MaxInt64} }},
			{"an epoch of the past", func(next int64) Offset { return Offset{0, next} }},
			{"a negative number", func(int64) Offset { return Offset{-1, -1} }},
		} {
			d.forge("market_data", forged.at(int64(n)+1))
			d.emit(2)
			if err := d.drain(l); err != nil {
				t.Fatal(err)
			}
			n += 2
			until(t, "what follows "+forged.what, func() bool { return len(all.messages()) >= n })
		}
		for _, garbage := range []string{"", "{", "null", `[]`, `{"seq": "x"}`, `{"epoch": 1, ` +
			`"seq": 1e300}`, "\xff\x00"} {
			if err := d.client.Publish(d.ctx(), "data_sync:market_data", garbage).Err(); err != nil {
				t.Fatal(err)
			}
		}
		d.emit(1)
		if err := d.drain(l); err != nil {
			t.Fatal(err)
		}
		until(t, "what follows garbage", func() bool { return len(all.messages()) >= n+1 })
		d.genuine(all.messages(), "market_data")
	})
}

// forgedPipeline is how many messages are forged in one round trip.
const forgedPipeline = 100

// Forged messages, as many as Redis takes (10,000 a second and more), neither displace a fill nor hold one up, nor have
// the stream read more than a hundred times a second.
func TestFloodOfForgedMessages(t *testing.T) {
	t.Parallel()
	d := newDesk(t, true)
	l := d.relay.channel(blotter.ChannelTrades)
	all := d.subscribe(SubscribeConfig{Channels: []string{"trades"}, From: map[string]Offset{"trades": {}}})
	d.subscribers("trades", 1)

	start := time.Now()
	ctx, stop := context.WithCancel(t.Context())
	var forged atomic.Int64
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		d.flood(ctx, "trades", &forged)
	}()
	defer func() {
		stop()
		<-ended
	}()

	const fills = 20
	n := 0
	for i := 1; i <= fills || forged.Load() < 10_000; i++ {
		d.trade("A1", fmt.Sprint("T", i))
		if err := d.drain(l); err != nil {
			t.Fatal(err)
		}
		until(t, "the fill in the flood", func() bool { return len(all.messages()) >= i })
		n = i
	}
	stop()
	<-ended
	d.genuine(all.messages(), "trades")

	info, err := d.client.Info(d.ctx(), "commandstats").Result()
	if err != nil {
		t.Fatal(err)
	}
	match := regexp.MustCompile(`cmdstat_xrange:calls=(\d+)`).FindStringSubmatch(info)
	if match == nil {
		t.Fatalf("no calls of XRANGE in %s", info)
	}
	// Behind each fill the pauses grow from 1 ms to 10 ms again.
	most := int64(6*n) + int64(time.Since(start)/emptyPauseMax) + 10
	if reads, _ := strconv.ParseInt(match[1], 10, 64); reads > most {
		t.Errorf("%d forged messages had the stream read %d times, want %d at most", forged.Load(), reads, most)
	}
}

// flood forges messages of the next numbers until the context ends.
func (d *desk) flood(ctx context.Context, channel string, forged *atomic.Int64) {
	for ctx.Err() == nil {
		pipe := d.client.Pipeline()
		for i := range forgedPipeline {
			text := fmt.Sprintf(`{"type": "trade_executed", "service": %q, "epoch": 1, "seq": %d}`, forgedService, i)
			pipe.Publish(ctx, DefaultPrefix+channel, text)
		}
		if _, err := pipe.Exec(ctx); err == nil {
			forged.Add(forgedPipeline)
		}
	}
}
