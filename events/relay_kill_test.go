package events

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/pgtest"
	"github.com/blotterdb/blotter/postgres"
)

// A relay that ends between any two steps leaves nothing that the next one does not finish, with Redis losing its tail
// there or not.
func TestRelayInterruptedEverywhere(t *testing.T) {
	places := []place{beforeLock, underLock, beforeEffect, afterEffect, beforeRecord, beforeCommit}
	onEveryRedis(t, func(t *testing.T, d *desk) {
		l := d.relay.channel(blotter.ChannelMarketData)
		l.cfg.ChunkMin = 400
		l.cfg.ChunkMax = 800
		l.chunk = 400

		for round, at := range places {
			for _, flush := range []bool{false, true} {
				d.emit(900) // more than a chunk
				if err := d.interrupt(l, at); err != nil {
					t.Fatal(err)
				}
				if flush {
					d.client.FlushAll(d.ctx())
				}

				if round%2 == 0 {
					l = d.newRelay(nil).channel(blotter.ChannelMarketData) // of another process
				}
				if err := errors.Join(d.drain(l), d.whole(l.channel)); err != nil {
					t.Fatalf("%s, flushed %v: %v", at, flush, err)
				}
			}
		}
	})
}

// messagesOfPass is more than a relay sends to PostgreSQL to publish an event.
const messagesOfPass = 12

// A relay's link to PostgreSQL may break at any message, whether the server has heard of it, is at work or has
// answered.
func TestRelayCutEverywhere(t *testing.T) {
	t.Parallel()

	d := newDesk(t, false)
	cfg := d.db.Config
	cutter, through := pgtest.NewCutter(t, cfg.ServiceURL)
	cfg.ServiceURL = through

	db, err := postgres.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}

	t.Cleanup(db.Close)
	l := d.newRelay(func(cfg *RelayConfig) { cfg.DB = db }).channel(blotter.ChannelMarketData)

	for message := 1; message <= messagesOfPass; message++ {
		for _, when := range []pgtest.Cut{pgtest.Unheard, pgtest.Heard, pgtest.Answered} {
			d.emit(3)
			cuts := cutter.Cuts()
			cutter.AtMessage(message, when)

			for cutter.Cuts() == cuts {
				_ = d.drain(l) // fails where the link is cut
			}

			// The server may hold the lock of the cut session for a moment.
			until(t, fmt.Sprintf("the stream is whole, after cut %d at message %d", when, message), func() bool {
				return errors.Join(d.drain(l), d.whole(l.channel)) == nil
			})
		}
	}
}

// Relays share the work, whatever Redis goes through meanwhile.
func TestRelaysAtOnce(t *testing.T) {
	t.Parallel()
	d := newDesk(t, true)
	var relays []*Relay
	for range 3 {
		r := d.newRelay(nil)
		if err := r.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		relays = append(relays, r)
	}
	var writers sync.WaitGroup
	for w := range 3 {
		writers.Go(func() {
			for i := range 25 {
				d.trade(fmt.Sprint("A", w), fmt.Sprint("T", i))
			}
		})
	}
	for range 2 {
		d.emit(50)
		if err := d.client.Save(d.ctx()).Err(); err != nil {
			t.Fatal(err)
		}
		d.emit(50)
		d.restart()
	}
	if err := d.client.FlushAll(d.ctx()).Err(); err != nil {
		t.Fatal(err)
	}
	writers.Wait()
	until(t, "everything is in the streams", func() bool {
		return d.whole("market_data") == nil && d.whole("trades") == nil &&
			d.client.XLen(d.ctx(), "data_sync:positions:log").Val() == 75
	})

	// Those that stay take over from those that stop, down to the last.
	for _, r := range relays {
		d.emit(1)
		d.untilWhole("market_data")
		if err := r.Stop(d.ctx()); err != nil {
			t.Error(err)
		}
	}
	if last := relays[len(relays)-1]; last.Published() == 0 {
		t.Error("the last relay has published nothing")
	}
}

// Redis that is gone fails the relay, which says so once and goes on when it is back; nobody else notices.
func TestRelayWithoutRedis(t *testing.T) {
	t.Parallel()

	d := newDesk(t, true)
	d.server.Kill()

	if err := d.relay.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = d.relay.Stop(d.ctx()) }()

	d.trade("A1", "T1")
	failing := func() int { return d.log.count(`is failing" consumer=redis:trades`) }
	until(t, "ill health", func() bool { return errors.Is(d.relay.Health(), blotter.ErrOperational) && failing() > 0 })

	for i := range 5 {
		d.trade("A1", fmt.Sprint("T", 2+i))
	}

	d.restart()
	until(t, "health", func() bool { return d.relay.Health() == nil && d.whole("trades") == nil })
	working := func() int { return d.log.count(`works again" consumer=redis:trades`) }
	until(t, "its end is logged", func() bool { return working() > 0 })

	if n, m := failing(), working(); n != 1 || m != 1 {
		t.Errorf("the failure was logged %d times, its end %d times", n, m)
	}
}

// The numbers start again if they cannot be continued.
func TestEpochs(t *testing.T) {
	onEveryRedis(t, func(t *testing.T, d *desk) {
		l := d.relay.channel(blotter.ChannelMarketData)
		settle := func(what, want string) {
			t.Helper()
			if err := d.drain(l); err != nil {
				t.Fatalf("%s: %v", what, err)
			}
			list, err := d.stream("market_data")
			if err != nil {
				t.Fatal(err)
			}
			if got := list[len(list)-1].Offset().String(); got != want {
				t.Errorf("%s: the stream ends with %s, want %s", what, got, want)
			}
		}
		d.emit(10)
		settle("at first", "1-10")

		d.db.Exec(t, `update events.cursor set system_identifier = 'before/1' where consumer = 'redis:market_data'`)
		d.emit(3)
		settle("another history, met while running", "2-3")

		d.db.Exec(t,
			`update events.cursor set system_identifier = split_part(system_identifier, '/', 1) || '/0'
				where consumer = 'redis:market_data'`)
		l = d.newRelay(nil).channel(l.channel)
		d.emit(4)
		settle("another timeline, met at the start", "3-4")

		d.db.Exec(t, `update events.cursor set applied = applied - 2 where consumer = 'redis:market_data'`)
		d.emit(2)
		settle("a database that was set back", "4-2")

		d.db.Exec(t, `delete from events.batch`)
		if err := d.client.FlushAll(t.Context()).Err(); err != nil {
			t.Fatal(err)
		}
		d.emit(1)
		settle("batches that do not reach back", "5-1")

		l = d.newRelay(func(cfg *RelayConfig) { cfg.StreamMax = 5 }).channel(l.channel)
		d.emit(6)
		settle("more", "5-7")
		if err := d.client.FlushAll(t.Context()).Err(); err != nil {
			t.Fatal(err)
		}
		d.emit(1)
		settle("more is lost than the stream keeps", "6-1")

		if err := Expire(d.ctx(), d.db.DB, l.cfg.Name); err != nil {
			t.Fatal(err)
		}
		d.emit(2)
		settle("a cursor that was expired, met while running", "7-2")

		if err := Expire(d.ctx(), d.db.DB, l.cfg.Name); err != nil {
			t.Fatal(err)
		}
		l = d.newRelay(nil).channel(l.channel)
		d.emit(3)
		settle("a cursor that was expired, met at the start", "8-3")

		if n, err := Replay(d.ctx(), d.db.DB, l.cfg.Name, time.Time{}); err != nil || n != 32 {
			t.Fatal(n, err)
		}
		settle("a relay that was replayed", "9-32")

		if n := d.log.count("message numbers restart in a new epoch"); n != 7 {
			t.Errorf("that was logged %d times", n)
		}
	})
}

// The stream keeps about as many messages as configured.
func TestStreamIsBounded(t *testing.T) {
	onEveryRedis(t, func(t *testing.T, d *desk) {
		l := d.newRelay(func(cfg *RelayConfig) { cfg.StreamMax = 300 }).channel(blotter.ChannelMarketData)
		d.emit(2000)
		if err := d.drain(l); err != nil {
			t.Fatal(err)
		}
		if n := d.client.XLen(t.Context(), l.stream.name).Val(); n < 300 || n > 500 {
			t.Errorf("the stream has %d messages", n)
		}
	})
}

// Messages that are published again to refill the stream are not delivered again.
func TestRefillIsQuiet(t *testing.T) {
	onEveryRedis(t, func(t *testing.T, d *desk) {
		l := d.relay.channel(blotter.ChannelMarketData)
		d.emit(20)

		if err := d.drain(l); err != nil {
			t.Fatal(err)
		}

		heard := d.client.Subscribe(t.Context(), l.stream.channel)
		defer heard.Close()

		if _, err := heard.Receive(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := d.client.FlushAll(t.Context()).Err(); err != nil {
			t.Fatal(err)
		}

		d.emit(1)
		if err := errors.Join(d.drain(l), d.whole(l.channel)); err != nil {
			t.Fatal(err)
		}

		m, err := heard.ReceiveMessage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if first, err := decode(l.channel, []byte(m.Payload)); err != nil || first.Offset() != (Offset{1, 21}) {
			t.Errorf("heard %s first, %v", m.Payload, err)
		}
	})
}

// An event that cannot be made a message is left out, and said so.
func TestUndecodableEvent(t *testing.T) {
	t.Parallel()
	d := newDesk(t, false)
	d.db.Exec(t, `insert into events.outbox (account_id, channel, key, event_id, type, service, data)
		values ('A', 'trades', 'A', gen_random_uuid(), 'trade_executed', 'execution',
			'{"account_id": "A", "symbol": 7}')`)
	d.trade("A1", "T1")
	if err := d.drain(d.relay.channel("positions")); err != nil {
		t.Fatal(err)
	}
	list, err := d.stream("positions")
	if n := len(list); err != nil || n != 1 || list[0].Seq != 1 || d.log.count("an event cannot be published") != 1 {
		t.Errorf("the stream has %d messages, %v", n, err)
	}
}

// A partition that goes takes every batch with it from which the relay would read on into it: also one of later
// positions, where a transaction of the partition was committed after it.
func TestBatchesGoWithTheirPartition(t *testing.T) {
	t.Parallel()

	d := newDesk(t, false)
	l := d.relay.channel(blotter.ChannelMarketData)
	late := (&stage{t: t, db: d.db}).begin().
		do(`insert into events.outbox (channel, key, event_id, type, service, data)
			values ('market_data', 'L', gen_random_uuid(), 'market_data_updated', 'data_ingestion', '{}')`)

	for _, next := range []func(){
		func() { d.emit(3) },
		func() {
			d.db.Exec(t, `select setval(pg_get_serial_sequence('events.outbox', 'pos'), 1000)`)
			d.emit(2)
		},
		late.commit,
		func() { d.emit(1) },
	} {
		next()
		if err := d.drain(l); err != nil {
			t.Fatal(err)
		}
	}

	if n := pgtest.Value[int](t, d.db, `select count(*) from events.batch`); n != 4 {
		t.Fatalf("there are %d batches", n)
	}

	d.db.Exec(t, sqlForgetBatches, int64(501))
	if left := pgtest.Value[string](t, d.db, `select string_agg(first_seq::text, ' ') from events.batch`); left != "7" {
		t.Errorf("the batches from %s on are left", left)
	}
	if err := errors.Join(d.client.FlushAll(t.Context()).Err(), d.drain(l)); err != nil {
		t.Fatal(err)
	}

	d.emit(1)
	if err := d.drain(l); err != nil {
		t.Fatal(err)
	}
	if list, err := d.stream(l.channel); err != nil || len(list) != 1 || list[0].Offset() != (Offset{2, 1}) {
		t.Errorf("the stream has %d messages, %v", len(list), err)
	}
}
