package bench

import (
	"cmp"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/pgtest"
	"github.com/blotterdb/blotter/postgres"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
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
	db.Exec(b, `insert into execution.accounts (account_id) select 'A' || n from generate_series(0, $1 - 1) n`, bookAccounts)
	db.Exec(b, `insert into execution.orders (account_id, order_id, symbol, side, quantity, status)
		select 'A' || n % 20, 'O' || n, 'S' || n / 20 % 30, case when n / 600 % 2 = 0 then 'buy' else 'sell' end, 10, 'submitted' from generate_series(0, $1) n`, fills/fillsPerOrder)
	db.Exec(b, `analyze execution.orders, execution.accounts`)
	d.pool = bare(b, db.Config.ServiceURL+"&pool_max_conns=24&role=trading_service") // as the book does: else the audit log records what it makes of positions
	return d
}

// caller is one of those who book: it has an order of its own, whose fills arrive one after the other.
type caller struct {
	*desk
	order, fills int
}

func (d *desk) caller() *caller { return &caller{desk: d, fills: fillsPerOrder} }

// fill is the next fill.
func (c *caller) fill() blotter.Trade {
	if c.fills == fillsPerOrder {
		c.order, c.fills = int(c.next.Add(1)-1), 0
	}
	c.fills++
	n := c.order*fillsPerOrder + c.fills
	account, symbol, side := places(c.order)
	t := blotter.Trade{
		AccountID: account, TradeID: fmt.Sprintf("T%d", n), OrderID: fmt.Sprintf("O%d", c.order), Symbol: symbol,
		Side: side, Quantity: c.oneSize, Price: blotter.MustDecimal(fmt.Sprintf("%d.%02d", 100+n%50, n%100)), Commission: blotter.MustDecimal("0.05"), ExecutedAt: time.Now().UTC(),
	}
	if c.hot {
		t.AccountID, t.OrderID, t.Symbol = "A0", "", "HOT"
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

// naive books a fill as a correct program in plain pgx does: seven round trips.
func (d *desk) naive(ctx context.Context, t blotter.Trade) error {
	conn, err := d.pool.Acquire(ctx)
	if err != nil {
		return err
	}
	defer conn.Release()
	defer func() { _, _ = conn.Exec(context.WithoutCancel(ctx), "rollback") }()
	var o blotter.Order
	var p blotter.Position
	lock := &pgx.Batch{}
	lock.Queue("begin")
	lock.Queue(`select symbol, side, quantity, filled_quantity, filled_notional, status from execution.orders where account_id = $1 and order_id = $2 for update`, t.AccountID, t.OrderID).
		QueryRow(func(row pgx.Row) error {
			err := row.Scan(&o.Symbol, &o.Side, &o.Quantity, &o.FilledQuantity, &o.FilledNotional, &o.Status)
			if err == pgx.ErrNoRows && d.hot {
				return nil
			}
			return err
		})
	if err := conn.SendBatch(ctx, lock).Close(); err != nil {
		return err
	}
	o.AccountID, o.OrderID = t.AccountID, t.OrderID
	err = conn.QueryRow(ctx, `select account_id, symbol, quantity, cost_basis, realized_pnl, fees, multiplier, currency, opened_at, max_quantity, life_pnl, life_fees, life_trades, strategy
		from execution.positions where account_id = $1 and symbol = $2 for update`, t.AccountID, t.Symbol).
		Scan(&p.AccountID, &p.Symbol, &p.Quantity, &p.CostBasis, &p.RealizedPnL, &p.Fees, &p.Multiplier, &p.Currency, &p.OpenedAt, &p.MaxQuantity, &p.LifePnL, &p.LifeFees, &p.LifeTrades, &p.Strategy)
	if err != nil && err != pgx.ErrNoRows {
		return err
	}
	after, effect, err := p.Apply(t)
	if err != nil {
		return err
	}
	t = t.Booked(after, effect)
	if !d.hot {
		if o, err = o.Fill(t, false); err != nil {
			return err
		}
		if _, err := conn.Exec(ctx, `update execution.orders set filled_quantity = $3, filled_notional = $4, status = $5, version = version + 1, updated_at = now()
			where account_id = $1 and order_id = $2`, t.AccountID, t.OrderID, o.FilledQuantity, o.FilledNotional, string(o.Status)); err != nil {
			return err
		}
	}
	if _, err := conn.Exec(ctx, `insert into execution.trades (account_id, trade_id, order_id, symbol, side, quantity, price, multiplier, currency, commission, commission_currency,
			realized_pnl, position_effect, strategy, executed_at, quantity_after, cost_basis_after, realized_pnl_after, fees_after)
		values ($1, $2, nullif($3, ''), $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19)`,
		t.AccountID, t.TradeID, t.OrderID, t.Symbol, string(t.Side), t.Quantity, t.Price, t.Multiplier, t.Currency, t.Commission, t.CommissionCurrency,
		t.RealizedPnL, string(t.PositionEffect), t.Strategy, t.ExecutedAt, t.QuantityAfter, t.CostBasisAfter, t.RealizedPnLAfter, t.FeesAfter); err != nil {
		return err
	}
	if _, err := conn.Exec(ctx, `insert into execution.positions as p (account_id, symbol, quantity, cost_basis, realized_pnl, fees, multiplier, currency, opened_at, max_quantity, life_pnl, life_fees, life_trades, strategy)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
		on conflict (account_id, symbol) do update set quantity = excluded.quantity, cost_basis = excluded.cost_basis, realized_pnl = excluded.realized_pnl, fees = excluded.fees,
			opened_at = excluded.opened_at, max_quantity = excluded.max_quantity, life_pnl = excluded.life_pnl, life_fees = excluded.life_fees, life_trades = excluded.life_trades,
			strategy = excluded.strategy, version = p.version + 1, last_updated = now()`,
		after.AccountID, after.Symbol, after.Quantity, after.CostBasis, after.RealizedPnL, after.Fees, after.Multiplier, after.Currency, after.OpenedAt,
		after.MaxQuantity, after.LifePnL, after.LifeFees, after.LifeTrades, after.Strategy); err != nil {
		return err
	}
	data, err := json.Marshal(t.EventData())
	if err != nil {
		return err
	}
	if _, err := conn.Exec(ctx, `insert into events.outbox (account_id, channel, key, event_id, type, service, data) values ($1::text, 'trades', $1::text, $2, 'trade_executed', 'execution', $3)`,
		t.AccountID, uuid.New(), data); err != nil {
		return err
	}
	_, err = conn.Exec(ctx, "commit")
	return err
}

// run has so many callers book fills for a while.
func (d *desk) run(b *testing.B, callers int, span time.Duration, book func(context.Context, blotter.Trade) error) result {
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
	return fmt.Sprintf("%7.0f fills/s  p50 %8s  p99 %8s", r.rate, r.p50.Round(time.Microsecond), r.p99.Round(time.Microsecond))
}

func (d *desk) execute(ctx context.Context, t blotter.Trade) error {
	_, err := d.db.ExecuteTrade(ctx, t)
	return err
}

// startBook is a running Book's ExecuteTrade.
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

// batches books fills by ExecuteTrades, so many a call, and counts fills.
func (d *desk) batches(b *testing.B, size int, span time.Duration) float64 {
	ctx := blotter.WithAllAccounts(b.Context())
	start, n, from := time.Now(), 0, d.caller()
	for time.Since(start) < span {
		trades := make([]blotter.Trade, size)
		for i := range trades {
			trades[i] = from.fill()
		}
		receipts, err := d.db.ExecuteTrades(ctx, trades)
		if err != nil {
			b.Fatal(err)
		}
		for _, r := range receipts {
			if r.Err != nil {
				b.Fatal(r.Err)
			}
		}
		n += size
	}
	return float64(n) / time.Since(start).Seconds()
}

const (
	bookSpan  = 2 * time.Second // of one measurement
	bookWarm  = 500 * time.Millisecond
	batchSize = 500
)

var repetitions = flag.Int("repetitions", 3, "interleaved rounds of each measurement of the book")

// Booking fills against the naive correct sequence at the same concurrency, in interleaved rounds.
func BenchmarkBook(b *testing.B) {
	plain, ours := newDesk(b, 400_000), newDesk(b, 1_500_000)
	book := ours.startBook(b)
	for b.Loop() {
		var lone float64
		for _, callers := range []int{1, 8, 64} {
			var naive, single, grouped []result
			plain.run(b, callers, bookWarm, plain.naive)
			ours.run(b, callers, bookWarm, ours.execute)
			ours.run(b, callers, bookWarm, book)
			for range *repetitions {
				naive = append(naive, plain.run(b, callers, bookSpan, plain.naive))
				single = append(single, ours.run(b, callers, bookSpan, ours.execute))
				grouped = append(grouped, ours.run(b, callers, bookSpan, book))
			}
			besideNaive(fmt.Sprintf("%d callers", callers), naive, map[string][]result{"ExecuteTrade": single, "Book.ExecuteTrade": grouped})
			if callers == 1 {
				lone = middle(naive).rate
			}
		}
		rate := ours.batches(b, batchSize, bookSpan)
		fmt.Printf("  ExecuteTrades, batches of %d: %.0f fills/s, %.1f x the naive rate of one caller\n", batchSize, rate, rate/lone)
		plain.hot, ours.hot = true, true
		var naive, grouped []result
		for range *repetitions {
			naive = append(naive, plain.run(b, 64, bookSpan, plain.naive))
			grouped = append(grouped, ours.run(b, 64, bookSpan, book))
		}
		besideNaive("64 callers, one position", naive, map[string][]result{"Book.ExecuteTrade": grouped})
		plain.hot, ours.hot = false, false
	}
}

// middle are the medians of the rounds.
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

func besideNaive(title string, naive []result, ours map[string][]result) {
	base := middle(naive)
	fmt.Printf("  %s\n    %-18s %s\n", title, "naive", base)
	for _, name := range slices.Sorted(maps.Keys(ours)) {
		r := middle(ours[name])
		fmt.Printf("    %-18s %s  %.2f x fills/s, %.2f x p50, %.2f x p99\n", name, r, r.rate/base.rate, float64(r.p50)/float64(base.p50), float64(r.p99)/float64(base.p99))
	}
}
