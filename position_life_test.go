package blotter_test

import (
	"testing"
	"time"

	"github.com/blotterdb/blotter"
)

// lifeTrade returns a trade of account A in symbol S, executed at the given hour of one day.
func lifeTrade(side blotter.Side, quantity, price, commission string, hour int) blotter.Trade {
	return blotter.Trade{
		AccountID: "A", TradeID: "T", Symbol: "S", Side: side,
		Quantity: blotter.MustDecimal(quantity), Price: blotter.MustDecimal(price),
		Commission: blotter.MustDecimal(commission),
		Strategy:   "at " + price, ExecutedAt: time.Date(2026, 5, 4, hour, 0, 0, 0, time.UTC),
	}
}

// wantDecimals compares numbers by their names.
func wantDecimals(t *testing.T, got map[string]blotter.Decimal, want map[string]string) {
	t.Helper()

	for name, text := range want {
		if d := got[name]; d.String() != text {
			t.Errorf("%s is %s, want %s", name, d, text)
		}
	}

	if len(got) != len(want) {
		t.Errorf("%d numbers, want %d", len(got), len(want))
	}
}

// TestFlipDividesTheFeeInProportion sells 15 of 10 for a fee of 3: the 10 that close pay 2 and the 5 that open pay 1.
// The round trip covers the whole life that ended, and nothing of the one that began.
func TestFlipDividesTheFeeInProportion(t *testing.T) {
	t.Parallel()

	p := applyAll(t, []blotter.Trade{
		lifeTrade(blotter.Buy, "4", "100", "0.4", 9),
		lifeTrade(blotter.Buy, "8", "106", "0.8", 10),
		lifeTrade(blotter.Sell, "2", "110", "0.2", 11),
	})

	p, effect := apply(t, p, lifeTrade(blotter.Sell, "15", "120", "3", 12))

	trip := effect.Closed
	if effect.Kind != blotter.Flipped || trip == nil {
		t.Fatalf("effect %q, round trip %v; want a flip that ends one", effect.Kind, trip)
	}

	wantDecimals(t, map[string]blotter.Decimal{
		"trip fees": trip.Fees, "trip gross": trip.Gross, "trip net": trip.Net, "trip quantity": trip.MaxQuantity,
		"realized":  effect.RealizedPnL,
		"life fees": p.LifeFees, "life P&L": p.LifePnL, "life quantity": p.MaxQuantity,
		"quantity": p.Quantity, "cost basis": p.CostBasis, "fees": p.Fees,
	}, map[string]string{
		"trip fees": "3.4", "trip gross": "172", "trip net": "168.6", "trip quantity": "12",
		"realized":  "160",
		"life fees": "1", "life P&L": "0", "life quantity": "5",
		"quantity": "-5", "cost basis": "600", "fees": "4.4",
	})

	if trip.Trades != 4 || p.LifeTrades != 1 {
		t.Errorf("the lives have %d and %d trades, want 4 and 1", trip.Trades, p.LifeTrades)
	}
	if trip.OpenedAt.Hour() != 9 || trip.ClosedAt.Hour() != 12 || p.OpenedAt.Hour() != 12 {
		t.Errorf("the first life is from %s to %s and the second from %s; want 9:00, 12:00 and 12:00",
			trip.OpenedAt, trip.ClosedAt, p.OpenedAt)
	}
	if trip.Strategy != "at 100" || p.Strategy != "at 120" {
		t.Errorf("strategies %q and %q, want those of the trades that began the lives", trip.Strategy, p.Strategy)
	}
	if trip.AccountID != "A" || trip.Symbol != "S" {
		t.Errorf("round trip of %s %s, want A S", trip.AccountID, trip.Symbol)
	}
}

// TestLifeOfShortPosition checks that MaxQuantity keeps the largest quantity while a short position shrinks and grows.
func TestLifeOfShortPosition(t *testing.T) {
	t.Parallel()

	p := applyAll(t, []blotter.Trade{
		lifeTrade(blotter.Sell, "7", "10", "0", 9),
		lifeTrade(blotter.Buy, "5", "9", "0.5", 10),
		lifeTrade(blotter.Sell, "4", "11", "0.25", 11),
	})

	wantDecimals(t, map[string]blotter.Decimal{
		"quantity": p.Quantity, "largest": p.MaxQuantity, "cost basis": p.CostBasis,
		"P&L": p.LifePnL, "fees": p.LifeFees, "average": *p.AvgPrice,
	}, map[string]string{
		"quantity": "-6", "largest": "7", "cost basis": "64",
		"P&L": "5", "fees": "0.75", "average": "10.6666666666666667",
	})

	if p.LifeTrades != 3 || p.OpenedAt.Hour() != 9 || p.Strategy != "at 10" {
		t.Errorf("%d trades of %q since %s, want 3 of \"at 10\" since 9:00", p.LifeTrades, p.Strategy, p.OpenedAt)
	}

	flat, effect := apply(t, p, lifeTrade(blotter.Buy, "6", "10", "0.25", 12))
	hasLife := flat.OpenedAt != nil || flat.AvgPrice != nil || flat.Strategy != "" || flat.LifeTrades != 0 ||
		!flat.MaxQuantity.IsZero() || !flat.LifePnL.IsZero()
	if hasLife {
		t.Errorf("the position is flat and has a life: %+v", flat)
	}

	wantDecimals(t,
		map[string]blotter.Decimal{"gross": effect.Closed.Gross, "net": effect.Closed.Net, "fees": effect.Closed.Fees},
		map[string]string{"gross": "9", "net": "8", "fees": "1"})
}

// TestRoundingIsHalfAwayFromZero checks that costs are rounded to 12 digits and average prices to 16, half away from
// zero for negative numbers too.
func TestRoundingIsHalfAwayFromZero(t *testing.T) {
	t.Parallel()

	for _, test := range []struct{ quantity, price, sold, cost, average string }{
		{"2", "0.0000000000005", "1", "0", "0.0000000000005"},           // half of 1e-12 is removed as 1e-12
		{"2", "-0.0000000000005", "1", "0", "-0.0000000000005"},         // the same below zero
		{"4", "0.0000000000001", "1", "0.0000000000004", ""},            // a quarter of 4e-13 is removed as 0
		{"3", "0.0000000000011", "2", "0.0000000000013", ""},            // 2.2e-12 becomes 2e-12
		{"3", "12345678901.5", "1", "24691357803", "12345678901.5"},     // many digits before the point
		{"0.5", "0.000000000003", "0.25", "0.0000000000005", ""},        // 0.75e-12 becomes 1e-12
		{"8", "-0.000000000000125", "4", "0", "-0.000000000000125"},     // -0.5e-12 becomes -1e-12
		{"8", "-0.000000000000124", "4", "-0.000000000000992", ""},      // -0.496e-12 becomes 0
		{"7", "1000000000000.000001", "7", "0", "1000000000000.000001"}, // closing all rounds nothing
	} {
		p, _ := apply(t, blotter.Position{}, lifeTrade(blotter.Buy, test.quantity, test.price, "0", 9))
		if test.average != "" && p.AvgPrice.String() != test.average {
			t.Errorf("%s at %s: average %s, want %s", test.quantity, test.price, p.AvgPrice, test.average)
		}

		after, _ := apply(t, p, lifeTrade(blotter.Sell, test.sold, "1", "0", 10))
		if after.CostBasis.String() != test.cost {
			t.Errorf("%s at %s, %s sold: cost basis %s, want %s", test.quantity, test.price, test.sold,
				after.CostBasis, test.cost)
		}
	}
}

// TestMultiplierAndCurrencyOfPosition checks that a position keeps the multiplier and the currency of its first
// trade, or has the defaults, and that average prices are per unit of the multiplier.
func TestMultiplierAndCurrencyOfPosition(t *testing.T) {
	t.Parallel()

	plain, _ := apply(t, blotter.Position{}, lifeTrade(blotter.Buy, "1", "2", "1", 9))
	if plain.Multiplier.String() != "1" || plain.Currency != "USD" {
		t.Errorf("multiplier %s, currency %q; want 1 and USD", plain.Multiplier, plain.Currency)
	}

	first := lifeTrade(blotter.Buy, "3", "2", "1", 9)
	first.Multiplier = blotter.MustDecimal("50")
	first.Currency = "EUR"
	first.CommissionCurrency = "EUR"
	p, _ := apply(t, blotter.Position{}, first)
	p, effect := apply(t, p, lifeTrade(blotter.Sell, "1", "5", "2", 10)) // gives neither

	wantDecimals(t, map[string]blotter.Decimal{
		"multiplier": p.Multiplier, "cost basis": p.CostBasis, "average": *p.AvgPrice,
		"realized": effect.RealizedPnL, "fees": p.Fees,
	}, map[string]string{"multiplier": "50", "cost basis": "200", "average": "2", "realized": "150", "fees": "3"})

	if p.Currency != "EUR" || p.AccountID != "A" || p.Symbol != "S" {
		t.Errorf("position of %s %s in %s, want A S in EUR", p.AccountID, p.Symbol, p.Currency)
	}
}
