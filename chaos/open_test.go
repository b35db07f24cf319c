package chaos_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/pgtest"
	"github.com/blotterdb/blotter/postgres"
	"github.com/jackc/pgx/v5"
)

const (
	openSpan    = time.Second // of a phase, unless the figures are wanted
	openWriters = 4
	openPause   = 10 * time.Millisecond // between two transactions of a writer
	// openRatio limits the ratio of p50 and p99 with open transactions of others to those without.
	openRatio = 1.2
)

// holdTransactions opens transactions and leaves them open: one that has written, in another database of the server,
// and a prepared one.
func (s *stage) holdTransactions() (release func()) {
	s.t.Helper()
	ctx := context.WithoutCancel(s.t.Context())
	other, err := pgx.Connect(ctx, strings.Replace(s.db.AdminURL, "/"+s.db.Name+"?", "/elsewhere?", 1))
	if err == nil {
		_, err = other.Exec(ctx, `begin; select pg_current_xact_id()`)
	}
	if err != nil {
		s.t.Fatal(err)
	}

	s.db.Exec(s.t, `begin; insert into chaos.early values (1); prepare transaction 'forgotten'`)
	return func() {
		_ = other.Close(ctx)
		s.db.Exec(s.t, `rollback prepared 'forgotten'`)
	}
}

// quiet runs writers that only write, for a while.
func (s *stage) quiet(span time.Duration) (from, to time.Time) {
	s.t.Helper()
	from = pgtest.Value[time.Time](s.t, s.db, `select clock_timestamp()`)
	var all sync.WaitGroup
	for i := range openWriters {
		rng := rand.New(rand.NewPCG(uint64(i), uint64(from.UnixNano())))
		all.Go(func() {
			for begin := time.Now(); time.Since(begin) < span; time.Sleep(
				time.Duration(rng.Int64N(int64(2 * openPause)))) {
				err := s.db.Transaction(s.ctx(), func(tx *postgres.Tx) error {
					return tx.Emit(s.ctx(), blotter.Event{
						Channel: "chaos", Key: fmt.Sprint("Q", i), Type: "chaos",
						Data: []byte(`{"number": 1}`),
					})
				})
				if err != nil {
					s.t.Error(err)
					return
				}
			}
		})
	}

	all.Wait()
	return from, pgtest.Value[time.Time](s.t, s.db, `select clock_timestamp()`)
}

// sqlLatency is, by the server's clock, from the commit of an event to that of its effect.
const sqlLatency = `
select extract(epoch from pg_xact_commit_timestamp(a.xmin) - pg_xact_commit_timestamp(o.xid::xid))::float8
  from chaos.applied a join events.outbox o using (pos) where o.created_at between $1 and $2`

// applied waits until what was written in a while is applied, and returns how long each event took. It is not ok if
// that does not come.
func (s *stage) applied(from, to time.Time, limit time.Duration) (took []time.Duration, ok bool) {
	s.t.Helper()
	written := s.count(`select count(*) from events.outbox where created_at between $1 and $2`, from, to)
	for deadline := time.Now().Add(limit); !ok && time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		ok = written > 0 && written == s.count(`select count(*) from chaos.applied a join events.outbox o using (pos)
			where o.created_at between $1 and $2`, from, to)
	}

	rows, err := s.db.Connect(s.t, s.db.AdminURL).Query(s.t.Context(), sqlLatency, from, to)
	if err != nil {
		s.t.Fatal(err)
	}

	seconds, err := pgx.CollectRows(rows, pgx.RowTo[float64])
	if err != nil {
		s.t.Fatal(err)
	}
	for _, x := range seconds {
		took = append(took, time.Duration(x*float64(time.Second)))
	}

	return took, ok
}

// openTransactions measures, in phases that take turns, with nothing open and with what somebody forgot. It is not ok
// if events waited for that.
func openTransactions(t *testing.T, rounds int, span time.Duration, env ...string) (alone,
	beside []time.Duration, ok bool,
) {
	t.Helper()
	s := newStage(t, "max_prepared_transactions = 5", "track_commit_timestamp = on")
	s.db.Exec(t, `create database elsewhere`)
	x := newProjection(s, 1, 0, env...)
	x.rng = rand.New(rand.NewPCG(1, 1))
	x.procs[0] = x.spawn(0)
	defer x.close()
	if !x.procs[0].works(t) {
		return nil, nil, false
	}

	limit := time.Minute
	if len(env) > 0 { // a built-in defect keeps events waiting for longer than that
		limit = 10 * time.Second
	}

	for range rounds {
		from, to := s.quiet(span)
		took, arrived := s.applied(from, to, limit)
		if alone = append(alone, took...); !arrived {
			t.Error("events are not applied where nothing is open")
		}
		release := s.holdTransactions()
		from, to = s.quiet(span)
		took, ok = s.applied(from, to, limit)
		release()
		if beside = append(beside, took...); !ok {
			return alone, beside, false
		}
	}

	slices.Sort(alone)
	slices.Sort(beside)
	return alone, beside, true
}

// A transaction that somebody left open in another database, and a prepared one that was forgotten, delay nobody's
// events. With -open-transaction the figures are taken, and compared.
func TestOpenTransactions(t *testing.T) {
	rounds, span := 1, openSpan
	if *openFlag > 0 {
		rounds, span = 5, *openFlag
	} else {
		t.Parallel()
	}

	alone, beside, ok := openTransactions(t, rounds, span)
	if !ok {
		t.Fatal("events wait for somebody else's transaction to end")
	}

	for _, share := range []float64{0.5, 0.99} {
		a, b := alone[int(share*float64(len(alone)-1))], beside[int(share*float64(len(beside)-1))]
		t.Logf("p%.0f from commit to applied: %s with nothing open (%d events), %s beside open transactions "+
			"(%d): %.2f x", 100*share, a, len(alone), b, len(beside), float64(b)/float64(a))
		if *openFlag > 0 && float64(b) > openRatio*float64(a) {
			t.Errorf("open transactions of others cost more than %.0f %%", 100*(openRatio-1))
		}
	}
}
