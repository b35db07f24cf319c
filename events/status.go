package events

import (
	"context"
	"fmt"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/internal/window"
	"github.com/blotterdb/blotter/postgres"
	"github.com/jackc/pgx/v5"
)

// Lag is how far a consumer is behind.
type Lag struct {
	Events int64         // committed and not yet consumed, at most 1,000,000
	Age    time.Duration // of the oldest of them
}

// lagMax bounds how many events are counted.
const lagMax = 1_000_000

// sqlLag counts the events that are visible now and not consumed. $1 is done, $2 the target or the empty text, $3 the
// position.
const sqlLag = `
select count(*), coalesce(extract(epoch from clock_timestamp() - min(created_at)), 0)::float8
  from (select created_at from events.outbox
         where xid >= pg_snapshot_xmax($1::text::pg_snapshot)::text::xid8
           and pg_visible_in_snapshot(xid, pg_current_snapshot())
           and not ($2 <> '' and pos <= $3 and pg_visible_in_snapshot(xid, nullif($2, '')::pg_snapshot))
         union all
        select created_at from events.outbox
         where xid = any(array(select x::text::xid8 from pg_snapshot_xip($1::text::pg_snapshot) x))
           and pg_visible_in_snapshot(xid, pg_current_snapshot())
           and not ($2 <> '' and pos <= $3 and pg_visible_in_snapshot(xid, nullif($2, '')::pg_snapshot))
         limit $4) o`

// LagOf returns how far a cursor is behind the outbox. q is a session where the outbox is.
func LagOf(ctx context.Context, q postgres.Querier, at blotter.EventCursor) (lag Lag, err error) {
	var seconds float64
	err = q.QueryRow(ctx, sqlLag, at.SnapDone, at.SnapTarget, at.PosDone, lagMax).Scan(&lag.Events, &seconds)
	lag.Age = time.Duration(max(0, seconds) * float64(time.Second))
	return lag, err
}

// ParkedKey is a key whose events wait behind one that could not be applied.
type ParkedKey struct {
	Key    string
	Events int64     // that wait, including the one that failed
	Since  time.Time // when it failed
	Pos    int64     // of the event that failed
	Error  string    // of that event
	Asked  bool      // a retry was asked for and has not happened yet
}

// ConsumerStatus is the state of one consumer.
type ConsumerStatus struct {
	blotter.EventCursor
	Lag    Lag
	Parked []ParkedKey
}

const sqlParkedStatus = `
select key, count(*), min(created_at), min(pos), (array_agg(error order by pos))[1], bool_or(asked_at is not null)
  from events.dead_letter where consumer = $1 and resolved_at is null group by key order by min(pos)`

// ReadStatus reads the state of every consumer whose cursor is in the database, in the order of their names.
func ReadStatus(ctx context.Context, db *postgres.DB) (list []ConsumerStatus, err error) {
	ctx = blotter.WithAllAccounts(ctx)
	err = db.AutoCommit(ctx, func(s *postgres.Session) error {
		cursors, err := postgres.EventCursors.Find(ctx, s, postgres.Asc("consumer"))
		if err != nil {
			return err
		}

		for _, at := range cursors {
			status := ConsumerStatus{EventCursor: at}
			if status.Lag, err = LagOf(ctx, s, at); err != nil {
				return err
			}

			rows, err := s.Query(ctx, sqlParkedStatus, at.Consumer)
			if err != nil {
				return err
			}
			if status.Parked, err = pgx.CollectRows(rows, pgx.RowToStructByPos[ParkedKey]); err != nil {
				return err
			}
			list = append(list, status)
		}
		return nil
	})
	return list, err
}

const sqlAsk = `
update events.dead_letter set asked_at = clock_timestamp() where consumer = $1 and key = $2 and resolved_at is null`

// Resolve asks the consumer, wherever it runs, to retry the events of a parked key. It does so within a second. Events
// that still fail stay parked, with their error. ErrNotFound: the key is not parked.
func Resolve(ctx context.Context, db *postgres.DB, consumer, key string) error {
	ctx = blotter.WithAllAccounts(ctx)
	return db.AutoCommit(ctx, func(s *postgres.Session) error {
		tag, err := s.Exec(ctx, sqlAsk, consumer, key)
		if err == nil && tag.RowsAffected() == 0 {
			err = &blotter.Error{
				Op: "resolve", Kind: blotter.ErrNotFound,
				Message: fmt.Sprintf("consumer %s has no parked key %s; blotter events status lists them",
					consumer, key),
			}
		}
		return err
	})
}

// Replay passes every event written since a time to the consumer again, and returns how many there are. The handler
// sees events that it has applied already, so it must be idempotent.
func Replay(ctx context.Context, db *postgres.DB, consumer string, since time.Time) (events int64, err error) {
	ctx = blotter.WithAllAccounts(ctx)
	err = db.Transaction(ctx, func(tx *postgres.Tx) error {
		at, found, err := readCursor(ctx, tx, consumer, forOwner)
		if err != nil {
			return err
		}
		if !found {
			return unknownConsumer("replay", consumer)
		}

		var first int64
		if err := tx.QueryRow(ctx, sqlFirstSince, since).Scan(&first); err != nil {
			return err
		}
		if first == 0 || uint64(first) >= at.done.Xmax && len(at.done.Running) == 0 {
			return nil // it has consumed nothing that new
		}

		at.done = window.Until(uint64(first))
		if _, err := tx.Exec(ctx, sqlAdvance, consumer, at.done.String(), "", 0, 0); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, sqlReplayed, consumer); err != nil {
			return err
		}
		return tx.QueryRow(ctx, sqlCountFrom, fmt.Sprint(first)).Scan(&events)
	})
	return events, err
}

func unknownConsumer(op, name string) error {
	return &blotter.Error{
		Op: op, Kind: blotter.ErrNotFound,
		Message: fmt.Sprintf("there is no consumer %s; blotter events status lists them", name),
	}
}

const (
	// sqlReplayed begins the next epoch of a relay, in which every message appears once again.
	sqlReplayed = `
update events.cursor set epoch = epoch + 1, applied = 0 where consumer = $1 and starts_with(consumer, 'redis:')`
	// sqlFirstSince is the first transaction that wrote an event since a time.
	sqlFirstSince = `select coalesce(min(xid::text::bigint), 0) from events.outbox where created_at >= $1`
	sqlCountFrom  = `select count(*) from events.outbox where xid >= $1::text::xid8`
)

// Expire makes retention ignore a consumer: partitions may be dropped before it has read them. Starting the consumer
// ends that.
func Expire(ctx context.Context, db *postgres.DB, consumer string) error {
	ctx = blotter.WithAllAccounts(ctx)
	return db.AutoCommit(ctx, func(s *postgres.Session) error {
		tag, err := s.Exec(ctx, `update events.cursor set expired_at = clock_timestamp() where consumer = $1`, consumer)
		if err == nil && tag.RowsAffected() == 0 {
			err = unknownConsumer("expire", consumer)
		}
		return err
	})
}
