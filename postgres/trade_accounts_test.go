package postgres_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/pgtest"
	"github.com/blotterdb/blotter/postgres"
)

// The pages of all accounts' trades have every trade once, in the order of time, whatever accounts they belong to.
func TestPagesOfAllAccounts(t *testing.T) {
	t.Parallel()
	const pageLength = 7

	db := pgtest.Open(t)
	begin := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	total := 0
	for _, account := range []string{"A", "B", "C"} {
		var trades []blotter.Trade
		for i := range 20 {
			trades = append(trades, blotter.Trade{
				AccountID: account, TradeID: fmt.Sprint(account, i), Symbol: "KO", Side: blotter.Buy,
				Quantity: blotter.MustDecimal("1"), Price: blotter.MustDecimal("60"),
				ExecutedAt: begin.Add(time.Duration(i/3) * time.Minute), // several at one instant
			})
		}
		if _, err := db.ExecuteTrades(blotter.WithAccount(t.Context(), account), trades); err != nil {
			t.Fatal(err)
		}
		total += len(trades)
	}

	ctx := blotter.WithAllAccounts(t.Context())
	for _, newestFirst := range []bool{true, false} {
		var all []blotter.Trade
		f := postgres.TradeFilter{Symbol: "KO", NewestFirst: newestFirst, Limit: pageLength}
		for {
			page, err := db.Trades(ctx, f)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, page...)
			if len(page) < pageLength {
				break
			}
			f.After = &page[len(page)-1]
		}

		seen := map[string]bool{}
		for i := range all {
			seen[all[i].TradeID] = true
		}
		byTime := func(a, b blotter.Trade) int { return a.ExecutedAt.Compare(b.ExecutedAt) }
		if newestFirst {
			slices.Reverse(all)
		}
		if len(all) != total || len(seen) != total || !slices.IsSortedFunc(all, byTime) {
			t.Errorf("newest first %t: %d trades, %d different, want %d in the order of time",
				newestFirst, len(all), len(seen), total)
		}
	}
}
