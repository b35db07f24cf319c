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
	// batchTime is the intended duration of a batch: short, so that nobody waits long for its locks or its changes.
	batchTime = 200 * time.Millisecond
)

// sqlMoveRows moves rows in one statement, so that each row is always in one of the two tables. FOR UPDATE keeps their
// physical positions valid until the statement ends.
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

// moveRows moves the rows of a live leaf that are older than the cutoff, in batches. It drops the leaf if all of its
// time is older and it is empty.
func moveRows(
	ctx context.Context, conn *pgx.Conn, leaf partition.Leaf, cutoff time.Time, task *Task,
) (moved int64, err error) {
	to := leaf.To
	if cutoff.Before(to) {
		to = cutoff
	}
	if _, err := conn.Exec(ctx, sqlEnsureArchive, leaf.From, to.Add(-time.Microsecond)); err != nil {
		return 0, pgerror.Translate(ctx, "archive", err)
	}

	move := fmt.Sprintf(sqlMoveRows, identifier(leaf))
	size := batchRowsFirst
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

// nextBatch returns the size of the batch after one of this size and duration: between half and twice as many rows.
func nextBatch(size int, took time.Duration) int {
	fit := int(float64(size) * float64(batchTime) / float64(max(took, time.Millisecond)))
	return min(max(fit, size/2, batchRowsMin), size*2, batchRowsMax)
}

// dropEmptied drops a leaf whose rows have all moved. If a row arrives while it waits for its locks, the leaf stays,
// and the next run moves that row too.
func dropEmptied(ctx context.Context, conn *pgx.Conn, leaf partition.Leaf) error {
	name := identifier(leaf)
	err := pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
		for _, sql := range []string{
			"set local lock_timeout = '2s'", // others wait behind a waiting DROP
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
		return &blotter.Error{
			Kind: blotter.ErrOperational, SQLState: pg.Code, Retry: true, Err: err,
			Message: fmt.Sprintf("%s is empty but in use; the next run drops it", leaf.Relation),
		}
	}

	return pgerror.Translate(ctx, "archive "+leaf.Relation.String(), err)
}
