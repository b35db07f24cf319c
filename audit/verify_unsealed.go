package audit

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

const (
	sqlCluster = `select system_identifier::text, clock_timestamp() from pg_control_system()`
	// noSeal is the condition of entries that are in no seal.
	noSeal = `
not exists (select from (select unnest(ids) as id from shared.audit_seals) s where s.id = a.id)`
	sqlUnsealedCounts = `
select count(*) filter (where not pg_visible_in_snapshot(xid, $1::text::pg_snapshot)),
    count(*) filter (where pg_visible_in_snapshot(xid, $1::text::pg_snapshot))
  from shared.audit_log a where ` + noSeal
	sqlInserted = `
select id, 1::bigint, timestamp from shared.audit_log a
 where ` + noSeal + ` and pg_visible_in_snapshot(xid, $1::text::pg_snapshot) order by id limit $2`
	// sqlEarly lists entries of transactions that began after the snapshot, with a time long before it, or an id less
	// than one that was sealed long before it: an entry takes its id and its transaction's number in the same breath.
	sqlEarly = `
select id, count(*) over (), timestamp from shared.audit_log a
 where xid >= pg_snapshot_xmax($1::text::pg_snapshot) and ` + noSeal + `
   and (timestamp < $2 or id < (select max(ids[array_upper(ids, 1)]) from shared.audit_seals where sealed_at < $2))
 order by id limit $3`
	sqlTwice = `
select id, count(*), max(timestamp) from shared.audit_log group by id having count(*) > 1 order by id limit $1`
	sqlSealedTwice = `
select id, count(*), max(at) from shared.audit_seals, unnest(ids, times) s(id, at) group by id having count(*) > 1
    order by id limit $1`
)

// unsealed looks for entries that no seal has, or that one does not account for.
func (v *verifier) unsealed(ctx context.Context) error {
	c, err := v.cursor(ctx)
	if err == nil {
		err = v.notSealed(ctx, &c)
	}
	if err == nil {
		_, err = v.list(ctx, several{
			"the entry of id %d is there %d times, the newest of %s: all but one were inserted",
			"are there several times: all but one of each were inserted",
		}, sqlTwice, breaksMax)
	}
	if err == nil {
		_, err = v.list(ctx, several{
			"the entry of id %d, of %[3]s, is sealed %[2]d times: the sealer's cursor was set back",
			"are sealed several times: the sealer's cursor was set back",
		}, sqlSealedTwice, breaksMax)
	}

	return err
}

// cursor returns the sealer's cursor, compared with the last seal. If it is gone, the last seal says where it was.
func (v *verifier) cursor(ctx context.Context) (cursor, error) {
	c, err := readCursor(ctx, v.q, "")
	if errors.Is(err, pgx.ErrNoRows) {
		v.broken(Cursor, v.last.seal, "the sealer's cursor is gone, somebody removed the row of shared.audit_cursor: "+
			"nothing is sealed until blotter audit repair-cursor puts it back at seal %d", v.last.seal)
		c = cursorAt(&v.last)
		return c, v.q.QueryRow(ctx, sqlCluster).Scan(&c.cluster, &c.now)
	}
	if err != nil {
		return c, err
	}

	// The identifier may be another cluster's if the cursor came from there and nothing was left to seal. It is empty
	// after a repair without seals.
	system := c.system == v.last.system || !c.moved() || c.system == "" && v.last.afterAt == nil
	if c.seal != v.last.seal || !bytes.Equal(c.head, v.last.head) || v.Seals > 0 &&
		(c.number != v.last.lastNumber() || !system) {
		v.broken(Cursor, v.last.seal,
			"the sealer's cursor is at seal %d (entry %d), and the last seal is %d: one of them was changed",
			c.seal, c.number, v.last.seal)
	}

	return c, nil
}

// notSealed tells entries that will be sealed from those that were inserted where all was.
func (v *verifier) notSealed(ctx context.Context, c *cursor) error {
	var inserted int64
	if err := v.q.QueryRow(ctx, sqlUnsealedCounts, c.done).Scan(&v.Pending, &inserted); err != nil {
		return err
	}
	if c.moved() { // the snapshots are of another cluster: what is not sealed will be
		v.Pending += inserted
		return nil
	}

	if inserted > 0 {
		text := several{
			"the entry of id %d, of %[3]s, is in no seal: it was inserted afterwards, or its seal is gone",
			"are in no seal: they were inserted afterwards, or their seals are gone",
		}
		if _, err := v.list(ctx, text, sqlInserted, c.done, breaksMax); err != nil {
			return err
		}
		v.unlisted(inserted - breaksMax)
	}

	if c.doneAt == nil {
		return nil
	}

	text := several{
		"the entry of id %d, of %[3]s, is not sealed yet and lies before what is: it was inserted, or " +
			"what is sealed with a greater id",
		"are not sealed yet and lie before what is: they were inserted, or what is sealed with greater ids",
	}
	early, err := v.list(ctx, text, sqlEarly, c.done, c.doneAt.Add(-clockTolerance), breaksMax)
	v.Pending -= early
	v.unlisted(early - breaksMax)
	return err
}

// several has the text for one entry, with its id, count and time, and the text for several.
type several struct{ one, many string }

// list adds a break for each row, of id, count and time, that should not be. It reports the count of the last row.
func (v *verifier) list(ctx context.Context, text several, sql string, args ...any) (count int64, err error) {
	rows, err := v.q.Query(ctx, sql, args...)
	if err != nil {
		return 0, err
	}

	var id int64
	var at time.Time

	_, err = pgx.ForEachRow(rows, []any{&id, &count, &at}, func() error {
		v.add(Break{
			Kind: Inserted, ID: id, At: at.UTC(),
			Message: fmt.Sprintf(text.one, id, count, moment(at)),
		}, text.many)
		return nil
	})

	return count, err
}
