package events

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/blotterdb/blotter"
)

// listener is a subscription that runs, and what it was handed.
type listener struct {
	mu     sync.Mutex
	got    []Message
	gaps   []StreamGap
	ended  chan error
	cancel context.CancelFunc
}

// subscribe starts a subscription that ends with the test.
func (d *desk) subscribe(cfg SubscribeConfig) *listener {
	d.t.Helper()
	ctx, cancel := context.WithCancel(d.t.Context())
	l := &listener{ended: make(chan error, 1), cancel: cancel}
	cfg.CheckEvery, cfg.Logger = 20*time.Millisecond, slog.New(slog.DiscardHandler)
	callback := cfg.Callback

	cfg.Callback = func(ctx context.Context, m Message) error {
		if callback != nil {
			if err := callback(ctx, m); err != nil {
				return err
			}
		}

		l.mu.Lock()
		defer l.mu.Unlock()
		l.got = append(l.got, m)

		return nil
	}
	if cfg.Lost != nil {
		cfg.Lost = func(_ context.Context, gap StreamGap) error {
			l.mu.Lock()
			defer l.mu.Unlock()
			l.gaps = append(l.gaps, gap)
			return nil
		}
	}

	client, err := OpenRedis(d.url)
	if err != nil {
		d.t.Fatal(err)
	}

	go func() { l.ended <- Subscribe(ctx, client, cfg) }()
	d.t.Cleanup(func() {
		cancel()
		l.end(d.t)
		_ = client.Close()
	})

	return l
}

func (l *listener) end(t testing.TB) error {
	select {
	case err := <-l.ended:
		l.ended <- err
		return err
	case <-time.After(time.Minute):
		t.Fatal("the subscription does not end")
		return nil
	}
}

func (l *listener) messages() []Message {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.got)
}

func (l *listener) offsets() (list []string) {
	for _, m := range l.messages() {
		list = append(list, m.Offset().String())
	}
	return list
}

// subscribers waits until so many connections listen.
func (d *desk) subscribers(channel string, n int64) {
	d.t.Helper()
	until(d.t, "a subscription", func() bool {
		count, err := d.client.PubSubNumSub(d.ctx(), "data_sync:"+channel).Result()
		return err == nil && count["data_sync:"+channel] == n
	})
}

func want(t *testing.T, what string, got []string, first, last int) {
	t.Helper()
	var list []string
	for i := first; i <= last; i++ {
		list = append(list, fmt.Sprint("1-", i))
	}
	if !slices.Equal(got, list) {
		t.Errorf("%s: got %v, want %d to %d", what, got, first, last)
	}
}

// A subscription catches up, goes on, and repairs what it did not hear.
func TestSubscribe(t *testing.T) {
	onEveryRedis(t, func(t *testing.T, d *desk) {
		l := d.relay.channel(blotter.ChannelMarketData)
		d.emit(5)
		if err := d.drain(l); err != nil {
			t.Fatal(err)
		}
		all := d.subscribe(
			SubscribeConfig{Channels: []string{"market_data"}, From: map[string]Offset{"market_data": {}}},
		)
		some := d.subscribe(
			SubscribeConfig{Channels: []string{"market_data"}, From: map[string]Offset{"market_data": {1, 3}}},
		)
		now := d.subscribe(SubscribeConfig{Channels: []string{"market_data"}})
		d.subscribers("market_data", 3)
		until(t, "catching up", func() bool { return len(all.messages()) == 5 && len(some.messages()) == 2 })
		d.emit(2)
		if err := d.drain(l); err != nil {
			t.Fatal(err)
		}
		until(t, "7 messages",
			func() bool { return len(all.messages()) == 7 && len(some.messages()) == 4 && len(now.messages()) == 2 })

		// A message that was published unheard, and one that was heard twice.
		d.emit(1)
		quiet := l.stream.channel
		l.stream.channel = "nobody"
		if err := d.interrupt(l, beforeRecord); err != nil {
			t.Fatal(err)
		}
		l.stream.channel = quiet
		d.emit(1)
		if err := d.drain(l); err != nil {
			t.Fatal(err)
		}
		list, err := d.stream("market_data")
		if err != nil {
			t.Fatal(err)
		}
		again, _ := list[3].encode()
		for _, text := range []string{string(again), `{"type": "market_data_updated"}`, "what?"} {
			if err := d.client.Publish(d.ctx(), "data_sync:market_data", text).Err(); err != nil {
				t.Fatal(err)
			}
		}
		d.emit(1)
		if err := d.drain(l); err != nil {
			t.Fatal(err)
		}
		until(t, "10 messages",
			func() bool { return len(all.messages()) == 10 && len(some.messages()) == 7 && len(now.messages()) == 5 })
		want(t, "from the beginning", all.offsets(), 1, 10)
		want(t, "from 1-3", some.offsets(), 4, 10)
		want(t, "from now", now.offsets(), 6, 10)
	})
}

// One subscription over several types, by type or by channel; a callback's error ends it.
func TestSubscribeToTypes(t *testing.T) {
	onEveryRedis(t, func(t *testing.T, d *desk) {
		stop := errors.New("enough")
		both := d.subscribe(SubscribeConfig{
			Types: []string{blotter.TradeExecuted, blotter.PositionUpdated},
			Callback: func(_ context.Context, m Message) error {
				if m.CorrelationID == "T3" {
					return stop
				}
				return nil
			},
		})

		none := d.subscribe(SubscribeConfig{Types: []string{"other"}, Channels: []string{"trades"}})
		d.subscribers("trades", 2)
		d.subscribers("positions", 1)

		for _, id := range []string{"T1", "T2"} {
			d.trade("A1", id)
		}

		d.emit(3)
		if err := d.relay.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		defer func() { _ = d.relay.Stop(d.ctx()) }()

		until(t, "4 messages", func() bool { return len(both.messages()) == 4 })
		d.trade("A1", "T3")

		if err := both.end(t); !errors.Is(err, stop) {
			t.Errorf("the subscription ended with %v", err)
		}

		kinds := map[string]int{}
		for _, m := range both.messages() {
			kinds[m.Channel+" "+m.Type]++
		}

		if kinds["trades trade_executed"] != 2 || kinds["positions position_updated"] != 2 {
			t.Errorf("got %v", kinds)
		}

		none.cancel()
		if err := none.end(t); err != nil || len(none.messages()) != 0 {
			t.Errorf("the other subscription got %v and ended with %v", none.messages(), err)
		}
	})
}

// Messages that the stream no longer has are an error, or a gap that Lost gets.
func TestSubscribeBehindTheStream(t *testing.T) {
	onEveryRedis(t, func(t *testing.T, d *desk) {
		d.emit(10)
		if err := d.drain(d.relay.channel(blotter.ChannelMarketData)); err != nil {
			t.Fatal(err)
		}
		if err := d.client.XTrimMaxLen(d.ctx(), "data_sync:market_data:log", 4).Err(); err != nil {
			t.Fatal(err)
		}

		from := map[string]Offset{"market_data": {1, 2}}
		strict := d.subscribe(SubscribeConfig{Channels: []string{"market_data"}, From: from})

		if err := strict.end(t); !errors.Is(err, blotter.ErrNotFound) || len(strict.messages()) != 0 {
			t.Errorf("got %v, %v", strict.offsets(), err)
		}

		told := d.subscribe(SubscribeConfig{
			Channels: []string{"market_data"},
			From:     from,
			Lost:     func(context.Context, StreamGap) error { return nil },
		})
		until(t, "the rest", func() bool { return len(told.messages()) == 4 })
		want(t, "behind the gap", told.offsets(), 7, 10)
		if len(told.gaps) != 1 || told.gaps[0] != (StreamGap{"market_data", Offset{1, 2}, Offset{1, 7}}) {
			t.Errorf("the gaps are %v", told.gaps)
		}
	})
}

// Lost gets the gap if the numbers start again.
func TestSubscribeAcrossEpochs(t *testing.T) {
	onEveryRedis(t, func(t *testing.T, d *desk) {
		l := d.relay.channel(blotter.ChannelMarketData)
		told := d.subscribe(SubscribeConfig{
			Channels: []string{"market_data"},
			Lost:     func(context.Context, StreamGap) error { return nil },
		})
		strict := d.subscribe(SubscribeConfig{Channels: []string{"market_data"}})
		d.subscribers("market_data", 2)
		d.emit(2)

		if err := d.drain(l); err != nil {
			t.Fatal(err)
		}

		until(t, "both", func() bool { return len(told.messages()) == 2 && len(strict.messages()) == 2 })

		// As after a restore into another history.
		d.db.Exec(t, `update events.cursor set system_identifier = 'other'`)
		d.emit(2)

		if err := d.drain(l); err != nil {
			t.Fatal(err)
		}
		if err := strict.end(t); !errors.Is(err, blotter.ErrNotFound) {
			t.Errorf("the strict subscription ended with %v", err)
		}

		until(t, "the next epoch", func() bool { return len(told.messages()) == 4 })
		if got := fmt.Sprint(told.offsets(), told.gaps); got != "[1-1 1-2 2-1 2-2] [{market_data 1-2 2-1}]" {
			t.Errorf("got %s", got)
		}
	})
}

// A subscription outlives Redis: links that are cut, and a server that is killed and comes back without its tail.
func TestSubscribeOutlivesRedis(t *testing.T) {
	t.Parallel()

	d := newDesk(t, true)
	all := d.subscribe(SubscribeConfig{Channels: []string{"market_data"}})
	d.subscribers("market_data", 1)

	if err := d.relay.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = d.relay.Stop(d.ctx()) }()

	n := 0

	for round := range 12 {
		d.emit(1 + round)
		n += 1 + round
		if round > 0 {
			until(t, "what was published before", func() bool { return len(all.messages()) >= n-round-1 })
		}

		switch round % 3 {
		case 0:
			_ = d.client.Do(d.ctx(), "client", "kill", "type", "pubsub").Err()
		case 1:
			_ = d.client.Save(d.ctx()).Err()
		case 2:
			d.restart()
		}
	}

	until(t, "all messages", func() bool { return len(all.messages()) >= n })
	want(t, "every message once", all.offsets(), 1, n)
	d.untilWhole("market_data") // again: what was heard may have been lost since
}
