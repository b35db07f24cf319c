package postgres

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// emitMax is the most events that one transaction may emit.
const emitMax = 100_000

// Emit puts events into the outbox, in the given order, as the last statements before COMMIT. By then the transaction
// has locked every row that it changes, so of two transactions that touch the same rows the later one's events come
// later. A savepoint that rolls back also drops the events that were emitted in it.
//
// Empty fields are filled in: the account of the context, the account as key, an id (UUID version 7), the service of
// Config, the correlation of the context, version 1. Errors are ErrInvalid, also for a type that only the book writes
// (blotter.IsBookEvent), for market data under an account, and for a price that no consumer could store.
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

// complete fills in the empty fields of an event and checks it.
func (tx *Tx) complete(ctx context.Context, e *blotter.Event) error {
	if !tx.scope.All {
		if err := resolveAccount(&e.AccountID, tx.scope); err != nil {
			return err
		}
	}

	e.Key = cmp.Or(e.Key, e.AccountID)
	e.Service = cmp.Or(e.Service, tx.db.cfg.Service)
	e.CorrelationID = cmp.Or(e.CorrelationID, blotter.CorrelationOf(ctx))
	e.V = cmp.Or(e.V, 1)
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

// checkEmitted refuses events that only the book may write, and prices that no consumer could store.
func checkEmitted(e *blotter.Event) error {
	if blotter.IsBookEvent(e.Type) {
		return blotter.Invalid("type", e.Type,
			"a type of your own: the book writes this event itself, with the trade that it books")
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

var eventColumns = columns[blotter.Event]{
	columnOf("account_id", "text", func(e *blotter.Event) *string { return nullIfEmpty(&e.AccountID) }),
	columnOf("channel", "text", func(e *blotter.Event) string { return e.Channel }),
	columnOf("key", "text", func(e *blotter.Event) string { return e.Key }),
	columnOf("event_id", "uuid", func(e *blotter.Event) [16]byte { return e.EventID }),
	columnOf("type", "text", func(e *blotter.Event) string { return e.Type }),
	columnOf("v", "smallint", func(e *blotter.Event) int16 { return e.V }),
	columnOf("service", "text", func(e *blotter.Event) string { return e.Service }),
	columnOf("correlation_id", "text", func(e *blotter.Event) string { return e.CorrelationID }),
	columnOf("data", "text", func(e *blotter.Event) string { return string(e.Data) }),
}

var sqlEmit = `
insert into events.outbox (` + eventColumns.names("") + `)
select u.account_id, u.channel, u.key, u.event_id, u.type, u.v, u.service, u.correlation_id, u.data::jsonb
  from ` + eventColumns.unnestInOrder(1) + `
 order by place`

// queueEvents queues the insertion of the events.
func queueEvents(batch *pgx.Batch, events []blotter.Event) {
	batch.Queue(sqlEmit, eventColumns.appendArrays(nil, pointers(events))...)
}

// Last defers a statement without rows to COMMIT, with which it is sent: the last statements of a transaction then cost
// no round trip of their own. It may be the only statement. Its error is the error of the transaction. In a savepoint,
// the statement is deferred to the savepoint's end, and dropped if the savepoint rolls back.
func (tx *Tx) Last(sql string, args ...any) {
	tx.last = append(tx.last, &pgx.QueuedQuery{SQL: sql, Arguments: args})
}

// hasDeferred reports whether statements or events wait for COMMIT.
func (tx *Tx) hasDeferred() bool { return len(tx.last) > 0 || len(tx.events) > 0 }

// runDeferred runs the deferred statements from index from on, in one round trip, and forgets them.
func (tx *Tx) runDeferred(ctx context.Context, from int) error {
	if len(tx.last) == from {
		return nil
	}
	batch := &pgx.Batch{QueuedQueries: slices.Clone(tx.last[from:])}
	tx.last = tx.last[:from]
	return tx.SendBatch(ctx, batch).Close()
}

// commitWith runs the deferred statements, writes the events and commits, in one round trip. If nothing has been sent
// yet, BEGIN and the session's account go first. It returns the command tag of COMMIT.
//
// An error of a statement before COMMIT is certain: nothing was committed. Only a broken link leaves that open.
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
// cannot hold: then COMMIT, the last statement, was not sent. The error has no type of its own. If its words change,
// the commit is reported as unknown, which errs on the safe side.
func isUnsent(err error) bool { return strings.HasPrefix(err.Error(), "error preprocessing batch") }

// bell tells listeners in this process that a transaction with events was committed.
type bell struct {
	mu        sync.Mutex
	listeners map[chan struct{}]struct{}
}

func (b *bell) ring() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for listener := range b.listeners {
		select {
		case listener <- struct{}{}:
		default: // it has not woken from the last ring yet
		}
	}
}

// Doorbell returns a channel that receives a value after a transaction of this DB has committed events, and a function
// that stops it. It is a hint, which saves consumers in this process a wait: commits of other processes do not ring.
func (db *DB) Doorbell() (rings <-chan struct{}, stop func()) {
	listener := make(chan struct{}, 1)
	db.bell.mu.Lock()
	defer db.bell.mu.Unlock()
	if db.bell.listeners == nil {
		db.bell.listeners = map[chan struct{}]struct{}{}
	}
	db.bell.listeners[listener] = struct{}{}
	return listener, func() {
		db.bell.mu.Lock()
		defer db.bell.mu.Unlock()
		delete(db.bell.listeners, listener)
	}
}
