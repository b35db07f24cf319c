package events

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/postgres"
)

// attempt holds the events that the handler was given, and the window that they belong to.
type attempt struct {
	events       []blotter.Event
	done, target string
}

// culprit is the event that fails, and why.
type culprit struct {
	pos int64 // 0 for none
	err error
}

// retryableErrors are not the fault of an event.
var retryableErrors = []error{
	blotter.ErrOperational, blotter.ErrSerialization, blotter.ErrPoolTimeout, blotter.ErrCommitUnknown,
	context.Canceled, context.DeadlineExceeded,
}

func retryable(err error) bool {
	return slices.ContainsFunc(retryableErrors, func(kind error) bool { return errors.Is(err, kind) })
}

// handleFailure decides about a failed pass, and returns its error unless it deals with the cause. An event at fault is
// found by bisection: the window is kept as it is, and the next pass tries half as many events.
func (c *Consumer) handleFailure(ctx context.Context, err error) error {
	tried := c.attempt
	if retryable(err) || len(tried.events) == 0 || ctx.Err() != nil {
		return err
	}
	if len(tried.events) > 1 {
		c.chunk = len(tried.events) / 2
		return c.keepWindow(ctx, tried)
	}

	e := tried.events[0]
	c.culprit = culprit{pos: e.Pos, err: err}
	c.cfg.Logger.ErrorContext(ctx, "an event cannot be applied and is set aside, and later ones of its key with it",
		"consumer", c.cfg.Name, "pos", e.Pos, "key", e.Key, "type", e.Type, "error", err.Error())
	return c.keepWindow(ctx, tried)
}

// keepWindow stores the target that the failed pass had chosen, unless another instance has moved the cursor meanwhile.
func (c *Consumer) keepWindow(ctx context.Context, tried attempt) error {
	return c.cfg.Target.Transaction(ctx, func(tx *postgres.Tx) error {
		at, leads, err := readCursor(ctx, tx, c.cfg.Name, forLeader)
		if err != nil || !leads || at.target != "" || at.done.String() != tried.done {
			return err
		}
		at.target = tried.target
		_, err = tx.Exec(ctx, sqlAdvance, at.consumer, at.done.String(), at.target, at.posDone, 0)
		return err
	}, postgres.Unlogged)
}

// deadErrorMax is how many bytes of an error's text are kept.
const deadErrorMax = 2000

// deadLetters are rows for events.dead_letter, as columns.
type deadLetters struct {
	positions               []int64
	accounts, keys, reasons []string
}

func (d *deadLetters) add(e *blotter.Event, reason string) {
	d.positions = append(d.positions, e.Pos)
	d.accounts = append(d.accounts, e.AccountID)
	d.keys = append(d.keys, e.Key)
	d.reasons = append(d.reasons, reason)
}

// store inserts the rows. A settled row is resolved already and parks no key.
func (d *deadLetters) store(ctx context.Context, q postgres.Querier, consumer string, settled bool) error {
	if len(d.positions) == 0 {
		return nil
	}
	_, err := q.Exec(ctx, sqlDeadLetters, consumer, d.positions, d.accounts, d.keys, d.reasons, settled)
	return err
}

const sqlDeadLetters = `
insert into events.dead_letter (consumer, pos, account_id, key, error, resolved_at)
select $1, u.pos, nullif(u.account_id, ''), u.key, u.error, case when $6 then clock_timestamp() end
  from unnest($2::bigint[], $3::text[], $4::text[], $5::text[]) u(pos, account_id, key, error)
on conflict (consumer, pos) do nothing`

// park puts the events of parked keys into events.dead_letter, and the culprit, whose key it parks. It returns the
// other events.
func (c *Consumer) park(
	ctx context.Context, tx *postgres.Tx, at *cursor, list []blotter.Event,
) (live []blotter.Event, err error) {
	if len(at.parked) == 0 && c.culprit.pos == 0 {
		return list, nil
	}

	var parked deadLetters
	live = make([]blotter.Event, 0, len(list))
	for i := range list {
		e := &list[i]
		key := parkedKey{e.AccountID, e.Key}
		switch {
		case e.Pos == c.culprit.pos:
			at.parked[key] = true
			parked.add(e, fmt.Sprintf("%.*s", deadErrorMax, c.culprit.err))
		case at.parked[key]:
			parked.add(e, "parked behind an earlier event of its key")
		default:
			live = append(live, *e)
		}
	}
	return live, parked.store(ctx, tx, c.cfg.Name, false)
}

const (
	sqlParkedEvents = `
select o.pos, coalesce(o.account_id, ''), o.xid, o.channel, o.key, o.event_id, o.type, o.v, o.service, o.correlation_id,
       o.created_at, o.data
  from events.outbox o where o.pos = any($1) order by o.pos`
	sqlParkedPositions = `
select pos from events.dead_letter where consumer = $1 and key = $2 and resolved_at is null order by pos limit $3`
	sqlResolved = `
update events.dead_letter set resolved_at = clock_timestamp() where consumer = $1 and pos = any($2)`
	sqlStillDead = `
update events.dead_letter set asked_at = null, error = case when pos = $3 then $4 else error end
 where consumer = $1 and key = $2 and resolved_at is null`
)

// retryParked passes the events of the key that is to be retried to the handler again, the oldest first. If they still
// fail, they stay parked until the next Resolve.
func (c *Consumer) retryParked(ctx context.Context, tx *postgres.Tx, at *cursor) (progress, error) {
	rows, err := tx.Query(ctx, sqlParkedPositions, c.cfg.Name, at.retryKey, c.cfg.ChunkMax)
	if err != nil {
		return progress{}, err
	}
	positions, err := collectPositions(rows)
	if err != nil {
		return progress{}, err
	}
	list, err := c.eventsAt(ctx, tx, positions)
	if err != nil {
		return progress{}, err
	}
	positions = positions[:len(list)]

	failure := tx.Savepoint(ctx, func(tx *postgres.Tx) error { return c.handle(ctx, tx, list) })
	if retryable(failure) || failure != nil && ctx.Err() != nil {
		return progress{}, failure
	}
	if failure != nil {
		c.cfg.Logger.ErrorContext(ctx, "the parked key still fails",
			"consumer", c.cfg.Name, "key", at.retryKey, "error", failure.Error())
		reason := fmt.Sprintf("%.*s", deadErrorMax, failure)
		_, err = tx.Exec(ctx, sqlStillDead, c.cfg.Name, at.retryKey, positions[0], reason)
		at.retryKey = ""
		return progress{}, err
	}

	c.cfg.Logger.InfoContext(ctx, "parked events were applied",
		"consumer", c.cfg.Name, "key", at.retryKey, "events", len(list))
	c.culprit = culprit{}
	_, err = tx.Exec(ctx, sqlResolved, c.cfg.Name, positions)
	return progress{events: len(list), more: true}, err
}

// eventsAt reads the events at these positions, from the first on as many as one page holds.
func (c *Consumer) eventsAt(ctx context.Context, tx *postgres.Tx, positions []int64) ([]blotter.Event, error) {
	var p page
	readPage := func(q postgres.Querier) error {
		rows, err := q.Query(ctx, sqlParkedEvents, positions)
		if err == nil {
			p, err = collectEvents(rows, limit{events: len(positions), bytes: c.cfg.ChunkBytes}, nil)
		}
		return err
	}

	var err error
	if c.isRemote() {
		err = c.cfg.Source.AutoCommit(ctx, func(s *postgres.Session) error { return readPage(s) })
	} else {
		err = readPage(tx)
	}
	if err == nil && !p.cut && len(p.events) != len(positions) {
		err = &blotter.Error{
			Op: "resolve", Kind: blotter.ErrNotFound,
			Message: fmt.Sprintf("the outbox has %d of the %d parked events", len(p.events), len(positions)),
		}
	}
	return p.events, err
}
