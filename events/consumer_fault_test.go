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
	"github.com/jackc/pgx/v5"
)

const (
	// deathVariable is the environment variable that makes the test binary a consumer that dies between two steps.
	deathVariable = "BLOTTER_TEST_DEATH"
	// deathStatus is the exit status of one that has died there.
	deathStatus = 3
)

// placesOfPass lie between the steps of a consumer's pass, in their order.
var placesOfPass = []place{beforeLock, underLock, beforeEffect, afterEffect, beforeCommit, afterCommit}

// death tells the process where to die.
type death struct {
	URLs  databaseURLs
	Place place
}

// databaseURLs lead another process to a database. (A postgres.Config keeps them to itself.)
type databaseURLs struct{ URL, ServiceURL, ReadOnlyURL, ReporterURL string }

func urlsOf(c postgres.Config) databaseURLs {
	return databaseURLs{c.URL, c.ServiceURL, c.ReadOnlyURL, c.ReporterURL}
}

func (u databaseURLs) config() postgres.Config {
	return postgres.Config{
		URL: u.URL, ServiceURL: u.ServiceURL, ReadOnlyURL: u.ReadOnlyURL, ReporterURL: u.ReporterURL, MaxConns: 4,
		Logger: slog.New(slog.DiscardHandler),
	}
}

// dieAt runs a consumer that ends the process between two steps.
func dieAt(text string) {
	var d death
	err := json.Unmarshal([]byte(text), &d)
	if err == nil {
		err = startDying(d)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	<-time.After(time.Minute)
	os.Exit(2)
}

func startDying(d death) error {
	s := &stage{faults: &faults{}}
	s.faults.at(d.Place, 2, func(*pgx.Conn) error {
		os.Exit(deathStatus)
		return nil
	})
	cfg := d.URLs.config()
	cfg.Tracer = s.faults
	db, err := postgres.Open(context.Background(), cfg)
	if err != nil {
		return err
	}
	return small(db, s.apply).Start(context.Background())
}

// small returns a consumer with small chunks, so that a window has full chunks and a rest.
func small(db *postgres.DB, handler Handler) *Consumer {
	c, err := NewConsumer(Config{
		Source: db, Name: "play", Handler: handler, ChunkMin: 4, ChunkMax: 4, PollMax: 5 * time.Millisecond,
		Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		panic(err)
	}
	return c
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
	faultEvents = 30 // of each key
	stall       = time.Second
)

// faultsBetweenSteps interfere at the second visit of a place. They close hit when they have.
var faultsBetweenSteps = []struct {
	name string
	run  func(s *stage, at place, hit chan struct{})
}{
	{"error", func(s *stage, at place, hit chan struct{}) {
		end := interrupt(s.t, s.db)
		s.faults.at(at, 2, func(conn *pgx.Conn) error {
			close(hit)
			return end(conn)
		})
		s.start(small(s.db.DB, s.apply))
	}},

	{"exit", func(s *stage, at place, hit chan struct{}) {
		text, err := json.Marshal(death{urlsOf(s.db.Config), at})
		if err != nil {
			s.t.Fatal(err)
		}
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), deathVariable+"="+string(text))
		out, err := cmd.CombinedOutput()
		if cmd.ProcessState == nil || cmd.ProcessState.ExitCode() != deathStatus {
			s.t.Fatalf("the process did not end %s: %v, %s", at, err, out)
		}

		close(hit)
		s.start(small(s.db.DB, s.apply))
	}},

	{"stall", func(s *stage, at place, hit chan struct{}) {
		s.faults.at(at, 2, func(*pgx.Conn) error {
			s.start(small(s.db.DB, s.apply))
			close(hit)
			<-time.After(stall)
			return nil
		})
		s.start(small(s.db.DB, s.apply))
	}},

	{"stall until the link is cut", func(s *stage, at place, hit chan struct{}) {
		cfg := s.db.Config
		cfg.Service = "stalled"
		db, err := postgres.Open(s.t.Context(), cfg)
		if err != nil {
			s.t.Fatal(err)
		}
		s.t.Cleanup(db.Close)
		s.faults.at(at, 2, func(*pgx.Conn) error {
			s.start(small(s.db.DB, s.apply))
			s.db.Exec(s.t, `select pg_terminate_backend(pid) from pg_stat_activity
				where datname = current_database() and application_name like 'stalled%'`)
			close(hit)
			<-time.After(stall / 2)
			return nil
		})
		s.start(small(db, s.apply))
	}},
}

// newSmallStage makes a stage whose database has few connections.
func newSmallStage(t *testing.T) *stage {
	t.Helper()
	s := &stage{t: t, faults: &faults{}}
	s.db = pgtest.OpenConfig(t, func(c *postgres.Config) {
		c.MaxConns = 4
		c.KeepConns = 2
		c.Tracer = s.faults
	})
	s.db.Exec(t, sqlStage)
	return s
}

// Whatever happens between any two steps of a pass, every event is applied once, in order.
func TestFaultsBetweenSteps(t *testing.T) {
	for _, at := range placesOfPass {
		for _, fault := range faultsBetweenSteps {
			t.Run(string(at)+"/"+fault.name, func(t *testing.T) {
				t.Parallel()
				s := newSmallStage(t)
				s.emit(0, faultEvents/2)
				hit := make(chan struct{})
				fault.run(s, at, hit)

				s.emit(faultEvents/2, faultEvents)
				select {
				case <-hit:
				case <-time.After(time.Minute):
					t.Fatalf("no second visit %s", at)
				}
				s.inOrder(faultEvents)
			})
		}
	}
}

// A consumer's link may break at any message, whether the server has heard of it, is at work or has answered: every
// event is applied once, in order.
func TestCutEverywhere(t *testing.T) {
	t.Parallel()
	s := newSmallStage(t)
	cfg := s.db.Config
	cutter, through := pgtest.NewCutter(t, cfg.ServiceURL)
	cfg.ServiceURL = through
	db, err := postgres.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	s.start(small(db, s.apply))

	const perCut = 4
	cuts := 0
	for message := 1; message <= messagesOfPass; message++ {
		for _, when := range []pgtest.Cut{pgtest.Unheard, pgtest.Heard, pgtest.Answered} {
			cutter.AtMessage(message, when)
			s.emit(perCut*cuts, perCut*(cuts+1))
			cuts++
			until(t, "the link is cut", func() bool { return cutter.Cuts() == cuts })
		}
	}
	s.inOrder(perCut * cuts)
}

// emit writes numbered events of three keys, two of them in a transaction.
func (s *stage) emit(from, to int) {
	s.t.Helper()

	for n := from; n < to; n++ {
		for _, list := range [][]string{{"a", "b"}, {"c"}} {
			err := s.db.Transaction(s.ctx(), func(tx *postgres.Tx) error {
				for _, key := range list {
					e := blotter.Event{Channel: "play", Key: key, Type: "play", Data: fmt.Append(nil, n)}
					if err := tx.Emit(s.ctx(), e); err != nil {
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

// inOrder waits until the events of emit(0, n) are applied, and compares.
func (s *stage) inOrder(n int) {
	s.t.Helper()
	all := 3 * n
	conn := s.db.Connect(s.t, s.db.AdminURL)

	until(s.t, fmt.Sprintf("%d events are applied", all), func() bool {
		var n int
		err := conn.QueryRow(s.t.Context(), `select count(*) from play.applied`).Scan(&n)
		return err != nil || n >= all
	})

	const sql = `select count(*) || ' events, ' || count(distinct (key, data)) || ' of them distinct, ' ||
			count(*) filter (where late) || ' out of order'
		from (select key, data, data::int < lag(data::int) over (partition by key order by n) as late
		from play.applied) x`
	want := fmt.Sprintf("%d events, %[1]d of them distinct, 0 out of order", all)

	if got := pgtest.Value[string](s.t, s.db, sql); got != want {
		s.t.Errorf("applied %s, want %s", got, want)
	}
	if n := pgtest.Value[int](s.t, s.db, `select applied from events.cursor where consumer = 'play'`); n != all {
		s.t.Errorf("the cursor counts %d events, want %d", n, all)
	}
}
