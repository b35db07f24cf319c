package bench

import (
	"fmt"
	"runtime"
	"testing"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/pgtest"
	"github.com/blotterdb/blotter/postgres"
)

const heldSymbols = 50

// The portfolio of an account with 50 positions, valued at last prices and added up, against the bare statement in pgx:
// at most 1.5 x.
func BenchmarkPortfolio(b *testing.B) {
	db := pgtest.Open(b)
	db.Exec(b, `insert into data_ingestion.latest_prices (symbol, price, at, source)
		select 'S' || n, 100 + n, now(), 'bench' from generate_series(0, $1) n`, heldSymbols)

	for account := range 20 {
		ctx := blotter.WithAccount(b.Context(), fmt.Sprint("A", account))
		var trades []blotter.Trade
		for n := range heldSymbols {
			trades = append(trades, blotter.Trade{
				TradeID: "T", Symbol: fmt.Sprint("S", n), Side: blotter.Buy,
				Quantity: blotter.MustDecimal("10"), Price: blotter.MustDecimal("99.75"),
			})
		}
		if _, err := db.ExecuteTrades(ctx, trades); err != nil {
			b.Fatal(err)
		}
	}

	db.Exec(b, `analyze execution.positions, data_ingestion.latest_prices`)
	pool := bare(b, db.Config.ReporterURL)
	ctx := blotter.WithAccount(b.Context(), "A7")
	const sql = `select symbol, quantity, avg_price, cost_basis, realized_pnl, fees, market_price, market_value,
		       unrealized_pnl
		from execution.position_values where account_id = $1 order by symbol`

	statement := func() error {
		rows, err := pool.Query(ctx, sql, "A7")
		if err != nil {
			return err
		}

		defer rows.Close()
		n := 0
		for rows.Next() {
			var p blotter.PositionValue
			err := rows.Scan(&p.Symbol, &p.Quantity, &p.AvgPrice, &p.CostBasis, &p.RealizedPnL, &p.Fees,
				&p.MarketPrice, &p.MarketValue, &p.UnrealizedPnL)
			if err != nil {
				return err
			}
			n++
		}

		if err := rows.Err(); err != nil || n != heldSymbols {
			return fmt.Errorf("%d positions, %w", n, err)
		}
		return nil
	}

	portfolio := func() error {
		p, err := db.Portfolio(ctx, "")
		if err == nil && (len(p.Positions) != heldSymbols || len(p.Totals) != 1) {
			err = fmt.Errorf("%d positions", len(p.Positions))
		}
		return err
	}

	compare(b, 300, variant{"pgx_query", repeat(statement)}, variant{"Portfolio", repeat(portfolio)})
}

// The memory of a process that books a million fills stays what it was.
func BenchmarkBookMemory(b *testing.B) {
	const million, callers = 1_000_000, 64

	d := newDesk(b, million+100_000)
	book, err := d.db.NewBook(postgres.BookConfig{})
	if err == nil {
		err = book.Start(b.Context())
	}
	if err != nil {
		b.Fatal(err)
	}

	ctx := blotter.WithAllAccounts(b.Context())
	heap := func() float64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return float64(m.HeapAlloc) / (1 << 20)
	}

	for b.Loop() {
		for part := range 5 {
			done := make(chan error)
			for range callers {
				go func() {
					from := d.caller()
					for range million / 5 / callers {
						if _, err := book.ExecuteTrade(ctx, from.fill()); err != nil {
							done <- err
							return
						}
					}
					done <- nil
				}()
			}

			for range callers {
				if err := <-done; err != nil {
					b.Fatal(err)
				}
			}
			fmt.Printf("  after %7d fills: %.1f MB\n", (part+1)*million/5, heap())
		}
	}

	if err := book.Stop(b.Context()); err != nil {
		b.Fatal(err)
	}
}
