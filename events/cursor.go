package events

import (
	"context"
	"fmt"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/postgres"
	"github.com/jackc/pgx/v5"
)

// cursor is how far a consumer has come: what was visible in done is consumed, of the window between done and target what
// is up to posDone.
type cursor struct {
	consumer string
	done     snapshot
	target   string // "" between windows
	posDone  int64
	applied  int64
	epoch    int64
	identity string
	witness  string             // of a cursor that is not with its outbox; see witness
	parked   map[parkedKey]bool // keys that wait behind an event that could not be applied
	asked    string             // one of these that is to be tried again; "" for none
}

const (
	sqlCursor = `
select snap_done::text, coalesce(snap_target::text, ''), pos_done, applied, epoch, system_identifier, witness
  from events.cursor where consumer = $1`
	// forLeader locks the cursor: whoever holds it leads, without leases or clocks. Nothing is waited for.
	forLeader = ` for update skip locked`
	forOwner  = ` for update`
	sqlParked = `
select coalesce(account_id, ''), key, bool_or(asked_at is not null)
  from events.dead_letter where consumer = $1 and resolved_at is null group by account_id, key`
	// sqlQuietCommit: cursor and what was made of the events share their fate, so the last commits may be lost together.
	// SET LOCAL, not set_config: after that a session takes its connection for one to be cleaned. It is not the first
	// statement, with which BEGIN can travel.
	sqlQuietCommit = `set local synchronous_commit = off`
)

// parkedKey is a key with the account of its events, which is "" for events of no account: an account may be named like a symbol.
type parkedKey struct{ account, key string }

// lock locks the consumer's cursor for the transaction. It is false where another instance leads.
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
		err = &blotter.Error{Op: "consume", Kind: blotter.ErrNotFound, Message: "consumer " + c.cfg.Name + " has no cursor any more: somebody removed it; start it again"}
	}
	return at, err
}

// readCursor reads a consumer's cursor and the keys that are parked.
func readCursor(ctx context.Context, q postgres.Querier, name, locking string) (at cursor, found bool, err error) {
	batch := &pgx.Batch{}
	batch.Queue(sqlCursor+locking, name)
	batch.Queue(sqlParked, name)
	results := q.SendBatch(ctx, batch)
	defer results.Close()
	at = cursor{consumer: name, parked: map[parkedKey]bool{}}
	var done string
	rows, err := results.Query()
	if err != nil {
		return at, false, err
	}
	_, err = pgx.ForEachRow(rows, []any{&done, &at.target, &at.posDone, &at.applied, &at.epoch, &at.identity, &at.witness}, func() error {
		found = true
		return nil
	})
	if err != nil || !found {
		return at, false, err
	}
	if at.done, err = parseSnapshot(done); err != nil {
		return at, false, err
	}
	if rows, err = results.Query(); err != nil {
		return at, false, err
	}
	var parked parkedKey
	var asked bool
	_, err = pgx.ForEachRow(rows, []any{&parked.account, &parked.key, &asked}, func() error {
		at.parked[parked] = true
		if asked {
			at.asked = parked.key
		}
		return nil
	})
	if err == nil {
		err = results.Close()
	}
	return at, true, err
}

// sqlTarget reads the snapshot that a window ends with, after the cursor was locked: visibility only grows.
const sqlTarget = `select pg_current_snapshot()::text, coalesce(pg_current_xact_id_if_assigned()::text, '0')::bigint`

// aim gives the cursor a target if it has none. q is where the outbox is.
func (at *cursor) aim(ctx context.Context, q postgres.Querier) error {
	if at.target != "" {
		return nil
	}
	var text string
	var own int64
	if err := q.QueryRow(ctx, sqlTarget).Scan(&text, &own); err != nil {
		return err
	}
	target, err := parseSnapshot(text)
	switch {
	case mutated("own_xid"):
	case mutated("horizon"):
		target = snapshot{xmin: target.xmin, xmax: target.xmin}
	default:
		target = target.without(uint64(own))
	}
	at.target = target.String()
	return err
}

// sqlWindow reads the next events of the window: visible in the target and not in what is done, which are those of
// transactions that began later, and of those that were still running then. Their positions are read whole before they are
// sorted: in the order of positions PostgreSQL would walk all history. The events follow one by one: sorting them whole, for
// each chunk, would write a window to disk as often as it has chunks. pos + 0 keeps the key's index out of it: of a window
// that has just begun it is all history.
const sqlWindow = `
with w as materialized (
    select pos, xid
      from events.outbox
     where xid >= $1::text::xid8 and xid < $2::text::xid8 and pos + 0 > $4 and pg_visible_in_snapshot(xid, $5::text::pg_snapshot) %[1]s
    union all
    select pos, xid
      from events.outbox
     where xid = any($3::text[]::xid8[]) and pos + 0 > $4 and pg_visible_in_snapshot(xid, $5::text::pg_snapshot) %[1]s
)
select o.* from (select pos from w order by pos limit $6) next
 cross join lateral (
    select pos, coalesce(account_id, '') as account_id, xid, channel, key, event_id, type, v, service, correlation_id, created_at, data
      from events.outbox where pos = next.pos limit 1) o
 order by o.pos`

// The planner knows nothing of what was written a moment ago, and may find that reading a leaf whole is cheap.
const (
	sqlByIndex    = `set local enable_seqscan = off`
	sqlByAnything = `set local enable_seqscan = on`
)

// window are the parameters of a window's statement.
func (at *cursor) window() ([]any, error) {
	target, err := parseSnapshot(at.target)
	if err != nil {
		return nil, err
	}
	running := make([]string, len(at.done.xip))
	for i, xid := range at.done.xip {
		running[i] = fmt.Sprint(xid)
	}
	return []any{fmt.Sprint(at.done.xmax), fmt.Sprint(target.xmax), running, at.posDone, at.target}, nil
}

// read reads the next page of the window beyond posDone: what the filter lets through, up to the limit. The events are
// appended to into.
func (at *cursor) read(ctx context.Context, q postgres.Querier, f filter, most limit, into []blotter.Event) (page, error) {
	args, err := at.window()
	if err != nil {
		return page{}, err
	}
	condition, values := f.condition()
	sql, args := mutateWindow(fmt.Sprintf(sqlWindow, condition), append(append(args, most.events), values...))

	var p page
	err = byIndex(ctx, q, sql, args, func(rows pgx.Rows) error {
		p, err = collectEvents(rows, most, into)
		return err
	})
	return p, err
}

// byIndex runs a query of the outbox by its indexes, and hands its rows on.
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
   set snap_done = $2::text::pg_snapshot, snap_target = nullif($3, '')::pg_snapshot, pos_done = $4, applied = applied + $5, updated_at = clock_timestamp()
 where consumer = $1`

// advance moves the cursor past the events that were read, of which so many count: into the window where it may have more,
// else to its end.
func (at *cursor) advance(ctx context.Context, tx *postgres.Tx, read []blotter.Event, applied int, more bool) error {
	from := at.posDone
	if more {
		at.posDone = read[len(read)-1].Pos
	} else {
		target, err := parseSnapshot(at.target)
		if err != nil {
			return err
		}
		at.done, at.target, at.posDone = target, "", 0
	}
	mutateAdvance(at, from, read)
	at.applied += int64(applied)
	tx.Last(sqlAdvance, at.consumer, at.done.String(), at.target, at.posDone, applied)
	return nil
}

// sqlProbe asks, without a lock and without a transaction, whether there is anything for the consumer.
const sqlProbe = `
select exists (select from events.outbox where xid >= $1::text::xid8 and pg_visible_in_snapshot(xid, pg_current_snapshot()))
    or exists (select from events.outbox where xid = any($2::text[]::xid8[]) and pg_visible_in_snapshot(xid, pg_current_snapshot()))`

// probe reports whether events have become visible that were not yet when the cursor was last seen.
func (at *cursor) probe(ctx context.Context, db *postgres.DB) (found bool, err error) {
	running := make([]string, len(at.done.xip))
	for i, xid := range at.done.xip {
		running[i] = fmt.Sprint(xid)
	}
	err = db.AutoCommit(blotter.WithAllAccounts(ctx), func(s *postgres.Session) error {
		return s.QueryRow(ctx, sqlProbe, fmt.Sprint(at.done.xmax), running).Scan(&found)
	})
	return found, err
}
