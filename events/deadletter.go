package events

import (
	"context"
	"errors"
	"fmt"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/postgres"
)

// attempt is what the handler was given, of which window.
type attempt struct {
	events       []blotter.Event
	done, target string
}

// culprit is the event that fails, and why.
type culprit struct {
	pos int64 // 0 for none
	err error
}

// retryable reports an error that is no event's fault.
func retryable(err error) bool {
	for _, kind := range []error{blotter.ErrOperational, blotter.ErrSerialization, blotter.ErrPoolTimeout, blotter.ErrCommitUnknown, context.Canceled, context.DeadlineExceeded} {
		if errors.Is(err, kind) {
			return true
		}
	}
	return false
}

// judge decides what to do about a failed pass. Where an event may be at fault it is found by halves: the window is kept
// as it is, and the next pass tries half as many.
func (c *Consumer) judge(ctx context.Context, err error) error {
	tried := c.attempt
	if retryable(err) || len(tried.events) == 0 || ctx.Err() != nil {
		return err
	}
	if len(tried.events) == 1 {
		e := tried.events[0]
		c.culprit = culprit{pos: e.Pos, err: err}
		c.cfg.Logger.ErrorContext(ctx, "an event cannot be applied and is set aside, and later ones of its key with it",
			"consumer", c.cfg.Name, "pos", e.Pos, "key", e.Key, "type", e.Type, "error", err.Error())
	} else {
		c.chunk = len(tried.events) / 2
	}
	return c.keepWindow(ctx, tried)
}

// keepWindow stores the target that the failed pass had chosen, unless somebody has moved the cursor meanwhile.
func (c *Consumer) keepWindow(ctx context.Context, tried attempt) error {
	return c.cfg.Target.Transaction(ctx, func(tx *postgres.Tx) error {
		at, leads, err := c.lock(ctx, tx)
		if err != nil || !leads || at.target != "" || at.done.String() != tried.done {
			return err
		}
		at.target = tried.target
		_, err = tx.Exec(ctx, sqlAdvance, at.consumer, at.done.String(), at.target, at.posDone, 0)
		return err
	}, postgres.Unlogged)
}

const sqlSetAside = `
insert into events.dead_letter (consumer, pos, account_id, key, error)
select $1, u.pos, nullif(u.account_id, ''), u.key, u.error
  from unnest($2::bigint[], $3::text[], $4::text[], $5::text[]) u(pos, account_id, key, error)
on conflict (consumer, pos) do nothing`

// deadErrorMax is how much of an error's text is kept.
const deadErrorMax = 2000

// setAside puts the events of parked keys into events.dead_letter, and the culprit, whose key it parks. It returns the
// others.
func (c *Consumer) setAside(ctx context.Context, tx *postgres.Tx, at *cursor, list []blotter.Event) (live []blotter.Event, err error) {
	if len(at.parked) == 0 && c.culprit.pos == 0 {
		return list, nil
	}
	var pos []int64
	var accounts, keys, reasons []string
	live = make([]blotter.Event, 0, len(list))
	for _, e := range list {
		key := parkedKey{e.AccountID, e.Key}
		var reason string
		switch {
		case e.Pos == c.culprit.pos:
			at.parked[key] = true
			reason = fmt.Sprintf("%.*s", deadErrorMax, c.culprit.err)
		case at.parked[key]:
			reason = "parked behind an earlier event of its key"
		default:
			live = append(live, e)
			continue
		}
		pos, accounts, keys, reasons = append(pos, e.Pos), append(accounts, e.AccountID), append(keys, e.Key), append(reasons, reason)
	}
	if len(pos) == 0 {
		return live, nil
	}
	_, err = tx.Exec(ctx, sqlSetAside, c.cfg.Name, pos, accounts, keys, reasons)
	return live, err
}

const (
	sqlParkedEvents = `
select o.pos, coalesce(o.account_id, ''), o.xid, o.channel, o.key, o.event_id, o.type, o.v, o.service, o.correlation_id, o.created_at, o.data
  from events.outbox o where o.pos = any($1) order by o.pos`
	sqlParkedPositions = `
select pos from events.dead_letter where consumer = $1 and key = $2 and resolved_at is null order by pos limit $3`
	sqlResolved = `
update events.dead_letter set resolved_at = clock_timestamp() where consumer = $1 and pos = any($2)`
	sqlStillDead = `
update events.dead_letter set asked_at = null, error = case when pos = $3 then $4 else error end
 where consumer = $1 and key = $2 and resolved_at is null`
)

// retryKey hands the handler the events of a parked key again, the oldest first, as somebody asked. What still fails stays
// parked, and is not tried again until somebody asks again.
func (c *Consumer) retryKey(ctx context.Context, tx *postgres.Tx, at *cursor) (progress, error) {
	rows, err := tx.Query(ctx, sqlParkedPositions, c.cfg.Name, at.asked, c.cfg.ChunkMax)
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
	failed := tx.Savepoint(ctx, func(tx *postgres.Tx) error { return c.handle(ctx, tx, list) })
	if retryable(failed) || failed != nil && ctx.Err() != nil {
		return progress{}, failed
	}
	if failed != nil {
		c.cfg.Logger.ErrorContext(ctx, "the parked key still fails", "consumer", c.cfg.Name, "key", at.asked, "error", failed.Error())
		_, err = tx.Exec(ctx, sqlStillDead, c.cfg.Name, at.asked, positions[0], fmt.Sprintf("%.*s", deadErrorMax, failed))
		at.asked = ""
		return progress{}, err
	}
	c.cfg.Logger.InfoContext(ctx, "parked events were applied", "consumer", c.cfg.Name, "key", at.asked, "events", len(list))
	c.culprit = culprit{}
	_, err = tx.Exec(ctx, sqlResolved, c.cfg.Name, positions)
	return progress{events: len(list), more: true}, err
}

// eventsAt reads the events at these positions, from the first on as many as one page holds.
func (c *Consumer) eventsAt(ctx context.Context, tx *postgres.Tx, positions []int64) (list []blotter.Event, err error) {
	var p page
	read := func(q postgres.Querier) error {
		rows, err := q.Query(ctx, sqlParkedEvents, positions)
		if err == nil {
			p, err = collectEvents(rows, limit{events: len(positions), bytes: c.cfg.ChunkBytes}, nil)
		}
		return err
	}
	if c.cfg.Source == c.cfg.Target {
		err = read(tx)
	} else {
		err = c.cfg.Source.AutoCommit(ctx, func(s *postgres.Session) error { return read(s) })
	}
	if list = p.events; err == nil && !p.cut && len(list) != len(positions) {
		err = &blotter.Error{Op: "resolve", Kind: blotter.ErrNotFound, Message: fmt.Sprintf("the outbox has %d of the %d parked events", len(list), len(positions))}
	}
	return list, err
}
