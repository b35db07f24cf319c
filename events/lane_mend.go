package events

import (
	"context"
	"fmt"

	"github.com/blotterdb/blotter/postgres"
	"github.com/jackc/pgx/v5"
)

// sqlPast is what may have happened to the cursor while nobody used it: another cluster or timeline, partitions dropped.
const sqlPast = `
select s.system_identifier || '/' || ('x' || substr(pg_walfile_name(pg_current_wal_insert_lsn()), 1, 8))::bit(32)::int,
       (select expired_at is not null from events.cursor where consumer = $1)
  from pg_control_system() s`

const newHistory = "the database was restored, a replica took over, or the cursor was expired: events may be missing, or be others"

// reconcile compares, between two windows, the cursor with the database's history and with the stream. It reports that it
// moved the cursor.
func (l *lane) reconcile(ctx context.Context, tx *postgres.Tx, at *cursor) (bool, error) {
	var identity string
	var expired bool
	if err := tx.QueryRow(ctx, sqlPast, at.consumer).Scan(&identity, &expired); err != nil {
		return false, err
	}
	if identity != at.identity || expired {
		at.identity = identity
		return true, l.renew(ctx, tx, at, at.epoch+1, newHistory)
	}
	what, end, err := l.out.put(ctx, Offset{at.epoch, at.applied + 1}, 0, nil)
	if err != nil {
		return false, err
	}
	if what != inStream || end.Epoch == at.epoch && end.Seq > at.applied {
		return true, l.mend(ctx, tx, at, end)
	}
	return false, nil
}

// leave is what follows where the stream does not end where the messages of a window begin. The window is kept as a batch
// of nothing: subscribers may have heard its messages, though nobody could note that, so it has to be the same again when
// the cursor, which goes back behind it, comes forward to it.
func (l *lane) leave(ctx context.Context, tx *postgres.Tx, at *cursor, end Offset, batch []any) error {
	if end.Epoch == at.epoch && end.Seq >= at.applied {
		return nil // lost just now, from these messages, which are sent again
	}
	if !mutated("forget_target") {
		if _, err := tx.Exec(ctx, sqlWindowLeft, batch...); err != nil {
			return err
		}
	}
	return l.mend(ctx, tx, at, end)
}

// mend moves the cursor to where the stream, which ends elsewhere, can be continued.
func (l *lane) mend(ctx context.Context, tx *postgres.Tx, at *cursor, end Offset) error {
	have := end.Seq
	switch {
	case (Offset{at.epoch, at.applied}).before(end):
		return l.renew(ctx, tx, at, end.Epoch+1, fmt.Sprintf("Redis has messages up to %s and the database only up to %s", end, Offset{at.epoch, at.applied}))
	case end.Epoch < at.epoch:
		have = 0
	}
	if at.applied-have > int64(l.config.StreamMax) {
		return l.renew(ctx, tx, at, at.epoch+1, fmt.Sprintf("Redis has lost more than a stream keeps: it has messages up to %s of %s", end, Offset{at.epoch, at.applied}))
	}
	return l.goBack(ctx, tx, at, have)
}

const (
	sqlBatchOf = `
select first_seq, snap_done::text, snap_target::text, pos_from from events.batch
 where channel = $1 and epoch = $2 and first_seq <= $3 and $3 < first_seq + events
 order by first_seq desc limit 1`
	sqlGoBack = `
update events.cursor
   set applied = $2, snap_done = $3::text::pg_snapshot, snap_target = $4::text::pg_snapshot, pos_done = $5, updated_at = clock_timestamp()
 where consumer = $1`
	sqlRenew = `
update events.cursor set epoch = $2, applied = 0, system_identifier = $3, updated_at = clock_timestamp(), expired_at = null where consumer = $1`
)

// goBack moves the cursor to the batch that holds the first message that the stream lacks.
func (l *lane) goBack(ctx context.Context, tx *postgres.Tx, at *cursor, have int64) error {
	rows, err := tx.Query(ctx, sqlBatchOf, l.channel, at.epoch, have+1)
	if err != nil {
		return err
	}
	found, first, done := false, int64(0), ""
	before := at.applied
	for rows.Next() {
		found = true
		if err := rows.Scan(&first, &done, &at.target, &at.posDone); err != nil {
			return err
		}
	}
	if err := rows.Err(); err != nil {
		return err
	}
	if !found {
		return l.renew(ctx, tx, at, at.epoch+1, fmt.Sprintf("Redis has lost messages from number %d on, which are no longer kept", have+1))
	}
	if at.done, err = parseSnapshot(done); err != nil {
		return err
	}
	at.applied, l.told = first-1, told{}
	l.cfg.Logger.WarnContext(ctx, "Redis has lost messages, which are published again", "channel", l.channel, "has", have, "published", before)
	_, err = tx.Exec(ctx, sqlGoBack, at.consumer, at.applied, done, at.target, at.posDone)
	return err
}

const sqlBatchAgain = `
select snap_done::text, snap_target::text from events.batch where channel = $1 and epoch = $2 and first_seq = $3`

// recall gives the cursor, where it went back, the window that its next messages were published from before. A window of
// another size would be sorted otherwise, and number the messages otherwise than subscribers have heard. Between the end of
// the last window and the beginning of this one there was nothing for the channel. It reports that there is one.
func (l *lane) recall(ctx context.Context, tx *postgres.Tx, at *cursor) (found bool, err error) {
	if mutated("forget_windows") {
		return false, nil
	}
	rows, err := tx.Query(ctx, sqlBatchAgain, l.channel, at.epoch, at.applied+1)
	if err != nil {
		return false, err
	}
	var done string
	if _, err = pgx.ForEachRow(rows, []any{&done, &at.target}, func() error { found = true; return nil }); err != nil || !found {
		return false, err
	}
	if at.done, err = parseSnapshot(done); err != nil {
		return false, err
	}
	if _, err := tx.Exec(ctx, sqlFlushedCommit); err != nil {
		return false, err
	}
	_, err = tx.Exec(ctx, sqlGoBack, at.consumer, at.applied, done, at.target, at.posDone)
	return true, err
}

// renew begins the next epoch, which is flushed before anything of it is published.
func (l *lane) renew(ctx context.Context, tx *postgres.Tx, at *cursor, epoch int64, why string) error {
	l.cfg.Logger.WarnContext(ctx, "the numbers of messages begin anew", "channel", l.channel, "epoch", epoch, "before", at.epoch, "published", at.applied, "reason", why)
	at.epoch, at.applied = epoch, 0
	if _, err := tx.Exec(ctx, sqlFlushedCommit); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, sqlRenew, at.consumer, at.epoch, at.identity)
	return err
}

// sqlAdoptEpoch begins the next epoch, once, where something has happened since the cursor was last used.
const sqlAdoptEpoch = `
update events.cursor set epoch = epoch + 1, applied = 0, system_identifier = $2, updated_at = clock_timestamp(), expired_at = null
 where consumer = $1 and (system_identifier <> $2 or expired_at is not null) returning epoch`

// adopt is done at Start, before the cursor takes the identity of the cluster that it meets.
func (l *lane) adopt(ctx context.Context, q postgres.Querier, at *cursor, identity string) error {
	rows, err := q.Query(ctx, sqlAdoptEpoch, at.consumer, identity)
	if err != nil {
		return err
	}
	epochs, err := collectPositions(rows)
	for _, epoch := range epochs {
		l.cfg.Logger.WarnContext(ctx, "the numbers of messages begin anew", "channel", l.channel, "epoch", epoch, "before", at.epoch, "published", at.applied,
			"reason", newHistory)
	}
	return err
}
