package events

import (
	"context"
	"fmt"
	"time"

	"github.com/blotterdb/blotter/internal/window"
	"github.com/blotterdb/blotter/postgres"
	"github.com/jackc/pgx/v5"
)

const (
	// sqlPast asks what may have happened to the cursor while it was not used: another cluster or timeline, partitions
	// dropped.
	sqlPast = `
select s.system_identifier || '/' || ('x' || substr(pg_walfile_name(pg_current_wal_insert_lsn()), 1, 8))::bit(32)::int,
       (select expired_at is not null from events.cursor where consumer = $1)
  from pg_control_system() s`
	// sqlWindowOf reads the window in which the cursor's next message was published before.
	sqlWindowOf = `
select b.snap_done::text, b.snap_target::text
  from events.cursor c
  join events.batch b on b.channel = $2 and b.epoch = c.epoch and b.first_seq = c.applied + 1
 where c.consumer = $1`
)

// past describes, between two windows, what has happened to the cursor before.
type past struct {
	identity string // of the cluster and its timeline
	expired  bool
	// The window in which the next message was published before, empty if it was not.
	windowDone, windowTarget string
}

// queuePast queues the statements that read past, for the time when the cursor is locked.
func (r *channelRelay) queuePast(batch *pgx.Batch, p *past) {
	batch.Queue(sqlPast, r.cfg.Name).QueryRow(func(row pgx.Row) error {
		return row.Scan(&p.identity, &p.expired)
	})
	batch.Queue(sqlWindowOf, r.cfg.Name, r.channel).Query(func(rows pgx.Rows) error {
		_, err := pgx.ForEachRow(rows, []any{&p.windowDone, &p.windowTarget}, func() error { return nil })
		return err
	})
}

const historyChanged = "the database was restored, a replica took over, or the cursor was expired: " +
	"events may be missing or replaced by others"

// checkStream compares the cursor, between two windows, with the history of the database and with the stream. It
// reports whether it moved the cursor.
func (r *channelRelay) checkStream(
	ctx context.Context, tx *postgres.Tx, at *cursor, past past,
) (moved bool, err error) {
	if past.identity != at.identity || past.expired {
		at.identity = past.identity
		return true, r.beginEpoch(ctx, tx, at, at.epoch+1, historyChanged)
	}

	found, end, err := r.stream.append(ctx, Offset{at.epoch, at.applied + 1}, 0, nil)
	if err != nil {
		return false, err
	}
	if found != appended || end.Epoch == at.epoch && end.Seq > at.applied {
		return true, r.recoverFrom(ctx, tx, at, end)
	}
	r.checkedAt = time.Now()
	return false, nil
}

// abandonWindow recovers when the stream does not end where the messages of a window begin. It records the window as an
// empty batch: subscribers may have read some of its messages, though that could not be recorded, so it must be the
// same window when the cursor, which goes back, comes to it again.
func (r *channelRelay) abandonWindow(ctx context.Context, tx *postgres.Tx, at *cursor, end Offset, batch []any) error {
	if end.Epoch == at.epoch && end.Seq >= at.applied {
		return nil // the stream lost some of these messages just now, which are sent again
	}
	if _, err := tx.Exec(ctx, sqlRecordWindow, batch...); err != nil {
		return err
	}
	return r.recoverFrom(ctx, tx, at, end)
}

// recoverFrom moves the cursor to where a stream that ends elsewhere can be continued.
func (r *channelRelay) recoverFrom(ctx context.Context, tx *postgres.Tx, at *cursor, end Offset) error {
	if at.offset().before(end) {
		reason := fmt.Sprintf("Redis has messages up to %s and the database only up to %s", end, at.offset())
		return r.beginEpoch(ctx, tx, at, end.Epoch+1, reason)
	}

	have := end.Seq
	if end.Epoch < at.epoch {
		have = 0
	}

	if at.applied-have > int64(r.config.StreamMax) {
		reason := fmt.Sprintf("Redis has lost more than a stream keeps: it has messages up to %s of %s",
			end, at.offset())
		return r.beginEpoch(ctx, tx, at, at.epoch+1, reason)
	}
	return r.goBack(ctx, tx, at, have)
}

const (
	sqlBatchOf = `
select first_seq, snap_done::text, snap_target::text, pos_from from events.batch
 where channel = $1 and epoch = $2 and first_seq <= $3 and $3 < first_seq + events
 order by first_seq desc limit 1`
	sqlMoveTo = `
update events.cursor
   set applied = $2, snap_done = $3::text::pg_snapshot, snap_target = $4::text::pg_snapshot, pos_done = $5,
       updated_at = clock_timestamp()
 where consumer = $1`
	sqlBeginEpoch = `
update events.cursor
   set epoch = $2, applied = 0, system_identifier = $3, updated_at = clock_timestamp(), expired_at = null
 where consumer = $1`
)

// goBack moves the cursor to the batch of the first message that the stream lacks.
func (r *channelRelay) goBack(ctx context.Context, tx *postgres.Tx, at *cursor, have int64) error {
	rows, err := tx.Query(ctx, sqlBatchOf, r.channel, at.epoch, have+1)
	if err != nil {
		return err
	}
	found := false
	var first int64
	var done string
	_, err = pgx.ForEachRow(rows, []any{&first, &done, &at.target, &at.posDone}, func() error {
		found = true
		return nil
	})
	if err != nil {
		return err
	}
	if !found {
		reason := fmt.Sprintf("Redis has lost messages from number %d on, which are no longer kept", have+1)
		return r.beginEpoch(ctx, tx, at, at.epoch+1, reason)
	}
	if at.done, err = window.Parse(done); err != nil {
		return err
	}

	r.cfg.Logger.WarnContext(ctx, "Redis has lost messages, which are published again",
		"channel", r.channel, "has", have, "published", at.applied)
	at.applied = first - 1
	r.announced = announced{}
	_, err = tx.Exec(ctx, sqlMoveTo, at.consumer, at.applied, done, at.target, at.posDone)
	return err
}

// restoreWindow gives a cursor that went back the window from which its next messages were published before. A window
// of another size would be sorted differently, and number the messages differently than subscribers have read them.
// Between the end of the last window and the beginning of this one there was nothing for the channel.
func (r *channelRelay) restoreWindow(tx *postgres.Tx, at *cursor, past past) (err error) {
	if at.done, err = window.Parse(past.windowDone); err != nil {
		return err
	}
	at.target = past.windowTarget
	tx.Last(sqlFlushedCommit)
	tx.Last(sqlMoveTo, at.consumer, at.applied, past.windowDone, at.target, at.posDone)
	return nil
}

// beginEpoch begins the next epoch. Its commit is flushed before anything of the epoch is published.
func (r *channelRelay) beginEpoch(ctx context.Context, tx *postgres.Tx, at *cursor, epoch int64, reason string) error {
	r.logEpoch(ctx, at, epoch, reason)
	at.epoch = epoch
	at.applied = 0
	if _, err := tx.Exec(ctx, sqlFlushedCommit); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, sqlBeginEpoch, at.consumer, at.epoch, at.identity)
	return err
}

func (r *channelRelay) logEpoch(ctx context.Context, at *cursor, epoch int64, reason string) {
	r.cfg.Logger.WarnContext(ctx, "message numbers restart in a new epoch",
		"channel", r.channel, "epoch", epoch, "before", at.epoch, "published", at.applied, "reason", reason)
}

// sqlAdoptEpoch begins the next epoch, once, if something has happened since the cursor was last used.
const sqlAdoptEpoch = `
update events.cursor
   set epoch = epoch + 1, applied = 0, system_identifier = $2, updated_at = clock_timestamp(), expired_at = null
 where consumer = $1 and (system_identifier <> $2 or expired_at is not null) returning epoch`

// adoptHistory runs at Start, before the cursor takes the identity of the cluster that it meets.
func (r *channelRelay) adoptHistory(ctx context.Context, q postgres.Querier, at *cursor, identity string) error {
	rows, err := q.Query(ctx, sqlAdoptEpoch, at.consumer, identity)
	if err != nil {
		return err
	}
	epochs, err := collectPositions(rows)
	for _, epoch := range epochs {
		r.logEpoch(ctx, at, epoch, historyChanged)
	}
	return err
}
