package events

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"runtime"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/postgres"
)

// sqlOldEvents stores events as they were before the table bounded them: n of so many bytes, which do not compress
// away.
const sqlOldEvents = `
insert into events.outbox (channel, key, event_id, type, service, data)
select 'unused', 'k' || n, gen_random_uuid(), 't', 's', to_jsonb(repeat(md5(n::text), $2 / 32))
from generate_series(1, $1) n`

// storeOld stores events that the table does not take today.
func (s *stage) storeOld(n, size int) {
	s.t.Helper()
	s.db.Exec(s.t, `alter domain shared.json_128k drop constraint if exists json_128k_check`)
	s.db.Exec(s.t, sqlOldEvents, n, size)
}

// A consumer holds no more of a window than its budget of bytes, whatever is in it: events that are larger come one by
// one, all in order, each once.
func TestPagesAreBoundedByBytes(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.storeOld(40, 1000)
	s.storeOld(5, 3_000_000)
	s.storeOld(40, 1000)

	const budget = 10_000
	var seen []string
	c, err := NewConsumer(Config{
		Source: s.db.DB, Name: "bounded", ChunkBytes: budget,
		Handler: func(_ context.Context, _ *postgres.Tx, list []blotter.Event) error {
			bytes := 0
			for _, e := range list {
				bytes += len(e.Data)
				seen = append(seen, e.Key)
			}
			if bytes > budget && len(list) > 1 {
				t.Errorf("%d events with %d bytes at once", len(list), bytes)
			}
			return nil
		},
	})
	if err == nil {
		err = c.prepare(s.ctx())
	}
	for more := true; more && err == nil; {
		var did progress
		did, _, err = c.pass(s.ctx())
		more = did.more
	}
	if err != nil {
		t.Fatal(err)
	}

	var want []string
	for _, n := range []int{40, 5, 40} {
		for i := range n {
			want = append(want, fmt.Sprint("k", i+1))
		}
	}
	if !slices.Equal(seen, want) {
		t.Errorf("got %v\nwant %v", seen, want)
	}
}

// Follow hands on events that are larger than its budget too.
func TestFollowReadsLargeEvents(t *testing.T) {
	t.Parallel()

	s := newStage(t)
	s.storeOld(4, chunkBytes*2/3)
	from, seen := int64(0), 0
	ctx, cancel := context.WithCancel(s.ctx())
	defer cancel()

	err := Follow(ctx, s.db.DB, FollowConfig{After: &from, Callback: func(context.Context, blotter.Event) error {
		if seen++; seen == 4 {
			cancel()
		}
		return nil
	}})
	if err != nil || seen != 4 {
		t.Errorf("%d of 4 events, %v", seen, err)
	}
}

// The type of an event is a filter of the server's: the data of other events does not reach the consumer, and they do
// not count.
func TestTypesAreFiltered(t *testing.T) {
	t.Parallel()

	s := newStage(t)
	var seen []string

	c := started(t, Config{
		Source: s.db.DB, Name: "typed", Types: []string{"wanted"}, Channels: []string{"c"}, ChunkMin: 2,
		Handler: func(_ context.Context, _ *postgres.Tx, list []blotter.Event) error {
			for _, e := range list {
				seen = append(seen, e.Channel+e.Type+string(e.Data))
			}
			return nil
		},
	})

	emit := func(channel, typ, data string) {
		err := s.db.Transaction(s.ctx(), func(tx *postgres.Tx) error {
			return tx.Emit(s.ctx(), blotter.Event{Channel: channel, Key: "k", Type: typ, Data: []byte(data)})
		})
		if err != nil {
			t.Fatal(err)
		}
	}

	var want []string
	for i := range 7 {
		emit("c", "other", "0")
		emit("d", "wanted", "0")
		emit("c", "wanted", fmt.Sprint(i))
		want = append(want, fmt.Sprint("cwanted", i))
	}

	emit("c", "other", "0")
	until(t, "all wanted events", func() bool { return c.Applied() == 7 })

	if err := c.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(seen, want) {
		t.Errorf("got %v, want %v", seen, want)
	}
}

// liveHeap returns the bytes of the heap that are in use after a collection.
func liveHeap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// largeEvents is how many events the attack has in the test.
var largeEvents = flag.Int(
	"large-events",
	8,
	"events of 20 MB that TestOldEventsOfTwentyMegabytes stores; the attack had 30",
)

// Events of 20 MB, which one transaction wrote for a channel that nobody uses, once took a consumer to 1.29 GB. Now it
// holds one at a time, and an event behind them is handled.
func TestOldEventsOfTwentyMegabytes(t *testing.T) {
	s := newStage(t) // alone: it looks at the memory of the program
	s.storeOld(*largeEvents, 20<<20)
	before := liveHeap()
	var most, handled atomic.Uint64

	started(t, Config{
		Source: s.db.DB, Name: "large",
		Handler: func(_ context.Context, _ *postgres.Tx, list []blotter.Event) error {
			if now := liveHeap(); now > most.Load() {
				most.Store(now)
			}
			if bytes.Equal(list[len(list)-1].Data, []byte(`"last"`)) {
				handled.Store(1)
			}

			return nil
		},
	})

	err := s.db.Transaction(s.ctx(), func(tx *postgres.Tx) error {
		return tx.Emit(s.ctx(), blotter.Event{Channel: "c", Key: "k", Type: "t", Data: []byte(`"last"`)})
	})
	if err != nil {
		t.Fatal(err)
	}

	start := time.Now()
	until(t, "the event behind them", func() bool { return handled.Load() == 1 })
	held := (int64(most.Load()) - int64(before)) >> 20
	t.Logf("%d MB held, %v", held, time.Since(start))
	if held > 100 {
		t.Errorf("the consumer held %d MB", held)
	}
}
