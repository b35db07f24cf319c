package postgres_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/pgtest"
	"github.com/blotterdb/blotter/postgres"
)

// fill returns a trade without an order.
func fill(id string, side blotter.Side, quantity, price string) blotter.Trade {
	return blotter.Trade{
		TradeID: id, Symbol: "AAPL", Side: side, Quantity: dec(quantity), Price: dec(price),
		ExecutedAt: time.Date(2026, 5, 4, 14, 30, 0, 0, time.UTC),
	}
}

// buy returns a trade that buys 1 at 5, without an order.
func buy(id string) blotter.Trade { return fill(id, blotter.Buy, "1", "5") }

// The golden trades go through the database, each with a call of its own and all in one batch.
func TestGoldenFillsInTheDatabase(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../testdata/fills_golden.json")
	if err != nil {
		t.Fatal(err)
	}

	var sets []struct {
		Name   string
		Trades []struct {
			Side                        blotter.Side
			Quantity, Price, Commission string
			Effect                      blotter.PositionEffect
			RealizedPnL                 string `json:"realized_pnl"`
			After                       struct {
				Quantity    string
				CostBasis   string `json:"cost_basis"`
				RealizedPnL string `json:"realized_pnl"`
				Fees        string
			}
		}
	}

	if err := json.Unmarshal(text, &sets); err != nil || len(sets) < 9 {
		t.Fatal(len(sets), err)
	}
	db := pgtest.Open(t)
	for _, set := range sets {
		for _, batched := range []bool{false, true} {
			ctx := blotter.WithAccount(t.Context(), fmt.Sprint(set.Name, batched)[:min(50, len(set.Name)+4)])
			db.Exec(t, `insert into data_ingestion.instruments (symbol, allows_negative) values ('AAPL', true)
				on conflict do nothing`)
			var trades []blotter.Trade
			for i, f := range set.Trades {
				trade := fill(fmt.Sprint(i), f.Side, f.Quantity, f.Price)
				trade.Commission = dec(f.Commission)
				trades = append(trades, trade)
			}

			var receipts []postgres.Receipt
			if batched {
				if receipts, err = db.ExecuteTrades(ctx, trades); err != nil {
					t.Fatal(err)
				}
			} else {
				for _, trade := range trades {
					r, err := db.ExecuteTrade(ctx, trade)
					if err != nil {
						t.Fatal(err)
					}
					receipts = append(receipts, r)
				}
			}

			stored, err := db.Trades(ctx, postgres.TradeFilter{})
			if err != nil || len(stored) != len(trades) {
				t.Fatalf("%d trades are stored, %v", len(stored), err)
			}
			for i, f := range set.Trades {
				r, s := receipts[i], stored[i]
				for what, pair := range map[string][2]string{
					"effect":          {string(s.PositionEffect), string(f.Effect)},
					"realized":        {s.RealizedPnL.String(), dec(f.RealizedPnL).String()},
					"quantity":        {s.QuantityAfter.String(), dec(f.After.Quantity).String()},
					"cost basis":      {s.CostBasisAfter.String(), dec(f.After.CostBasis).String()},
					"realized in all": {s.RealizedPnLAfter.String(), dec(f.After.RealizedPnL).String()},
					"fees":            {s.FeesAfter.String(), dec(f.After.Fees).String()},
					"outcome":         {string(r.Outcome), string(postgres.Applied)},
					"receipt":         {r.Position.CostBasis.String(), dec(f.After.CostBasis).String()},
				} {
					if pair[0] != pair[1] {
						t.Errorf("%s, trade %d, batched %v: %s is %s, want %s",
							set.Name, i+1, batched, what, pair[0], pair[1])
					}
				}
			}
		}
	}
}

func TestExecuteTradeOutcomes(t *testing.T) {
	t.Parallel()
	db := pgtest.Open(t)
	ctx := blotter.WithAccount(t.Context(), "ACC")
	first := fill("T1", blotter.Buy, "10", "5")
	r, err := db.ExecuteTrade(ctx, first)
	if err != nil || r.Outcome != postgres.Applied || r.Trade.ID == 0 || r.Trade.XID == 0 || r.Position.Version != 1 ||
		!r.Position.CostBasis.Equal(dec("50")) {
		t.Fatalf("%+v, %v", r, err)
	}

	again, err := db.ExecuteTrade(ctx, first)
	if err != nil || again.Outcome != postgres.Duplicate || again.Trade.ID != r.Trade.ID ||
		!again.Position.CostBasis.Equal(r.Position.CostBasis) {
		t.Errorf("%+v, %v", again, err)
	}
	other := first
	other.Price, other.Commission = dec("6"), dec("1")
	if c, err := db.ExecuteTrade(ctx, other); !errors.Is(err, blotter.ErrConflict) || c.Outcome != postgres.Conflict ||
		err.Error() != "execute trade T1: it is booked already, with another price, commission" {
		t.Errorf("%+v, %v", c, err)
	}

	unknown := buy("T2")
	unknown.OrderID = "O1"
	if u, err := db.ExecuteTrade(ctx, unknown); !errors.Is(err, blotter.ErrNotFound) ||
		u.Outcome != postgres.UnknownOrder {
		t.Errorf("%+v, %v", u, err)
	}

	if a, err := db.ExecuteTrade(ctx, unknown, postgres.AdoptOrder); err != nil || a.Outcome != postgres.Applied ||
		!a.Order.Adopted || a.Order.Status != blotter.Filled || a.Order.Version != 1 {
		t.Errorf("%+v, %v", a, err)
	}
}
