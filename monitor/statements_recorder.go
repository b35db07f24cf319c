package monitor

import (
	"cmp"
	"context"
	"log/slog"
	"runtime/metrics"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/internal/health"
	"github.com/blotterdb/blotter/postgres"
	"github.com/quagmt/udecimal"
)

// Recorder writes the counts of a Tracer to logging.performance_logs: for each minute one row per operation that was
// called in it, and slow calls at once.
//
//	stopped --Start--> waits --a minute is over, or a call was slow--> writes --> waits
//	                     |                                               '-- fails: logs, adds the minute to the next
//	                     '--Stop--> writes the rest --> stopped
//
// Slow calls that arrive faster than they are written push out the oldest ones. The number of lost calls is logged.
type Recorder struct {
	db     *postgres.DB
	tracer *Tracer
	cfg    RecorderConfig
	loop   loop
	state  health.State
	next   uint64                    // number of the first slow call that is not written yet
	last   map[operationKey]recorded // counts up to the last minute that was written
}

// recorded is what was counted of an operation up to a minute.
type recorded struct {
	Distribution
	rows, failures int64
	longest        time.Duration // of minutes that could not be written
}

// RecorderConfig says how a Recorder works. The zero value works.
type RecorderConfig struct {
	// Period is the time that a row of an operation covers. Default 1 min.
	Period time.Duration
	// Logger logs when writes begin to fail and when they succeed again. Default slog.Default().
	Logger *slog.Logger
}

const (
	flushOperation = "monitor.record"
	flushTimeout   = 10 * time.Second
	slowPause      = time.Second // between two writes of slow calls, so that many calls need few statements
)

// NewRecorder returns a recorder that writes to db. The tracer may trace db itself. NewRecorder returns ErrInvalid
// for a negative period.
func NewRecorder(db *postgres.DB, tracer *Tracer, cfg RecorderConfig) (*Recorder, error) {
	if cfg.Period < 0 {
		return nil, blotter.Invalid("RecorderConfig.Period", cfg.Period, "zero for the default, or more")
	}
	cfg.Period = cmp.Or(cfg.Period, time.Minute)
	cfg.Logger = cmp.Or(cfg.Logger, slog.Default())
	return &Recorder{db: db, tracer: tracer, cfg: cfg, last: map[operationKey]recorded{}}, nil
}

// Start starts the recorder.
func (r *Recorder) Start(ctx context.Context) error {
	r.loop.start(ctx, r.run)
	return nil
}

// Stop writes the remaining counts and stops the recorder.
func (r *Recorder) Stop(ctx context.Context) error { return r.loop.stop(ctx) }

// Health returns the error of the last write.
func (r *Recorder) Health() error { return r.state.Err() }

func (r *Recorder) run(ctx context.Context) {
	tick := time.NewTicker(r.cfg.Period)
	defer tick.Stop()

	for {
		select {
		case <-tick.C:
			r.write(ctx, true)
		case <-r.tracer.slow.added:
			r.write(ctx, false)
			select {
			case <-time.After(slowPause):
			case <-ctx.Done():
			}
		case <-ctx.Done():
			r.write(context.WithoutCancel(ctx), true)
			return
		}
	}
}

// write writes the slow calls and, if the minute is over, its counts.
func (r *Recorder) write(parent context.Context, minute bool) {
	ctx, cancel := context.WithTimeout(blotter.WithOperation(blotter.WithAllAccounts(parent), flushOperation),
		flushTimeout)
	defer cancel()

	slow, next, lost := r.tracer.slow.since(r.next)
	rows := slowRows(slow)
	var counted map[operationKey]recorded
	if minute {
		var more []blotter.PerformanceLog
		more, counted = r.minuteRows(time.Now().UTC())
		rows = append(rows, more...)
	}

	err := r.insert(ctx, rows)
	r.state.Report(parent, r.cfg.Logger, err, health.Messages{
		Failing: "statistics cannot be written", Working: "statistics are written again",
	})
	if err != nil {
		if minute { // the next minute then covers this one too, with its longest calls
			r.keepLongest(counted)
		}
		return
	}

	if lost > 0 {
		r.cfg.Logger.WarnContext(ctx, "slow calls arrived faster than they could be written", "lost", lost)
	}

	r.next = next
	for key, before := range counted {
		before.longest = 0
		r.last[key] = before
	}
}

func (r *Recorder) insert(ctx context.Context, rows []blotter.PerformanceLog) error {
	if len(rows) == 0 {
		return nil
	}
	return r.db.Transaction(ctx, func(tx *postgres.Tx) error {
		_, err := postgres.PerformanceLogs.CopyIn(ctx, tx, rows)
		return err
	}, postgres.Unlogged)
}

func slowRows(calls []Slow) (rows []blotter.PerformanceLog) {
	for _, s := range calls {
		errors := int64(0)
		if s.Failed {
			errors = 1
		}
		rows = append(rows, blotter.PerformanceLog{
			Service: s.Service, Operation: s.Operation, ExecutionTimeMS: milliseconds(s.Duration), Rows: s.Rows,
			Timestamp: s.At, Kind: "call", Calls: 1, Errors: errors,
		})
	}

	return rows
}

// minuteRows returns the rows of the calls since the last minute, and the counts to compare the next minute with.
func (r *Recorder) minuteRows(
	now time.Time,
) (rows []blotter.PerformanceLog, counted map[operationKey]recorded) {
	counted = map[operationKey]recorded{}
	memory := memoryUsed()
	for _, o := range r.tracer.read(true) {
		key := operationKey{o.service, o.name}
		before := r.last[key]
		d := o.Distribution.since(&before.Distribution, max(o.recent, before.longest))
		counted[key] = recorded{Distribution: o.Distribution, rows: o.rows, failures: o.failures(), longest: d.Max}
		if d.Calls == 0 {
			continue
		}

		rows = append(rows, blotter.PerformanceLog{
			Service: o.service, Operation: o.name, Timestamp: now, Kind: "minute",
			Calls: d.Calls, Errors: o.failures() - before.failures, Rows: o.rows - before.rows,
			MemoryUsageMB: &memory, ExecutionTimeMS: milliseconds(d.Mean()),
			P50MS: new(milliseconds(d.Quantile(0.50))), P95MS: new(milliseconds(d.Quantile(0.95))),
			P99MS: new(milliseconds(d.Quantile(0.99))), MaxMS: new(milliseconds(d.Max)),
		})
	}

	return rows, counted
}

// keepLongest keeps the longest calls of a minute that could not be written, because the tracer has forgotten them.
func (r *Recorder) keepLongest(counted map[operationKey]recorded) {
	for key := range counted {
		before := r.last[key]
		before.longest = max(before.longest, counted[key].longest)
		r.last[key] = before
	}
}

// milliseconds returns a duration in milliseconds, to the microsecond.
func milliseconds(d time.Duration) blotter.Decimal {
	return udecimal.MustFromInt64(d.Round(time.Microsecond).Microseconds(), 3)
}

const memoryMetric = "/memory/classes/total:bytes"

// memoryUsed returns the memory that the Go runtime of this process has from the system, in MB.
func memoryUsed() blotter.Decimal {
	sample := []metrics.Sample{{Name: memoryMetric}}
	metrics.Read(sample)
	return udecimal.MustFromInt64(int64(sample[0].Value.Uint64()/kilobyte*1000/kilobyte), 3)
}
