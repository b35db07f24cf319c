package chaos_test

import (
	"bytes"
	"context"
	"fmt"
	"strings"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/postgres"
	"github.com/jackc/pgx/v5"
)

// report counts the faults that the oracle found. All numbers except the first must be 0.
type report struct {
	Committed  int64 // events
	Lost       int64 // of these not applied, and events that were committed for a writer and are gone
	Double     int64 // applied more than once
	OutOfOrder int64 // applied after a later one of their key, or position
	Different  int64 // keys whose chain is not that of their events
	Mismatches int64 // figures of the analytics that do not follow from the trades, in all reconciliations
	Parked     int64 // events that were set aside
	Late       bool  // not all was applied when there had been time enough
}

// clean reports that nothing was found.
func (r report) clean() bool { return r == report{Committed: r.Committed} && r.Committed > 0 }

func (r report) String() string {
	text := fmt.Sprintf("committed %d, lost %d, double %d, out of order %d, different %d, mismatches %d, parked %d",
		r.Committed, r.Lost, r.Double, r.OutOfOrder, r.Different, r.Mismatches, r.Parked)
	if r.Late {
		text += ", not all applied in time"
	}
	return text
}

const (
	sqlCommitted = `select count(*) from events.outbox`
	sqlLost      = `select count(*) from events.outbox o where not exists (select from chaos.applied a
		where a.pos = o.pos)`
	sqlDouble = `select count(*) - count(distinct pos) from chaos.applied`
	// sqlOutOfOrder: an event after a later one, by the writers' numbers, or by the order of a position's trades.
	sqlOutOfOrder = `
select count(*) from (select number < lag(number) over (partition by key order by n) as wrong from chaos.applied
    where number > 0
    union all
    select t.id < lag(t.id) over (partition by t.account_id, t.symbol order by a.n)
      from chaos.applied a join events.outbox o on o.pos = a.pos and o.type = 'trade_executed'
      join execution.trades t on t.account_id = o.account_id and t.trade_id = o.data->>'trade_id'
          and t.symbol = o.data->>'symbol' and t.side = o.data->>'side') x where wrong`
	sqlParked = `select count(*) from events.dead_letter`
	// sqlPending counts events that a consumer has yet to come to.
	sqlPending = `
select count(*) from events.outbox o, events.cursor c
 where c.consumer = any($1) and (c.snap_target is not null or not pg_visible_in_snapshot(o.xid, c.snap_done))`
)

// count reads a number.
func (s *stage) count(sql string, args ...any) (n int64) {
	s.t.Helper()
	err := s.db.AutoCommit(s.ctx(), func(q *postgres.Session) error {
		return q.QueryRow(s.ctx(),
			sql, args...).Scan(&n)
	})
	if err != nil {
		s.t.Errorf("%s: %v", strings.TrimSpace(sql), err)
	}
	return n
}

// judge compares what was applied with what was committed. told are the numbers that writers know to be committed.
func (s *stage) judge(told map[string]int64) report {
	s.t.Helper()
	r := report{
		Committed: s.count(sqlCommitted), Lost: s.count(sqlLost), Double: s.count(sqlDouble),
		OutOfOrder: s.count(sqlOutOfOrder), Parked: s.count(sqlParked),
	}
	err := s.db.Transaction(s.ctx(), func(tx *postgres.Tx) error {
		want, err := expected(s.ctx(), tx)
		if err != nil {
			return err
		}

		have := map[string]*link{}
		var names []string
		for key := range want {
			names, have[key] = append(names, key), &link{}
		}
		if err := load(s.ctx(), tx, names, have); err != nil {
			return err
		}
		for key, w := range want {
			if !bytes.Equal(w.hash, have[key].hash) || w.events != have[key].events {
				r.Different++
			}
		}

		missing, err := missing(s.ctx(), tx, want, told)
		r.Lost += missing
		return err
	}, postgres.RepeatableRead)
	if err != nil {
		s.t.Error(err)
	}

	return r
}

// sqlEvents are all events, those of a chain in the order that the writers vouch for: by their numbers, or, of a
// position without, as they were booked.
const sqlEvents = `
select key, type, data from events.outbox
 order by key, coalesce((data->>'number')::bigint, case when data->>'trade_id' like 'N%'
     then substr(data->>'trade_id', 2)::bigint end), pos`

// expected returns the chains of the committed events.
func expected(ctx context.Context, tx *postgres.Tx) (map[string]*link, error) {
	rows, err := tx.Query(ctx, sqlEvents)
	if err != nil {
		return nil, err
	}

	want := map[string]*link{}
	var e blotter.Event
	_, err = pgx.ForEachRow(rows, []any{&e.Key, &e.Type, &e.Data}, func() error {
		name, number, err := place(&e)
		if err != nil {
			return err
		}
		if want[name] == nil {
			want[name] = &link{}
		}
		want[name].add(number, e.Data)
		return nil
	})
	return want, err
}

// missing counts numbers that no event has although they were committed, or a writer saw their COMMIT succeed.
func missing(ctx context.Context, tx *postgres.Tx, want map[string]*link, told map[string]int64) (n int64, err error) {
	rows, err := tx.Query(ctx, `select key, last from chaos.number`)
	if err != nil {
		return 0, err
	}

	var key string
	var last int64
	_, err = pgx.ForEachRow(rows, []any{&key, &last}, func() error {
		have := want[key]
		if have == nil {
			have = &link{}
		}
		n += max(last-have.events, 0) + max(told[key]-last, 0)
		if have.last != last {
			n++
		}
		return nil
	})
	return n, err
}
