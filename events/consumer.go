package events

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/internal/health"
	"github.com/blotterdb/blotter/postgres"
)

// Consumer reads the outbox and has its handler apply what it reads. NewConsumer makes one, Start starts it, Stop ends it.
type Consumer struct {
	cfg Config
	// step is what the consumer does with the cursor locked: consume for all but the relay.
	step func(ctx context.Context, tx *postgres.Tx, at *cursor) (progress, error)
	// arrived, if there is one, sees the cursor at Start, and the identity of the cluster that it meets.
	arrived func(ctx context.Context, q postgres.Querier, at *cursor, identity string) error
	// due, if there is one, reports that a step is to be made though there is nothing to read.
	due func() bool
	// paceBusy is the least time from one window with events to the next, paceIdle after one without. Default none.
	paceBusy, paceIdle time.Duration

	mu      sync.Mutex
	cancel  context.CancelFunc // nil until Start
	stopped chan struct{}
	state   health.State // of the last pass

	// interrupt, in tests, is called between the steps of a pass. Its error ends the pass there.
	interrupt func(step string) error

	// What follows belongs to the goroutine that runs.
	seen    *cursor   // as it was last read; nil before
	seenAt  time.Time // when
	found   bool      // the last probe found something
	chunk   int       // events of the next pass
	long    bool      // the window had more than the last pass took
	attempt attempt   // what the handler was last given
	culprit culprit   // the event that fails
	buffer  []blotter.Event
	backlog backlog      // of a long window
	busy    bool         // the last pass had events
	applied atomic.Int64 // events that this instance has applied
}

// progress is what a pass did.
type progress struct {
	events int
	more   bool // the window may have more
	dense  bool // more events than these would not fit the limit of bytes
	empty  bool // the window had nothing for this consumer
}

// NewConsumer makes a consumer that is yet to be started. Errors: ErrInvalid names the field that cannot be.
func NewConsumer(cfg Config) (*Consumer, error) {
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	c := &Consumer{cfg: cfg.withDefaults()}
	c.chunk, c.step = c.cfg.ChunkMin, c.consume
	return c, nil
}

// Start makes the consumer's cursor if it has none, and begins. It returns at once; started twice it does nothing. Errors:
// ErrConflict where the cursor is of another database than this one, as after a logical restore, with the remedy.
func (c *Consumer) Start(ctx context.Context) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.cancel != nil {
		return nil
	}
	if err := c.prepare(blotter.WithAllAccounts(ctx)); err != nil {
		return err
	}
	running, cancel := context.WithCancel(blotter.WithAllAccounts(context.WithoutCancel(ctx)))
	c.cancel, c.stopped = cancel, make(chan struct{})
	go func() {
		defer close(c.stopped)
		c.run(running)
	}()
	return nil
}

// Stop lets the transaction under way end, and returns when it has, or with the context's error. It is safe to call twice,
// and before Start.
func (c *Consumer) Stop(ctx context.Context) error {
	c.mu.Lock()
	cancel, stopped := c.cancel, c.stopped
	c.mu.Unlock()
	if cancel == nil {
		return nil
	}
	cancel()
	select {
	case <-stopped:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("stop consumer %s: %w", c.cfg.Name, ctx.Err())
	}
}

// Health is nil while the consumer works, or waits while another instance does; else what the last pass failed with.
func (c *Consumer) Health() error {
	return c.state.Err()
}

// Applied is how many events this instance has applied since it was made.
func (c *Consumer) Applied() int64 { return c.applied.Load() }

// retryMax is the longest pause after a failure.
const retryMax = 5 * time.Second

// run makes passes until the context ends.
func (c *Consumer) run(ctx context.Context) {
	rung, stop := c.cfg.Source.Doorbell()
	defer stop()
	pause, failures := c.cfg.PollMin, 0
	for ctx.Err() == nil {
		start := time.Now()
		did, leads, err := c.pass(ctx)
		c.note(ctx, err)
		switch {
		case err != nil && ctx.Err() == nil:
			failures = min(failures+1, 8)
			pause = rand.N(min(retryMax, 25*time.Millisecond<<failures))
		case did.more:
			failures = 0
			continue
		case did.events > 0:
			failures, pause = 0, c.cfg.PollMin
		default:
			failures, pause = 0, min(2*pause, c.cfg.PollMax)
		}
		c.pace(ctx, did, start)
		if failures > 0 || !leads {
			sleep(ctx, pause, nil)
		} else {
			sleep(ctx, pause, rung)
		}
	}
}

// pace waits until the next window may begin.
func (c *Consumer) pace(ctx context.Context, did progress, start time.Time) {
	least := time.Duration(0)
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

func sleep(ctx context.Context, pause time.Duration, rung <-chan struct{}) {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-rung:
	case <-timer.C:
	}
}

// note keeps the outcome of a pass for Health, and logs it if it is news.
func (c *Consumer) note(ctx context.Context, err error) {
	c.state.Report(ctx, c.cfg.Logger, err, health.Messages{Failing: "consumer is failing", Working: "consumer works again"},
		"consumer", c.cfg.Name)
}

// failpoint is a place between two steps, at which tests interrupt a pass.
func (c *Consumer) failpoint(step string) error {
	if c.interrupt == nil {
		return nil
	}
	return c.interrupt(step)
}

// errStandby ends a transaction in which another instance turned out to lead.
var errStandby = errors.New("another instance leads")

// refreshEvery is how often an idle consumer reads its cursor, for keys that somebody asked to try again, and for what
// another instance did.
const refreshEvery = 250 * time.Millisecond

// pass looks whether there is something to do and, if it leads, does one chunk of it.
func (c *Consumer) pass(ctx context.Context) (did progress, leads bool, err error) {
	if idle, err := c.idle(ctx); err != nil || idle {
		return did, true, err
	}
	if err := c.failpoint("probed"); err != nil {
		return did, true, err
	}
	var at cursor
	c.attempt = attempt{}
	err = c.cfg.Target.Transaction(ctx, func(tx *postgres.Tx) (err error) {
		if at, leads, err = c.lock(ctx, tx); err != nil {
			return err
		}
		if !leads {
			return errStandby
		}
		if err := c.failpoint("locked"); err != nil {
			return err
		}
		if at.asked != "" {
			did, err = c.retryKey(ctx, tx, &at)
		} else {
			did, err = c.step(ctx, tx, &at)
		}
		return cmp.Or(err, c.failpoint("advanced"))
	}, postgres.MaxRetries(0), postgres.Unlogged)
	if err != nil {
		c.seen = nil
		if errors.Is(err, errStandby) {
			return progress{}, false, nil
		}
		return progress{}, leads, c.judge(ctx, err)
	}
	if err := c.failpoint("committed"); err != nil {
		return did, true, err
	}
	c.seen, c.seenAt, c.busy = &at, time.Now(), did.events > 0
	c.applied.Add(int64(did.events))
	c.adapt(did)
	return did, true, nil
}

// idle reports, without a lock, that there is nothing for the consumer.
func (c *Consumer) idle(ctx context.Context) (bool, error) {
	if c.seen == nil || time.Since(c.seenAt) > refreshEvery {
		at, err := c.load(ctx)
		if err != nil {
			return false, err
		}
		c.seen, c.seenAt = &at, time.Now()
	}
	if c.seen.target != "" || c.seen.asked != "" {
		return false, nil
	}
	if busy := c.busy; busy {
		c.busy = false // there will be more: to look first would take longer than to find nothing once
		return false, nil
	}
	if err := c.verifySource(ctx, c.seen); err != nil {
		return false, err
	}
	var err error
	c.found, err = c.seen.probe(ctx, c.cfg.Source)
	return !c.found && (c.due == nil || !c.due()), err
}

// adapt doubles the chunk while there is more than it holds, within bounds. Where the events are so large that it ends at
// its limit of bytes, the next one asks for as many as this one held: what is asked for in vain is sent all the same.
func (c *Consumer) adapt(did progress) {
	c.long = did.more
	switch {
	case did.dense:
		c.chunk = max(did.events, 1)
	case did.more:
		c.chunk = min(2*c.chunk, c.cfg.ChunkMax)
	default:
		c.chunk = c.cfg.ChunkMin
	}
}

// filter is what the consumer reads of a window.
func (c *Consumer) filter() filter { return filter{channels: c.cfg.Channels, types: c.cfg.Types} }

// limit is what the next pass reads at most.
func (c *Consumer) limit() limit { return limit{events: c.chunk, bytes: c.cfg.ChunkBytes} }

// consume handles a chunk of the window and moves the cursor, in the transaction that has it locked.
func (c *Consumer) consume(ctx context.Context, tx *postgres.Tx, at *cursor) (progress, error) {
	before := *at
	p, err := c.next(ctx, tx, at)
	if err != nil {
		return progress{}, err
	}
	list := p.events
	if len(list) == 0 && at.posDone == 0 && (c.filter().all() || !c.found) {
		at.target = before.target // nothing is written while nothing happens
		if before.target == "" {
			return progress{}, nil
		}
	}
	if err := c.failpoint("read"); err != nil {
		return progress{}, err
	}
	live, err := c.setAside(ctx, tx, at, list)
	if err != nil {
		return progress{}, err
	}
	if len(live) > 0 {
		c.attempt = attempt{events: live, done: at.done.String(), target: at.target}
		if err := c.handle(ctx, tx, live); err != nil {
			return progress{}, err
		}
		if err := c.failpoint("handled"); err != nil {
			return progress{}, err
		}
	}
	return progress{events: len(list), more: p.more, dense: p.dense(c.limit())}, at.advance(ctx, tx, list, len(list), p.more)
}

// next reads the next page of the window, which gets a target if it has none.
func (c *Consumer) next(ctx context.Context, tx *postgres.Tx, at *cursor) (p page, err error) {
	fresh := at.target == ""
	read := func(tx *postgres.Tx) error {
		if err := at.aim(ctx, tx); err != nil {
			return err
		}
		if err := c.failpoint("aimed"); err != nil {
			return err
		}
		into := c.emptyBuffer()
		if !fresh && c.long && !mutating() {
			p, err = c.backlog.read(ctx, tx, at, c.filter(), c.limit(), into)
		} else {
			p, err = at.read(ctx, tx, c.filter(), c.limit(), into)
		}
		c.buffer = p.events
		return err
	}
	if c.cfg.Source == c.cfg.Target {
		err = read(tx)
		return p, err
	}
	var mark witness
	err = c.cfg.Source.Transaction(ctx, func(source *postgres.Tx) error {
		s, err := at.verify(ctx, source)
		if err != nil {
			return err
		}
		if err := read(source); err != nil {
			return err
		}
		if !fresh || len(p.events) == 0 && (c.filter().all() || !c.found) || mutated("no_flush") {
			return nil
		}
		mark, err = at.testify(ctx, source, s)
		return err
	}, postgres.MaxRetries(0), postgres.Unlogged)
	if err == nil && mark.number > 0 {
		tx.Last(sqlKeepMark, at.consumer, mark.String())
	}
	return p, err
}

// emptyBuffer returns the room that the last page took. The data of that page is let go.
func (c *Consumer) emptyBuffer() []blotter.Event {
	clear(c.buffer)
	return c.buffer[:0]
}

// handle calls the handler, whose panic is an error.
func (c *Consumer) handle(ctx context.Context, tx *postgres.Tx, list []blotter.Event) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("the handler panicked: %v", p)
		}
	}()
	if mutated("outside") {
		return c.cfg.Target.Transaction(ctx, func(tx *postgres.Tx) error { return c.cfg.Handler(ctx, tx, list) })
	}
	return c.cfg.Handler(ctx, tx, list)
}
