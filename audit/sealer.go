package audit

import (
	"context"
	"log/slog"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/internal/health"
	"github.com/blotterdb/blotter/internal/pgerror"
	"github.com/blotterdb/blotter/internal/service"
	"github.com/blotterdb/blotter/postgres"
)

// Config configures a Sealer. The zero value works.
type Config struct {
	// Interval is the pause after which the sealer looks for new entries. Default 1 s. While it finds full batches, it
	// does not pause; after an error it pauses longer, up to a minute.
	Interval time.Duration
	// BatchMax bounds the entries of a seal. Default 5,000, at most 10,000.
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
	db     *postgres.DB
	cfg    Config
	runner service.Runner
}

// New makes a sealer. ErrInvalid names the invalid field.
func New(db *postgres.DB, cfg Config) (*Sealer, error) {
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	return &Sealer{db: db, cfg: cfg.withDefaults(), runner: service.Runner{Name: "the sealer"}}, nil
}

// Start starts the sealer and returns. It does nothing if the sealer is running. The end of ctx does not stop the
// sealer. ErrProgramming: the sealer was stopped.
func (s *Sealer) Start(ctx context.Context) error { return s.runner.Start(ctx, nil, s.run) }

// Stop ends the sealer and waits for it. The current batch is sealed whole or not at all. Stop may be called twice. Its
// error says that ctx ended first.
func (s *Sealer) Stop(ctx context.Context) error {
	return pgerror.Translate(ctx, "", s.runner.Stop(ctx))
}

// Health returns nil while the sealer does its work, and otherwise what keeps it from that.
func (s *Sealer) Health() error { return s.runner.Health() }

func (s *Sealer) run(ctx context.Context) {
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

// report keeps the outcome for Health and logs a change.
func (s *Sealer) report(ctx context.Context, err error) {
	s.runner.State.Report(ctx, s.cfg.Logger, err, health.Messages{
		Failing: "the audit log is not being sealed", Working: "the audit log is being sealed again",
	})
}

// Seal seals what is new now, in batches of at most batchMax entries (0 is 5,000), and reports how many entries. Where
// another sealer is at it, it leaves the rest to that.
//
// Errors: ErrInvalid for batchMax, and the errors of the database. Seals that were made before stay.
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
