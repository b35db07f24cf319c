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

// lock locks the consumer's cursor for the transaction. leads is false if another instance holds the lock.
func (c *Consumer) lock(ctx context.Context, tx *postgres.Tx) (at cursor, leads bool, err error) {
	return readCursor(ctx, tx, c.cfg.Name, forLeader)
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
	batch.Queue(sqlCursor+locking, name)
	batch.Queue(sqlParked, name)
	results := q.SendBatch(ctx, batch)
	defer results.Close()

	at = cursor{consumer: name, parked: map[parkedKey]bool{}}
	rows, err := results.Query()
	if err != nil {
		return at, false, err
	}
	var done string
	columns := []any{&done, &at.target, &at.posDone, &at.applied, &at.epoch, &at.identity, &at.witness}
	_, err = pgx.ForEachRow(rows, columns, func() error {
		found = true
		return nil
	})
	if err != nil || !found {
		return at, false, err
	}
	if at.done, err = window.Parse(done); err != nil {
		return at, false, err
	}

	if rows, err = results.Query(); err != nil {
		return at, false, err
	}
	var key parkedKey
	var retry bool
	_, err = pgx.ForEachRow(rows, []any{&key.account, &key.key, &retry}, func() error {
		at.parked[key] = true
		if retry {
			at.retryKey = key.key
		}
		return nil
	})
	if err == nil {
		err = results.Close()
	}
	return at, true, err
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
	target, err := window.Parse(text)
	if err != nil {
		return err
	}
	at.target = target.WithRunning(uint64(own)).String()
	return nil
}

// sqlWindow reads the next events of the window: visible in the target and not in done. These are events of
// transactions that began after done, and of those that were running then.
//
// Their positions are read in full before they are sorted: in the order of positions PostgreSQL would walk all history.
// The events follow one by one: sorting them in full for each chunk would write a window to disk once per chunk. pos +
// 0 keeps the index of the key out of it: at the beginning of a window that index is all history.
const sqlWindow = `
with w as materialized (
    select pos, xid
      from events.outbox
     where xid >= $1::text::xid8 and xid < $2::text::xid8
       and pos + 0 > $4 and pg_visible_in_snapshot(xid, $5::text::pg_snapshot) %[1]s
    union all
    select pos, xid
      from events.outbox
     where xid = any($3::text[]::xid8[])
       and pos + 0 > $4 and pg_visible_in_snapshot(xid, $5::text::pg_snapshot) %[1]s
)
select o.* from (select pos from w order by pos limit $6) next
 cross join lateral (
    select pos, coalesce(account_id, '') as account_id, xid, channel, key, event_id, type, v, service, correlation_id,
           created_at, data
      from events.outbox where pos = next.pos limit 1) o
 order by o.pos`

// windowArgs returns the first arguments of the statements that read a window.
func (at *cursor) windowArgs() ([]any, error) {
	target, err := window.Parse(at.target)
	if err != nil {
		return nil, err
	}
	w := window.Between(at.done, target)
	return []any{fmt.Sprint(w.From), fmt.Sprint(w.To), texts(w.Running), at.posDone, at.target}, nil
}

// texts returns transaction numbers as the server reads them.
func texts(xids []uint64) []string {
	list := make([]string, len(xids))
	for i, xid := range xids {
		list[i] = strconv.FormatUint(xid, 10)
	}
	return list
}

// pageQuery returns the query of the window's next page: what the filter lets through beyond posDone, up to the limit.
func (at *cursor) pageQuery(f filter, most limit) (sql string, args []any, err error) {
	args, err = at.windowArgs()
	if err != nil {
		return "", nil, err
	}
	condition, values := f.condition()
	sql = fmt.Sprintf(sqlWindow, condition)
	args = append(append(args, most.events), values...)
	return sql, args, nil
}

// read reads the next page of the window. It appends the events to into.
func (at *cursor) read(
	ctx context.Context, q postgres.Querier, f filter, most limit, into []blotter.Event,
) (p page, err error) {
	sql, args, err := at.pageQuery(f, most)
	if err != nil {
		return page{}, err
	}
	err = byIndex(ctx, q, sql, args, func(rows pgx.Rows) error {
		p, err = collectEvents(rows, most, into)
		return err
	})
	return p, err
}

// The planner knows nothing of rows written a moment ago, and may find it cheap to read a whole partition.
const (
	sqlByIndex    = `set local enable_seqscan = off`
	sqlByAnything = `set local enable_seqscan = on`
)

// byIndex runs a query of the outbox by its indexes and passes the rows to collect.
func byIndex(ctx context.Context, q postgres.Querier, sql string, args []any, collect func(pgx.Rows) error) error {
	batch := &pgx.Batch{}
	batch.Queue(sqlByIndex)
	batch.Queue(sql, args...)
	batch.Queue(sqlByAnything)
	batch.Queue(sqlQuietCommit)
	results := q.SendBatch(ctx, batch)
	defer results.Close()

	if _, err := results.Exec(); err != nil {
		return err
	}
	rows, err := results.Query()
	if err == nil {
		err = collect(rows)
	}
	if err != nil {
		return err
	}
	return results.Close()
}

const sqlAdvance = `
update events.cursor
   set snap_done = $2::text::pg_snapshot, snap_target = nullif($3, '')::pg_snapshot, pos_done = $4,
       applied = applied + $5, updated_at = clock_timestamp()
 where consumer = $1`

// advance moves the cursor past the events that were read, of which applied count: within the window if it may have
// more, otherwise to its end.
func (at *cursor) advance(ctx context.Context, tx *postgres.Tx, read []blotter.Event, applied int, more bool) error {
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
