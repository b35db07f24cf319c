package blotter_test

import (
	"testing"
	"time"

	"github.com/blotterdb/blotter"
)

// lifeFill returns a fill of account A in symbol S, executed at the given hour of one day.
func lifeFill(side blotter.Side, quantity, price, commission string, hour int) blotter.Trade {
	return blotter.Trade{
		AccountID: "A", TradeID: "T", Symbol: "S", Side: side, Quantity: blotter.MustDecimal(quantity), Price: blotter.MustDecimal(price),
		Commission: blotter.MustDecimal(commission), Strategy: "of " + price, ExecutedAt: time.Date(2026, 5, 4, hour, 0, 0, 0, time.UTC),
	}
}

// wantDecimals compares numbers by their name.
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

// Of a fee of 3 for a sale of 15, the 10 that close pay 2 and the 5 that open pay 1. The round trip carries the whole life
// that ended, and nothing of the one that began.
func TestFlipDividesTheFeeInProportion(t *testing.T) {
	t.Parallel()
	p, _ := apply(t, blotter.Position{}, lifeFill(blotter.Buy, "4", "100", "0.4", 9))
	p, _ = apply(t, p, lifeFill(blotter.Buy, "8", "106", "0.8", 10))
	p, _ = apply(t, p, lifeFill(blotter.Sell, "2", "110", "0.2", 11))
	p, effect := apply(t, p, lifeFill(blotter.Sell, "15", "120", "3", 12))

	trip := effect.Closed
	if effect.Kind != blotter.Flipped || trip == nil {
		t.Fatalf("the effect is %q, the round trip %v; want a flip that ends one", effect.Kind, trip)
	}
	wantDecimals(t, map[string]blotter.Decimal{
		"fees of the ended life": trip.Fees, "gross": trip.Gross, "net": trip.Net, "largest quantity": trip.MaxQuantity,
		"realized by the flip": effect.RealizedPnL, "fees of the new life": p.LifeFees, "P&L of the new life": p.LifePnL,
		"largest quantity of the new life": p.MaxQuantity, "quantity": p.Quantity, "cost basis": p.CostBasis, "fees": p.Fees,
	}, map[string]string{
		"fees of the ended life": "3.4", "gross": "172", "net": "168.6", "largest quantity": "12",
		"realized by the flip": "160", "fees of the new life": "1", "P&L of the new life": "0",
		"largest quantity of the new life": "5", "quantity": "-5", "cost basis": "600", "fees": "4.4",
	})
	if trip.Trades != 4 || p.LifeTrades != 1 {
		t.Errorf("the lives have %d and %d trades, want 4 and 1", trip.Trades, p.LifeTrades)
	}
	if trip.OpenedAt.Hour() != 9 || trip.ClosedAt.Hour() != 12 || p.OpenedAt.Hour() != 12 {
		t.Errorf("the first life is from %s to %s, the second from %s; want 9, 12 and 12 o'clock", trip.OpenedAt, trip.ClosedAt, p.OpenedAt)
	}
	if trip.Strategy != "of 100" || p.Strategy != "of 120" {
		t.Errorf("the strategies are %q and %q, want those of the trades that began the lives", trip.Strategy, p.Strategy)
	}
	if trip.AccountID != "A" || trip.Symbol != "S" {
		t.Errorf("the round trip is of %s %s, want A S", trip.AccountID, trip.Symbol)
	}
}

// A short life: a quantity that shrinks does not lower the largest, one that does not pass it does not raise it.
func TestLifeOfAShortPosition(t *testing.T) {
	t.Parallel()
	p, _ := apply(t, blotter.Position{}, lifeFill(blotter.Sell, "7", "10", "0", 9))
	p, _ = apply(t, p, lifeFill(blotter.Buy, "5", "9", "0.5", 10))
	p, _ = apply(t, p, lifeFill(blotter.Sell, "4", "11", "0.25", 11))
	wantDecimals(t, map[string]blotter.Decimal{
		"quantity": p.Quantity, "largest": p.MaxQuantity, "cost basis": p.CostBasis, "P&L": p.LifePnL, "fees": p.LifeFees, "average": *p.AvgPrice,
	}, map[string]string{"quantity": "-6", "largest": "7", "cost basis": "64", "P&L": "5", "fees": "0.75", "average": "10.6666666666666667"})
	if p.LifeTrades != 3 || p.OpenedAt.Hour() != 9 || p.Strategy != "of 10" {
		t.Errorf("%d trades since %s of %q, want 3 since 9 o'clock of \"of 10\"", p.LifeTrades, p.OpenedAt, p.Strategy)
	}

	flat, effect := apply(t, p, lifeFill(blotter.Buy, "6", "10", "0.25", 12))
	if flat.OpenedAt != nil || flat.AvgPrice != nil || flat.Strategy != "" || flat.LifeTrades != 0 || !flat.MaxQuantity.IsZero() || !flat.LifePnL.IsZero() {
		t.Errorf("flat, and yet %+v", flat)
	}
	wantDecimals(t, map[string]blotter.Decimal{"gross": effect.Closed.Gross, "net": effect.Closed.Net, "fees": effect.Closed.Fees},
		map[string]string{"gross": "9", "net": "8", "fees": "1"})
}

// Costs are rounded at 12 digits, half away from zero, below zero as well as above; average prices at 16.
func TestRoundingIsHalfAwayFromZero(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ quantity, price, sold, cost, average string }{
		{"2", "0.0000000000005", "1", "0", "0.0000000000005"},           // half of 1e-12 is removed as 1e-12
		{"2", "-0.0000000000005", "1", "0", "-0.0000000000005"},         // and below zero
		{"4", "0.0000000000001", "1", "0.0000000000004", "0"},           // a quarter of 4e-13 is removed as 0
		{"3", "0.0000000000011", "2", "0.0000000000013", ""},            // 2.2e-12 becomes 2e-12
		{"3", "12345678901.5", "1", "24691357803", "12345678901.5"},     // many digits before the point
		{"0.5", "0.000000000003", "0.25", "0.0000000000005", ""},        // 0.75e-12 becomes 1e-12
		{"8", "-0.000000000000125", "4", "0", "-0.000000000000125"},     // -0.5e-12 becomes -1e-12
		{"8", "-0.000000000000124", "4", "-0.000000000000992", ""},      // -0.496e-12 becomes 0
		{"7", "1000000000000.000001", "7", "0", "1000000000000.000001"}, // all of it: nothing is rounded
	} {
		p, _ := apply(t, blotter.Position{}, lifeFill(blotter.Buy, test.quantity, test.price, "0", 9))
		if test.average != "" && test.average != "0" && p.AvgPrice.String() != test.average {
			t.Errorf("%s at %s: the average is %s, want %s", test.quantity, test.price, p.AvgPrice, test.average)
		}
		after, _ := apply(t, p, lifeFill(blotter.Sell, test.sold, "1", "0", 10))
		if after.CostBasis.String() != test.cost {
			t.Errorf("%s at %s, %s sold: the cost basis is %s, want %s", test.quantity, test.price, test.sold, after.CostBasis, test.cost)
		}
	}
}

// A first trade says multiplier and currency, which a position then keeps, or the defaults hold. Average prices are per
// unit of the multiplier.
func TestMultiplierAndCurrencyOfAPosition(t *testing.T) {
	t.Parallel()
	plain, _ := apply(t, blotter.Position{}, lifeFill(blotter.Buy, "1", "2", "1", 9))
	if plain.Multiplier.String() != "1" || plain.Currency != "USD" {
		t.Errorf("multiplier %s, currency %q; want 1 and USD", plain.Multiplier, plain.Currency)
	}

	first := lifeFill(blotter.Buy, "3", "2", "1", 9)
	first.Multiplier, first.Currency, first.CommissionCurrency = blotter.MustDecimal("50"), "EUR", "EUR"
	p, _ := apply(t, blotter.Position{}, first)
	p, effect := apply(t, p, lifeFill(blotter.Sell, "1", "5", "2", 10)) // which says neither
	wantDecimals(t, map[string]blotter.Decimal{
		"multiplier": p.Multiplier, "cost basis": p.CostBasis, "average": *p.AvgPrice, "realized": effect.RealizedPnL, "fees": p.Fees,
	}, map[string]string{"multiplier": "50", "cost basis": "200", "average": "2", "realized": "150", "fees": "3"})
	if p.Currency != "EUR" || p.AccountID != "A" || p.Symbol != "S" {
		t.Errorf("a position of %s %s in %s, want A S in EUR", p.AccountID, p.Symbol, p.Currency)
	}
}
