package bench

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/blotterdb/blotter"
)

// goal is a figure beside its goal.
type goal struct {
	work  string
	today float64
	want  float64
	most  bool // want is the most, otherwise the least
}

func (g goal) print() {
	sign, met := ">=", g.today >= g.want
	if g.most {
		sign, met = "<=", g.today <= g.want
	}
	verdict := "missed"
	if met {
		verdict = "met"
	}
	fmt.Printf("%-72s %8.2f x  goal %s %5.2f x  %s\n", g.work, g.today, sign, g.want, verdict)
}

// BenchmarkGoals prints the goals of booking fills with today's ratios, all measured beside lean schemas in one run.
// Those of the server's instructions are printed by BenchmarkInstructions.
func BenchmarkGoals(b *testing.B) {
	m := newFillMarket(b)
	naive := m.naive
	single := m.peer("ExecuteTrade")
	book := m.peer("Book")
	peers := []*fillPeer{naive, single, book}
	for b.Loop() {
		var goals []goal
		alone := m.sideBySide(b, peers[:2], 1)
		goals = append(goals,
			goal{
				"ExecuteTrade, 1 caller: p50 of naive's",
				ratio(alone[single.name].p50, alone[naive.name].p50), 0.8, true,
			},
			goal{"  processor a fill", ratio(alone[single.name].processor(), alone[naive.name].processor()), 1, true})

		eight := m.sideBySide(b, peers, 8)
		goals = append(goals,
			goal{"ExecuteTrade, 8 callers: fills/s", eight[single.name].rate / eight[naive.name].rate, 1.2, false},
			goal{"Book, 8 callers: fills/s", eight[book.name].rate / eight[naive.name].rate, 1.5, false})

		m.setHot(true)
		hot := m.sideBySide(b, peers, 8)
		m.setHot(false)
		goals = append(goals,
			goal{
				"ExecuteTrade, 8 callers on 5 positions: fills/s",
				hot[single.name].rate / hot[naive.name].rate, 1, false,
			},
			goal{"Book, 8 callers on 5 positions: fills/s", hot[book.name].rate / hot[naive.name].rate, 3, false})

		many := m.sideBySide(b, []*fillPeer{naive, book}, 64)
		goals = append(goals,
			goal{"Book, 64 callers: fills/s", many[book.name].rate / many[naive.name].rate, 4, false},
			goal{"  processor a fill", ratio(many[book.name].processor(), many[naive.name].processor()), 0.25, true})

		limit, grouped := m.besideLimit(b, book)
		goals = append(goals,
			goal{"Book, 256 callers: fills/s of pgbench's, one commit a fill", grouped / limit, 2.2, false})

		bulk, batches := m.besideBulk(b)
		goals = append(goals,
			goal{"ExecuteTrades, batches of 500: fills/s of pgx' best bulk", batches / bulk, 1.7, false})

		for _, g := range goals {
			g.print()
		}
		for _, p := range []*fillPeer{naive, single} {
			fmt.Printf("the rows of %s are %s\n", p.name, m.check(b, p))
		}
	}
}

func ratio(a, b time.Duration) float64 { return float64(a) / float64(b) }

// sqlLimit books a fill in one statement, without reading anything: it is a limit, since real fills depend on what is
// stored.
const sqlLimit = `\set n random(0, 12799)
with filled as (
    update lean_bench.orders set filled_quantity = filled_quantity + 1, filled_notional = filled_notional + 100,
           version = version + 1, updated_at = now()
     where account_id = 'A' || (:n::int % 64) and order_id = 'O' || :n::int returning account_id, symbol, order_id, side
), moved as (
    update lean_bench.positions p set quantity = quantity + 1, cost_basis = cost_basis + 100, version = version + 1,
           last_updated = now()
      from filled f where p.account_id = f.account_id and p.symbol = f.symbol
    returning p.account_id, p.quantity, p.cost_basis, p.realized_pnl, p.fees
), booked as (
    insert into lean_bench.trades (account_id, trade_id, order_id, symbol, side, quantity, price, multiplier, currency,
           commission, commission_currency, realized_pnl, position_effect, strategy, executed_at, quantity_after,
           cost_basis_after, realized_pnl_after, fees_after)
    select f.account_id, gen_random_uuid()::text, f.order_id, f.symbol, f.side, 1, 100, 1, 'USD', 0.05, 'USD', 0,
           'increase', '', now(), m.quantity, m.cost_basis, m.realized_pnl, m.fees
      from filled f join moved m using (account_id)
    returning account_id, trade_id
)
insert into lean_bench.events (account_id, event_id, type, data)
select account_id, gen_random_uuid(), 'trade_executed', jsonb_build_object('trade_id', trade_id) from booked;
`

// pgbench returns the fills per second of pgbench, one commit each.
func (m *fillMarket) pgbench(b testing.TB, clients int, span time.Duration) float64 {
	b.Helper()
	script := filepath.Join(b.TempDir(), "fill.sql")
	if err := os.WriteFile(script, []byte(sqlLimit), 0o600); err != nil {
		b.Fatal(err)
	}

	seconds := strconv.Itoa(max(1, int(span.Seconds())))
	out, err := exec.CommandContext(b.Context(), "pgbench", "-n", "-M", "prepared", "-f", script,
		"-c", strconv.Itoa(clients), "-j", "2", "-T", seconds, m.db.AdminURL).CombinedOutput()
	if err != nil {
		b.Fatalf("pgbench: %v\n%s", err, out)
	}
	_, after, _ := strings.Cut(string(out), "tps = ")
	number, _, _ := strings.Cut(after, " ")
	rate, err := strconv.ParseFloat(number, 64)
	if err != nil {
		b.Fatalf("pgbench says no rate: %s", out)
	}
	return rate
}

// besideLimit returns the fills per second of pgbench and of the book for 256 callers, which take turns.
func (m *fillMarket) besideLimit(b testing.TB, book *fillPeer) (limit, grouped float64) {
	var limits, rates []float64
	for range *repetitions {
		limits = append(limits, m.pgbench(b, fillConns, *fillSpan))
		rates = append(rates, m.measure(b, book, 256, *fillSpan).rate)
	}
	slices.Sort(limits)
	slices.Sort(rates)
	return limits[len(limits)/2], rates[len(rates)/2]
}

// besideBulk returns the fills per second of batches by pgx and by ExecuteTrades, which take turns.
func (m *fillMarket) besideBulk(b testing.TB) (bulk, batches float64) {
	peer := &fillPeer{name: "pgx bulk", source: &fillSource{}}
	single := m.peer("ExecuteTrade")
	var bulks, rates []float64
	for range *repetitions {
		bulks = append(bulks, m.batches(b, peer, func(ctx context.Context, trades []blotter.Trade) error {
			return m.pgx["lean_bulk"].bulk(ctx, "lean_bulk", trades)
		}))

		rates = append(rates, m.batches(b, single, func(ctx context.Context, trades []blotter.Trade) error {
			receipts, err := m.db.ExecuteTrades(ctx, trades)
			for _, r := range receipts {
				if r.Err != nil {
					return r.Err
				}
			}
			single.booked.Add(int64(len(receipts)))
			return err
		}))
	}

	slices.Sort(bulks)
	slices.Sort(rates)
	return bulks[len(bulks)/2], rates[len(rates)/2]
}

const batchSize = 500

// batches books batches of a peer's fills for a while and returns the fills per second.
func (m *fillMarket) batches(b testing.TB, p *fillPeer, book func(context.Context, []blotter.Trade) error) float64 {
	b.Helper()
	ctx := blotter.WithAllAccounts(b.Context())
	start, fills := time.Now(), 0

	for time.Since(start) < *fillSpan {
		trades := make([]blotter.Trade, batchSize)
		for i := range trades {
			trades[i] = p.source.next()
		}

		if err := book(ctx, trades); err != nil {
			b.Fatalf("%s: %v", p.name, err)
		}
		fills += len(trades)
	}

	return float64(fills) / time.Since(start).Seconds()
}
