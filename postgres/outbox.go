package postgres

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"sync"

	"github.com/blotterdb/blotter"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// emitMax is how many events one transaction may emit.
const emitMax = 100_000

// Emit puts events into the outbox, in the given order, as the last statements before COMMIT: when every row that the
// transaction changes is locked, so that of two transactions that touch the same rows the later one's events come later.
// What a savepoint that rolls back has emitted goes with it.
//
// An event takes what it leaves empty: the account of the context, its key from the account, an id (UUID version 7), the
// service of Config, the correlation of the context, version 1. Errors are ErrInvalid.
func (tx *Tx) Emit(ctx context.Context, events ...blotter.Event) error {
	if len(tx.events)+len(events) > emitMax {
		return blotter.Invalid("events", len(tx.events)+len(events), "at most 100,000 a transaction")
	}
	for _, e := range events {
		if err := tx.complete(ctx, &e); err != nil {
			return err
		}
		tx.events = append(tx.events, e)
	}
	return nil
}

func (tx *Tx) complete(ctx context.Context, e *blotter.Event) error {
	if scope := tx.scope; !scope.All {
		if err := intoScope(&e.AccountID, scope); err != nil {
			return err
		}
	}
	e.Key, e.Service = cmp.Or(e.Key, e.AccountID), cmp.Or(e.Service, tx.db.cfg.Service)
	e.CorrelationID, e.V = cmp.Or(e.CorrelationID, blotter.CorrelationOf(ctx)), cmp.Or(e.V, 1)
	if e.EventID == [16]byte{} {
		id, err := uuid.NewV7()
		if err != nil {
			return err
		}
		e.EventID = id
	}
	return e.Check()
}

const sqlEmit = `
insert into events.outbox (account_id, channel, key, event_id, type, v, service, correlation_id, data)
select nullif(u.account_id, ''), u.channel, u.key, u.event_id, u.type, u.v, u.service, u.correlation_id, u.data::jsonb
  from unnest($1::text[], $2::text[], $3::text[], $4::uuid[], $5::text[], $6::smallint[], $7::text[], $8::text[], $9::text[]) with ordinality
       u(account_id, channel, key, event_id, type, v, service, correlation_id, data, place)
 order by place`

// queueEvents is the insertion of the events.
func queueEvents(batch *pgx.Batch, events []blotter.Event) {
	var texts [7][]string
	ids, versions := make([][16]byte, 0, len(events)), make([]int16, 0, len(events))
	makeRoom(texts[:], len(events))
	for i := range events {
		e := &events[i]
		appendEach(texts[:], e.AccountID, e.Channel, e.Key, e.Type, e.Service, e.CorrelationID, string(e.Data))
		ids, versions = append(ids, e.EventID), append(versions, e.V)
	}
	batch.Queue(sqlEmit, texts[0], texts[1], texts[2], flat(ids), texts[3], versions, texts[4], texts[5], texts[6])
}

// Last has a statement without rows run before COMMIT, and travel with it: what is known to be a transaction's last saves
// the round trip. What comes of it is the error of the transaction. A savepoint does not take it back.
func (tx *Tx) Last(sql string, args ...any) {
	tx.last = append(tx.last, &pgx.QueuedQuery{SQL: sql, Arguments: args})
}

// commitWith runs the transaction's last statements, writes its events and commits, in one round trip. Its command tag is
// COMMIT's.
func (tx *Tx) commitWith(ctx context.Context) (tag pgconn.CommandTag, err error) {
	batch := &pgx.Batch{QueuedQueries: slices.Clone(tx.last)}
	if len(tx.events) > 0 {
		queueEvents(batch, tx.events)
	}
	batch.Queue("commit")
	results := tx.loan.SendBatch(ctx, batch)
	for range batch.QueuedQueries {
		if tag, err = results.Exec(); err != nil {
			break
		}
	}
	if closing := results.Close(); err == nil {
		err = closing
	}
	var pg *pgconn.PgError
	if errors.As(err, &pg) && !tx.loan.IsClosed() {
		_, _ = tx.loan.Exec(ctx, "rollback") // of what the refused event left open
	}
	return tag, err
}

// bell tells listeners in this process that a transaction with events was committed.
type bell struct {
	mu        sync.Mutex
	listeners map[chan struct{}]struct{}
}

func (b *bell) ring() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for heard := range b.listeners {
		select {
		case heard <- struct{}{}:
		default: // it has not yet woken from the last one
		}
	}
}

// Doorbell returns a channel that gets a value, at the earliest, when a transaction of this DB has committed events, and a
// function that ends that. It is a hint, which saves consumers in this process a wait: other processes' commits do not
// ring.
func (db *DB) Doorbell() (rung <-chan struct{}, stop func()) {
	heard := make(chan struct{}, 1)
	db.bell.mu.Lock()
	defer db.bell.mu.Unlock()
	if db.bell.listeners == nil {
		db.bell.listeners = map[chan struct{}]struct{}{}
	}
	db.bell.listeners[heard] = struct{}{}
	return heard, func() {
		db.bell.mu.Lock()
		defer db.bell.mu.Unlock()
		delete(db.bell.listeners, heard)
	}
}
