package audit

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/internal/window"
	"github.com/blotterdb/blotter/postgres"
)

// cursor is the row of shared.audit_cursor, with the state of the server.
type cursor struct {
	done     string
	doneAt   *time.Time
	target   *string
	targetAt *time.Time
	idDone   int64
	seal     int64
	number   int64
	head     []byte
	system   string  // of the cluster whose transaction ids the snapshots have; "" before the first seal
	foreign  *uint64 // the greatest transaction id of entries that came from other clusters

	cluster string    // the current one
	now     time.Time // before the next statement's snapshot
}

// moved reports whether the snapshots are of another cluster.
func (c *cursor) moved() bool { return c.system != c.cluster }

const sqlCursor = `
select snap_done::text, done_at, snap_target::text, target_at, id_done, seal, number, head, c.system_identifier,
    c.foreign_xid,
       s.system_identifier::text, clock_timestamp()
  from shared.audit_cursor c, pg_control_system() s`

func readCursor(ctx context.Context, q postgres.Querier, lock string) (c cursor, err error) {
	err = q.QueryRow(ctx, sqlCursor+lock).Scan(
		&c.done, &c.doneAt, &c.target, &c.targetAt, &c.idDone, &c.seal, &c.number, &c.head, &c.system, &c.foreign,
		&c.cluster, &c.now)
	return c, err
}

// sqlPending reports whether there may be something to seal, without a lock.
const sqlPending = `
select c.system_identifier <> s.system_identifier::text or c.snap_target is not null
       or exists (select from shared.audit_log where xid >= pg_snapshot_xmax(c.snap_done))
       or exists (select from shared.audit_log where xid = any(array(select pg_snapshot_xip(c.snap_done))))
  from shared.audit_cursor c, pg_control_system() s`

func pending(ctx context.Context, db *postgres.DB) (yes bool, err error) {
	ctx = blotter.WithAllAccounts(ctx)
	err = db.ReadOnly(ctx, func(s *postgres.Session) error {
		return s.QueryRow(ctx, sqlPending).Scan(&yes)
	}, postgres.Unlogged, postgres.Primary)
	if errors.Is(err, blotter.ErrNotFound) {
		err = errCursorGone(err)
	}
	return yes, err
}

const sqlTarget = `select pg_current_snapshot()::text`

// sqlWindow lists what is visible in the target and was not in the snapshot that is done, in the order of ids. The
// window is materialized: ORDER BY and LIMIT must not make the server walk all that came before.
const sqlWindow = `
with w as materialized (
    select id, timestamp from shared.audit_log
     where xid >= $1 and xid < $2 and id > $5 and pg_visible_in_snapshot(xid, $4::text::pg_snapshot)
    union all
    select id, timestamp from shared.audit_log
     where xid = any($3::xid8[]) and id > $5 and pg_visible_in_snapshot(xid, $4::text::pg_snapshot)
)
select array_agg(id order by id), array_agg(timestamp order by id) from (select * from w order by id limit $6) w`

// sqlWindowApart is sqlWindow without what a seal has: entries from another cluster have transaction ids that ours come
// to some day, and would be in that day's window.
const sqlWindowApart = `
with w as materialized (
    select id, timestamp from shared.audit_log
     where (xid >= $1 and xid < $2 or xid = any($3::xid8[])) and id > $5
         and pg_visible_in_snapshot(xid, $4::text::pg_snapshot)
)
select array_agg(id order by id), array_agg(timestamp order by id)
  from (select * from w
         where not exists (select from shared.audit_seals s where int8range(s.ids[1], s.ids[array_upper(s.ids, 1)],
             '[]') @> w.id and w.id = any(s.ids))
         order by id limit $6) w`

// sqlUnsealed lists what no seal has, with the snapshot that it was seen in.
const sqlUnsealed = `
select array_agg(id order by id), array_agg(timestamp order by id), pg_current_snapshot()::text,
       (select xid from shared.audit_log order by xid desc limit 1)
  from (select id, timestamp from shared.audit_log a where ` + noSeal + ` order by id limit $1) u`

const sqlAdvance = `
update shared.audit_cursor set snap_done = $1::text::pg_snapshot, done_at = $2, snap_target = $3::text::pg_snapshot,
    target_at = $4,
       id_done = $5, seal = $6, number = $7, head = $8, system_identifier = $9, foreign_xid = $10, updated_at = now()`

func (c *cursor) advance(ctx context.Context, q postgres.Querier) error {
	_, err := q.Exec(ctx, sqlAdvance, c.done, c.doneAt, c.target, c.targetAt, c.idDone, c.seal, c.number,
		c.head, c.system, c.foreign)
	return err
}

// unsealedTimeout bounds the search for what no seal has, which reads all ids.
const unsealedTimeout = 30 * time.Minute

// sealBatch seals at most batchMax entries in one transaction, and reports how many and whether more may be due.
func sealBatch(ctx context.Context, db *postgres.DB, batchMax int) (sealed int, more bool, err error) {
	ctx = blotter.WithAllAccounts(ctx)
	err = db.Transaction(ctx, func(tx *postgres.Tx) error {
		c, err := readCursor(ctx, tx, " for update of c skip locked")
		if errors.Is(err, blotter.ErrNotFound) {
			sealed = 0 // another sealer holds the cursor
			more = false
			return nil
		}
		if err != nil {
			return err
		}

		s := &seal{
			seal: c.seal + 1, firstNumber: c.number + 1, after: c.done, afterAt: c.doneAt,
			system: c.cluster, sealedAt: c.now,
		}
		if c.moved() {
			more, err = c.takeUnsealed(ctx, tx, s, batchMax)
		} else {
			more, err = c.takeWindow(ctx, tx, s, batchMax)
		}
		if err != nil {
			return err
		}

		if sealed = len(s.ids); sealed > 0 {
			head := headOf(s, c.head)
			s.head = head[:]
			if err := s.insert(ctx, tx); err != nil {
				return err
			}
			c.seal = s.seal
			c.number = s.lastNumber()
			c.head = s.head
		}
		return c.advance(ctx, tx)
	}, postgres.Unlogged)
	return sealed, more, err
}

// takeWindow fills the seal from the window, which it opens if there is none. A batch that is not full ends the window.
func (c *cursor) takeWindow(ctx context.Context, tx *postgres.Tx, s *seal, batchMax int) (more bool, err error) {
	if c.target == nil {
		// Taken after the lock, the snapshot includes the work of other sealers. This transaction writes no entry that
		// it could pass over.
		var target string
		if err := tx.QueryRow(ctx, sqlTarget).Scan(&target); err != nil {
			return false, err
		}
		c.target, c.targetAt = &target, &c.now
	}

	done, err := window.Parse(c.done)
	if err != nil {
		return false, err
	}
	target, err := window.Parse(*c.target)
	if err != nil {
		return false, err
	}
	w := window.Between(done, target)
	sql := sqlWindow
	if c.foreign != nil && *c.foreign >= done.Xmin { // it may be one that is running here
		sql = sqlWindowApart
	}

	var ids []int64
	var times []time.Time
	err = tx.QueryRow(ctx, sql, w.From, w.To, w.Running, *c.target, c.idDone, batchMax).Scan(&ids, &times)
	if err == nil {
		err = s.fill(ctx, tx, ids, times)
	}
	if err != nil {
		return false, err
	}
	if len(ids) == batchMax {
		c.idDone = ids[len(ids)-1]
		return true, nil
	}
	c.finish(*c.target, c.targetAt)
	return false, nil
}

// finish moves the cursor to a snapshot that is done.
func (c *cursor) finish(done string, at *time.Time) {
	c.done = done
	c.doneAt = at
	c.target = nil
	c.targetAt = nil
	c.idDone = 0
}

// takeUnsealed fills the seal with entries that no seal has, because snapshots cannot tell here. When it takes the last
// of them, the snapshot in which they were seen is done.
func (c *cursor) takeUnsealed(ctx context.Context, tx *postgres.Tx, s *seal, batchMax int) (more bool, err error) {
	if _, err := tx.Exec(ctx, fmt.Sprintf("set local statement_timeout = %d",
		unsealedTimeout.Milliseconds())); err != nil {
		return false, err
	}

	s.afterAt = nil
	var ids []int64
	var times []time.Time
	var seen string
	var foreign *uint64
	err = tx.QueryRow(ctx, sqlUnsealed, batchMax).Scan(&ids, &times, &seen, &foreign)
	if err == nil {
		err = s.fill(ctx, tx, ids, times)
	}
	if err != nil || len(ids) == batchMax {
		return true, err
	}

	c.finish(seen, &c.now)
	c.system = c.cluster
	c.foreign = foreign
	return false, nil
}

// fill reads the entries of a batch into the seal. An entry with the same id but another time is not part of the batch.
func (s *seal) fill(ctx context.Context, q postgres.Querier, ids []int64, times []time.Time) error {
	if len(ids) == 0 {
		return nil
	}

	type position struct{ id, micros int64 }
	wanted := map[position]int{}
	for i, id := range ids {
		wanted[position{id, times[i].UnixMicro()}]++
	}

	add := func(e *blotter.AuditEntry) error {
		key := position{e.ID, e.Timestamp.UnixMicro()}
		if wanted[key] == 0 {
			return nil
		}
		wanted[key]--
		return s.add(e)
	}
	err := readEntries(ctx, q, sqlEntries, add, ids, slices.MinFunc(times, time.Time.Compare),
		slices.MaxFunc(times, time.Time.Compare))
	if err != nil {
		return err
	}

	if len(s.ids) != len(ids) {
		return &blotter.Error{
			Op: "seal the audit log", Kind: blotter.ErrConflict,
			Message: fmt.Sprintf("%d entries changed while they were being sealed", len(ids)-len(s.ids)),
		}
	}

	return nil
}
