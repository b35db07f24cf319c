package postgres_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/pgtest"
	"github.com/blotterdb/blotter/postgres"
)

// Sizes of the tests that attack the book. `make torture` runs them whole.
var (
	fillsFlag   = flag.Int("fills", 5_000, "fills of TestBookTorture")
	cutsFlag    = flag.Int("cuts", 60, "connections that TestCutCommits cuts")
	killsFlag   = flag.Int("kills", 8, "client processes that TestKilledClients kills")
	crashesFlag = flag.Int("crashes", 2, "kills of PostgreSQL in TestKilledServer")
	seedFlag    = flag.Uint64("seed", 0, "seed of the book's random tests; 0 draws one")
)

const (
	tortureClients  = 64
	tortureAccounts = 20
	tortureSymbols  = 30
)

// seedOf prints the seed of a test's random numbers.
func seedOf(t *testing.T) uint64 {
	t.Helper()
	seed := *seedFlag
	if seed == 0 {
		seed = rand.Uint64()
	}
	t.Logf("seed %d (-seed %[1]d repeats it)", seed)
	return seed
}

// fewConns leaves connections to the other tests.
func fewConns(c *postgres.Config) { c.MaxConns, c.KeepConns = 12, 12 }

// torture is a book under attack.
type torture struct {
	t      *testing.T
	d      *pgtest.Database
	book   *postgres.Book
	ledger *ledger
	left   atomic.Int64
	counts [8]atomic.Int64 // by countNames
}

var countNames = []string{
	"booked", "duplicates", "conflicts", "overfills", "given up", "unknown", "resent",
	"rolled back",
}

const (
	countBooked = iota
	countDuplicates
	countConflicts
	countOverfills
	countGivenUp
	countUnknown
	countResent
	countRolledBack
)

// newTorture makes a database with instruments and, in every account, two orders of every symbol that never fill and
// one that a single unit fills.
func newTorture(t *testing.T, d *pgtest.Database) *torture {
	t.Helper()
	x := &torture{t: t, d: d, ledger: newLedger(t)}
	ctx := blotter.WithAllAccounts(t.Context())
	var orders []blotter.Order
	for a := range tortureAccounts {
		for s := range tortureSymbols {
			for _, side := range []blotter.Side{blotter.Buy, blotter.Sell} {
				orders = append(orders, blotter.Order{
					AccountID: accountName(a), OrderID: orderName(symbolName(s), side), Symbol: symbolName(s),
					Side: side, Quantity: dec("1000000000"), Strategy: "trend",
				})
			}
		}
		orders = append(orders, blotter.Order{
			AccountID: accountName(a), OrderID: "small", Symbol: symbolName(0), Side: blotter.Buy, Quantity: dec("1"),
		})
	}

	if _, err := d.CreateOrders(ctx, orders); err != nil {
		t.Fatal(err)
	}
	d.Exec(t, `insert into data_ingestion.instruments (symbol, multiplier)
		select 'S' || n, 50 from generate_series(0, 4) n`)
	var err error
	if x.book, err = d.NewBook(postgres.BookConfig{Workers: 3, GroupMax: 64}); err != nil {
		t.Fatal(err)
	}

	if err := x.book.Start(ctx); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = x.book.Stop(context.Background()) })
	return x
}

func accountName(a int) string { return fmt.Sprintf("A%d", a) }
func symbolName(s int) string  { return fmt.Sprintf("S%d", s) }

func orderName(symbol string, side blotter.Side) string { return symbol + "-" + string(side) }

// options returns the options that the trade needs.
func options(f blotter.Trade) []postgres.ExecuteOption {
	if strings.HasPrefix(f.OrderID, "adopted-") {
		return []postgres.ExecuteOption{postgres.AdoptOrder}
	}
	return nil
}

// again reports that an error says to send again; any other fails the test.
func (x *torture) again(f blotter.Trade, err error) bool {
	if errors.Is(err, blotter.ErrCommitUnknown) {
		x.counts[countUnknown].Add(1)
	} else if !blotter.Retryable(err) {
		x.t.Errorf("fill %+v: %v (%T)", f, err, err)
		return false
	}
	x.counts[countResent].Add(1)
	time.Sleep(time.Millisecond)
	return x.t.Context().Err() == nil
}

// terminate ends the connections of the database's clients, one after the other, until stop.
func (x *torture) terminate(stop <-chan struct{}, period time.Duration) (killed int) {
	conn := x.d.Connect(x.t, x.d.AdminURL)
	for {
		select {
		case <-stop:
			return killed
		case <-time.After(period):
		}

		var n int
		row := conn.QueryRow(x.t.Context(), `
			select count(pg_terminate_backend(pid))
			  from (select pid from pg_stat_activity
			         where datname = current_database() and application_name = 'blotter'
			           and (state <> 'idle' or random() < 0.1)
			         order by random() limit 1) s`)
		err := row.Scan(&n)
		if err != nil {
			x.t.Error(err)
			return killed
		}
		killed += n
	}
}

// The book under attack: many clients, in every way there is, with duplicates, conflicts, overfills, rolled back
// transactions, impatient callers and killed connections. Afterwards everything is what it must be.
func TestBookTorture(t *testing.T) {
	t.Parallel()
	seed := seedOf(t)
	x := newTorture(t, pgtest.OpenConfig(t, fewConns))
	x.left.Store(int64(*fillsFlag))
	start := time.Now()
	stop := make(chan struct{})
	killed := make(chan int)
	go func() { killed <- x.terminate(stop, 40*time.Millisecond) }()
	var clients sync.WaitGroup
	for i := range tortureClients {
		clients.Go(x.client(seed, i).run)
	}

	clients.Wait()
	close(stop)
	connections, took := <-killed, time.Since(start)
	x.ledger.check(x.d)
	summary := fmt.Sprintf("%d fills sent in %s, %d connections killed", *fillsFlag, took.Round(time.Millisecond),
		connections)
	for i, name := range countNames {
		n := x.counts[i].Load()
		summary += fmt.Sprintf(", %d %s", n, name)
		if n == 0 && *fillsFlag >= 100_000 {
			t.Errorf("no fill was %s: the test shows too little", name)
		}
	}

	deadlocks := pgtest.Value[int](t, x.d, `select deadlocks from pg_stat_database where datname = current_database()`)
	t.Log(summary, deadlocks, "deadlocks")
	if deadlocks*1000 > *fillsFlag { // each costs a second: the lock order avoids them
		t.Errorf("%d deadlocks", deadlocks)
	}
}
