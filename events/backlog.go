package events

import (
	"context"
	"fmt"
	"slices"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/postgres"
	"github.com/jackc/pgx/v5"
)

// backlog are the positions of a window that is too long for one chunk, so that they are sorted once and not again for each
// chunk: what belongs to a window does not change once its target is fixed.
type backlog struct {
	done, target string  // the window
	positions    []int64 // those of its events that were not consumed when it was read, sorted
	cut          bool    // there are more than backlogMax
}

// backlogMax is how many positions are remembered at most: 4 MB.
const backlogMax = 500_000

const (
	sqlBacklog = `
select pos from (
    select pos from events.outbox where xid >= $1::text::xid8 and xid < $2::text::xid8 and pos + 0 > $4 and pg_visible_in_snapshot(xid, $5::text::pg_snapshot) %[1]s
    union all
    select pos from events.outbox where xid = any($3::text[]::xid8[]) and pos + 0 > $4 and pg_visible_in_snapshot(xid, $5::text::pg_snapshot) %[1]s offset 0) w
 order by pos limit $6`
	sqlEventsAt = `
select pos, coalesce(account_id, ''), xid, channel, key, event_id, type, v, service, correlation_id, created_at, data
  from events.outbox where pos = any($1) order by pos`
)

// of reports whether the backlog is of the cursor's window.
func (b *backlog) of(at *cursor) bool {
	return b.target != "" && b.target == at.target && b.done == at.done.String()
}

// read reads the next page of the cursor's window.
func (b *backlog) read(ctx context.Context, q postgres.Querier, at *cursor, f filter, most limit, into []blotter.Event) (p page, err error) {
	if !b.of(at) || b.cut && b.behind(at) == len(b.positions) {
		if err := b.fill(ctx, q, at, f); err != nil {
			return page{}, err
		}
	}
	rest := b.positions[b.behind(at):]
	err = byIndex(ctx, q, sqlEventsAt, []any{rest[:min(most.events, len(rest))]}, func(rows pgx.Rows) (err error) {
		p, err = collectEvents(rows, most, into)
		return err
	})
	return p, err
}

// behind is how many of the positions are consumed.
func (b *backlog) behind(at *cursor) int {
	n, found := slices.BinarySearch(b.positions, at.posDone)
	if found {
		n++
	}
	return n
}

func (b *backlog) fill(ctx context.Context, q postgres.Querier, at *cursor, f filter) error {
	args, err := at.window()
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
	if err == nil {
		b.done, b.target, b.cut = at.done.String(), at.target, len(b.positions) == backlogMax
	}
	return err
}
