package postgres_test

import (
	"fmt"
	"testing"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/pgtest"
	"github.com/blotterdb/blotter/postgres"
)

// withFees returns a trade in CHF with these fees, as amount and currency in turn.
func withFees(id, symbol string, side blotter.Side, fees ...string) blotter.Trade {
	f := fill(id, side, "3", "20")
	f.Symbol, f.Currency = symbol, "CHF"
	var list []blotter.TradeFee
	for i := 0; i < len(fees); i += 2 {
		list = append(list, blotter.TradeFee{Currency: fees[i+1], Amount: dec(fees[i])})
	}
	f.SetFees(list...)
	return f
}

// feesOf writes the fees of the stored trades, in the book's order.
func feesOf(t *testing.T, d *pgtest.Database) (lines string) {
	t.Helper()
	trades, err := d.Trades(as(t, "A1"), postgres.TradeFilter{})
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range trades {
		lines += fmt.Sprintf("%s: %s %s; %s\n", f.TradeID, f.Commission, f.CommissionCurrency, f.OtherFees)
	}
	return lines
}

// Fees in several currencies are stored with their trade, whichever way it is booked, and read with it.
func TestFeesInSeveralCurrencies(t *testing.T) {
	t.Parallel()
	d := pgtest.Open(t)
	ctx := as(t, "A1")
	alone := withFees("T1", "NESN", blotter.Buy, "1.5", "CHF", "0.25", "EUR", "0.1", "GBP")
	many := []blotter.Trade{
		withFees("T2", "NESN", blotter.Sell, "1.5", "CHF", "-0.05", "EUR"),
		withFees("T3", "ROG", blotter.Buy, "7", "SEK"),
		withFees("T4", "ROG", blotter.Buy, "0.5", "EUR", "2", "SEK"),
	}
	if _, err := d.ExecuteTrade(ctx, alone); err != nil {
		t.Fatal(err)
	}
	if _, err := d.ExecuteTrades(ctx, many); err != nil {
		t.Fatal(err)
	}
	err := d.Transaction(ctx, func(tx *postgres.Tx) error {
		_, err := tx.ExecuteTrade(ctx, withFees("T5", "ROG", blotter.Sell, "1", "CHF", "3", "USD"))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	want := "T1: 1.5 CHF; 0.25 EUR, 0.1 GBP\nT2: 1.5 CHF; -0.05 EUR\nT3: 7 SEK; \n" +
		"T4: 0.5 EUR; 2 SEK\nT5: 1 CHF; 3 USD\n"
	if got := feesOf(t, d); got != want {
		t.Errorf("stored fees are\n%swant\n%s", got, want)
	}

	portfolio, err := d.Portfolio(ctx, "")
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{"NESN 3 CHF; 0.2 EUR, 0.1 GBP", "ROG 1 CHF; 0.5 EUR, 9 SEK, 3 USD"} {
		p := portfolio.Positions[i]
		if got := fmt.Sprintf("%s %s %s; %s", p.Symbol, p.Fees, p.Currency, p.OtherFees); got != want {
			t.Errorf("position %q, want %q", got, want)
		}
	}
	for by, want := range map[string]string{
		"symbol":   "NESN 3; 0.2 EUR, 0.1 GBP|ROG 1; 0.5 EUR, 9 SEK, 3 USD|",
		"strategy": " 4; 0.7 EUR, 0.1 GBP, 9 SEK, 3 USD|",
		"year":     "2026 4; 0.7 EUR, 0.1 GBP, 9 SEK, 3 USD|",
	} {
		groups, err := d.PnL(ctx, postgres.PnLFilter{By: by})
		got := ""
		for _, g := range groups {
			got += fmt.Sprintf("%s %s; %s|", g.Group, g.Fees, g.OtherFees)
		}
		if err != nil || got != want {
			t.Errorf("P&L by %s is %q, %v; want %q", by, got, err, want)
		}
	}
	verified(t, d)
	v, err := d.Verify(ctx)
	if got, want := v.OtherFees.String(), "0.7 EUR, 0.1 GBP, 9 SEK, 3 USD"; err != nil || got != want {
		t.Errorf("Verify adds up %q, %v; want %q", got, err, want)
	}
}

// A trade that is sent again is a duplicate with the same fees, in whatever order, and a conflict with others.
func TestOtherFeesOfDuplicates(t *testing.T) {
	t.Parallel()
	d := pgtest.Open(t)
	ctx := as(t, "A1")
	first := withFees("T1", "NESN", blotter.Buy, "1.5", "CHF", "0.25", "EUR", "0.1", "GBP")
	if _, err := d.ExecuteTrade(ctx, first); err != nil {
		t.Fatal(err)
	}

	turned := first
	turned.OtherFees = blotter.TradeFees{first.OtherFees[1], first.OtherFees[0]}
	if r, err := d.ExecuteTrade(ctx, turned); err != nil || r.Outcome != postgres.Duplicate ||
		r.Trade.OtherFees.String() != "0.25 EUR, 0.1 GBP" {
		t.Errorf("the same trade again: %s, fees %q, %v", r.Outcome, r.Trade.OtherFees, err)
	}

	for what, other := range map[string]blotter.Trade{
		"without a fee":    withFees("T1", "NESN", blotter.Buy, "1.5", "CHF", "0.25", "EUR"),
		"with another fee": withFees("T1", "NESN", blotter.Buy, "1.5", "CHF", "0.26", "EUR", "0.1", "GBP"),
		"without any":      withFees("T1", "NESN", blotter.Buy, "1.5", "CHF"),
	} {
		_, err := d.ExecuteTrade(ctx, other)
		wantKind(t, what, err, blotter.ErrConflict)
	}

	if got, want := feesOf(t, d), "T1: 1.5 CHF; 0.25 EUR, 0.1 GBP\n"; got != want {
		t.Errorf("stored fees are %q, want %q", got, want)
	}
}

// A fee beside the commission that is in the trade's own currency is missing in the position's fees: Verify says so.
func TestVerifyFindsMisplacedFees(t *testing.T) {
	t.Parallel()
	d := pgtest.Open(t)
	if _, err := d.ExecuteTrade(as(t, "A1"),
		withFees("T1", "NESN", blotter.Buy, "1.5", "CHF", "0.25", "EUR")); err != nil {
		t.Fatal(err)
	}
	d.Exec(t, `update execution.trade_fees set currency = 'CHF'`)
	v, err := d.Verify(as(t, "A1"))
	if err != nil || len(v.Mismatches) != 1 || v.Mismatches[0].What != "other fees in CHF" {
		t.Errorf("Verify found %v, %v; want the fee in CHF", v.Mismatches, err)
	}
}
