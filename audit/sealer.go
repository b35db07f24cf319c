package audit

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/internal/health"
	"github.com/blotterdb/blotter/internal/pgerror"
	"github.com/blotterdb/blotter/postgres"
)

// Config says how a Sealer works. The zero value works.
type Config struct {
	// Interval is the pause after which the sealer looks for new entries. Default 1 s. While it finds full batches, it
	// does not pause; after an error it pauses longer, up to a minute.
	Interval time.Duration
	// BatchMax is how many entries a seal has at most. Default 5,000, at most 10,000.
	BatchMax int
	// Logger gets a line when sealing begins to fail, and when it succeeds again. Default slog.Default().
	Logger *slog.Logger
}

const (
	intervalDefault = time.Second
	batchMaxDefault = 5_000
	batchMaxMax     = 10_000
	// pauseMax is the longest pause after errors.
	pauseMax = time.Minute
)

func (c Config) withDefaults() Config {
	if c.Interval == 0 {
		c.Interval = intervalDefault
	}
	if c.BatchMax == 0 {
		c.BatchMax = batchMaxDefault
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	return c
}

func (c Config) validate() error {
	switch {
	case c.Interval < 0:
		return blotter.Invalid("Config.Interval", c.Interval, "zero for the default, or more")
	case c.BatchMax < 0 || c.BatchMax > batchMaxMax:
		return blotter.Invalid("Config.BatchMax", c.BatchMax, "zero for the default, up to 10,000")
	}
	return nil
}

// Sealer seals new entries of the audit log for as long as it runs. Any number may run on a database. It is safe for
// concurrent use.
type Sealer struct {
	db  *postgres.DB
	cfg Config

	mu      sync.Mutex
	stop    context.CancelFunc // nil before Start
	stopped bool
	done    chan struct{}
	state   health.State // of the last attempt
}

// New makes a sealer; Start starts it. Errors: ErrInvalid for a configuration that cannot work.
func New(db *postgres.DB, cfg Config) (*Sealer, error) {
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	return &Sealer{db: db, cfg: cfg.withDefaults()}, nil
}

// Start starts the sealer and returns at once. Starting one that runs does nothing; one that was stopped is not started
// again. The context's end does not stop it.
func (s *Sealer) Start(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.stopped:
		return &blotter.Error{Op: "start the sealer", Kind: blotter.ErrProgramming, Message: "it was stopped; make a new one"}
	case s.stop != nil:
		return nil
	}
	ctx, s.stop = context.WithCancel(context.WithoutCancel(ctx))
	s.done = make(chan struct{})
	go s.run(ctx)
	return nil
}

// Stop ends the sealer and waits until it has: a batch that it was sealing is sealed whole or not at all. It is safe to
// call twice. An error says that the context ended first.
func (s *Sealer) Stop(ctx context.Context) error {
	s.mu.Lock()
	s.stopped = true
	stop, done := s.stop, s.done
	s.mu.Unlock()
	if stop == nil {
		return nil
	}
	stop()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return pgerror.Translate(ctx, "stop the sealer", ctx.Err())
	}
}

// Health is nil while the sealer does its work, else what keeps it from that.
func (s *Sealer) Health() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stop == nil || s.stopped {
		return &blotter.Error{Op: "seal the audit log", Kind: blotter.ErrOperational, Message: "the sealer does not run"}
	}
	return s.state.Err()
}

func (s *Sealer) run(ctx context.Context) {
	defer close(s.done)
	pause := s.cfg.Interval
	for ctx.Err() == nil {
		_, err := Seal(ctx, s.db, s.cfg.BatchMax)
		if ctx.Err() != nil {
			return
		}
		s.report(ctx, err)
		if pause = min(2*pause, max(pauseMax, s.cfg.Interval)); err == nil {
			pause = s.cfg.Interval
		}
		timer := time.NewTimer(pause)
		select {
		case <-ctx.Done():
			timer.Stop()
		case <-timer.C:
		}
	}
}

// report keeps the outcome for Health, and logs it if it is news.
func (s *Sealer) report(ctx context.Context, err error) {
	s.state.Report(ctx, s.cfg.Logger, err, health.Messages{
		Failing: "the audit log is not being sealed", Working: "the audit log is being sealed again",
	})
}

// Seal seals what is new now, in batches of at most batchMax entries (0 is 5,000), and reports how many entries. Where
// another sealer is at it, it leaves the rest to that.
//
// Errors: ErrInvalid for batchMax, and what keeps the database from it. What was sealed before stays.
func Seal(ctx context.Context, db *postgres.DB, batchMax int) (sealed int64, err error) {
	cfg := Config{BatchMax: batchMax}
	if err := cfg.validate(); err != nil {
		return 0, err
	}
	batchMax = cfg.withDefaults().BatchMax
	more, err := pending(ctx, db)
	for more && err == nil {
		var n int
		n, more, err = sealBatch(ctx, db, batchMax)
		sealed += int64(n)
	}
	return sealed, err
}
