package monitor

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/postgres"
)

// Watcher makes checks again and again, keeps what they found last, and writes the heartbeat by which replicas tell how
// far they are behind. A finding is logged when it appears and when it is gone, not in between.
//
//	stopped --Start--> looks at once --Period--> looks --> ... --Stop--> stopped
//	                     '-- beats every HeartbeatPeriod
type Watcher struct {
	db     *postgres.DB
	checks []Check
	cfg    WatcherConfig
	loop   loop
	beat   health
	look   health
	known  map[string]bool // findings that were logged

	guard sync.Mutex
	seen  Sight
}

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
	// HeartbeatPeriod is the time between two heartbeats. Default 5 s.
	HeartbeatPeriod time.Duration
	// Logger gets a line for each finding that appears or is gone. Default slog.Default().
	Logger *slog.Logger
}

// NewWatcher makes a watcher of a database, usually with Checks and PoolCheck.
//
// Errors: ErrInvalid for a period below zero.
func NewWatcher(db *postgres.DB, checks []Check, cfg WatcherConfig) (*Watcher, error) {
	switch {
	case cfg.Period < 0:
		return nil, blotter.Invalid("WatcherConfig.Period", cfg.Period, "zero for the default, or more")
	case cfg.HeartbeatPeriod < 0:
		return nil, blotter.Invalid("WatcherConfig.HeartbeatPeriod", cfg.HeartbeatPeriod, "zero for the default, or more")
	}
	setDefault(&cfg.Period, time.Minute)
	setDefault(&cfg.HeartbeatPeriod, 5*time.Second)
	setDefault(&cfg.Logger, slog.Default())
	return &Watcher{db: db, checks: slices.Clone(checks), cfg: cfg, known: map[string]bool{}}, nil
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
	if err := w.beat.get(); err != nil {
		return err
	}
	return w.look.get()
}

// Sight is what it saw last.
func (w *Watcher) Sight() Sight {
	w.guard.Lock()
	defer w.guard.Unlock()
	return w.seen
}

func (w *Watcher) run(ctx context.Context) {
	var beating sync.WaitGroup
	defer beating.Wait()
	beating.Go(func() { every(ctx, w.cfg.HeartbeatPeriod, w.heartbeat) })
	every(ctx, w.cfg.Period, w.lookOnce)
}

// every does something at once and then again and again, until ctx ends.
func every(ctx context.Context, period time.Duration, do func(context.Context)) {
	tick := time.NewTicker(period)
	defer tick.Stop()
	for {
		do(ctx)
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

const sqlHeartbeat = `
insert into shared.heartbeat (at) values (clock_timestamp())
    on conflict (id) do update set at = excluded.at`

func (w *Watcher) heartbeat(ctx context.Context) {
	ctx, cancel := context.WithTimeout(blotter.WithOperation(blotter.WithAllAccounts(ctx), "monitor.heartbeat"), checkTimeout)
	defer cancel()
	err := w.db.Transaction(ctx, func(tx *postgres.Tx) error {
		_, err := tx.Exec(ctx, sqlHeartbeat)
		return err
	})
	w.beat.set(err)
}

func (w *Watcher) lookOnce(ctx context.Context) {
	outcomes := Run(ctx, w.db, w.checks)
	gauges, err := readGauges(ctx, w.db)
	if ctx.Err() != nil {
		return // cut short: it says nothing
	}
	w.look.set(err)
	w.guard.Lock()
	w.seen = Sight{At: time.Now().UTC(), Outcomes: outcomes, Gauges: gauges}
	w.guard.Unlock()
	w.logChanges(ctx, Findings(outcomes))
}

func (w *Watcher) logChanges(ctx context.Context, findings []Finding) {
	now := map[string]bool{}
	for _, f := range findings {
		key := f.Check + " " + f.Subject + " " + string(f.Severity)
		now[key] = true
		if w.known[key] {
			continue
		}
		level := slog.LevelWarn
		if f.Severity == Critical {
			level = slog.LevelError
		}
		w.cfg.Logger.Log(ctx, level, "found: "+f.Message, "check", f.Check, "subject", f.Subject, "severity", string(f.Severity), "remedy", f.Remedy)
	}
	for key := range w.known {
		if !now[key] {
			w.cfg.Logger.InfoContext(ctx, "no longer found", "finding", key)
		}
	}
	w.known = now
}
