package events

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/pgtest"
	"github.com/blotterdb/blotter/postgres"
	"github.com/jackc/pgx/v5"
)

// stage is a database on which a schedule is played: transactions by hand, and a consumer whose passes are made one by
// one. It writes what it is handed into a table, in the transaction that moves its cursor.
type stage struct {
	t      *testing.T
	db     *pgtest.Database
	c      *Consumer
	faults *faults
}

const sqlStage = `
create schema play; grant usage on schema play to trading_service;
create table play.applied (n bigint generated always as identity, key text, data text);
grant all on play.applied to trading_service`

func newStage(t *testing.T) *stage {
	t.Helper()
	s := &stage{t: t, faults: &faults{}}
	s.db = pgtest.OpenConfig(t, func(cfg *postgres.Config) { cfg.Tracer = s.faults })
	s.db.Exec(t, sqlStage)
	s.c = s.consumer()
	return s
}

func (s *stage) consumer() *Consumer {
	s.t.Helper()
	c, err := NewConsumer(Config{Source: s.db.DB, Name: "play", Handler: s.apply})
	if err == nil {
		err = c.prepare(s.ctx())
	}
	if err != nil {
		s.t.Fatal(err)
	}
	return c
}

func (s *stage) ctx() context.Context { return blotter.WithAllAccounts(s.t.Context()) }

// apply handles the consumer's events. An event "emit" emits another one.
func (s *stage) apply(ctx context.Context, tx *postgres.Tx, list []blotter.Event) error {
	if err := s.faults.visit(beforeEffect, nil); err != nil {
		return err
	}

	for _, e := range list {
		_, err := tx.Exec(ctx, `insert into play.applied (key, data) values ($1, $2)`, e.Key, string(e.Data))
		if err != nil {
			return err
		}
		if string(e.Data) == `"emit"` {
			emitted := blotter.Event{Channel: "play", Key: e.Key, Type: "play", Data: []byte(`"emitted"`)}
			if err := tx.Emit(ctx, emitted); err != nil {
				return err
			}
		}
	}

	return s.faults.visit(afterEffect, nil)
}

// pass makes passes until there is nothing more to do.
func (s *stage) pass() error {
	s.t.Helper()
	for range 20 {
		s.c.lastCursor = nil
		did, _, err := s.c.pass(s.ctx())
		if err != nil || did.events == 0 && !did.more {
			return err
		}
	}
	return nil
}

// blockedPass makes a pass that comes to a halt between the lock of the cursor and the choice of the target, calls
// meanwhile there, and lets the pass go on.
func (s *stage) blockedPass(meanwhile func() error) error {
	s.t.Helper()
	block := &writer{s: s, conn: s.db.Connect(s.t, s.db.OwnerURL)}
	block.do(`begin`).do(`lock table events.dead_letter in access exclusive mode`)
	s.c.lastCursor = &cursor{} // nobody reads dead letters before the pass does
	s.c.lastReadAt = time.Now()
	s.c.rung = true
	passed := make(chan error, 1)
	go func() {
		_, _, err := s.c.pass(s.ctx())
		passed <- err
	}()

	until(s.t, "the pass waits", func() bool {
		return pgtest.Value[bool](s.t, s.db,
			`select exists (select from pg_locks where relation = 'events.dead_letter'::regclass and not granted)`)
	})
	err := meanwhile()
	block.commit()
	return errors.Join(err, <-passed)
}

// writer is a transaction by hand.
type writer struct {
	s    *stage
	conn *pgx.Conn
}

func (s *stage) begin() *writer {
	s.t.Helper()
	w := &writer{s: s, conn: s.db.Connect(s.t, s.db.Config.ServiceURL)}
	w.do(`begin`)
	return w
}

func (w *writer) do(sql string, args ...any) *writer {
	w.s.t.Helper()
	if _, err := w.conn.Exec(w.s.t.Context(), sql, args...); err != nil {
		w.s.t.Fatalf("%s: %v", sql, err)
	}
	return w
}

// number has the transaction take its number now.
func (w *writer) number() *writer { w.s.t.Helper(); return w.do(`select pg_current_xact_id()`) }

// emit writes one event.
func (w *writer) emit(key, data string) *writer {
	w.s.t.Helper()
	return w.do(
		`insert into events.outbox (channel, key, event_id, type, service, data)
			values ('play', $1, gen_random_uuid(), 'play', 'play', to_jsonb($2::text))`,
		key,
		data,
	)
}

func (w *writer) commit() { w.s.t.Helper(); w.do(`commit`) }

// want compares what the consumer has applied, by key.
func (s *stage) want(want string) error {
	s.t.Helper()
	got := pgtest.Value[string](s.t, s.db,
		`select coalesce(string_agg(key || ':' || trim('"' from data), ' ' order by key, n), '') from play.applied`)
	if got != want {
		return fmt.Errorf("applied %q, want %q", got, want)
	}
	return nil
}

// schedule is a play that goes wrong with one defect or another.
type schedule struct {
	name string
	play func(s *stage) error
	// mutants are the defects that it has to catch.
	mutants []string
}

// schedules are each over in a second.
var schedules = []schedule{
	{"a transaction that was open commits later", func(s *stage) error {
		first := s.begin().emit("a", "1")
		s.begin().emit("b", "1").commit()
		if err := errors.Join(s.pass(), s.want("b:1")); err != nil {
			return err
		}
		first.commit()
		return errors.Join(s.pass(), s.want("a:1 b:1"))
	}, []string{"naive", "pos_floor"}},

	{"a number taken early, a position late", func(s *stage) error {
		early := s.begin().number()
		s.begin().emit("a", "1").commit()
		early.emit("a", "2").commit()
		return errors.Join(s.pass(), s.want("a:1 a:2"))
	}, []string{"xid_order", "horizon"}},

	{"a transaction that stays open delays nobody else", func(s *stage) error {
		open := s.begin().number()
		s.begin().emit("a", "1").commit()
		if err := errors.Join(s.pass(), s.want("a:1")); err != nil {
			return err
		}
		open.emit("b", "1").commit()
		return errors.Join(s.pass(), s.want("a:1 b:1"))
	}, []string{"horizon"}},

	{"a position below the last one, a number beyond the snapshot", func(s *stage) error {
		second := s.begin().number()
		first := s.begin().number().emit("a", "1")
		second.emit("b", "1").commit()
		if err := errors.Join(s.pass(), s.want("b:1")); err != nil {
			return err
		}
		first.commit()
		return errors.Join(s.pass(), s.want("a:1 b:1"))
	}, []string{"naive", "pos_floor"}},

	{"what a handler emits comes next", func(s *stage) error {
		s.begin().emit("a", "emit").commit()
		// A later transaction ends while the pass, which holds the lock, has yet to choose the target.
		err := s.blockedPass(func() error {
			s.begin().number().commit()
			return nil
		})
		return errors.Join(err, s.pass(), s.want("a:emit a:emitted"))
	}, []string{"own_xid"}},

	{"a crash after the handler", func(s *stage) error {
		s.begin().emit("a", "1").commit()
		s.faults.at(beforeCommit, 1, interrupt(s.t, s.db))
		if err := s.pass(); err == nil {
			return errors.New("the pass was not interrupted")
		}
		return errors.Join(s.pass(), s.want("a:1"))
	}, []string{"outside"}},

	{"two sessions, one key", func(s *stage) error {
		one, other := s.begin(), s.begin()
		one.emit("warm", "1").commit()
		other.emit("warm", "2").commit()
		one.do(`begin`)
		other.do(`begin`)
		other.emit("a", "1").commit()
		one.emit("a", "2").commit()
		return errors.Join(s.pass(), s.want("a:1 a:2 warm:1 warm:2"))
	}, []string{"cache"}},

	{"a savepoint's events are of its transaction", func(s *stage) error {
		w := s.begin().number().do(`savepoint s`).emit("a", "1").do(`release s`)
		s.begin().emit("b", "1").commit()
		w.do(`savepoint s`).emit("a", "gone").do(`rollback to s`)
		if err := errors.Join(s.pass(), s.want("b:1")); err != nil {
			return err
		}
		w.emit("a", "2").commit()
		return errors.Join(s.pass(), s.want("a:1 a:2 b:1"))
	}, nil},

	{"a partition that somebody needs", (*stage).retains, []string{"age"}},

	{"the window is read by the index of numbers", func(s *stage) error {
		const many = `insert into events.outbox (channel, key, event_id, type, service, data)
			select 'play', 'old', gen_random_uuid(), 'play', 'play', '1' from generate_series(1, 20000)`
		s.db.Exec(s.t, many)
		s.db.Exec(s.t, `update events.cursor set snap_done = pg_current_snapshot() where consumer = 'play'`)
		s.db.Exec(s.t, many)
		s.db.Exec(s.t, `analyze events.outbox`)
		return s.readsFew()
	}, []string{"unmaterialized"}},
}

// readsFew reports an error where the plan of the window's statement walks history.
func (s *stage) readsFew() error {
	plan := ""
	err := s.db.Transaction(s.ctx(), func(tx *postgres.Tx) error {
		page := storedPage("play", filter{}, limit{events: 100})
		if _, err := tx.Exec(s.ctx(), sqlByIndex); err != nil {
			return err
		}

		rows, err := tx.Query(s.ctx(), "explain (analyze, timing off, costs off) "+page.sql, page.args...)
		if err != nil {
			return err
		}

		lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
		plan = strings.Join(lines, "\n")

		return err
	})

	for _, found := range regexp.MustCompile(`Rows Removed by Filter: (\d+)|Seq Scan`).FindAllStringSubmatch(plan, -1) {
		if n, _ := strconv.Atoi(found[1]); n > 1000 || found[1] == "" {
			err = errors.New("the window's statement walks history:\n" + plan)
		}
	}

	if err == nil && regexp.MustCompile(`Index Cond: .*pos > `).MatchString(plan) {
		err = errors.New("the window's statement reads the positions of all history:\n" + plan)
	}

	return err
}

// Every schedule ends well.
func TestSchedules(t *testing.T) {
	for _, play := range schedules {
		t.Run(play.name, func(t *testing.T) {
			if err := play.play(newStage(t)); err != nil {
				t.Error(err)
			}
		})
	}
}
