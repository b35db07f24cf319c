package events

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/pgtest"
	"github.com/blotterdb/blotter/postgres"
	"github.com/jackc/pgx/v5"
)

// until polls for something that is to come true.
func until(t testing.TB, what string, true_ func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !true_(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("never: " + what)
		}
	}
}

// started starts a consumer that ends with the test.
func started(t *testing.T, cfg Config) *Consumer {
	t.Helper()
	c, err := NewConsumer(cfg)
	if err == nil {
		err = c.Start(t.Context())
	}
	if err == nil {
		err = c.Start(t.Context()) // twice is once
	}
	if err != nil {
		t.Fatal(err)
	}

	t.Cleanup(func() {
		for range 2 {
			if err := c.Stop(context.Background()); err != nil {
				t.Error(err)
			}
		}
	})

	return c
}

// An event that cannot be applied is set aside and parks its key; others flow; resolved, everything is there in order.
func TestPoisonedEvent(t *testing.T) {
	t.Parallel()
	for _, how := range []string{"error", "panic", "statement", "swallowed"} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()

			s := newStage(t)
			var bad atomic.Bool
			bad.Store(true)

			c := started(
				t,
				Config{
					Source: s.db.DB,
					Name:   "play",
					Handler: func(ctx context.Context, tx *postgres.Tx, list []blotter.Event) error {
						for _, e := range list {
							if string(e.Data) != `"3"` || e.Key != "bad" || !bad.Load() {
								continue
							}

							switch how {
							case "panic":
								panic("no such thing")
							case "statement":
								_, err := tx.Exec(ctx, `select 1/0`)
								return err
							case "swallowed":
								_, _ = tx.Exec(ctx, `select 1/0`)
								return nil
							}

							return errors.New("no such thing")
						}
						return s.apply(ctx, tx, list)
					},
				},
			)

			for i := 1; i <= 5; i++ {
				w := s.begin()
				for _, key := range []string{"a", "bad", "c"} {
					w.emit(key, fmt.Sprint(i))
				}
				w.commit()
			}

			const others = "a:1 a:2 a:3 a:4 a:5 bad:1 bad:2 c:1 c:2 c:3 c:4 c:5"
			until(t, "the others flow", func() bool { return s.want(others) == nil })
			until(t, "its key is parked", func() bool { return s.parkedEvents("bad") == 3 })

			if err := c.Health(); err != nil {
				t.Errorf("the consumer is not well: %v", err)
			}
			if err := Resolve(t.Context(), s.db.DB, "play", "bad"); err != nil {
				t.Fatal(err)
			}

			until(t, "it is tried again", func() bool {
				return pgtest.Value[int64](t, s.db, `select count(asked_at) from events.dead_letter`) == 0
			})
			if s.parkedEvents("bad") != 3 || s.want(others) != nil {
				t.Error("what still fails did not stay parked")
			}

			bad.Store(false)
			s.begin().emit("bad", "6").commit()

			if err := Resolve(t.Context(), s.db.DB, "play", "bad"); err != nil {
				t.Fatal(err)
			}

			until(t, "all is there", func() bool {
				return s.want("a:1 a:2 a:3 a:4 a:5 bad:1 bad:2 bad:3 bad:4 bad:5 bad:6 c:1 c:2 c:3 c:4 c:5") == nil
			})

			s.begin().emit("bad", "7").commit()
			until(t, "the key flows", func() bool { return strings.Contains(fmt.Sprint(s.want("")), "bad:7") })

			if err := Resolve(t.Context(), s.db.DB, "play", "bad"); !errors.Is(err, blotter.ErrNotFound) {
				t.Errorf("resolving what is not parked: %v", err)
			}
		})
	}
}

func (s *stage) parkedEvents(key string) (n int64) {
	s.t.Helper()
	list, err := ReadStatus(s.t.Context(), s.db.DB)
	if err != nil {
		s.t.Fatal(err)
	}
	for _, one := range list {
		for _, p := range one.Parked {
			if p.Key == key {
				n += p.Events
			}
		}
	}
	return n
}

// An error that may go away is retried, and no event is set aside for it.
func TestOperationalErrorsAreRetried(t *testing.T) {
	t.Parallel()

	s := newStage(t)
	var calls atomic.Int64

	c := started(t, Config{
		Source: s.db.DB,
		Name:   "play",
		Handler: func(ctx context.Context, tx *postgres.Tx, list []blotter.Event) error {
			if calls.Add(1) < 4 {
				return &blotter.Error{Kind: blotter.ErrOperational, Message: "the other service is away"}
			}
			return s.apply(ctx, tx, list)
		},
	})

	s.begin().emit("a", "1").emit("b", "1").commit()
	until(t, "the consumer says what fails", func() bool { return c.Health() != nil })
	until(t, "it is applied", func() bool { return s.want("a:1 b:1") == nil })
	until(t, "the consumer is well", func() bool { return c.Health() == nil })

	if n := s.parkedEvents("a"); n != 0 {
		t.Errorf("%d events were set aside", n)
	}
}

// Of two instances the other goes on when the one that leads is stuck or gone.
func TestAnotherInstanceGoesOn(t *testing.T) {
	t.Parallel()

	s := newStage(t)
	stuck := make(chan struct{})
	defer close(stuck)
	entered := make(chan struct{})

	first, err := NewConsumer(Config{Source: s.db.DB, Name: "play", Handler: s.apply})
	if err != nil {
		t.Fatal(err)
	}

	s.faults.at(afterEffect, 1, func(*pgx.Conn) error {
		close(entered)
		<-stuck
		return nil
	})

	if err := first.Start(t.Context()); err != nil {
		t.Fatal(err)
	}

	t.Cleanup(func() { _ = first.Stop(context.Background()) })
	s.begin().emit("a", "1").commit()
	<-entered
	started(t, Config{Source: s.db.DB, Name: "play", Handler: s.apply})
	s.db.Exec(t,
		`select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database()
			and state = 'idle in transaction' and pid <> pg_backend_pid()`)
	until(t, "the other one applies it", func() bool { return s.want("a:1") == nil })
}

// A database that was restored from a dump has new transaction numbers. Consumers refuse it until they are rebased,
// and then go on where they were.
func TestRebase(t *testing.T) {
	t.Parallel()

	s := newStage(t)
	for i := 1; i <= 3; i++ {
		s.begin().emit("a", fmt.Sprint(i)).commit()
	}

	other, err := NewConsumer(Config{Source: s.db.DB, Name: "other", FromNow: true, Handler: s.apply})
	if err == nil {
		err = other.prepare(s.ctx())
	}
	if err != nil {
		t.Fatal(err)
	}

	open := s.begin().emit("b", "1")
	if err := s.pass(); err != nil {
		t.Fatal(err)
	}

	s.begin().emit("a", "4").commit()
	open.commit()

	// The dump is restored: every number is from a cluster that was further on.
	s.db.Exec(t, `update events.outbox set xid = (xid::text::bigint + 1000000)::text::xid8`)
	s.db.Exec(t, `update events.cursor c set system_identifier = '77/1', snap_done = (
		select (x.xmin + 1000000) || ':' || (x.xmax + 1000000) || ':' ||
			coalesce((select string_agg((p::text::bigint + 1000000)::text, ',' order by p)
				from pg_snapshot_xip(c.snap_done) p), '')
		  from (select pg_snapshot_xmin(c.snap_done)::text::bigint as xmin,
			pg_snapshot_xmax(c.snap_done)::text::bigint as xmax) x)::pg_snapshot`)

	if err := s.c.prepare(s.ctx()); !errors.Is(err, blotter.ErrConflict) ||
		!strings.Contains(err.Error(), "blotter events rebase") {
		t.Fatalf("a foreign cursor: %v", err)
	}

	conn := s.db.Connect(t, s.db.OwnerURL)
	if _, err := conn.Exec(t.Context(), "set role trading_owner"); err != nil {
		t.Fatal(err)
	}

	did, err := Rebase(t.Context(), conn)
	if err != nil || len(did.Consumers) != 2 || did.Waiting != 2 {
		t.Fatalf("Rebase: %+v, %v", did, err)
	}
	if again, err := Rebase(t.Context(), conn); err != nil || len(again.Consumers) != 0 {
		t.Errorf("Rebase again: %+v, %v", again, err)
	}

	s.begin().emit("a", "5").commit()
	s.c = s.consumer()

	if err := errors.Join(s.pass(), s.want("a:1 a:2 a:3 a:4 a:5 b:1")); err != nil {
		t.Error(err)
	}

	s.db.Exec(t, `truncate play.applied`)
	s.c = other

	if err := errors.Join(other.prepare(s.ctx()), s.pass(), s.want("a:4 a:5 b:1")); err != nil {
		t.Error("the other consumer:", err)
	}
}

// retains plays what Retain has to get right.
func (s *stage) retains() error {
	t := s.t
	conn := s.db.Connect(t, s.db.OwnerURL)

	if _, err := conn.Exec(t.Context(), "set role trading_owner"); err != nil {
		return err
	}

	leaves := func() int64 {
		return pgtest.Value[int64](t, s.db,
			`select count(*) from shared.partitions where table_name = 'events.outbox'::regclass`)
	}

	// Small partitions, of which the first is full.
	s.db.Exec(t,
		`drop table events.outbox_p0; update shared.partitioned_tables set size = 12
			where table_name = 'events.outbox'::regclass; select shared.ensure_ahead()`)
	open := s.begin().emit("late", "1")

	for i := range 10 {
		s.begin().emit("a", fmt.Sprint(i)).commit()
	}

	s.db.Exec(t, `select shared.ensure_ahead()`)
	s.begin().emit("a", "next").commit()
	before := leaves()

	step := func(what string, want int64) error {
		if _, err := Retain(t.Context(), conn, 0); err != nil {
			return fmt.Errorf("%s: %w", what, err)
		}
		if gone := before - leaves(); gone != want {
			return fmt.Errorf("%s: %d partitions are gone, want %d", what, gone, want)
		}

		return nil
	}

	if err := step("nobody has consumed it", 0); err != nil {
		return err
	}
	if err := s.pass(); err != nil {
		return err
	}
	if err := step("one of its transactions is still open", 0); err != nil {
		return err
	}

	open.commit()
	if err := step("that has ended, and nobody has consumed it", 0); err != nil {
		return err
	}
	if err := s.pass(); err != nil {
		return err
	}
	if err := s.want("a:0 a:1 a:2 a:3 a:4 a:5 a:6 a:7 a:8 a:9 a:next late:1"); err != nil {
		return err
	}

	s.db.Exec(t, `insert into events.dead_letter (consumer, pos, key, error) values ('play', 3, 'a', 'x')`)
	if err := step("an event of it is set aside", 0); err != nil {
		return err
	}

	s.db.Exec(t, `update events.dead_letter set resolved_at = now()`)

	return step("nobody needs it", 1)
}
