package bench

import (
	"cmp"
	"context"
	"flag"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/pgtest"
	"github.com/blotterdb/blotter/postgres"
	"github.com/jackc/pgx/v5/pgxpool"
)

const (
	bookAccounts  = 20
	bookSymbols   = 30
	fillsPerOrder = 10
)

// desk is a database with orders that wait for fills, and hands them out.
type desk struct {
	db      *pgtest.Database
	pool    *pgxpool.Pool
	next    atomic.Int64
	hot     bool // all fills are of one position
	oneSize blotter.Decimal
}

func newDesk(b *testing.B, fills int, change ...func(*postgres.Config)) *desk {
	db := pgtest.OpenConfig(b, func(c *postgres.Config) {
		c.MaxConns = 24
		for _, set := range change {
			set(c)
		}
	})
	d := &desk{db: db, oneSize: blotter.MustDecimal("1")}
	db.Exec(b, `insert into execution.accounts (account_id)
		select 'A' || n from generate_series(0, $1 - 1) n`, bookAccounts)
	db.Exec(b, `insert into execution.orders (account_id, order_id, symbol, side, quantity, status)
		select 'A' || n % 20, 'O' || n, 'S' || n / 20 % 30, case when n / 600 % 2 = 0 then 'buy' else 'sell' end, 10,
		       'submitted'
		  from generate_series(0, $1) n`, fills/fillsPerOrder)
	db.Exec(b, `analyze execution.orders, execution.accounts`)

	// The role is the book's: otherwise the audit log records what the pool makes of positions.
	d.pool = bare(b, db.Config.ServiceURL+"&pool_max_conns=24&role=trading_service")
	return d
}

// caller is one of those who book: it has an order of its own, whose fills arrive one after the other.
type caller struct {
	*desk
	order, fills int
}

func (d *desk) caller() *caller { return &caller{desk: d, fills: fillsPerOrder} }

// fill returns the next fill.
func (c *caller) fill() blotter.Trade {
	if c.fills == fillsPerOrder {
		c.order = int(c.next.Add(1) - 1)
		c.fills = 0
	}
	c.fills++

	n := c.order*fillsPerOrder + c.fills
	account, symbol, side := places(c.order)
	t := blotter.Trade{
		AccountID: account, TradeID: fmt.Sprintf("T%d", n), OrderID: fmt.Sprintf("O%d", c.order), Symbol: symbol,
		Side: side, Quantity: c.oneSize, Price: blotter.MustDecimal(fmt.Sprintf("%d.%02d", 100+n%50, n%100)),
		Commission: blotter.MustDecimal("0.05"), ExecutedAt: time.Now().UTC(),
	}

	if c.hot {
		t.AccountID = "A0"
		t.OrderID = ""
		t.Symbol = "HOT"
	}

	return t
}

// places spreads orders over accounts and symbols.
func places(order int) (account, symbol string, side blotter.Side) {
	side = blotter.Buy
	if order/(bookAccounts*bookSymbols)%2 == 1 {
		side = blotter.Sell
	}
	return fmt.Sprintf("A%d", order%bookAccounts), fmt.Sprintf("S%d", order/bookAccounts%bookSymbols), side
}

// run has so many callers book fills for a while.
func (d *desk) run(
	b *testing.B, callers int, span time.Duration, book func(context.Context, blotter.Trade) error,
) result {
	b.Helper()
	ctx := blotter.WithAllAccounts(b.Context())

	var mu sync.Mutex
	var all []time.Duration
	var wait sync.WaitGroup

	start := time.Now()
	for range callers {
		wait.Go(func() {
			var mine []time.Duration
			from := d.caller()
			for time.Since(start) < span {
				begin := time.Now()
				if err := book(ctx, from.fill()); err != nil {
					b.Error(err)
					return
				}
				mine = append(mine, time.Since(begin))
			}

			mu.Lock()
			all = append(all, mine...)
			mu.Unlock()
		})
	}

	wait.Wait()
	took := time.Since(start)
	slices.Sort(all)

	if len(all) == 0 {
		b.Fatal("nothing was booked")
	}

	return result{rate: float64(len(all)) / took.Seconds(), p50: all[len(all)/2], p99: all[len(all)*99/100]}
}

type result struct {
	rate     float64
	p50, p99 time.Duration
}

func (r result) String() string {
	return fmt.Sprintf("%7.0f fills/s  p50 %8s  p99 %8s", r.rate, r.p50.Round(time.Microsecond),
		r.p99.Round(time.Microsecond))
}

func (d *desk) execute(ctx context.Context, t blotter.Trade) error {
	_, err := d.db.ExecuteTrade(ctx, t)
	return err
}

// startBook starts a Book and returns its ExecuteTrade.
func (d *desk) startBook(b *testing.B) func(context.Context, blotter.Trade) error {
	book, err := d.db.NewBook(postgres.BookConfig{})
	if err == nil {
		err = book.Start(b.Context())
	}
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = book.Stop(context.Background()) })
	return func(ctx context.Context, t blotter.Trade) error {
		_, err := book.ExecuteTrade(ctx, t)
		return err
	}
}

const (
	bookSpan = 2 * time.Second // of one measurement
	bookWarm = 500 * time.Millisecond
)

var (
	repetitions = flag.Int("repetitions", 3, "interleaved rounds of each measurement of the book")
	peersFlag   = flag.String("peers", "", "measure only these peers of the fills, with commas between")
	fillSpan    = flag.Duration("fill-span", 2*time.Second, "time of one measurement of fills")
)

// middle returns the medians of the rounds.
func middle(results []result) result {
	pick := func(less func(a, b result) int) result {
		return slices.SortedFunc(slices.Values(results), less)[len(results)/2]
	}
	return result{
		rate: pick(func(a, b result) int { return cmp.Compare(a.rate, b.rate) }).rate,
		p50:  pick(func(a, b result) int { return cmp.Compare(a.p50, b.p50) }).p50,
		p99:  pick(func(a, b result) int { return cmp.Compare(a.p99, b.p99) }).p99,
	}
}
