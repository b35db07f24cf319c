package chaos_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/postgres"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// writer is one of those who write as badly as is allowed.
type writer struct {
	s        *stage
	rng      *rand.Rand
	id, n    int
	stop     *atomic.Bool
	crashing *atomic.Int64    // when PostgreSQL was last killed or started, in Unix nanoseconds; 0 for never
	told     map[string]int64 // the last number of each key whose COMMIT succeeded
	raw      *pgx.Conn
}

// errUndone is the error with which a writer undoes its work.
var errUndone = errors.New("undone on purpose")

// run writes until the test stops it. It does not repeat transactions that fail while PostgreSQL is down: the database
// knows what was stored.
func (w *writer) run() {
	ctx := w.s.ctx()
	for !w.stop.Load() {
		err := w.write(ctx)
		switch {
		case err == nil || errors.Is(err, errUndone):
			w.pause(time.Millisecond)
		case w.s.t.Context().Err() != nil:
			return
		case w.down(err):
			w.pause(50 * time.Millisecond)
		default:
			w.s.t.Errorf("a writer: %v", err)
			return
		}
	}

	if w.raw != nil {
		_ = w.raw.Close(context.WithoutCancel(ctx))
	}
}

// down reports an error that a kill of PostgreSQL explains.
func (w *writer) down(err error) bool {
	var connecting *pgconn.ConnectError
	var refused *pgconn.PgError
	known := errors.Is(err, blotter.ErrOperational) || errors.Is(err, blotter.ErrCommitUnknown) ||
		errors.As(err, &connecting) || errors.As(err, &refused) || w.raw != nil && w.raw.IsClosed()
	return known && w.crashing.Load() != 0 && time.Since(time.Unix(0, w.crashing.Load())) < time.Minute
}

func (w *writer) pause(most time.Duration) { time.Sleep(time.Duration(w.rng.Int64N(int64(2 * most)))) }

// write runs one transaction.
func (w *writer) write(ctx context.Context) error {
	switch r := w.rng.Float64(); {
	case r < 0.15:
		return w.book(ctx)
	case r < 0.22:
		return w.sql(ctx)
	default:
		return w.transaction(ctx)
	}
}

// part describes the events of one key in a transaction.
type part struct {
	key    string
	events int
	undone bool // by a savepoint
	kept   bool // within a savepoint
}

// parts returns the parts of a transaction in the order of their keys: locks that are taken in one order do not
// deadlock.
func (w *writer) parts() (list []part) {
	for range []int{1, 1, 1, 2, 3}[w.rng.IntN(5)] {
		p := part{
			key: fmt.Sprintf("A%d", 1+w.rng.IntN(accounts)), events: 1 + w.rng.IntN(2),
			undone: w.rng.IntN(10) == 0, kept: w.rng.IntN(10) == 0,
		}
		if w.rng.IntN(5) == 0 {
			p.key = fmt.Sprintf("K%d", 1+w.rng.IntN(keys))
		}
		if w.rng.IntN(25) == 0 {
			p.events = 50 + w.rng.IntN(50)
		}

		list = append(list, p)
	}

	slices.SortStableFunc(list, func(a, b part) int { return cmp.Compare(a.key, b.key) })

	return list
}

const (
	sqlEarly = `insert into chaos.early values (1)`
	sqlTake  = `update chaos.number set last = last + $2 where key = $1 returning last`
)

// transaction runs one through the library.
func (w *writer) transaction(ctx context.Context) error {
	list, told := w.parts(), map[string]int64{}
	early := w.rng.Float64() < 0.15
	undo := w.rng.Float64() < 0.03
	late := w.rng.Float64() < 0.1

	err := w.s.db.Transaction(ctx, func(tx *postgres.Tx) error {
		clear(told)
		if early {
			if _, err := tx.Exec(ctx, sqlEarly); err != nil {
				return err
			}
			w.dawdle()
		}

		for _, p := range list {
			if err := w.part(ctx, tx, p, told); err != nil {
				return err
			}
		}
		if late {
			w.pause(10 * time.Millisecond)
		}
		if undo {
			return errUndone
		}

		return nil
	})
	if err == nil {
		for key, last := range told {
			w.told[key] = max(w.told[key], last)
		}
	}

	return err
}

// dawdle pauses a transaction that has taken its number, for a short or a long time.
func (w *writer) dawdle() {
	if w.rng.IntN(15) == 0 {
		w.pause(750 * time.Millisecond)
		return
	}
	w.pause(15 * time.Millisecond)
}

// part writes one part.
func (w *writer) part(ctx context.Context, tx *postgres.Tx, p part, told map[string]int64) error {
	if !p.undone && !p.kept {
		return w.numbered(ctx, tx, p, told)
	}
	err := tx.Savepoint(ctx, func(tx *postgres.Tx) error {
		if !p.undone {
			return w.numbered(ctx, tx, p, told)
		}
		return cmp.Or(w.numbered(ctx, tx, p, map[string]int64{}), errUndone)
	})
	if errors.Is(err, errUndone) {
		return nil
	}
	return err
}

// numbered takes numbers of the key and writes as many events, or fills, whose events carry their numbers.
func (w *writer) numbered(ctx context.Context, tx *postgres.Tx, p part, told map[string]int64) error {
	var last int64
	if err := tx.QueryRow(ctx, sqlTake, p.key, p.events).Scan(&last); err != nil {
		return err
	}

	told[p.key] = last
	if p.key[0] == 'A' && w.rng.IntN(2) == 0 {
		var fills []blotter.Trade
		for n := last - int64(p.events) + 1; n <= last; n++ {
			fills = append(fills, w.fill(p.key, fmt.Sprintf("N%d", n)))
		}
		_, err := tx.ExecuteTrades(ctx, fills, postgres.AllOrNothing)
		return err
	}

	for n := last - int64(p.events) + 1; n <= last; n++ {
		e := blotter.Event{
			Channel: "chaos", Key: p.key, Type: "chaos",
			Data: fmt.Appendf(nil, `{"number": %d, "value": %d}`, n, w.rng.IntN(1000)),
		}
		if p.key[0] == 'A' {
			e.AccountID = p.key
		}
		if err := tx.Emit(ctx, e); err != nil {
			return err
		}
	}

	return nil
}

// fill returns a random fill.
func (w *writer) fill(account, id string) blotter.Trade {
	side := blotter.Buy
	if w.rng.IntN(2) == 0 {
		side = blotter.Sell
	}
	return blotter.Trade{
		AccountID: account, TradeID: id, Symbol: fmt.Sprintf("S%d", w.rng.IntN(5)), Side: side,
		Quantity:   blotter.MustDecimal(fmt.Sprintf("%d.%d", 1+w.rng.IntN(9), w.rng.IntN(10))),
		Price:      blotter.MustDecimal(fmt.Sprintf("%d.%02d", 10+w.rng.IntN(90), w.rng.IntN(100))),
		Commission: blotter.MustDecimal("0.35"), Strategy: fmt.Sprintf("strategy-%d", w.rng.IntN(2)),
		ExecutedAt: time.Date(2024, 3, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(w.rng.IntN(5*24*60)) * time.Minute),
	}
}

// book books one fill, or several of one account, by a call of their own.
func (w *writer) book(ctx context.Context) error {
	account := fmt.Sprintf("F%d", 1+w.rng.IntN(free))
	fills := make([]blotter.Trade, []int{1, 1, 3, 60}[w.rng.IntN(4)])
	for i := range fills {
		w.n++
		fills[i] = w.fill(account, fmt.Sprintf("F%d-%d", w.id, w.n))
	}
	receipts, err := w.s.db.ExecuteTrades(ctx, fills)
	for _, r := range receipts {
		err = cmp.Or(err, r.Err)
	}
	return err
}

const (
	sqlRawBegin = `begin; select pg_current_xact_id()`
	sqlRawEmit  = `
insert into events.outbox (account_id, channel, key, event_id, type, service, data)
select account_id, 'chaos', key, gen_random_uuid(), 'chaos', 'sql', jsonb_build_object('number', last - $2::bigint + n,
    'sql', true)
  from chaos.number, generate_series(1, $2::bigint) n where key = $1 order by n`
)

// sql runs a transaction in plain SQL, by a connection of the writer's own.
func (w *writer) sql(ctx context.Context) (err error) {
	if w.raw == nil || w.raw.IsClosed() {
		if w.raw, err = pgx.Connect(ctx, w.s.db.Config.ServiceURL); err != nil {
			return err
		}
	}

	p := w.parts()[0]
	if _, err = w.raw.Exec(ctx, sqlRawBegin); err != nil {
		return err
	}

	w.dawdle()
	var last int64
	if err = w.raw.QueryRow(ctx, sqlTake, p.key, p.events).Scan(&last); err == nil {
		_, err = w.raw.Exec(ctx, sqlRawEmit, p.key, p.events)
	}
	if err != nil || p.undone {
		_, undo := w.raw.Exec(ctx, "rollback")
		return errors.Join(err, undo)
	}
	if _, err = w.raw.Exec(ctx, "commit"); err == nil {
		w.told[p.key] = max(w.told[p.key], last)
	}

	return err
}

// merge keeps the highest number of each key that any writer has committed.
func merge(writers []*writer) map[string]int64 {
	all := map[string]int64{}
	for _, w := range writers {
		for key, last := range w.told {
			all[key] = max(all[key], last)
		}
	}
	return all
}
