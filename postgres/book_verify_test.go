package postgres_test

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/pgtest"
	"github.com/blotterdb/blotter/postgres"
)

// planStep is a step in the output of EXPLAIN (ANALYZE, FORMAT JSON).
type planStep struct {
	Type        string     `json:"Node Type"`
	Rows        float64    `json:"Actual Rows"`
	Loops       float64    `json:"Actual Loops"`
	Filtered    float64    `json:"Rows Removed by Filter"`
	JoinedAway  float64    `json:"Rows Removed by Join Filter"`
	IndexedAway float64    `json:"Rows Removed by Index Recheck"`
	Plans       []planStep `json:"Plans"`
}

// work returns how many rows the step and those below it have read.
func (n planStep) work() float64 {
	sum := (n.Rows + n.Filtered + n.JoinedAway + n.IndexedAway) * n.Loops
	for _, below := range n.Plans {
		sum += below.work()
	}
	return sum
}

// workOf runs a statement and returns how many rows it looked at.
func workOf(ctx context.Context, t *testing.T, s *postgres.Session, sql string, args ...any) float64 {
	t.Helper()
	var text []byte
	if err := s.QueryRow(ctx, "explain (analyze, format json) "+sql, args...).Scan(&text); err != nil {
		t.Fatal(err)
	}
	var plans []struct{ Plan planStep }
	if err := json.Unmarshal(text, &plans); err != nil {
		t.Fatal(err)
	}
	return plans[0].Plan.work()
}

// Verify's work grows with the rows, not with their square, when the statistics are those of empty tables, and when
// there are none.
func TestVerifyWithOldStatistics(t *testing.T) {
	t.Parallel()
	for _, analyzed := range []bool{false, true} {
		t.Run(fmt.Sprintf("analyzed when empty: %v", analyzed), func(t *testing.T) {
			t.Parallel()
			const (
				orders  = 1500
				fills   = 2
				symbols = 300
			)
			db := pgtest.Open(t)
			for _, table := range []string{
				"execution.orders", "execution.trades", "execution.positions",
				"execution.round_trips",
			} {
				db.Exec(t, "alter table "+table+" set (autovacuum_enabled = off)")
			}
			ctx := as(t, "A1")
			bookFills(ctx, t, db.DB, 0, 1, fills, symbols)
			if analyzed {
				db.Exec(t, "analyze execution.orders, execution.trades, execution.positions, execution.round_trips")
			}
			bookFills(ctx, t, db.DB, 1, orders, fills, symbols)

			rows := float64(orders + orders*fills + symbols)
			err := db.ReadOnly(ctx, func(s *postgres.Session) error {
				for _, sql := range postgres.VerifySettings {
					if _, err := s.Exec(ctx, sql); err != nil {
						return err
					}
				}
				for _, sql := range postgres.VerifyQueries {
					if work := workOf(ctx, t, s, sql, "A1"); work > 100*rows {
						t.Errorf("%.0f rows were looked at where there are %.0f, by %s", work, rows, sql)
					}
				}
				return nil
			}, postgres.Snapshot)
			if err != nil {
				t.Fatal(err)
			}
			v, err := db.Verify(ctx)
			if err != nil || len(v.Mismatches) > 0 || v.Trades != orders*fills {
				t.Errorf("Verify: %+v, %v", v, err)
			}
		})
	}
}

// bookFills books fills of the orders from first up to end.
func bookFills(ctx context.Context, t *testing.T, db *postgres.DB, first, end, fills, symbols int) {
	t.Helper()
	var orders []blotter.Order
	var trades []blotter.Trade
	for i := first; i < end; i++ {
		o := newOrder("A1", fmt.Sprint("O-", i))
		o.Symbol, o.Quantity = fmt.Sprint("S", i%symbols), blotter.MustDecimal(fmt.Sprint(fills))
		orders = append(orders, o)
		for n := range fills {
			trades = append(trades, blotter.Trade{
				TradeID: fmt.Sprintf("T-%d-%d", i, n), OrderID: o.OrderID, Symbol: o.Symbol, Side: o.Side,
				Currency: "USD", Quantity: blotter.MustDecimal("1"), Price: blotter.MustDecimal("10.25"),
				ExecutedAt: time.Date(2025, 2, 3, 10, 0, i, 0, time.UTC),
			})
		}
	}

	if _, err := db.CreateOrders(ctx, orders); err != nil {
		t.Fatal(err)
	}
	receipts, err := db.ExecuteTrades(ctx, trades)
	if err != nil {
		t.Fatal(err)
	}

	for _, r := range receipts {
		if r.Err != nil {
			t.Fatal(r.Err)
		}
	}
}
