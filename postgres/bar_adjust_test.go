package postgres_test

import (
	"errors"
	"fmt"
	"iter"
	"strings"
	"testing"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/pgtest"
	"github.com/blotterdb/blotter/postgres"
)

// storeCloses stores daily bars of a source whose prices are all the close, with a volume of 100.
func storeCloses(t *testing.T, db *pgtest.Database, symbol, source string, closes ...string) {
	t.Helper()
	bars := iter.Seq2[blotter.BarRow, error](func(yield func(blotter.BarRow, error) bool) {
		for i, text := range closes {
			day, price, _ := strings.Cut(text, " ")
			d := blotter.MustDecimal(price)
			row := blotter.BarRow{Line: int64(i + 1), Bar: blotter.Bar{
				Symbol: symbol, Timeframe: blotter.Daily, Timestamp: actionDay(t, day),
				Open: d, High: d, Low: d, Close: d, Volume: blotter.MustDecimal("100"), Source: source,
			}}
			if !yield(row, nil) {
				return
			}
		}
	})
	if _, err := db.ImportBars(t.Context(), postgres.BarImport{File: symbol, Bars: bars}); err != nil {
		t.Fatal(err)
	}
}

// adjustedCloses reads the closes of a symbol, each with its volume.
func adjustedCloses(t *testing.T, db *pgtest.Database, f postgres.BarFilter) (text string) {
	t.Helper()
	bars, err := db.Bars(t.Context(), f)
	if err != nil {
		t.Fatal(err)
	}
	for i := range bars {
		text += fmt.Sprintf("%s/%s ", bars[i].Close, bars[i].Volume)
	}
	return strings.TrimSpace(text)
}

// Prices before a split, and before a dividend, are those of a share as it is today. Computed by hand: the dividend of
// 1 on the 4th is 1/20 of the last close before it, which is 20 for a share of that day.
func TestAdjustedBars(t *testing.T) {
	t.Parallel()
	db := pgtest.Open(t)
	storeCloses(t, db, "A", "csv", "2024-01-02 84", "2024-01-03 80", "2024-01-04 19", "2024-01-05 19", "2024-01-08 40")
	storeCloses(t, db, "Y.L", "yahoo", "2024-01-02 10.5", "2024-01-03 10", "2024-01-04 9.5", "2024-01-08 40")
	for _, symbol := range []string{"A", "Y.L"} {
		actions := []blotter.CorporateAction{
			splitOf(t, symbol, "2024-01-04", "4:1", "x"), dividendOf(t, symbol, "2024-01-04", "1", "x"),
			splitOf(t, symbol, "2024-01-08", "1:2", "x"), splitOf(t, symbol, "2024-02-08", "3:1", "x"),
		}
		if _, err := db.AddActions(t.Context(), actions, false); err != nil {
			t.Fatal(err)
		}
	}

	stored := "84/100 80/100 19/100 19/100 40/100"
	splits := "42/200 40/200 38/50 38/50 40/100"
	all := "39.9/200 38/200 38/50 38/50 40/100"
	for _, c := range []struct {
		filter postgres.BarFilter
		want   string
	}{
		{postgres.BarFilter{Symbol: "A"}, stored},
		{postgres.BarFilter{Symbol: "A", Adjusted: blotter.AdjustSplits}, splits},
		{postgres.BarFilter{Symbol: "A", Adjusted: blotter.AdjustAll}, all},
		{postgres.BarFilter{Symbol: "A", Adjusted: blotter.AdjustAll, NewestFirst: true, Limit: 2}, "40/100 38/50"},
		{postgres.BarFilter{Symbol: "A", Adjusted: blotter.AdjustAll, To: actionDay(t, "2024-01-03")}, "39.9/200"},
		{postgres.BarFilter{Symbol: "A", Adjusted: blotter.AdjustSplits, Basis: blotter.BasisSplitAdjusted}, stored},
	} {
		if got := adjustedCloses(t, db, c.filter); got != c.want {
			t.Errorf("%+v: %s, want %s", c.filter, got, c.want)
		}
	}

	bars, err := db.Bars(t.Context(), postgres.BarFilter{Symbol: "A"})
	if err != nil || bars[0].Close.String() != "84" {
		t.Errorf("the stored bars have changed: %v, %v", bars, err)
	}
	_, err = db.Bars(t.Context(), postgres.BarFilter{Symbol: "Y.L", Adjusted: blotter.AdjustSplits})
	if !errors.Is(err, blotter.ErrConflict) || !strings.Contains(err.Error(), "--prices") {
		t.Errorf("bars that Yahoo has not adjusted for the last split: %v, want ErrConflict that names --prices", err)
	}
}

// Prices are multiplied by the exact factor and rounded once, half away from zero, to 8 digits.
func TestAdjustedRounding(t *testing.T) {
	t.Parallel()
	db := pgtest.Open(t)
	storeCloses(t, db, "R", "csv", "2024-01-02 100", "2024-01-03 0.00000001", "2024-01-04 50")
	actions := []blotter.CorporateAction{
		splitOf(t, "R", "2024-01-04", "21:20", "x"), splitOf(t, "R", "2024-01-03", "20:19", "x"),
	}
	if _, err := db.AddActions(t.Context(), actions, false); err != nil {
		t.Fatal(err)
	}

	got := adjustedCloses(t, db, postgres.BarFilter{Symbol: "R", Adjusted: blotter.AdjustSplits})
	if want := "90.47619048/110.52631579 0.00000001/105 50/100"; got != want {
		t.Errorf("adjusted: %s, want %s", got, want)
	}
}

func TestAdjustmentsThatAreRefused(t *testing.T) {
	t.Parallel()
	db := pgtest.Open(t)
	storeCloses(t, db, "D", "csv", "2024-01-02 1", "2024-01-03 1")
	dividend := dividendOf(t, "D", "2024-01-03", "1", "x")
	if _, err := db.AddActions(t.Context(), []blotter.CorporateAction{dividend}, false); err != nil {
		t.Fatal(err)
	}
	for name, f := range map[string]postgres.BarFilter{
		"a dividend as large as the price": {Symbol: "D", Adjusted: blotter.AdjustAll},
		"an unknown adjustment":            {Symbol: "D", Adjusted: "some"},
		"resampled":                        {Symbol: "D", Adjusted: blotter.AdjustSplits, Resample: "1w"},
		"intraday without a zone":          {Symbol: "D", Timeframe: "1h", Adjusted: blotter.AdjustAll},
	} {
		if _, err := db.Bars(t.Context(), f); !errors.Is(err, blotter.ErrInvalid) {
			t.Errorf("%s: %v, want ErrInvalid", name, err)
		}
	}
}
