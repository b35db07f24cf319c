package events

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

const (
	// sqlFullLeaves lists the partitions of the outbox that get no more rows, the oldest first, without those to keep.
	sqlFullLeaves = `
select p.leaf::text, p.lower::bigint, p.upper::bigint
  from shared.partitions p
 where p.table_name = 'events.outbox'::regclass and not p.detach_pending
   and p.upper::bigint <= (select coalesce(last_value, 0) from pg_sequences
                            where format('%I.%I', schemaname, sequencename)
                                = pg_get_serial_sequence('events.outbox', 'pos')) - $1
 order by 2`
	// sqlNeeded asks whether an event of the partition is still needed: by a consumer that has not consumed it, by its
	// snapshot and never by its age, or as a dead letter. It reads the index of transactions.
	sqlNeeded = `
select exists (select from events.cursor c where c.expired_at is null and exists (
           select from %[1]s o where o.xid >= pg_snapshot_xmax(c.snap_done)::text::xid8
           union all
           select from %[1]s o where o.xid = any(array(select x::text::xid8 from pg_snapshot_xip(c.snap_done) x))))
    or exists (select from events.dead_letter where resolved_at is null and pos >= $1 and pos < $2)`
	// sqlForgetBatches deletes the batches with an event of the partition, and those before them: from these, too, a
	// relay would read on into what is gone. Their order is that of numbers, not of positions.
	sqlForgetBatches = `
delete from events.batch b
 where exists (select from events.batch gone
                where gone.channel = b.channel and (gone.epoch, gone.first_seq) >= (b.epoch, b.first_seq)
                  and gone.pos_from < $1 - 1)`
	// sqlForgetPublished ends the time in which a repeated message of another service is recognized.
	sqlForgetPublished = `delete from events.published where created_at < now() - interval '90 days'`
)

// retainLockMax bounds how long writers wait for a partition that is being dropped.
const retainLockMax = 250 * time.Millisecond

// KeepPositions is how many of the last positions of the outbox are kept although every consumer is past them, to
// refill a Redis that lost its data.
const KeepPositions = 5_000_000

// Retain drops the partitions of the outbox that are no longer needed, and returns their names: every live consumer has
// consumed all of their events, none is a dead letter, and none is among the last keep positions. conn acts as
// trading_owner. A partition that cannot be locked at once stays until the next time.
func Retain(ctx context.Context, conn *pgx.Conn, keep int64) (dropped []string, err error) {
	if keep < 0 {
		return nil, blotter.Invalid("keep", keep, "0 or more positions")
	}

	rows, err := conn.Query(ctx, sqlFullLeaves, keep)
	if err != nil {
		return nil, fmt.Errorf("retain the outbox: %w", err)
	}
	type leaf struct {
		name         string
		lower, upper int64
	}
	leaves, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (l leaf, err error) {
		return l, row.Scan(&l.name, &l.lower, &l.upper)
	})
	if err != nil {
		return nil, fmt.Errorf("retain the outbox: %w", err)
	}

	for _, l := range leaves {
		gone, err := dropLeaf(ctx, conn, l.name, l.lower, l.upper)
		if err != nil {
			return dropped, fmt.Errorf("retain the outbox: partition %s: %w", l.name, err)
		}
		if !gone {
			break // newer ones are needed too
		}
		dropped = append(dropped, l.name)
	}
	_, err = conn.Exec(ctx, sqlForgetPublished)
	return dropped, err
}

// dropLeaf drops a partition if it is not needed. Its lock waits for transactions that have written to it, so that it
// sees what they commit.
func dropLeaf(ctx context.Context, conn *pgx.Conn, name string, lower, upper int64) (gone bool, err error) {
	err = pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
		for _, sql := range []string{
			fmt.Sprintf("set local lock_timeout = %d", retainLockMax.Milliseconds()),
			"lock table events.outbox in access exclusive mode",
		} {
			if _, err := tx.Exec(ctx, sql); err != nil {
				return err
			}
		}

		sql := fmt.Sprintf(sqlNeeded, name)
		var needed bool
		if err := tx.QueryRow(ctx, sql, lower, upper).Scan(&needed); err != nil || needed {
			return err
		}

		for _, sql := range []string{"alter table events.outbox detach partition " + name, "drop table " + name} {
			if _, err := tx.Exec(ctx, sql); err != nil {
				return err
			}
		}
		gone = true
		_, err := tx.Exec(ctx, sqlForgetBatches, upper)
		return err
	})

	var pg *pgconn.PgError
	if errors.As(err, &pg) && pg.Code == "55P03" {
		return false, nil
	}
	return gone && err == nil, err
}
