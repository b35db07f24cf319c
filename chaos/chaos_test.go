package chaos_test

import (
	"testing"
	"time"

	"github.com/blotterdb/blotter/analytics"
)

// projection is a show of projectors.
type projection struct {
	*show
	mismatches int64
	analytics  *analytics.Synchronizer // of this process, which is not started: it rebuilds and reconciles
}

// newProjection prepares a show whose projectors get an environment.
func newProjection(s *stage, seed uint64, kills int, env ...string) *projection {
	s.t.Helper()
	p := &projection{show: &show{stage: s, seed: seed, kills: kills, patience: time.Minute}}
	var err error
	if p.analytics, err = analytics.New(analytics.Config{Source: s.db.DB, Logger: s.cfg.Logger}); err != nil {
		s.t.Fatal(err)
	}
	p.spawn = func(int) *process { return spawn(s.t, projectorOf, p.orders(), env...) }
	p.ended = func(process *process) {
		if said := process.said.String(); said != "" && p.crashing.Load() == 0 && len(env) == 0 {
			s.t.Errorf("a projector complains: %s", said)
		}
	}
	return p
}

// run plays the show, and reports.
func (p *projection) run() report {
	p.t.Helper()
	defer p.close()
	p.play()
	late := !p.settled()
	r := p.judge(merge(p.writers))
	r.Late, r.Mismatches = late, p.mismatches
	p.t.Log(r)
	return r
}

// rebuild rebuilds the analytics, beside everything else, and reconciles them.
func (p *projection) rebuild(int) {
	p.again("rebuild", func() error {
		_, err := p.analytics.Rebuild(p.t.Context())
		return err
	})
	p.reconcile()
}

// reconcile counts what does not follow from the trades, and returns how many were added up.
func (p *projection) reconcile() (trades int64) {
	var r analytics.Reconciliation
	p.again("reconcile", func() (err error) {
		r, err = p.analytics.Reconcile(p.t.Context())
		return err
	})
	for _, m := range r.Mismatches[:min(3, len(r.Mismatches))] {
		p.t.Logf("mismatch: %+v", m)
	}
	p.mismatches += int64(len(r.Mismatches) + r.More)
	return r.Trades
}

// settled waits until both consumers have come to the end, and reconciles.
func (p *projection) settled() bool {
	done := false
	for deadline := time.Now().Add(p.patience); !done && time.Now().Before(deadline); time.Sleep(
		20 * time.Millisecond) {
		done = p.count(sqlPending, []string{chainOf, analytics.Consumer}) == 0
	}
	if have, want := p.reconcile(), p.count(`select count(*) from execution.trades`); have != want {
		p.mismatches++
		p.t.Logf("%d of %d trades are in the analytics", have, want)
	}
	return done
}

// rebuildsMax is how often the analytics are rebuilt in a full run.
const rebuildsMax = 20

// Projectors and PostgreSQL are killed while hostile writers write, and what was committed is applied: each event once,
// in order. The analytics, rebuilt meanwhile, are right each time.
func TestChaos(t *testing.T) {
	t.Parallel()
	p := newProjection(newStage(t), seedOf(t), *killsFlag)
	p.span = *spanFlag
	p.meantime = []happening{p.crashes(*crashesFlag), {min(rebuildsMax, *killsFlag/4), p.rebuild}}
	if r := p.run(); !r.clean() {
		t.Errorf("seed %d: %s", p.seed, r)
	}
}
