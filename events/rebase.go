package events

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/blotterdb/blotter/internal/window"
	"github.com/jackc/pgx/v5"
)

// Rebased is the result of Rebase.
type Rebased struct {
	Consumers []string // consumers whose cursors belonged to another history
	Waiting   int64    // events that at least one of them has yet to consume
}

const (
	sqlCursors = `
select consumer, snap_done::text, coalesce(snap_target::text, ''), pos_done, system_identifier
  from events.cursor order by consumer`
	// sqlConsumed has a digit for each cursor: 1 if it has consumed the event, by the snapshots of the old history.
	sqlConsumed = `
    select pos, xid, (
           select string_agg(case when pg_visible_in_snapshot(o.xid, c.snap_done)
                                    or c.snap_target is not null and o.pos <= c.pos_done
                                       and pg_visible_in_snapshot(o.xid, c.snap_target)
                                  then '1' else '0' end, '' order by c.consumer)
             from events.cursor c) as pattern
      from events.outbox o`
	sqlPatterns = `
select pattern, count(*) from (` + sqlConsumed + `) p where pattern is not null group by pattern order by pattern`
	// sqlMoveTrades numbers a trade like its event. If the event is gone, all have consumed it.
	sqlMoveTrades = `
update execution.trades t
   set xid = coalesce((select ($2::text[])[array_position($1::text[], p.pattern)]::xid8
                         from (` + sqlConsumed + `
                                where o.xid = t.xid and o.account_id = t.account_id
                                  and o.type = 'trade_executed' and o.service = 'execution'
                                  and o.data->>'trade_id' = t.trade_id
                                  and o.data->>'symbol' = t.symbol and o.data->>'side' = t.side) p limit 1), '3'::xid8)`
	sqlMoveEvents = `
update events.outbox o
   set xid = ($2::text[])[array_position($1::text[], p.pattern)]::xid8
  from (` + sqlConsumed + `) p
 where p.pos = o.pos`
	sqlMoveCursor = `
update events.cursor
   set snap_done = $2::text::pg_snapshot, snap_target = null, pos_done = 0, system_identifier = $3, epoch = epoch + 1,
       applied = case when starts_with(consumer, 'redis:') then 0 else applied end, updated_at = clock_timestamp()
 where consumer = $1`
)

// Rebase makes the cursors fit a database that was restored from a logical dump, in which transactions have new
// numbers. Events that a consumer had consumed when the dump was made stay consumed, and all others will come, once.
// Rebase does nothing if every cursor fits. conn acts as trading_owner, and nothing else may write meanwhile. If Rebase
// is interrupted, it has changed nothing.
func Rebase(ctx context.Context, conn *pgx.Conn) (did Rebased, err error) {
	cursors, err := readCursors(ctx, conn)
	if err != nil {
		return did, fmt.Errorf("rebase: %w", err)
	}
	var identity string
	var next int64
	if err := conn.QueryRow(ctx, sqlIdentity).Scan(&identity, &next); err != nil {
		return did, fmt.Errorf("rebase: %w", err)
	}
	for _, at := range cursors {
		if at.checkHistory(identity, next) != nil {
			did.Consumers = append(did.Consumers, at.consumer)
		}
	}
	if len(did.Consumers) == 0 {
		return did, nil
	}

	patterns, numbers, err := newNumbers(ctx, conn)
	if err != nil {
		return did, fmt.Errorf("rebase: %w", err)
	}
	err = pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
		return rebase(ctx, tx, cursors, patterns, numbers, identity, &did)
	})
	if err != nil {
		return Rebased{}, fmt.Errorf("rebase: %w", err)
	}
	return did, nil
}

// newNumbers returns the different patterns of consumers that have consumed an event, and a transaction's number for
// each: of a transaction that has ended, and above the numbers of all that were consumed.
func newNumbers(ctx context.Context, conn *pgx.Conn) (patterns, numbers []string, err error) {
	rows, err := conn.Query(ctx, sqlPatterns)
	if err != nil {
		return nil, nil, err
	}
	var pattern string
	var n int64
	_, err = pgx.ForEachRow(rows, []any{&pattern, &n}, func() error {
		patterns = append(patterns, pattern)
		return nil
	})
	if err != nil {
		return nil, nil, err
	}

	for _, pattern := range patterns {
		number := "3" // of events that all have consumed
		if strings.Contains(pattern, "0") {
			if err := conn.QueryRow(ctx, `select pg_current_xact_id()::text`).Scan(&number); err != nil {
				return nil, nil, err
			}
		}
		numbers = append(numbers, number)
	}
	return patterns, numbers, nil
}

func rebase(
	ctx context.Context, tx pgx.Tx, cursors []cursor, patterns, numbers []string, identity string, did *Rebased,
) error {
	for _, sql := range []string{
		"set local statement_timeout = 0",
		"lock table events.cursor, events.outbox, execution.trades in share row exclusive mode",
	} {
		if _, err := tx.Exec(ctx, sql); err != nil {
			return err
		}
	}
	if _, err := tx.Exec(ctx, sqlMoveTrades, patterns, numbers); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, sqlMoveEvents, patterns, numbers); err != nil {
		return err
	}

	var end string
	if err := tx.QueryRow(ctx, `select pg_snapshot_xmax(pg_current_snapshot())::text`).Scan(&end); err != nil {
		return err
	}
	xmax, err := strconv.ParseUint(end, 10, 64)
	if err != nil {
		return err
	}

	for i, at := range cursors {
		done := window.Until(xmax)
		for n, pattern := range patterns {
			if pattern[i] == '1' {
				continue
			}
			xid, err := strconv.ParseUint(numbers[n], 10, 64)
			if err != nil {
				return err
			}
			done = done.WithRunning(xid)
		}
		if _, err := tx.Exec(ctx, sqlMoveCursor, at.consumer, done.String(), identity); err != nil {
			return err
		}
	}
	return tx.QueryRow(ctx, `select count(*) from events.outbox where xid <> '3'::xid8`).Scan(&did.Waiting)
}

func readCursors(ctx context.Context, conn *pgx.Conn) (list []cursor, err error) {
	rows, err := conn.Query(ctx, sqlCursors)
	if err != nil {
		return nil, err
	}
	var at cursor
	var done string
	columns := []any{&at.consumer, &done, &at.target, &at.posDone, &at.identity}
	_, err = pgx.ForEachRow(rows, columns, func() (err error) {
		at.done, err = window.Parse(done)
		list = append(list, at)
		return err
	})
	return list, err
}
