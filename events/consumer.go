package events

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/internal/health"
	"github.com/blotterdb/blotter/internal/service"
	"github.com/blotterdb/blotter/postgres"
	"github.com/jackc/pgx/v5"
)

// Consumer reads the outbox and passes what it reads to its handler.
type Consumer struct {
	cfg Config
	// step locks the cursor, reads it into at and processes part of its window. It is consume, except in a relay.
	// leads is false if another instance holds the lock.
	step func(ctx context.Context, tx *postgres.Tx, at *cursor) (did progress, leads bool, err error)
	// onStart, if set, sees the cursor at Start, and the identity of the cluster that it meets.
	onStart func(ctx context.Context, q postgres.Querier, at *cursor, identity string) error
	// checkDue, if set, reports that a step is due although there is nothing to read.
	checkDue func() bool
	// paceBusy is the least time from a window with events to the next, paceIdle from one without. Zero means no pause.
	paceBusy, paceIdle time.Duration

	runner  service.Runner
	applied atomic.Int64 // events that this instance has applied

	// The fields below belong to the goroutine that makes the passes.

	lastCursor   *cursor // as last read; nil if it has to be read again
	lastReadAt   time.Time
	rung         bool // the doorbell has rung since the last pass
	lastHadWork  bool // the last pass had events
	windowIsLong bool // the window had more events than the last pass took
	chunk        int  // events of the next pass
	buffer       []blotter.Event
	backlog      backlog // of a long window
	attempt      attempt // what the handler was last given
	culprit      culprit // the event that fails
}

// progress describes what a pass did.
type progress struct {
	events int
	more   bool // the window may have more
	dense  bool // more events than these would exceed the limit of bytes
	empty  bool // the window had nothing for this consumer
}

// NewConsumer makes a consumer. ErrInvalid names the invalid field.
func NewConsumer(cfg Config) (*Consumer, error) {
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	c := newConsumer(cfg)
	c.step = c.consume
	return c, nil
}

func newConsumer(cfg Config) *Consumer {
	cfg = cfg.withDefaults()
	return &Consumer{cfg: cfg, chunk: cfg.ChunkMin, runner: service.Runner{Name: "consumer " + cfg.Name}}
}

// Start creates the consumer's cursor if it has none, starts the consumer and returns. It does nothing if the consumer
// is running or was stopped. ErrConflict: the cursor belongs to another database than this one, as after a logical
// restore; the error names the remedy.
func (c *Consumer) Start(ctx context.Context) error {
	ctx = blotter.WithAllAccounts(ctx)
	err := c.runner.Start(ctx, func() error { return c.prepare(ctx) }, c.run)
	if errors.Is(err, service.ErrStopped) {
		return nil
	}
	return err
}

// Stop lets the current transaction end and waits for it. If ctx ends first, Stop returns its error. It may be called
// twice, and before Start.
func (c *Consumer) Stop(ctx context.Context) error { return c.runner.Stop(ctx) }

// Health returns nil while the consumer works, or waits while another instance does, and otherwise the error of the
// last pass.
func (c *Consumer) Health() error { return c.runner.State.Err() }

// Applied returns how many events this instance has applied.
func (c *Consumer) Applied() int64 { return c.applied.Load() }

// retryMax is the longest pause after a failure.
const retryMax = 5 * time.Second

// run makes passes until the context ends.
func (c *Consumer) run(ctx context.Context) {
	doorbell, stop := c.cfg.Source.Doorbell()
	defer stop()

	pause := c.cfg.PollMin
	failures := 0
	for ctx.Err() == nil {
		start := time.Now()
		did, leads, err := c.pass(ctx)
		c.report(ctx, err)

		switch {
		case err != nil && ctx.Err() == nil:
			failures = min(failures+1, 8)
			pause = rand.N(min(retryMax, 25*time.Millisecond<<failures))
		case did.more:
			failures = 0
			continue
		case did.events > 0:
			failures = 0
			pause = c.cfg.PollMin
		default:
			failures = 0
			pause = min(2*pause, c.cfg.PollMax)
		}

		c.pace(ctx, did, start)
		if failures > 0 || !leads {
			sleep(ctx, pause, nil)
		} else {
			c.rung = sleep(ctx, pause, doorbell)
		}
	}
}

// pace waits until the next window may begin.
func (c *Consumer) pace(ctx context.Context, did progress, start time.Time) {
	var least time.Duration
	switch {
	case did.events > 0:
		least = c.paceBusy
	case did.empty:
		least = c.paceIdle
	}
	if wait := least - time.Since(start); wait > 0 {
		sleep(ctx, wait, nil)
	}
}

// sleep waits until the pause is over, something wakes it, or the context ends. It reports whether it was woken.
func sleep(ctx context.Context, pause time.Duration, wake <-chan struct{}) (woken bool) {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-wake:
		return true
	case <-timer.C:
	}
	return false
}

// report keeps the outcome of a pass for Health and logs a change.
func (c *Consumer) report(ctx context.Context, err error) {
	messages := health.Messages{Failing: "consumer is failing", Working: "consumer works again"}
	c.runner.State.Report(ctx, c.cfg.Logger, err, messages, "consumer", c.cfg.Name)
}

// errStandby ends a transaction that found another instance leading.
var errStandby = errors.New("another instance leads")

// refreshEvery is how often an idle consumer reads its cursor again: for keys to be retried, and for the work of other
// instances.
const refreshEvery = 250 * time.Millisecond

// pass checks for work and, if this instance leads, does one chunk of it.
func (c *Consumer) pass(ctx context.Context) (did progress, leads bool, err error) {
	idle, err := c.idle(ctx)
	c.rung = false
	if err != nil || idle {
		return did, true, err
	}

	var at cursor
	c.attempt = attempt{}
	err = c.cfg.Target.Transaction(ctx, func(tx *postgres.Tx) (err error) {
		did, leads, err = c.step(ctx, tx, &at)
		if err == nil && !leads {
			return errStandby
		}
		return err
	}, postgres.MaxRetries(0), postgres.Unlogged)
	if errors.Is(err, errStandby) {
		c.lastCursor = nil
		return progress{}, false, nil
	}
	if err != nil {
		c.lastCursor = nil
		return progress{}, leads, c.handleFailure(ctx, err)
	}

	c.lastCursor = &at
	c.lastReadAt = time.Now()
	c.lastHadWork = did.events > 0
	c.applied.Add(int64(did.events))
	c.adapt(did)
	return did, true, nil
}

// idle reports, without a lock, that the consumer has nothing to do.
func (c *Consumer) idle(ctx context.Context) (bool, error) {
	if c.rung && c.lastCursor != nil {
		return false, nil // a transaction has just committed events
	}
	if c.lastCursor == nil || time.Since(c.lastReadAt) > refreshEvery {
		at, err := c.load(ctx)
		if err != nil {
			return false, err
		}
		c.lastCursor = &at
		c.lastReadAt = time.Now()
	}
	if c.lastCursor.target != "" || c.lastCursor.retryKey != "" {
		return false, nil
	}

	// After events there are usually more: a probe would take longer than finding nothing once.
	if c.lastHadWork {
		c.lastHadWork = false
		return false, nil
	}
	if err := c.checkRemoteSource(ctx, c.lastCursor); err != nil {
		return false, err
	}
	found, err := c.lastCursor.probe(ctx, c.cfg.Source)
	return !found && (c.checkDue == nil || !c.checkDue()), err
}

// adapt doubles the chunk, within bounds, while there is more than it holds. If large events end a page at its limit of
// bytes, the next page asks for as many events as this one held: the server sends the others too, in vain.
func (c *Consumer) adapt(did progress) {
	c.windowIsLong = did.more
	switch {
	case did.dense:
		c.chunk = max(did.events, 1)
	case did.more:
		c.chunk = min(2*c.chunk, c.cfg.ChunkMax)
	default:
		c.chunk = c.cfg.ChunkMin
	}
}

// filter selects what the consumer reads of a window.
func (c *Consumer) filter() filter { return filter{channels: c.cfg.Channels, types: c.cfg.Types} }

// limit bounds the next page.
func (c *Consumer) limit() limit { return limit{events: c.chunk, bytes: c.cfg.ChunkBytes} }

// consume locks the cursor, passes a chunk of its window to the handler and moves it.
func (c *Consumer) consume(ctx context.Context, tx *postgres.Tx, at *cursor) (did progress, leads bool, err error) {
	p, leads, err := c.take(ctx, tx, at)
	if err != nil || !leads {
		return progress{}, leads, err
	}
	if at.retryKey != "" {
		did, err = c.retryParked(ctx, tx, at)
		return did, true, err
	}
	list := p.events

	// While nothing happens, nothing is written.
	if p.fresh && !p.pending {
		at.target = ""
		return progress{}, true, nil
	}

	live, err := c.park(ctx, tx, at, list)
	if err != nil {
		return progress{}, true, err
	}
	if len(live) > 0 {
		c.attempt = attempt{events: live, done: at.done.String(), target: at.target}
		if err := c.handle(ctx, tx, live); err != nil {
			return progress{}, true, err
		}
	}
	did = progress{events: len(list), more: p.more, dense: p.dense(c.limit())}
	return did, true, at.advance(tx, list, len(list), p.more)
}

// take locks the cursor, reads it into at, and reads the next page of its window, whose target it chooses if there is
// none. leads is false if another instance holds the lock.
func (c *Consumer) take(ctx context.Context, tx *postgres.Tx, at *cursor) (p page, leads bool, err error) {
	if c.isRemote() {
		batch := &pgx.Batch{}
		queueCursor(batch, c.cfg.Name, forLeader, at, &leads)
		err := tx.SendBatch(ctx, batch).Close()
		if err == nil && leads {
			p, err = c.readRemote(ctx, tx, at)
		}
		return p, leads, err
	}

	last := c.lastCursor
	long := c.windowIsLong && last != nil && last.target != ""
	if long && !c.backlog.covers(last) {
		if err := c.backlog.fill(ctx, tx, last, c.filter()); err != nil {
			return page{}, false, err
		}
	}

	// The batch reads the cursor after it has locked it, and the window after that.
	batch := &pgx.Batch{}
	queueCursor(batch, c.cfg.Name, forLeader, at, &leads)
	query := storedPage(c.cfg.Name, c.filter(), c.limit())
	if long {
		query = c.backlog.nextPage(last, c.limit())
	}
	query.queue(batch, c.limit(), c.emptyBuffer(), &p)
	c.queueAlongside(batch)
	err = tx.SendBatch(ctx, batch).Close()
	c.buffer = p.events
	if err != nil || !leads {
		return page{}, leads, err
	}

	if long && !at.isAt(last) { // another instance has moved it
		batch := &pgx.Batch{}
		storedPage(c.cfg.Name, c.filter(), c.limit()).queue(batch, c.limit(), c.emptyBuffer(), &p)
		err = tx.SendBatch(ctx, batch).Close()
		c.buffer = p.events
		if err != nil {
			return page{}, true, err
		}
	}
	return p, true, at.adoptTarget(&p)
}

// queueAlongside queues what the handler needs besides events.
func (c *Consumer) queueAlongside(batch *pgx.Batch) {
	if c.cfg.Alongside != nil {
		c.cfg.Alongside(batch)
	}
}

// readRemote reads the next page of the window from the outbox's database and leaves a mark there.
func (c *Consumer) readRemote(ctx context.Context, tx *postgres.Tx, at *cursor) (p page, err error) {
	var mark witness
	err = c.cfg.Source.Transaction(ctx, func(source *postgres.Tx) error {
		found, err := at.checkSource(ctx, source)
		if err != nil {
			return err
		}

		batch := &pgx.Batch{}
		c.queueAlongside(batch)
		if batch.Len() > 0 {
			if err := source.SendBatch(ctx, batch).Close(); err != nil {
				return err
			}
		}

		if p, err = c.readGiven(ctx, source, at); err != nil {
			return err
		}
		if !p.fresh || !p.pending {
			return nil
		}

		mark, err = at.leaveMark(ctx, source, found)
		return err
	}, postgres.MaxRetries(0), postgres.Unlogged)

	if err == nil && mark.number > 0 {
		tx.Last(sqlKeepMark, at.consumer, mark.String())
	}
	return p, err
}

// readGiven reads the next page of the window of a cursor that is not in the database of q.
func (c *Consumer) readGiven(ctx context.Context, q postgres.Querier, at *cursor) (p page, err error) {
	defer func() { c.buffer = p.events }()
	if at.target == "" || !c.windowIsLong {
		return at.read(ctx, q, c.filter(), c.limit(), c.emptyBuffer())
	}

	if !c.backlog.covers(at) {
		if err := c.backlog.fill(ctx, q, at, c.filter()); err != nil {
			return page{}, err
		}
	}
	batch := &pgx.Batch{}
	c.backlog.nextPage(at, c.limit()).queue(batch, c.limit(), c.emptyBuffer(), &p)
	err = q.SendBatch(ctx, batch).Close()
	return p, err
}

// emptyBuffer returns the memory of the last page, whose data it releases.
func (c *Consumer) emptyBuffer() []blotter.Event {
	clear(c.buffer)
	return c.buffer[:0]
}

// handle calls the handler and returns a panic as an error.
func (c *Consumer) handle(ctx context.Context, tx *postgres.Tx, list []blotter.Event) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("the handler panicked: %v", p)
		}
	}()
	return c.cfg.Handler(ctx, tx, list)
}
