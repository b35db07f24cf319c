package events

import (
	"context"
	"fmt"
	"slices"

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
with c as materialized (` + sqlGiven + `)
select pos from (` + sqlMembers + ` offset 0) w
 order by pos limit $4`
	sqlEventsAt = `
select ` + eventColumns + `
  from events.outbox where pos = any($1) order by pos`
)

// isOf reports whether the backlog belongs to the cursor's window.
func (b *backlog) isOf(at *cursor) bool {
	return b.target != "" && b.target == at.target && b.done == at.done.String()
}

// nextPage returns the query of the next page of the cursor's window.
func (b *backlog) nextPage(at *cursor, most limit) pageQuery {
	rest := b.positions[b.consumed(at):]
	return pageQuery{sql: sqlEventsAt, args: []any{rest[:min(len(rest), most.events)]}}
}

// covers reports whether the backlog has the next page of the cursor's window, or its end.
func (b *backlog) covers(at *cursor) bool {
	return b.isOf(at) && !(b.cut && b.consumed(at) == len(b.positions))
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
	*b = backlog{}
	const givenArgs = 4
	condition, values := f.condition(givenArgs + 1)
	args := append([]any{at.done.String(), at.target, at.posDone, backlogMax}, values...)

	var positions []int64
	batch := &pgx.Batch{}
	queueByIndex(batch, fmt.Sprintf(sqlBacklog, condition), args, func(rows pgx.Rows) (err error) {
		positions, err = collectPositions(rows)
		return err
	})
	if err := q.SendBatch(ctx, batch).Close(); err != nil {
		return err
	}

	b.positions = positions
	b.done = at.done.String()
	b.target = at.target
	b.cut = len(positions) == backlogMax
	return nil
}
