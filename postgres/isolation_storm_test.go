package postgres_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/pgtest"
	"github.com/blotterdb/blotter/postgres"
	"github.com/jackc/pgx/v5"
)

var stormFlag = flag.Duration("storm", 3*time.Second, "how long two accounts share one pool in TestTwoAccountsOnePool")

const (
	stormWorkers = 32
	stormConns   = 6 // few, so that every connection serves both accounts
)

// storm is the state that the workers share.
type storm struct {
	t       *testing.T
	db      *pgtest.Database
	done    atomic.Int64 // sessions that succeeded
	broken  atomic.Int64 // sessions that were cancelled, panicked, failed or exited their goroutine
	crossed atomic.Int64 // rows of another account
}

// Two accounts share one pool. 32 workers read and write in every kind of session and end them in every way, many at
// random by cancellation and panic. No account sees or writes a row of the other.
func TestTwoAccountsOnePool(t *testing.T) {
	t.Parallel()
	seed := seedOf(t)
	db := pgtest.OpenConfig(t, func(c *postgres.Config) { c.MaxConns, c.KeepConns = stormConns, stormConns })
	s := &storm{t: t, db: db}
	for _, account := range []string{"A1", "A2"} {
		makeAccount(t, db.DB, account)
	}

	end := time.Now().Add(*stormFlag)
	var wait sync.WaitGroup
	for i := range stormWorkers {
		wait.Go(func() {
			rng := rand.New(rand.NewPCG(seed, uint64(i)))
			for n := 0; time.Now().Before(end); n++ {
				account := []string{"A1", "A2", ""}[min(rng.IntN(11)/5, 2)] // a session in eleven has none
				s.session(rng, account, fmt.Sprintf("%s-%d-%d", account, i, n))
			}
		})
	}

	wait.Wait()
	s.check()
	t.Logf("%d sessions ended well, %d did not", s.done.Load(), s.broken.Load())
}

// session runs one session of the account in a goroutine of its own, which it may exit with Goexit.
func (s *storm) session(rng *rand.Rand, account, id string) {
	ctx, cancel := context.WithCancel(s.t.Context())
	defer cancel()
	if account != "" {
		ctx = blotter.WithAccount(ctx, account)
	}
	if rng.IntN(4) == 0 { // cancelled at a random moment
		timer := time.AfterFunc(time.Duration(rng.IntN(3000))*time.Microsecond, cancel)
		defer timer.Stop()
	}

	kind := rng.IntN(6)
	leave := rng.IntN(8)
	sql := leftovers[rng.IntN(len(leftovers))]
	ended := make(chan bool, 1)
	go func() {
		well := false
		defer func() { _ = recover(); ended <- well }()
		well = s.use(ctx, kind, leave, account, id, sql) == nil
	}()

	if <-ended {
		s.done.Add(1)
	} else {
		s.broken.Add(1)
	}
}

// leftovers are first statements that would leave something on a connection that is not reset.
var leftovers = []string{
	"select 1", "select 1", "select 1", "set local work_mem = '5MB'", "set app.current_account_id = 'A1'",
	"set app.current_account_id = 'A2'",
	"create temporary table mine as select * from execution.orders",
	"declare held cursor with hold for select * from execution.orders",
	"select pg_sleep(0.002)", "select 1 / 0", "savepoint mine",
}

func (s *storm) use(ctx context.Context, kind, leave int, account, id, sql string) error {
	work := func(q postgres.Querier, write bool) error {
		if err := s.readAndWrite(ctx, q, account, id, write); err != nil {
			return err
		}
		switch leave {
		case 0:
			panic("storm")
		case 1:
			runtime.Goexit()
		case 2:
			return errors.New("storm")
		case 3:
			_, err := q.Exec(ctx, sql) // last, so that nothing undoes it here
			return err
		}
		return nil
	}

	switch kind {
	case 0:
		return s.db.ReadOnly(ctx, func(q *postgres.Session) error { return work(q, false) })
	case 1:
		return s.db.ReadOnly(ctx, func(q *postgres.Session) error { return work(q, false) }, postgres.Snapshot)
	case 2:
		_, err := s.db.ExecuteTrade(ctx, blotter.Trade{
			TradeID: id, Symbol: "KO", Side: blotter.Buy, Quantity: blotter.MustDecimal("1"),
			Price: blotter.MustDecimal("60"), Strategy: account,
		})
		return err

	case 3:
		orders, err := s.db.Orders(ctx, postgres.OrderFilter{Limit: 50})
		for _, o := range orders {
			s.compare(account, o.AccountID, o.Strategy)
		}
		return err
	}

	return s.db.Transaction(ctx, func(tx *postgres.Tx) error { return work(tx, true) })
}

// readAndWrite stores an order of the account, marked with it, and reads all orders.
func (s *storm) readAndWrite(ctx context.Context, q postgres.Querier, account, id string, write bool) error {
	if write {
		// The account comes from the connection, not from the caller.
		_, err := q.Exec(ctx, `insert into execution.orders (account_id, order_id, symbol, side, quantity, strategy)
			select current_setting('app.current_account_id', true), $1, 'KO', 'buy', 1, $2`, id, account)
		if err != nil {
			return err
		}
	}

	rows, err := q.Query(ctx, `select account_id, strategy from execution.orders order by id desc limit 20`)
	if err != nil {
		return err
	}

	type row struct{ Account, Strategy string }
	seen, err := pgx.CollectRows(rows, pgx.RowToStructByPos[row])
	for _, r := range seen {
		s.compare(account, r.Account, r.Strategy)
	}

	return err
}

// compare expects that a row seen by a session belongs to the session's account and was written by a session of it.
func (s *storm) compare(account, owner, writer string) {
	if owner != account || writer != account {
		if s.crossed.Add(1) <= 5 {
			s.t.Errorf("a session of %q sees a row of %q that a session of %q wrote", account, owner, writer)
		}
	}
}

// check expects that every row has the account of the session that wrote it.
func (s *storm) check() {
	for table, mark := range map[string]string{"execution.orders": "order_id", "execution.trades": "trade_id"} {
		total := pgtest.Value[int](s.t, s.db, "select count(*) from "+table)
		wrong := pgtest.Value[int](s.t, s.db,
			"select count(*) from "+table+" where account_id <> strategy or account_id <> split_part("+mark+", '-', 1)")
		if total == 0 || wrong > 0 {
			s.t.Errorf("%s: %d of %d rows carry another account than their writer's", table, wrong, total)
		}
	}
	if s.done.Load() == 0 || s.broken.Load() == 0 || s.crossed.Load() > 0 {
		s.t.Errorf("%d sessions ended well, %d did not, %d rows crossed", s.done.Load(), s.broken.Load(),
			s.crossed.Load())
	}
}
