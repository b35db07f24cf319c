package bench

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/pgtest"
	"github.com/blotterdb/blotter/postgres"
	"github.com/jackc/pgx/v5/pgxpool"
)

// fillConns is how many connections each pool of the fills' benchmark has.
const fillConns = 24

// fillSource makes the fills of one book: each has its own trade id, and an order that a hash of its number chooses.
type fillSource struct {
	number atomic.Int64
	hot    atomic.Bool // all fills are of five positions
}

func (s *fillSource) next() blotter.Trade {
	n := s.number.Add(1)
	h := uint64(n) * 0x9E3779B97F4A7C15
	h ^= h >> 29
	order := int(h % fillOrders)
	if s.hot.Load() {
		order = fillAccounts*int(h%5) + fillAccounts*fillSymbols*int(h/5%4)
	}

	side := blotter.Buy
	if order/(fillAccounts*fillSymbols)%2 == 1 {
		side = blotter.Sell
	}
	return blotter.Trade{
		AccountID: fmt.Sprintf("A%d", order%fillAccounts), TradeID: fmt.Sprintf("T%d", n),
		OrderID: fmt.Sprintf("O%d", order), Symbol: fmt.Sprintf("S%d", order/fillAccounts%fillSymbols), Side: side,
		Quantity: blotter.MustDecimal(fmt.Sprint(1 + n%3)), Commission: blotter.MustDecimal("0.05"),
		Price:      blotter.MustDecimal(fmt.Sprintf("%d.%02d", 100+n%50, n%100)),
		ExecutedAt: time.Date(2026, 3, 2, 14, 30, 0, 0, time.UTC).Add(time.Duration(n) * time.Millisecond),
	}
}

// fillPeer books fills in a way of its own, into a schema of its own.
type fillPeer struct {
	name   string
	schema string
	book   func(context.Context, blotter.Trade) error
	source *fillSource
	booked *atomic.Int64 // fills that were acknowledged, of all peers of the schema
}

// fillMarket is a database with a book of blotter's and lean schemas of its peers.
type fillMarket struct {
	db    *pgtest.Database
	naive *fillPeer
	peers []*fillPeer // the naive one first
	pgx   map[string]*leanPgx
	pool  *pgxpool.Pool
}

func newFillMarket(b testing.TB) *fillMarket {
	b.Helper()
	db := pgtest.OpenConfig(b, func(c *postgres.Config) {
		c.MaxConns = fillConns
		c.KeepConns = fillConns
	})
	exec := setUp(b, db)
	seedBook(exec)

	m := &fillMarket{db: db, pgx: map[string]*leanPgx{}}
	m.pool = bare(b, fmt.Sprintf("%s&pool_max_conns=%d&pool_min_conns=%[2]d", db.AdminURL, fillConns))
	for _, schema := range []string{"lean_naive", "lean_sqlc", "lean_pipelined", "lean_bulk", "lean_bench"} {
		makeLean(exec, schema)
		m.pgx[schema] = &leanPgx{pool: m.pool, sql: newLeanQueries(schema)}
	}
	makeLean(exec, "lean_gorm")
	makeLean(exec, "lean_bun")
	withGORM, withBun := orms(b, m.pool, fillConns)

	m.add("naive pgx", "lean_naive", m.pgx["lean_naive"].naive)
	m.add("sqlc", "lean_sqlc", m.pgx["lean_sqlc"].sqlc)
	m.add("pgx, 2 round trips", "lean_pipelined", m.pgx["lean_pipelined"].pipelined)
	m.add("GORM", "lean_gorm", withGORM)
	m.add("Bun", "lean_bun", withBun)
	m.naive = m.peers[0]
	m.addBlotter(b)
	return m
}

func (m *fillMarket) add(name, schema string, book func(context.Context, blotter.Trade) error) *fillPeer {
	p := &fillPeer{name: name, schema: schema, book: book, source: &fillSource{}, booked: &atomic.Int64{}}
	m.peers = append(m.peers, p)
	return p
}

// addBlotter adds ExecuteTrade and a running Book. Both write into the one book, so they share its source.
func (m *fillMarket) addBlotter(b testing.TB) {
	single := m.add("ExecuteTrade", "execution", func(ctx context.Context, t blotter.Trade) error {
		_, err := m.db.ExecuteTrade(ctx, t)
		return err
	})

	book, err := m.db.NewBook(postgres.BookConfig{})
	if err == nil {
		err = book.Start(b.Context())
	}
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = book.Stop(context.Background()) })
	grouped := m.add("Book", "execution", func(ctx context.Context, t blotter.Trade) error {
		_, err := book.ExecuteTrade(ctx, t)
		return err
	})
	grouped.source = single.source
	grouped.booked = single.booked
}

func (m *fillMarket) peer(name string) *fillPeer {
	return m.peers[slices.IndexFunc(m.peers, func(p *fillPeer) bool { return p.name == name })]
}

// choose keeps the named peers, with commas between, and all of them for "".
func (m *fillMarket) choose(names string) {
	if names == "" {
		return
	}
	list := strings.Split(names, ",")
	m.peers = slices.DeleteFunc(m.peers, func(p *fillPeer) bool { return !slices.Contains(list, p.name) })
}

// check reports whether the rows of a peer's schema are right.
func (m *fillMarket) check(b testing.TB, p *fillPeer) string {
	return answers(b, m.db, p.schema, p.booked.Load())
}

// fillResult is a measurement of fills.
type fillResult struct {
	rate     float64
	p50, p99 time.Duration
	spent    processorTime // a fill
	memory   allocated     // a fill, by the client
}

func (r fillResult) processor() time.Duration { return r.spent.client + r.spent.server }

// measure has callers book fills for a while.
func (m *fillMarket) measure(b testing.TB, p *fillPeer, callers int, span time.Duration) fillResult {
	b.Helper()
	ctx := blotter.WithAllAccounts(b.Context())
	before := spentProcessor(b, m.db)
	allocatedBefore := allocatedSoFar()
	var mu sync.Mutex
	var all []time.Duration
	var wait sync.WaitGroup
	start := time.Now()
	for range callers {
		wait.Go(func() {
			var mine []time.Duration
			for time.Since(start) < span {
				begin := time.Now()
				if err := p.book(ctx, p.source.next()); err != nil {
					b.Errorf("%s: %v", p.name, err)
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
	memory := allocatedSoFar().since(allocatedBefore, int64(len(all)))
	spent := spentProcessor(b, m.db).since(before, int64(len(all)))
	p.booked.Add(int64(len(all)))
	if len(all) == 0 {
		b.Fatalf("%s booked nothing", p.name)
	}
	slices.Sort(all)
	return fillResult{
		rate: float64(len(all)) / took.Seconds(), p50: all[len(all)/2], p99: all[len(all)*99/100], spent: spent,
		memory: memory,
	}
}

// middleResult returns the median of each figure.
func middleResult(results []fillResult) fillResult {
	return fillResult{
		rate: medianOf(results, func(r fillResult) float64 { return r.rate }),
		p50:  medianOf(results, func(r fillResult) time.Duration { return r.p50 }),
		p99:  medianOf(results, func(r fillResult) time.Duration { return r.p99 }),
		spent: processorTime{
			client: medianOf(results, func(r fillResult) time.Duration { return r.spent.client }),
			server: medianOf(results, func(r fillResult) time.Duration { return r.spent.server }),
		},
		memory: allocated{
			objects: medianOf(results, func(r fillResult) int64 { return r.memory.objects }),
			bytes:   medianOf(results, func(r fillResult) int64 { return r.memory.bytes }),
		},
	}
}

func medianOf[T cmp.Ordered](results []fillResult, figure func(fillResult) T) T {
	list := make([]T, len(results))
	for i, r := range results {
		list[i] = figure(r)
	}
	slices.Sort(list)
	return list[len(list)/2]
}

// sideBySide has the peers take turns and returns the median of each.
func (m *fillMarket) sideBySide(b testing.TB, peers []*fillPeer, callers int) map[string]fillResult {
	b.Helper()
	results := map[string][]fillResult{}
	for _, p := range peers {
		m.measure(b, p, callers, *fillSpan/4)
	}
	for range *repetitions {
		for _, p := range peers {
			results[p.name] = append(results[p.name], m.measure(b, p, callers, *fillSpan))
		}
	}

	middle := map[string]fillResult{}
	for name, list := range results {
		middle[name] = middleResult(list)
	}
	return middle
}

// printFills prints a table of results beside the first peer's.
func (m *fillMarket) printFills(b testing.TB, title string, peers []*fillPeer, results map[string]fillResult) {
	b.Helper()
	base := results[peers[0].name]
	fmt.Printf("\n%s\n%-20s %9s %9s %9s %9s %9s %9s %9s %9s %6s %6s  %s\n", title, "", "fills/s", "p50", "p99",
		"client µs", "server µs", "allocs", "KB", "x fills/s", "x p50", "x µs", "answers")
	for _, p := range peers {
		r := results[p.name]
		fmt.Printf("%-20s %9.0f %9s %9s %9d %9d %9d %9.1f %9.2f %6.2f %6.2f  %s\n", p.name, r.rate,
			r.p50.Round(time.Microsecond), r.p99.Round(time.Microsecond), r.spent.client.Microseconds(),
			r.spent.server.Microseconds(), r.memory.objects, float64(r.memory.bytes)/1000, r.rate/base.rate,
			float64(r.p50)/float64(base.p50), float64(r.processor())/float64(base.processor()), m.check(b, p))
	}
}

// BenchmarkFills books fills by blotter and by its peers, each in a schema of its own on one server.
func BenchmarkFills(b *testing.B) {
	m := newFillMarket(b)
	m.choose(*peersFlag)

	for b.Loop() {
		for _, callers := range []int{1, 8, 64, 256} {
			title := strings.TrimSuffix(fmt.Sprintf("%d callers", callers), "s")
			if callers > 1 {
				title += "s"
			}
			m.printFills(b, title, m.peers, m.sideBySide(b, m.peers, callers))
		}

		m.setHot(true)
		m.printFills(b, "8 callers on 5 positions", m.peers, m.sideBySide(b, m.peers, 8))
		m.setHot(false)
	}
}

// setHot switches all peers to fills of five positions, or back.
func (m *fillMarket) setHot(hot bool) {
	for _, p := range m.peers {
		p.source.hot.Store(hot)
	}
}
