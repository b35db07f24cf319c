package chaos_test

import (
	"errors"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/analytics"
)

// plan is what is done to whom.
type plan struct {
	seed     uint64
	writers  int
	kills    int           // of projector processes
	crashes  int           // of PostgreSQL
	rebuilds int           // of the analytics
	span     time.Duration // that the writers write at least
	patience time.Duration // for all to be applied at the end
	env      []string      // of the projectors
}

// show is a plan while it runs.
type show struct {
	plan
	*stage
	rng        *rand.Rand
	writers    []*writer
	writing    sync.WaitGroup
	stop       atomic.Bool
	crashing   atomic.Int64
	projectors [2]*process
	mismatches int64
	analytics  *analytics.Synchronizer // of this process, which is not started: it rebuilds and reconciles
}

// run plays the plan on the stage.
func run(s *stage, p plan) report {
	s.t.Helper()
	x := &show{plan: p, stage: s, rng: rand.New(rand.NewPCG(p.seed, 0))}
	begin := time.Now()
	var err error
	if x.analytics, err = analytics.New(analytics.Config{Source: s.db.DB, Logger: s.cfg.Logger}); err != nil {
		s.t.Fatal(err)
	}
	for i := range x.projectors {
		x.spawn(i)
	}
	defer func() {
		for _, p := range x.projectors {
			x.end(p)
		}
	}()
	x.write()
	x.torture(begin)
	x.stop.Store(true)
	x.writing.Wait()
	wrote := time.Since(begin)
	late := !x.settled()
	r := s.judge(merge(x.writers))
	r.Late, r.Mismatches = late, x.mismatches
	s.t.Logf("%d kills of a projector, %d of PostgreSQL, %d rebuilds; %.0f s of writing, %.0f in all\n%s", p.kills, p.crashes, p.rebuilds, wrote.Seconds(), time.Since(begin).Seconds(), r)
	return r
}

// write starts the writers.
func (x *show) write() {
	for i := range x.plan.writers {
		w := &writer{s: x.stage, rng: rand.New(rand.NewPCG(x.seed, uint64(100+i))), id: i, stop: &x.stop, crashing: &x.crashing, told: map[string]int64{}}
		x.writers = append(x.writers, w)
		x.writing.Go(w.run)
	}
}

// spawn starts projector i.
func (x *show) spawn(i int) {
	c := x.db.Config
	x.projectors[i] = spawn(x.t, projectorOf, orders{URL: c.URL, ServiceURL: c.ServiceURL, ReadOnlyURL: c.ReadOnlyURL, ReporterURL: c.ReporterURL, Seed: x.rng.Uint64()}, x.env...)
}

// end kills a projector, and tells what it complained of that nothing explains.
func (x *show) end(p *process) {
	p.kill()
	if said := p.said.String(); said != "" && x.crashing.Load() == 0 && len(x.env) == 0 {
		x.t.Errorf("a projector complains: %s", said)
	}
}

// torture kills, rebuilds and reconciles.
func (x *show) torture(begin time.Time) {
	every := func(n, of int) bool { return of > 0 && n*of/max(x.kills, 1) != (n+1)*of/max(x.kills, 1) }
	crashed := 0
	for n := range x.kills {
		i := x.rng.IntN(len(x.projectors))
		if !x.projectors[i].works(x.t) || x.t.Failed() {
			return
		}
		time.Sleep(20*time.Millisecond + time.Duration(x.rng.Int64N(int64(180*time.Millisecond))))
		x.end(x.projectors[i])
		x.spawn(i)
		if every(n, x.crashes) {
			x.crashing.Store(time.Now().UnixNano())
			x.crash(crashed)
			x.crashing.Store(time.Now().UnixNano())
			crashed++
		}
		if every(n, x.rebuilds) {
			x.rebuild()
		}
	}
	until(x.t, "the writers' time is over", x.span+time.Minute, func() bool { return x.t.Failed() || time.Since(begin) > x.span })
}

// rebuild has the analytics computed anew, beside everything else, and reconciles them.
func (x *show) rebuild() {
	x.again("rebuild", func() error {
		_, err := x.analytics.Rebuild(x.t.Context())
		return err
	})
	x.reconcile()
}

// reconcile counts what does not follow from the trades, and returns how many were added up.
func (x *show) reconcile() (trades int64) {
	var r analytics.Reconciliation
	x.again("reconcile", func() (err error) {
		r, err = x.analytics.Reconcile(x.t.Context())
		return err
	})
	for _, m := range r.Mismatches[:min(3, len(r.Mismatches))] {
		x.t.Logf("mismatch: %+v", m)
	}
	x.mismatches += int64(len(r.Mismatches) + r.More)
	return r.Trades
}

// again does what a kill of PostgreSQL a moment ago may make fail.
func (x *show) again(what string, do func() error) {
	var err error
	for begin := time.Now(); ; time.Sleep(50 * time.Millisecond) {
		if err = do(); err == nil {
			return
		}
		if x.crashing.Load() == 0 || time.Since(begin) > time.Minute || !errors.Is(err, blotter.ErrOperational) && !errors.Is(err, blotter.ErrCommitUnknown) {
			x.t.Errorf("%s: %v", what, err)
			return
		}
	}
}

// settled waits until both consumers have come to the end, and reconciles.
func (x *show) settled() bool {
	done := false
	for deadline := time.Now().Add(x.patience); !done && time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		done = x.count(sqlPending, []string{chainOf, analytics.Consumer}) == 0
	}
	if have, want := x.reconcile(), x.count(`select count(*) from execution.trades`); have != want {
		x.mismatches++
		x.t.Logf("%d of %d trades are in the analytics", have, want)
	}
	return done
}

// Everything is killed while hostile writers write, and what was committed is applied: each event once, in order.
func TestChaos(t *testing.T) {
	p := plan{seed: seedOf(t), writers: 16, kills: *killsFlag, crashes: *crashesFlag, rebuilds: min(20, *killsFlag/4), span: *spanFlag, patience: time.Minute}
	if r := run(newStage(t), p); !r.clean() {
		t.Errorf("seed %d: %s", p.seed, strings.TrimSpace(r.String()))
	}
}
