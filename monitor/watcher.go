package monitor

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/internal/health"
	"github.com/blotterdb/blotter/postgres"
)

// Watcher makes checks again and again, keeps what they found last, and writes the heartbeat by which replicas tell how
// far they are behind. A finding is logged when a second look finds something by the same check, when it becomes worse,
// and when it is gone. What is gone by the second look is not logged. A backlog of events counts from the watcher's
// start, when the daemon's consumers began to work it off.
//
//	stopped --Start--> looks at once --Period, or ConfirmAfter after something new--> looks --> ... --Stop--> stopped
//	                     '-- beats every HeartbeatPeriod
type Watcher struct {
	db     *postgres.DB
	checks []Check
	cfg    WatcherConfig
	loop   loop
	beat   health.State
	look   health.State
	found  map[string]bool         // checks that found something in the last look
	logged map[findingKey]Severity // findings of the last look that were logged, at their worst
	hurry  bool                    // the next look comes early, to confirm the last one

	guard sync.Mutex
	seen  Sight
}

// findingKey tells findings apart, whatever their severity is.
type findingKey struct{ check, subject string }

// Sight is what a Watcher saw last.
type Sight struct {
	At       time.Time // when it looked, UTC; zero is never
	Outcomes []Outcome
	Gauges   []Gauge
}

// WatcherConfig says how often a Watcher looks. The zero value works.
type WatcherConfig struct {
	// Period is the time between two looks. Default 1 min.
	Period time.Duration
	// ConfirmAfter is the time until the look that confirms what is new; more than Period is Period. Default 10 s.
	ConfirmAfter time.Duration
	// HeartbeatPeriod is the time between two heartbeats. Default 5 s.
	HeartbeatPeriod time.Duration
	// Logger gets a line for each finding that is confirmed or gone. Default slog.Default().
	Logger *slog.Logger
}

// NewWatcher makes a watcher of a database, usually with Checks and PoolCheck.
//
// Errors: ErrInvalid for a period below zero.
func NewWatcher(db *postgres.DB, checks []Check, cfg WatcherConfig) (*Watcher, error) {
	switch {
	case cfg.Period < 0:
		return nil, blotter.Invalid("WatcherConfig.Period", cfg.Period, "zero for the default, or more")
	case cfg.ConfirmAfter < 0:
		return nil, blotter.Invalid("WatcherConfig.ConfirmAfter", cfg.ConfirmAfter, "zero for the default, or more")
	case cfg.HeartbeatPeriod < 0:
		return nil, blotter.Invalid("WatcherConfig.HeartbeatPeriod", cfg.HeartbeatPeriod, "zero for the default, or more")
	}
	setDefault(&cfg.Period, time.Minute)
	setDefault(&cfg.ConfirmAfter, 10*time.Second)
	cfg.ConfirmAfter = min(cfg.ConfirmAfter, cfg.Period)
	setDefault(&cfg.HeartbeatPeriod, 5*time.Second)
	setDefault(&cfg.Logger, slog.Default())
	return &Watcher{db: db, checks: slices.Clone(checks), cfg: cfg}, nil
}

// Start begins to look.
func (w *Watcher) Start(ctx context.Context) error {
	w.loop.start(ctx, w.run)
	return nil
}

// Stop ends the look that is under way, and waits for that.
func (w *Watcher) Stop(ctx context.Context) error { return w.loop.stop(ctx) }

// Health is nil while the watcher can look and beat; what it finds is no matter.
func (w *Watcher) Health() error {
	if err := w.beat.Err(); err != nil {
		return err
	}
	return w.look.Err()
}

// Sight is what it saw last.
func (w *Watcher) Sight() Sight {
	w.guard.Lock()
	defer w.guard.Unlock()
	return w.seen
}

func (w *Watcher) run(ctx context.Context) {
	w.checks = besideFrom(w.checks, time.Now())

	var beating sync.WaitGroup
	defer beating.Wait()
	beating.Go(func() {
		repeat(ctx, func() time.Duration {
			w.heartbeat(ctx)
			return w.cfg.HeartbeatPeriod
		})
	})
	repeat(ctx, func() time.Duration { return w.lookOnce(ctx) })
}

// besideFrom returns the checks as a daemon makes them that has been running since start.
func besideFrom(checks []Check, start time.Time) []Check {
	checks = slices.Clone(checks)
	for i, c := range checks {
		if c.beside != nil {
			beside := c.beside(start)
			beside.beside = c.beside
			checks[i] = beside
		}
	}
	return checks
}

// repeat calls do at once, and again each time that the pause which do returned is over, until ctx ends.
func repeat(ctx context.Context, do func() (pause time.Duration)) {
	for ctx.Err() == nil {
		timer := time.NewTimer(do())
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
		}
	}
}

const sqlHeartbeat = `
insert into shared.heartbeat (at) values (clock_timestamp())
    on conflict (id) do update set at = excluded.at`

func (w *Watcher) heartbeat(parent context.Context) {
	ctx, cancel := context.WithTimeout(blotter.WithOperation(blotter.WithAllAccounts(parent), "monitor.heartbeat"), checkTimeout)
	defer cancel()
	err := w.db.Transaction(ctx, func(tx *postgres.Tx) error {
		_, err := tx.Exec(ctx, sqlHeartbeat)
		return err
	}, postgres.Unlogged)
	w.beat.Report(parent, w.cfg.Logger, err, health.Messages{
		Failing: "the heartbeat cannot be written", Working: "the heartbeat is written again",
	})
}

// lookOnce makes all checks, keeps what they found, and returns how long to wait until the next look.
func (w *Watcher) lookOnce(ctx context.Context) time.Duration {
	outcomes := Run(ctx, w.db, w.checks)
	gauges, err := readGauges(ctx, w.db)
	if ctx.Err() != nil {
		return w.cfg.Period // cut short: it says nothing
	}

	w.guard.Lock()
	w.seen = Sight{At: time.Now().UTC(), Outcomes: outcomes, Gauges: gauges}
	w.guard.Unlock()

	w.look.Report(ctx, w.cfg.Logger, err, health.Messages{
		Failing: "the database cannot be watched", Working: "the database is watched again",
	})
	if err != nil && !slices.ContainsFunc(outcomes, func(o Outcome) bool { return o.Err == nil }) {
		w.found = nil // that nothing can be asked is said; a line for each check would say no more
		return w.cfg.ConfirmAfter
	}

	w.hurry = w.logChanges(ctx, Findings(outcomes)) && !w.hurry
	if w.hurry {
		return w.cfg.ConfirmAfter
	}

	return w.cfg.Period
}

// logChanges logs the findings that are confirmed, those that are worse than they were, and those that are gone. It
// reports whether there are some that the next look has to confirm.
func (w *Watcher) logChanges(ctx context.Context, findings []Finding) (unconfirmed bool) {
	found, logged := map[string]bool{}, map[findingKey]Severity{}

	for _, f := range findings {
		key := findingKey{f.Check, f.Subject}
		before, known := w.logged[key]
		found[f.Check] = true

		switch {
		case known && worse(before, f.Severity) == before:
			logged[key] = before
		case known, w.found[f.Check]:
			logged[key] = f.Severity
			w.logFinding(ctx, f)
		default:
			unconfirmed = true
		}
	}
	for key, severity := range w.logged {
		if _, still := logged[key]; !still {
			w.cfg.Logger.InfoContext(ctx, "no longer found", "check", key.check, "subject", key.subject, "severity", string(severity))
		}
	}
	w.found, w.logged = found, logged

	return unconfirmed
}

func (w *Watcher) logFinding(ctx context.Context, f Finding) {
	level := slog.LevelWarn
	if f.Severity == Critical {
		level = slog.LevelError
	}

	w.cfg.Logger.Log(ctx, level, "found: "+f.Message,
		"check", f.Check, "subject", f.Subject, "severity", string(f.Severity), "remedy", f.Remedy)
}
