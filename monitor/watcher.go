package monitor

import (
	"cmp"
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/internal/health"
	"github.com/blotterdb/blotter/postgres"
)

// Watcher runs checks periodically, keeps their last results, and writes the heartbeat by which replicas measure
// their lag. A finding is logged when a second run of its check confirms it, when it becomes worse, and when it is
// gone. A finding that the second run does not confirm is not logged. A backlog of events counts from the watcher's
// start, when the consumers of the daemon began to work on it.
//
//	stopped --Start--> runs --after Period, or ConfirmAfter if there is something new--> runs --> ... --Stop--> stopped
//	                     '-- writes a heartbeat every HeartbeatPeriod
type Watcher struct {
	db     *postgres.DB
	checks []Check
	cfg    WatcherConfig
	loop   loop
	beats  health.State            // of the heartbeats
	runs   health.State            // of the runs
	found  map[string]bool         // checks that found something in the last run
	logged map[findingKey]Severity // findings of the last run that were logged, at their worst
	early  bool                    // the next run comes early, to confirm the last one

	guard  sync.Mutex
	latest Sight
}

// findingKey identifies a finding, whatever its severity.
type findingKey struct{ check, subject string }

// Sight holds the results of the last run of a Watcher.
type Sight struct {
	At       time.Time // when it ran, UTC; zero if it has not
	Outcomes []Outcome
	Gauges   []Gauge
}

// WatcherConfig says how often a Watcher runs its checks. The zero value works.
type WatcherConfig struct {
	// Period is the time between two runs. Default 1 min.
	Period time.Duration
	// ConfirmAfter is the time until the run that confirms new findings, at most Period. Default 10 s.
	ConfirmAfter time.Duration
	// HeartbeatPeriod is the time between two heartbeats. Default 5 s.
	HeartbeatPeriod time.Duration
	// Logger logs each finding that is confirmed or gone. Default slog.Default().
	Logger *slog.Logger
}

// NewWatcher returns a watcher of a database, usually with Checks and PoolCheck. It returns ErrInvalid for a negative
// period.
func NewWatcher(db *postgres.DB, checks []Check, cfg WatcherConfig) (*Watcher, error) {
	switch {
	case cfg.Period < 0:
		return nil, blotter.Invalid("WatcherConfig.Period", cfg.Period, "zero for the default, or more")
	case cfg.ConfirmAfter < 0:
		return nil, blotter.Invalid("WatcherConfig.ConfirmAfter", cfg.ConfirmAfter, "zero for the default, or more")
	case cfg.HeartbeatPeriod < 0:
		return nil, blotter.Invalid("WatcherConfig.HeartbeatPeriod", cfg.HeartbeatPeriod,
			"zero for the default, or more")
	}

	cfg.Period = cmp.Or(cfg.Period, time.Minute)
	cfg.ConfirmAfter = cmp.Or(cfg.ConfirmAfter, 10*time.Second)
	cfg.ConfirmAfter = min(cfg.ConfirmAfter, cfg.Period)
	cfg.HeartbeatPeriod = cmp.Or(cfg.HeartbeatPeriod, 5*time.Second)
	cfg.Logger = cmp.Or(cfg.Logger, slog.Default())
	return &Watcher{db: db, checks: slices.Clone(checks), cfg: cfg}, nil
}

// Start starts the watcher.
func (w *Watcher) Start(ctx context.Context) error {
	w.loop.start(ctx, w.run)
	return nil
}

// Stop ends the current run and waits for its end.
func (w *Watcher) Stop(ctx context.Context) error { return w.loop.stop(ctx) }

// Health returns nil while the watcher can run its checks and write heartbeats, whatever the checks find.
func (w *Watcher) Health() error {
	if err := w.beats.Err(); err != nil {
		return err
	}
	return w.runs.Err()
}

// Sight returns the results of the last run.
func (w *Watcher) Sight() Sight {
	w.guard.Lock()
	defer w.guard.Unlock()

	return w.latest
}

func (w *Watcher) run(ctx context.Context) {
	w.checks = besideFrom(w.checks, time.Now())

	var heartbeats sync.WaitGroup
	defer heartbeats.Wait()

	heartbeats.Go(func() {
		repeat(ctx, func() time.Duration {
			w.heartbeat(ctx)
			return w.cfg.HeartbeatPeriod
		})
	})

	repeat(ctx, func() time.Duration { return w.runChecks(ctx) })
}

// besideFrom returns the checks for a daemon that has been running since start.
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

// repeat calls do at once, and again after each pause that do returns, until ctx ends.
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
	ctx := blotter.WithOperation(blotter.WithAllAccounts(parent), "monitor.heartbeat")
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()

	err := w.db.Transaction(ctx, func(tx *postgres.Tx) error {
		_, err := tx.Exec(ctx, sqlHeartbeat)
		return err
	}, postgres.Unlogged)

	w.beats.Report(parent, w.cfg.Logger, err, health.Messages{
		Failing: "the heartbeat cannot be written", Working: "the heartbeat is written again",
	})
}

// runChecks runs all checks, keeps their results, and returns the time until the next run.
func (w *Watcher) runChecks(ctx context.Context) time.Duration {
	outcomes := Run(ctx, w.db, w.checks)
	gauges, err := readGauges(ctx, w.db)
	if ctx.Err() != nil {
		return w.cfg.Period // the run was interrupted, so its results mean nothing
	}

	w.guard.Lock()
	w.latest = Sight{At: time.Now().UTC(), Outcomes: outcomes, Gauges: gauges}
	w.guard.Unlock()

	w.runs.Report(ctx, w.cfg.Logger, err, health.Messages{
		Failing: "the database cannot be watched", Working: "the database is watched again",
	})
	if err != nil && !slices.ContainsFunc(outcomes, func(o Outcome) bool { return o.Err == nil }) {
		w.found = nil // the database does not answer, which is logged once and not for each check
		return w.cfg.ConfirmAfter
	}

	w.early = w.logChanges(ctx, Findings(outcomes)) && !w.early
	if w.early {
		return w.cfg.ConfirmAfter
	}

	return w.cfg.Period
}

// logChanges logs the findings that are confirmed, worse, or gone. It reports whether the next run has to confirm new
// findings.
func (w *Watcher) logChanges(ctx context.Context, findings []Finding) (unconfirmed bool) {
	found := map[string]bool{}
	logged := map[findingKey]Severity{}
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
		if _, remains := logged[key]; !remains {
			w.cfg.Logger.InfoContext(ctx, "no longer found",
				"check", key.check, "subject", key.subject, "severity", string(severity))
		}
	}

	w.found = found
	w.logged = logged
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
