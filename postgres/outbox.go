package postgres

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"strings"
	"sync"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// emitMax is how many events one transaction may emit.
const emitMax = 100_000

// Emit puts events into the outbox, in the given order, as the last statements before COMMIT: when every row that the
// transaction changes is locked, so that of two transactions that touch the same rows the later one's events come
// later. What a savepoint that rolls back has emitted goes with it.
//
// An event takes what it leaves empty: the account of the context, its key from the account, an id (UUID version 7),
// the service of Config, the correlation of the context, version 1. Errors are ErrInvalid, also for a type that the book
// alone writes (blotter.IsBookEvent), for market data under an account, and for a price that no consumer could store.
func (tx *Tx) Emit(ctx context.Context, events ...blotter.Event) error {
	if tx.state == stateEnded {
		return errEnded
	}
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
	if err := e.Check(); err != nil {
		return err
	}
	return checkEmitted(e)
}

// checkEmitted refuses what is not a caller's to say, and prices that no consumer could store.
func checkEmitted(e *blotter.Event) error {
	if blotter.IsBookEvent(e.Type) {
		return blotter.Invalid("type", e.Type, "a type of your own: the book writes these itself, with the trade that it books")
	}
	if e.Type != blotter.MarketDataUpdated {
		return nil
	}

	var p blotter.PriceData
	if err := json.Unmarshal(e.Data, &p); err != nil {
		return blotter.Invalid("data", string(e.Data[:min(len(e.Data), 100)]), "the data of "+e.Type+": "+err.Error())
	}
	if p.Symbol != e.Key {
		return blotter.Invalid("data.symbol", p.Symbol, "the event's key, "+e.Key)
	}
	return p.Check(time.Now())
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

// Last defers a statement without rows to COMMIT, with which it travels: the last statement of a transaction then costs
// no round trip of its own. It may be the only one. Its error is the error of the transaction. A savepoint that rolls
// back does not take it back.
func (tx *Tx) Last(sql string, args ...any) {
	tx.last = append(tx.last, &pgx.QueuedQuery{SQL: sql, Arguments: args})
}

// hasDeferred reports whether statements or events wait for COMMIT.
func (tx *Tx) hasDeferred() bool { return len(tx.last) > 0 || len(tx.events) > 0 }

// commitWith runs the deferred statements, writes the events and commits, in one round trip, in which BEGIN and the
// session's account go first if nothing has been sent yet. Its command tag is that of COMMIT.
//
// An error of a statement before COMMIT is certain: nothing was committed. Only a link that broke leaves that open.
func (tx *Tx) commitWith(ctx context.Context) (tag pgconn.CommandTag, err error) {
	batch := tx.leading()
	for _, q := range tx.last {
		tx.noteLeftovers(q.SQL)
		batch.QueuedQueries = append(batch.QueuedQueries, q)
	}
	if len(tx.events) > 0 {
		queueEvents(batch, tx.events)
	}
	if tx.quieted {
		batch.Queue(sqlHear)
	}
	batch.Queue("commit")

	commit := len(batch.QueuedQueries) - 1
	reached := 0
	results := tx.loan.SendBatch(ctx, batch)
	tx.led()
	for ; reached <= commit && err == nil; reached++ {
		tag, err = results.Exec()
	}
	if closing := results.Close(); err == nil {
		err = closing
	}
	if err == nil {
		return tag, nil
	}

	var pg *pgconn.PgError
	refused := errors.As(err, &pg)
	beforeCommit := reached <= commit && (refused || isUnsent(err))
	if !tx.loan.IsClosed() && (beforeCommit || refused) {
		if _, undo := tx.loan.Exec(ctx, "rollback"); undo != nil {
			tx.loan.close()
		}
	}
	if beforeCommit {
		return tag, translate(ctx, "commit", err)
	}
	return tag, commitError(ctx, err)
}

// isUnsent reports whether pgx could not prepare or encode a batch, for example because of an argument that its type
// cannot hold: COMMIT, its last statement, was not sent. The error has no type of its own. If its words change, the
// commit is reported as unknown, which errs on the safe side.
func isUnsent(err error) bool { return strings.HasPrefix(err.Error(), "error preprocessing batch") }

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

// Doorbell returns a channel that gets a value, at the earliest, when a transaction of this DB has committed events,
// and a function that ends that. It is a hint, which saves consumers in this process a wait: other processes' commits
// do not ring.
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
