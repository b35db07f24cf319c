package events

import (
	"context"
	"fmt"
	"strconv"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/internal/window"
	"github.com/blotterdb/blotter/postgres"
	"github.com/jackc/pgx/v5"
)

// cursor is how far a consumer has come: it has consumed what is visible in done and, of the window between done and
// target, the events up to posDone.
type cursor struct {
	consumer string
	done     window.Snapshot
	target   string // "" between windows
	posDone  int64
	applied  int64
	epoch    int64
	identity string             // of the cluster and timeline; see history
	witness  string             // of a cursor in another database than its outbox; see witness
	parked   map[parkedKey]bool // keys that wait behind an event that could not be applied
	retryKey string             // the parked key to be tried again; "" for none
}

// parkedKey is a key and the account of its events, "" for events without an account: an account may have the name of a
// symbol.
type parkedKey struct{ account, key string }

const (
	sqlCursor = `
select snap_done::text, coalesce(snap_target::text, ''), pos_done, applied, epoch, system_identifier, witness
  from events.cursor where consumer = $1`
	// forLeader locks the cursor: the instance that holds the lock leads, without leases or clocks. It never waits.
	forLeader = ` for update skip locked`
	forOwner  = ` for update`
	sqlParked = `
select coalesce(account_id, ''), key, bool_or(asked_at is not null)
  from events.dead_letter where consumer = $1 and resolved_at is null group by account_id, key`
	// sqlQuietCommit does not wait for the disk: the cursor and the effects of its events are in one commit, and lost
	// together if at all. It is SET LOCAL, because after set_config the session takes its connection for one to be
	// cleaned. It is not the first statement, because BEGIN can travel with that.
	sqlQuietCommit = `set local synchronous_commit = off`
)

// offset returns where the last message of a relay's cursor stands.
func (at *cursor) offset() Offset { return Offset{at.epoch, at.applied} }

// isAt reports whether two states of a cursor are at the same place of the same window.
func (at *cursor) isAt(other *cursor) bool {
	return at.target == other.target && at.posDone == other.posDone && at.done.String() == other.done.String()
}

// load reads the cursor without a lock.
func (c *Consumer) load(ctx context.Context) (at cursor, err error) {
	var found bool
	err = c.cfg.Target.AutoCommit(ctx, func(s *postgres.Session) error {
		at, found, err = readCursor(ctx, s, c.cfg.Name, "")
		return err
	})
	if err == nil && !found {
		err = &blotter.Error{
			Op: "consume", Kind: blotter.ErrNotFound,
			Message: "the cursor of consumer " + c.cfg.Name + " was removed; start the consumer again",
		}
	}
	return at, err
}

// readCursor reads a consumer's cursor and its parked keys.
func readCursor(ctx context.Context, q postgres.Querier, name, locking string) (at cursor, found bool, err error) {
	batch := &pgx.Batch{}
	queueCursor(batch, name, locking, &at, &found)
	err = q.SendBatch(ctx, batch).Close()
	return at, found, err
}

// queueCursor queues the statements that read a consumer's cursor and its parked keys into at. If found stays false,
// there is no cursor, or another instance has locked it.
func queueCursor(batch *pgx.Batch, name, locking string, at *cursor, found *bool) {
	*at = cursor{consumer: name, parked: map[parkedKey]bool{}}
	*found = false

	batch.Queue(sqlCursor+locking, name).Query(func(rows pgx.Rows) error {
		var done string
		columns := []any{&done, &at.target, &at.posDone, &at.applied, &at.epoch, &at.identity, &at.witness}
		_, err := pgx.ForEachRow(rows, columns, func() (err error) {
			*found = true
			at.done, err = window.Parse(done)
			return err
		})
		return err
	})

	batch.Queue(sqlParked, name).Query(func(rows pgx.Rows) error {
		var key parkedKey
		var retry bool
		_, err := pgx.ForEachRow(rows, []any{&key.account, &key.key, &retry}, func() error {
			at.parked[key] = true
			if retry {
				at.retryKey = key.key
			}
			return nil
		})
		return err
	})
}

// firstXID is the first transaction number that a cluster gives out. Nothing is visible in the snapshot until it.
const firstXID = 3

// sqlTarget reads the snapshot that a window ends with, after the cursor was locked: visibility only grows.
const sqlTarget = `select pg_current_snapshot()::text, coalesce(pg_current_xact_id_if_assigned()::text, '0')::bigint`

// chooseTarget gives the cursor a target if it has none. q is a session where the outbox is.
func (at *cursor) chooseTarget(ctx context.Context, q postgres.Querier) error {
	if at.target != "" {
		return nil
	}
	var text string
	var own int64
	if err := q.QueryRow(ctx, sqlTarget).Scan(&text, &own); err != nil {
		return err
	}
	return at.setTarget(text, uint64(own))
}

// setTarget gives the cursor a snapshot as its target, without the reader's own transaction.
func (at *cursor) setTarget(snapshot string, own uint64) error {
	target, err := window.Parse(snapshot)
	if err != nil {
		return err
	}
	at.target = target.WithRunning(own).String()
	return nil
}

const (
	// sqlStored is the window of the consumer $1, whose cursor the transaction has locked, if it has. If the window has
	// no target yet, it is what the statement sees. The lock was taken by an earlier statement: the snapshot of the
	// statement that takes it may be older than the cursor that it gets.
	sqlStored = `
    select snap_done as done, coalesce(snap_target, pg_current_snapshot()) as target, pos_done
      from events.cursor where consumer = $1 for update skip locked`
	// sqlGiven is the window from the snapshot $1 to $2, or to what the statement sees if that is empty, after $3.
	sqlGiven = `
    select $1::text::pg_snapshot as done, coalesce(nullif($2::text, '')::pg_snapshot, pg_current_snapshot()) as target,
           $3::bigint as pos_done`
)

// sqlMembers lists the positions of a window c: events that are visible in its target and not in done. These are events
// of transactions that began after done, and of those that were running then. pos + 0 keeps the index of the key out of
// it: at the beginning of a window that index is all history.
const sqlMembers = `
    select pos
      from events.outbox
     where xid >= (select pg_snapshot_xmax(done) from c) and xid < (select pg_snapshot_xmax(target) from c)
       and pos + 0 > (select pos_done from c) and pg_visible_in_snapshot(xid, (select target from c)) %[1]s
    union all
    select pos
      from events.outbox
     where xid = any(array(select pg_snapshot_xip(done) from c))
       and pos + 0 > (select pos_done from c) and pg_visible_in_snapshot(xid, (select target from c)) %[1]s`

// sqlWindow reads the next events of a window. In each row it also returns the window's target, the reader's own
// transaction, and whether the window has any events, including those that the filter keeps back; a window without
// events has one row. If another instance holds the cursor, there is no row.
//
// The positions are read in full before they are sorted: in the order of positions PostgreSQL would walk all history.
// The events follow one by one: sorting them in full for each chunk would write a window to disk once per chunk.
const sqlWindow = `
with c as materialized (%[2]s),
w as materialized (%[1]s)
select o.*, c.target::text, coalesce(pg_current_xact_id_if_assigned()::text, '0')::bigint,
       next.pos is not null or (select exists (%[3]s))
  from c
  left join (select pos from w order by pos limit %[4]s) next on true
  left join lateral (
    select ` + eventColumns + `
      from events.outbox where pos = next.pos limit 1) o on true
 order by next.pos`

// eventColumns lists the columns that collectEvents reads.
const eventColumns = `pos, coalesce(account_id, ''), xid, channel, key, event_id, type, v, service, correlation_id,
           created_at, data`

// texts returns transaction numbers as the server reads them.
func texts(xids []uint64) []string {
	list := make([]string, len(xids))
	for i, xid := range xids {
		list[i] = strconv.FormatUint(xid, 10)
	}
	return list
}

// pageQuery is a query of a window's next page.
type pageQuery struct {
	sql  string
	args []any
}

// storedPage returns the query of the next page of the consumer's window, up to the limit, by its locked cursor.
func storedPage(consumer string, f filter, most limit) pageQuery {
	return newPageQuery(sqlStored, []any{consumer}, f, most)
}

// givenPage returns the query of the cursor's next page, for an outbox in another database.
func (at *cursor) givenPage(f filter, most limit) pageQuery {
	return newPageQuery(sqlGiven, []any{at.done.String(), at.target, at.posDone}, f, most)
}

func newPageQuery(of string, args []any, f filter, most limit) pageQuery {
	limit := fmt.Sprintf("$%d", len(args)+1)
	args = append(args, most.events)
	condition, values := f.condition(len(args) + 1)
	members := fmt.Sprintf(sqlMembers, condition)
	all := fmt.Sprintf(sqlMembers, "")
	if f.all() {
		all = "select from w"
	}
	q := pageQuery{sql: fmt.Sprintf(sqlWindow, members, of, all, limit), args: append(args, values...)}
	return q
}

// read reads the next page of a window that is not the stored one, and gives the cursor a target if it has none. It
// appends the events to into.
func (at *cursor) read(
	ctx context.Context, q postgres.Querier, f filter, most limit, into []blotter.Event,
) (p page, err error) {
	batch := &pgx.Batch{}
	at.givenPage(f, most).queue(batch, most, into, &p)
	if err := q.SendBatch(ctx, batch).Close(); err != nil {
		return page{}, err
	}
	err = at.adoptTarget(&p)
	return p, err
}

// adoptTarget gives the cursor the target of a page that was read of its window, if it has none.
func (at *cursor) adoptTarget(p *page) error {
	if at.target != "" {
		return nil
	}
	p.fresh = true
	return at.setTarget(p.target, p.own)
}

// The planner knows nothing of rows written a moment ago, and may find it cheap to read a whole partition.
const (
	sqlByIndex    = `set local enable_seqscan = off`
	sqlByAnything = `set local enable_seqscan = on`
)

// queue queues the query. Its events are appended to into.
func (q pageQuery) queue(batch *pgx.Batch, most limit, into []blotter.Event, p *page) {
	queueByIndex(batch, q.sql, q.args, func(rows pgx.Rows) (err error) {
		*p, err = collectEvents(rows, most, into)
		return err
	})
}

// queueByIndex queues a query of the outbox that uses its indexes and passes its rows to collect.
func queueByIndex(batch *pgx.Batch, sql string, args []any, collect func(pgx.Rows) error) {
	batch.Queue(sqlByIndex)
	batch.Queue(sql, args...).Query(collect)
	batch.Queue(sqlByAnything)
	batch.Queue(sqlQuietCommit)
}

const sqlAdvance = `
update events.cursor
   set snap_done = $2::text::pg_snapshot, snap_target = nullif($3, '')::pg_snapshot, pos_done = $4,
       applied = applied + $5, updated_at = clock_timestamp()
 where consumer = $1`

// advance moves the cursor past the events that were read, of which applied count: within the window if it may have
// more, otherwise to its end.
func (at *cursor) advance(tx *postgres.Tx, read []blotter.Event, applied int, more bool) error {
	if more {
		at.posDone = read[len(read)-1].Pos
	} else if err := at.finishWindow(); err != nil {
		return err
	}
	at.applied += int64(applied)
	tx.Last(sqlAdvance, at.consumer, at.done.String(), at.target, at.posDone, applied)
	return nil
}

// finishWindow moves the cursor, in memory, to the end of its window.
func (at *cursor) finishWindow() error {
	target, err := window.Parse(at.target)
	if err != nil {
		return err
	}
	at.done = target
	at.target = ""
	at.posDone = 0
	return nil
}

// sqlProbe asks, without a lock and without a transaction, whether there is anything for the consumer.
const sqlProbe = `
select exists (
           select from events.outbox
            where xid >= $1::text::xid8 and pg_visible_in_snapshot(xid, pg_current_snapshot()))
    or exists (
           select from events.outbox
            where xid = any($2::text[]::xid8[]) and pg_visible_in_snapshot(xid, pg_current_snapshot()))`

// probe reports whether events have become visible since the cursor was read.
func (at *cursor) probe(ctx context.Context, db *postgres.DB) (found bool, err error) {
	err = db.AutoCommit(blotter.WithAllAccounts(ctx), func(s *postgres.Session) error {
		return s.QueryRow(ctx, sqlProbe, fmt.Sprint(at.done.Xmax), texts(at.done.Running)).Scan(&found)
	})
	return found, err
}
