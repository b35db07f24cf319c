package web_test

import (
	"flag"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/blotterdb/blotter/pgtest"
)

var benchmarkTrades = flag.Int("trades", 100_000, "trades of the benchmarks, besides those of 1,000 positions")

// sqlManyTrades stores trades of an account without positions, which no page compares with them: a day has 1,000.
const sqlManyTrades = `
insert into execution.trades (account_id, trade_id, symbol, side, quantity, price, realized_pnl, position_effect,
       strategy, executed_at, quantity_after, cost_basis_after, realized_pnl_after, fees_after)
select 'LARGE', 'many-' || i, 'S' || lpad((i % 1000)::text, 4, '0'), case i % 2 when 0 then 'buy' else 'sell' end, 10,
       50 + i % 7, i % 11 - 5, case i % 2 when 0 then 'increase' else 'reduce' end, 'strategy-' || i % 5,
       $1::timestamptz - i * interval '86 seconds', 0, 0, 0, 0
  from generate_series(1, $2::int) i`

// speedSite serves a book of 1,000 positions and many trades.
func speedSite(b *testing.B) *browser {
	b.Helper()
	db := pgtest.Open(b)
	fillPositions(b, db, "LARGE", 1000)
	conn := db.Connect(b, db.AdminURL)
	if _, err := conn.Exec(b.Context(), sqlManyTrades, demoDay.Add(-24*time.Hour), *benchmarkTrades); err != nil {
		b.Fatal(err)
	}
	if _, err := conn.Exec(b.Context(), `vacuum analyze execution.trades, execution.positions`); err != nil {
		b.Fatal(err)
	}
	rebuildAnalytics(b, db)
	return newSite(b, db, nil).opened(b)
}

// measure asks for a page again and again, each time under another address, because pages of one address are shared.
func measure(b *testing.B, browser *browser, path string) {
	b.Helper()
	var took []time.Duration
	weight := 0
	for i := 0; b.Loop(); i++ {
		begin := time.Now()
		weight = len(browser.page(b, fmt.Sprintf("%sn=%d", path, i)))
		took = append(took, time.Since(begin))
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "p50-ms")
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "p99-ms")
	b.ReportMetric(float64(weight)/1000, "kB")
}

func BenchmarkPages(b *testing.B) {
	browser := speedSite(b)
	for _, page := range []struct{ name, path string }{
		{"overview", "/?"},
		{"overview of an account", "/?account=LARGE&"},
		{"trades", "/trades?"},
		{"trades of an account", "/trades?account=LARGE&"},
		{"trades of a symbol", "/trades?account=LARGE&symbol=S0500&"},
		{"positions", "/positions?account=LARGE&"},
		{"a position", "/position?account=LARGE&symbol=S0500&"},
	} {
		b.Run(page.name, func(b *testing.B) { measure(b, browser, page.path) })
	}
}
