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
	// sqlFullLeaves are the partitions of the outbox that get no more rows, the oldest first, but for those to keep.
	sqlFullLeaves = `
select p.leaf::text, p.lower::bigint, p.upper::bigint
  from shared.partitions p
 where p.table_name = 'events.outbox'::regclass and not p.detach_pending
   and p.upper::bigint <= (select coalesce(last_value, 0) from pg_sequences
                            where format('%I.%I', schemaname, sequencename) = pg_get_serial_sequence('events.outbox', 'pos')) - $1
 order by 2`
	// sqlNeeded asks whether somebody still needs an event of the leaf: a consumer that has not consumed it, by its snapshot
	// and never by its age, or one that has set it aside. It reads the index of transactions.
	sqlNeeded = `
select exists (select from events.cursor c where c.expired_at is null and exists (
           select from %[1]s o where o.xid >= pg_snapshot_xmax(c.snap_done)::text::xid8
           union all
           select from %[1]s o where o.xid = any(array(select x::text::xid8 from pg_snapshot_xip(c.snap_done) x))))
    or exists (select from events.dead_letter where resolved_at is null and pos >= $1 and pos < $2)`
	// sqlForgetBatches forgets the batches that hold an event of the partition, and those before them: from these too the
	// relay would read on into what is gone. Positions do not tell their order, numbers do.
	sqlForgetBatches = `
delete from events.batch b
 where exists (select from events.batch gone
                where gone.channel = b.channel and (gone.epoch, gone.first_seq) >= (b.epoch, b.first_seq) and gone.pos_from < $1 - 1)`
	// publishedFor is how long a message of another service is recognised when it comes again.
	sqlForgetPublished = `delete from events.published where created_at < now() - interval '90 days'`
)

// retainLockMax bounds how long writers may wait for a partition that is being dropped.
const retainLockMax = 250 * time.Millisecond

// KeepPositions is how many positions of the outbox stay behind its end though every consumer is past them: what a Redis
// that lost its data is filled from.
const KeepPositions = 5_000_000

// Retain drops the partitions of the outbox that nobody needs any more, and returns their names: those of which every
// event is consumed by every live consumer, none is set aside, and none is among the last keep positions. conn acts as
// trading_owner. A partition whose lock is not to be had at once stays until the next time.
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
			break // what is newer is needed as well
		}
		dropped = append(dropped, l.name)
	}
	_, err = conn.Exec(ctx, sqlForgetPublished)
	return dropped, err
}

// dropLeaf drops a partition if nobody needs it. Its lock waits for transactions that have written to it, so that what they
// commit is looked at too.
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
