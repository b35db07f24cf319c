package events

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/embedded"
	"github.com/blotterdb/blotter/pgtest"
	"github.com/blotterdb/blotter/postgres"
	"github.com/jackc/pgx/v5"
	"github.com/redis/go-redis/v9"
)

// desk is a database, a Redis and relays between them, whose passes are made one by one or by Start.
type desk struct {
	t      testing.TB
	db     *pgtest.Database
	server *embedded.RedisServer // nil for the stand-in
	url    string
	client redis.UniversalClient
	relay  *Relay
	log    *lines
	faults *faults
}

// onEveryRedis runs a test on a real Redis server and on the stand-in: both have to do the same.
func onEveryRedis(t *testing.T, test func(t *testing.T, d *desk)) {
	t.Helper()
	t.Parallel()
	for _, kind := range []string{"server", "stand-in"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			test(t, newDesk(t, kind == "server"))
		})
	}
}

func newDesk(t testing.TB, real bool, args ...string) *desk {
	t.Helper()
	d := &desk{t: t, log: &lines{}, faults: &faults{}}
	d.db = pgtest.OpenConfig(t, func(cfg *postgres.Config) { cfg.Tracer = d.faults })
	if real {
		server, err := embedded.StartRedisServer(t.Context(), embedded.RedisConfig{Args: args})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = server.Stop() })
		d.server, d.url = server, server.URL
	} else {
		standIn, err := embedded.StartRedis()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(standIn.Close)
		d.url = standIn.URL
	}

	client, err := OpenRedis(d.url)
	if err != nil {
		t.Fatal(err)
	}

	t.Cleanup(func() { _ = client.Close() })
	client.AddHook(d.faults)
	d.client = client
	d.relay = d.newRelay(nil)

	return d
}

// restart kills the server and starts it again, and returns when the client reaches it: the client remembers for a
// moment that it could not.
func (d *desk) restart() {
	d.t.Helper()
	if err := d.server.Restart(d.ctx()); err != nil {
		d.t.Fatal(err)
	}
	until(d.t, "the client reaches Redis again", func() bool { return d.client.Ping(d.ctx()).Err() == nil })
}

// newRelay makes a relay whose cursors are there, without starting it.
func (d *desk) newRelay(change func(*RelayConfig)) *Relay {
	d.t.Helper()
	cfg := RelayConfig{
		DB:         d.db.DB,
		Redis:      d.client,
		Logger:     slog.New(slog.NewTextHandler(d.log, nil)),
		CheckEvery: 20 * time.Millisecond,
	}
	if change != nil {
		change(&cfg)
	}

	r, err := NewRelay(cfg)
	if err != nil {
		d.t.Fatal(err)
	}

	for _, l := range r.channels {
		if err := l.prepare(d.ctx()); err != nil {
			d.t.Fatal(err)
		}
	}

	return r
}

func (d *desk) ctx() context.Context { return blotter.WithAllAccounts(d.t.Context()) }

// lines is a log that tests read.
type lines struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lines) count(part string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Count(l.text.String(), part)
}

// trade books a fill.
func (d *desk) trade(account, id string) {
	d.t.Helper()
	_, err := d.db.ExecuteTrade(blotter.WithAccount(d.t.Context(), account), blotter.Trade{
		AccountID: account, TradeID: id, Symbol: "AAPL", Side: blotter.Buy, Quantity: blotter.MustDecimal("2"),
		Price: blotter.MustDecimal("189.25"),
		Commission: blotter.MustDecimal(
			"1",
		), Strategy: "trend", ExecutedAt: time.Date(2026, 3, 2, 14, 30, 0, 0, time.UTC),
	})
	if err != nil {
		d.t.Fatal(err)
	}
}

// emit writes events on the channel of market data, in one transaction.
func (d *desk) emit(n int) {
	d.t.Helper()
	d.db.Exec(d.t, `insert into events.outbox (channel, key, event_id, type, service, data)
		select 'market_data', 'S' || i % 7, gen_random_uuid(), 'market_data_updated', 'data_ingestion',
			jsonb_build_object('symbol', 'S' || i % 7, 'n', i)
		from generate_series(1, $1) i`, n)
}

// channel returns the relay of a channel.
func (r *Relay) channel(name string) *channelRelay {
	for _, c := range r.channels {
		if c.channel == name {
			return c
		}
	}
	return nil
}

// drain makes a lane's passes until there is nothing more to do. It looks at Redis each time it would otherwise rest.
func (d *desk) drain(l *channelRelay) error {
	d.t.Helper()
	for range 200 {
		l.lastCursor, l.checkedAt = nil, time.Time{}
		did, _, err := l.pass(d.ctx())
		if err != nil || did.events == 0 && !did.more {
			return err
		}
	}
	return errors.New("the lane never rests")
}

// interrupt makes a lane's passes until one is interrupted at a place.
func (d *desk) interrupt(l *channelRelay, at place) error {
	d.t.Helper()
	reached := false
	end := interrupt(d.t, d.db)
	d.faults.at(at, 1, func(conn *pgx.Conn) error {
		reached = true
		return end(conn)
	})
	err := d.drain(l)
	if err == nil || !reached {
		return fmt.Errorf("the pass was not interrupted %s: reached is %v, the error %v", at, reached, err)
	}
	return nil
}

// stream reads a channel's stream. The error is for an entry whose id is not the message's place.
func (d *desk) stream(channel string) (list []Message, err error) {
	d.t.Helper()
	entries, err := d.client.XRange(d.ctx(), DefaultPrefix+channel+":log", "-", "+").Result()
	if err != nil {
		return nil, err // of a server that was restarted, the client hears a little later
	}

	for _, e := range entries {
		m, err := decode(channel, []byte(e.Values[streamField].(string)))
		if err != nil {
			d.t.Fatal(err)
		}
		if m.Offset().String() != e.ID {
			return nil, fmt.Errorf("entry %s holds message %s", e.ID, m.Offset())
		}

		list = append(list, m)
	}

	return list, nil
}

// whole reports what is wrong with a channel's stream: it has to be one epoch without a gap, with every event of the
// outbox once, and those of a key in their order.
func (d *desk) whole(channel string) error {
	d.t.Helper()
	want := map[string]int64{}

	err := d.db.AutoCommit(d.ctx(), func(s *postgres.Session) error {
		rows, err := s.Query(d.ctx(), `select event_id::text, pos from events.outbox where channel = $1`, channel)
		if err != nil {
			return err
		}

		var id string
		var pos int64

		_, err = pgx.ForEachRow(rows, []any{&id, &pos}, func() error {
			want[id] = pos
			return nil
		})

		return err
	})
	if err != nil {
		d.t.Fatal(err)
	}

	list, err := d.stream(channel)
	if err != nil {
		return err
	}

	return wholeStream(list, want)
}

// untilWhole waits until a channel's stream is whole.
func (d *desk) untilWhole(channel string) {
	d.t.Helper()
	err := d.whole(channel)
	for deadline := time.Now().Add(time.Minute); err != nil; err = d.whole(channel) {
		if time.Now().After(deadline) {
			d.t.Fatalf("not within a minute: %v", err)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func wholeStream(list []Message, want map[string]int64) error {
	want = maps.Clone(want)
	last := map[string]int64{}

	for i, m := range list {
		pos, known := want[m.ID.String()]
		switch {
		case m.Epoch != list[0].Epoch || m.Seq != int64(i)+1:
			return fmt.Errorf("message %d of the stream is number %s", i+1, m.Offset())
		case !known:
			return fmt.Errorf("message %s is of no event, or there twice", m.Offset())
		case pos < last[m.Key]:
			return fmt.Errorf("message %s is before an earlier one of its key", m.Offset())
		}

		delete(want, m.ID.String())
		last[m.Key] = pos
	}

	if len(want) > 0 {
		return fmt.Errorf("%d of %d events are not in the stream", len(want), len(want)+len(list))
	}

	return nil
}
