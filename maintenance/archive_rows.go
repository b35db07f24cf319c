package maintenance

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/internal/pgerror"
	"github.com/blotterdb/blotter/partition"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

const (
	batchRowsFirst = 10_000
	batchRowsMin   = 500
	batchRowsMax   = 50_000
	// batchTime is what a batch should take, so that nobody waits for its locks, nor a standby for its changes.
	batchTime = 200 * time.Millisecond
)

// sqlMoveRows moves rows in one statement: whatever happens to it, each is in one of the two tables. FOR UPDATE makes
// the row numbers hold until it ends.
const sqlMoveRows = `
with gone as (
    delete from %[1]s where ctid = any(array(
        select ctid from %[1]s where timestamp < $1 order by timestamp limit $2 for update skip locked))
    returning id, service, level, message, data, correlation_id, event_type, timestamp
)
insert into logging.archived_system_logs (id, service, level, message, data, correlation_id, event_type, timestamp)
select id, service, level, message, data, correlation_id, event_type, timestamp from gone`

const (
	sqlEnsureArchive = `select shared.ensure_partitions('archived_system_logs', $1, $2)`
	sqlForgetLeaf    = `delete from shared.vacuumed_partitions where leaf = $1::text::regclass`
)

func identifier(leaf partition.Leaf) string { return pgx.Identifier{leaf.Schema, leaf.Name}.Sanitize() }

// moveRows moves the rows of a live leaf that are older than the cutoff, in batches, and drops the leaf where it is empty
// and all of its time is.
func moveRows(ctx context.Context, conn *pgx.Conn, leaf partition.Leaf, cutoff time.Time, task *Task) (moved int64, err error) {
	to := leaf.To
	if cutoff.Before(to) {
		to = cutoff
	}
	if _, err := conn.Exec(ctx, sqlEnsureArchive, leaf.From, to.Add(-time.Microsecond)); err != nil {
		return 0, pgerror.Translate(ctx, "archive", err)
	}
	move, size := fmt.Sprintf(sqlMoveRows, identifier(leaf)), batchRowsFirst
	for {
		start := time.Now()
		tag, err := conn.Exec(ctx, move, cutoff, size)
		if err != nil {
			return moved, pgerror.Translate(ctx, "archive "+leaf.Relation.String(), err)
		}
		if tag.RowsAffected() == 0 {
			break
		}
		moved += tag.RowsAffected()
		size = nextBatch(size, time.Since(start))
		task.Progress(fmt.Sprintf("%s: %d rows moved", leaf.Relation, moved))
	}
	task.Say(fmt.Sprintf("move     %s  %d rows", leaf.Relation, moved))
	if leaf.To.After(cutoff) {
		return moved, nil
	}
	return moved, dropEmptied(ctx, conn, leaf)
}

// nextBatch is how many rows the next batch has, after one of this size that took so long: at most twice or half as many.
func nextBatch(size int, took time.Duration) int {
	fit := int(float64(size) * float64(batchTime) / float64(max(took, time.Millisecond)))
	return min(max(fit, size/2, batchRowsMin), size*2, batchRowsMax)
}

// dropEmptied drops a leaf whose rows have all moved. A row that comes while it waits for its locks keeps it: the next run
// moves that too.
func dropEmptied(ctx context.Context, conn *pgx.Conn, leaf partition.Leaf) error {
	name := identifier(leaf)
	err := pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
		for _, sql := range []string{
			"set local lock_timeout = '2s'", // who comes after a waiting DROP waits behind it
			"lock table only logging.system_logs in access exclusive mode",
			"lock table " + name + " in access exclusive mode",
		} {
			if _, err := tx.Exec(ctx, sql); err != nil {
				return err
			}
		}
		var left bool
		if err := tx.QueryRow(ctx, "select exists (select from "+name+")").Scan(&left); err != nil || left {
			return err
		}
		if _, err := tx.Exec(ctx, sqlForgetLeaf, name); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, "drop table "+name)
		return err
	})
	var pg *pgconn.PgError
	if errors.As(err, &pg) && pg.Code == "55P03" {
		return &blotter.Error{Kind: blotter.ErrOperational, SQLState: pg.Code, Retry: true, Err: err, Message: fmt.Sprintf(
			"%s is empty but in use, and is dropped by the next run", leaf.Relation)}
	}
	return pgerror.Translate(ctx, "archive "+leaf.Relation.String(), err)
}
