package events

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/pgtest"
	"github.com/blotterdb/blotter/postgres"
)

const (
	// failpointOf is the environment variable that makes the test binary a consumer that dies between two steps.
	failpointOf = "BLOTTER_TEST_FAILPOINT"
	// failpointStatus is the exit status of one that has died there.
	failpointStatus = 3
)

// steps are the failpoints of a pass, in their order.
var steps = []string{"probed", "locked", "aimed", "read", "handled", "advanced", "committed"}

// interruption tells the process where to die.
type interruption struct {
	URLs databaseURLs
	Step string
}

// databaseURLs lead another process to a database. (A postgres.Config keeps them to itself.)
type databaseURLs struct{ URL, ServiceURL, ReadOnlyURL, ReporterURL string }

func urlsOf(c postgres.Config) databaseURLs {
	return databaseURLs{c.URL, c.ServiceURL, c.ReadOnlyURL, c.ReporterURL}
}

func (u databaseURLs) config() postgres.Config {
	return postgres.Config{
		URL: u.URL, ServiceURL: u.ServiceURL, ReadOnlyURL: u.ReadOnlyURL, ReporterURL: u.ReporterURL, MaxConns: 4, Logger: slog.New(slog.DiscardHandler),
	}
}

// dieAt is the process: a consumer that ends between two steps, without a word to anybody.
func dieAt(text string) {
	var o interruption
	err := json.Unmarshal([]byte(text), &o)
	if err == nil {
		var db *postgres.DB
		if db, err = postgres.Open(context.Background(), o.URLs.config()); err == nil {
			c := small(db, (&stage{}).apply)
			c.interrupt = second(o.Step, func() error { os.Exit(failpointStatus); return nil })
			err = c.Start(context.Background())
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	<-time.After(time.Minute)
	os.Exit(2)
}

// small is a consumer of small chunks: full ones, and the rest of a window.
func small(db *postgres.DB, handler Handler) *Consumer {
	c, err := NewConsumer(Config{Source: db, Name: "play", Handler: handler, ChunkMin: 4, ChunkMax: 4, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		panic(err)
	}
	return c
}

// second calls something once, at the second visit of a failpoint.
func second(step string, call func() error) func(string) error {
	visits := 0
	return func(at string) error {
		if at == step {
			if visits++; visits == 2 {
				return call()
			}
		}
		return nil
	}
}

// start starts a consumer, which ends with the test.
func (s *stage) start(c *Consumer) {
	s.t.Helper()
	if err := c.Start(s.ctx()); err != nil {
		s.t.Error(err)
	}
	s.t.Cleanup(func() {
		if err := c.Stop(context.Background()); err != nil {
			s.t.Error(err)
		}
	})
}

const (
	failpointEvents = 30 // of each key
	stall           = time.Second
)

// faults are what happens between two steps.
var faults = []struct {
	name string
	play func(s *stage, step string, hit chan struct{})
}{
	{"error", func(s *stage, step string, hit chan struct{}) {
		c := small(s.db.DB, s.apply)
		c.interrupt = second(step, func() error { close(hit); return interrupted })
		s.start(c)
	}},
	{"exit", func(s *stage, step string, hit chan struct{}) {
		text, err := json.Marshal(interruption{urlsOf(s.db.Config), step})
		if err != nil {
			s.t.Fatal(err)
		}
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), failpointOf+"="+string(text))
		out, err := cmd.CombinedOutput()
		if cmd.ProcessState == nil || cmd.ProcessState.ExitCode() != failpointStatus {
			s.t.Fatalf("the process did not end at %s: %v, %s", step, err, out)
		}
		close(hit)
		s.start(small(s.db.DB, s.apply))
	}},
	{"stall", func(s *stage, step string, hit chan struct{}) {
		c, other := small(s.db.DB, s.apply), small(s.db.DB, s.apply)
		c.interrupt = second(step, func() error {
			s.start(other)
			close(hit)
			<-time.After(stall)
			return nil
		})
		s.start(c)
	}},
	{"stall until the link is cut", func(s *stage, step string, hit chan struct{}) {
		cfg := s.db.Config
		cfg.Service = "stalled"
		db, err := postgres.Open(s.t.Context(), cfg)
		if err != nil {
			s.t.Fatal(err)
		}
		s.t.Cleanup(db.Close)
		c, other := small(db, s.apply), small(s.db.DB, s.apply)
		c.interrupt = second(step, func() error {
			s.start(other)
			s.db.Exec(s.t, `select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and application_name like 'stalled%'`)
			close(hit)
			<-time.After(stall / 2)
			return nil
		})
		s.start(c)
	}},
}

// Whatever happens between any two steps of a pass, every event is applied once, in order.
func TestFailpoints(t *testing.T) {
	for _, step := range steps {
		for _, fault := range faults {
			t.Run(step+"/"+fault.name, func(t *testing.T) {
				t.Parallel()
				s := &stage{t: t, db: pgtest.OpenConfig(t, func(c *postgres.Config) { c.MaxConns, c.KeepConns = 4, 2 })}
				s.db.Exec(t, sqlStage)
				s.emit(0, failpointEvents/2)
				hit := make(chan struct{})
				fault.play(s, step, hit)
				s.emit(failpointEvents/2, failpointEvents)
				select {
				case <-hit:
				case <-time.After(20 * time.Second):
					t.Fatal("the failpoint was never met")
				}
				s.inOrder()
			})
		}
	}
}

// emit writes numbered events of three keys, two of them in a transaction.
func (s *stage) emit(from, to int) {
	s.t.Helper()
	for n := from; n < to; n++ {
		for _, list := range [][]string{{"a", "b"}, {"c"}} {
			err := s.db.Transaction(s.ctx(), func(tx *postgres.Tx) error {
				for _, key := range list {
					if err := tx.Emit(s.ctx(), blotter.Event{Channel: "play", Key: key, Type: "play", Data: fmt.Append(nil, n)}); err != nil {
						return err
					}
				}
				return nil
			})
			if err != nil {
				s.t.Fatal(err)
			}
		}
	}
}

// inOrder waits until all events are applied, and compares.
func (s *stage) inOrder() {
	s.t.Helper()
	const all = 3 * failpointEvents
	for deadline := time.Now().Add(20 * time.Second); pgtest.Value[int](s.t, s.db, `select count(*) from play.applied`) < all && time.Now().Before(deadline); {
		<-time.After(5 * time.Millisecond)
	}
	const sql = `select count(*) || ' events, ' || count(distinct (key, data)) || ' of them distinct, ' || count(*) filter (where late) || ' out of order'
		from (select key, data, data::int < lag(data::int) over (partition by key order by n) as late from play.applied) x`
	want := fmt.Sprintf("%d events, %[1]d of them distinct, 0 out of order", all)
	if got := pgtest.Value[string](s.t, s.db, sql); got != want {
		s.t.Errorf("applied %s, want %s", got, want)
	}
	if n := pgtest.Value[int](s.t, s.db, `select applied from events.cursor where consumer = 'play'`); n != all {
		s.t.Errorf("the cursor counts %d events, want %d", n, all)
	}
}
