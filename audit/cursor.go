package audit

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/internal/pgerror"
	"github.com/blotterdb/blotter/postgres"
)

// cursorAt returns the cursor from which sealing goes on after the last seal s, or from the beginning if s is nil.
// The window of that seal is gone through again, for what of it no seal has. After a seal without a window, all is.
func cursorAt(s *seal) cursor {
	c := cursor{done: "1:1:", head: []byte{}}
	if s.seal == 0 {
		return c
	}
	c.seal = s.seal
	c.number = s.lastNumber()
	c.head = s.head
	if s.afterAt != nil {
		c.done = s.after
		c.doneAt = s.afterAt
		c.system = s.system
	}
	return c
}

// errCursorGone returns the error for a missing cursor: without it nothing can be sealed.
func errCursorGone(err error) error {
	return &blotter.Error{
		Op: "seal the audit log", Kind: blotter.ErrConflict, Err: err,
		Message: "the sealer's cursor is gone: somebody removed the row of shared.audit_cursor; " +
			"see what else is wrong by blotter audit verify, then put it back by blotter audit repair-cursor",
	}
}

const (
	sqlLastSeal     = `select coalesce(max(seal), 0) from shared.audit_seals`
	sqlGreatestXID  = `select (select xid from shared.audit_log order by xid desc limit 1)`
	sqlInsertCursor = `
insert into shared.audit_cursor (snap_done, done_at, seal, number, head, system_identifier, foreign_xid)
values ($1::text::pg_snapshot, $2, $3, $4, $5, $6, $7) on conflict do nothing`
	sqlRecordRepair = `select shared.record_access('shared.audit_cursor', 'REPAIR', $1, null)`
)

// RepairCursor puts the sealer's cursor, which somebody removed, back at the last seal, and returns that seal and its
// last entry, or 0 if nothing was sealed. An entry of the audit log records the repair in the same transaction, so that
// it is sealed too. It hides nothing: entries that should be sealed and are not stay so, and Verify names them. q is a
// transaction of the owner.
//
// Errors: ErrConflict where the cursor is there.
func RepairCursor(ctx context.Context, q postgres.Querier) (seal, number int64, err error) {
	c, err := cursorOfSeals(ctx, q)
	if err == nil {
		err = c.restore(ctx, q)
	}
	return c.seal, c.number, pgerror.Translate(ctx, "put the sealer's cursor back", err)
}

// cursorOfSeals returns the cursor after the last seal.
func cursorOfSeals(ctx context.Context, q postgres.Querier) (c cursor, err error) {
	var n int64
	if err := q.QueryRow(ctx, sqlLastSeal).Scan(&n); err != nil || n == 0 {
		return cursorAt(&seal{}), err
	}
	seals, err := readSeals(ctx, q, n-1, 1)
	if err != nil || len(seals) == 0 {
		return c, errors.Join(err, blotter.ErrNotFound)
	}
	c = cursorAt(&seals[0])
	// Its window holds entries that are sealed: until we are past it, a window leaves out what a seal has.
	err = q.QueryRow(ctx, sqlGreatestXID).Scan(&c.foreign)
	return c, err
}

func (c *cursor) restore(ctx context.Context, q postgres.Querier) error {
	tag, err := q.Exec(ctx, sqlInsertCursor, c.done, c.doneAt, c.seal, c.number, c.head, c.system, c.foreign)
	if err != nil {
		return err
	}
	if tag.RowsAffected() == 0 {
		return &blotter.Error{Kind: blotter.ErrConflict, Message: "the cursor is there; nothing was changed"}
	}
	key, err := json.Marshal(map[string]int64{"seal": c.seal, "number": c.number})
	if err == nil {
		_, err = q.Exec(ctx, sqlRecordRepair, key)
	}
	return err
}
