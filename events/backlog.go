package events

import (
	"context"
	"fmt"
	"slices"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/postgres"
	"github.com/jackc/pgx/v5"
)

// backlog holds the positions of a window that is too long for one chunk, so that they are sorted once and not for each
// chunk. The events of a window do not change once its target is chosen.
type backlog struct {
	done, target string  // the window
	positions    []int64 // of the events that were not consumed when it was filled, sorted
	cut          bool    // the window has more than backlogMax
}

// backlogMax bounds the positions: 4 MB.
const backlogMax = 500_000

const (
	sqlBacklog = `
select pos from (
    select pos
      from events.outbox
     where xid >= $1::text::xid8 and xid < $2::text::xid8
       and pos + 0 > $4 and pg_visible_in_snapshot(xid, $5::text::pg_snapshot) %[1]s
    union all
    select pos
      from events.outbox
     where xid = any($3::text[]::xid8[])
       and pos + 0 > $4 and pg_visible_in_snapshot(xid, $5::text::pg_snapshot) %[1]s offset 0) w
 order by pos limit $6`
	sqlEventsAt = `
select pos, coalesce(account_id, ''), xid, channel, key, event_id, type, v, service, correlation_id, created_at, data
  from events.outbox where pos = any($1) order by pos`
)

// isOf reports whether the backlog belongs to the cursor's window.
func (b *backlog) isOf(at *cursor) bool {
	return b.target != "" && b.target == at.target && b.done == at.done.String()
}

// read reads the next page of the cursor's window. It appends the events to into.
func (b *backlog) read(
	ctx context.Context, q postgres.Querier, at *cursor, f filter, most limit, into []blotter.Event,
) (p page, err error) {
	if !b.isOf(at) || b.cut && b.consumed(at) == len(b.positions) {
		if err := b.fill(ctx, q, at, f); err != nil {
			return page{}, err
		}
	}

	rest := b.positions[b.consumed(at):]
	err = byIndex(ctx, q, sqlEventsAt, []any{rest[:min(most.events, len(rest))]}, func(rows pgx.Rows) (err error) {
		p, err = collectEvents(rows, most, into)
		return err
	})
	return p, err
}

// consumed returns how many of the positions the cursor has passed.
func (b *backlog) consumed(at *cursor) int {
	n, found := slices.BinarySearch(b.positions, at.posDone)
	if found {
		n++
	}
	return n
}

// fill reads the positions of the cursor's window.
func (b *backlog) fill(ctx context.Context, q postgres.Querier, at *cursor, f filter) error {
	args, err := at.windowArgs()
	if err != nil {
		return err
	}

	*b = backlog{}
	condition, values := f.condition()
	args = append(append(args, backlogMax), values...)
	err = byIndex(ctx, q, fmt.Sprintf(sqlBacklog, condition), args, func(rows pgx.Rows) (err error) {
		b.positions, err = collectPositions(rows)
		return err
	})
	if err != nil {
		return err
	}
	b.done = at.done.String()
	b.target = at.target
	b.cut = len(b.positions) == backlogMax
	return nil
}
