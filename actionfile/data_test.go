//go:build data

package actionfile_test

import (
	"flag"
	"fmt"
	"math/big"
	"path/filepath"
	"testing"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/actionfile"
	"github.com/blotterdb/blotter/barfile"
	"github.com/blotterdb/blotter/pgtest"
	"github.com/blotterdb/blotter/postgres"
)

var dataFolder = flag.String("data", "", "folder of real files")

// wrong are the files whose adjusted closes are not what their own dividends give. docs/actions.md says why.
var wrong = map[string]bool{
	"1398-HK-1d-bad-div.csv":        true,
	"4063-T-1d-bad-div.csv":         true,
	"ABDP-L-1d-bad-div.csv":         true,
	"KEN-TA-1d-bad-div.csv":         true,
	"VWILX-1d-cg-double-count.csv":  true,
	"REL-L-1d-bad-div.csv":          true, // a dividend is larger than the price
	"DA-BF.B-T-2021-04-21.csv":      true, // the text of an error
	"4063-T-1d-bad-stock-split.csv": true, // the bars before the split are not adjusted, those of the other file are
}

// TestAdjustedCloses compares adjusted bars with the adjusted closes of the vendors: the same splits and dividends give
// the same series within one part in 20,000. Alpha Vantage computes the factor of a dividend from the close after it.
func TestAdjustedCloses(t *testing.T) {
	db := pgtest.Open(t)
	for _, pattern := range []string{"yahoo-history-tz/*.csv", "alphavantage-daily-adjusted/*.csv"} {
		paths, err := filepath.Glob(filepath.Join(*dataFolder, pattern))
		if err != nil || len(paths) == 0 {
			t.Fatalf("no files match %s: %v", pattern, err)
		}

		for _, path := range paths {
			name := filepath.Base(path)
			differ, compared, first, err := compareAdjusted(t, db, path)
			isRight := err == nil && differ == 0 && compared > 0
			if isRight == wrong[name] {
				t.Errorf("%s: %d of %d differ, first %s, error %v", name, differ, compared, first, err)
			}
		}
	}
}

func compareAdjusted(t *testing.T, db *pgtest.Database, path string) (differ, compared int, first string, err error) {
	t.Helper()
	actions, err := actionfile.Open(path, actionfile.Options{})
	if err != nil {
		return 0, 0, "", err
	}
	file, err := barfile.Open(path, barfile.Options{})
	if err != nil {
		return 0, 0, "", err
	}
	defer file.Close()
	symbol := file.Symbol
	if _, err := db.ImportBars(t.Context(), postgres.BarImport{File: path, Bars: file.Bars()}); err != nil {
		return 0, 0, "", err
	}
	if _, err := db.AddActions(t.Context(), actions.Actions, false); err != nil {
		return 0, 0, "", err
	}
	bars, err := db.Bars(t.Context(), postgres.BarFilter{Symbol: symbol, Adjusted: blotter.AdjustAll})
	if err != nil || len(bars) == 0 {
		return 0, 0, "", fmt.Errorf("%d bars, %w", len(bars), err)
	}

	raw, err := db.Bars(t.Context(), postgres.BarFilter{Symbol: symbol})
	if err != nil {
		return 0, 0, "", err
	}

	// The actions after the end of the file are in the vendor's adjusted close of the last bar.
	last := bars[len(bars)-1]
	scale := new(big.Rat).Quo(rat(*last.AdjClose), rat(last.Close))
	for i := len(bars) - 1; i >= 0; i-- {
		b := &bars[i]
		if file.Source == "alphavantage" && i+1 < len(bars) {
			scale.Mul(scale, methods(actions.Actions, &raw[i], &raw[i+1]))
		}
		want := rat(*b.AdjClose)
		got := new(big.Rat).Mul(rat(b.Close), scale)
		compared++
		gap := new(big.Rat).Sub(got, want)
		if gap.Abs(gap).Cmp(new(big.Rat).Quo(want, big.NewRat(20_000, 1))) > 0 {
			differ++
			if first == "" {
				first = b.Timestamp.Format("2006-01-02") + " " + got.FloatString(6) + " vendor " + want.FloatString(6)
			}
		}
	}
	return differ, compared, first, nil
}

// methods returns by what Alpha Vantage's factor of the dividend between two bars differs from blotter's. It is c/(c+d)
// with the close c after the dividend d, instead of 1-d/b with the close b before it.
func methods(actions []blotter.CorporateAction, before, after *blotter.Bar) *big.Rat {
	one := big.NewRat(1, 1)
	for _, a := range actions {
		if a.Kind != blotter.ActionCashDividend || !a.ExDate.Equal(after.Timestamp) {
			continue
		}
		cash := rat(*a.CashAmount)
		theirs := new(big.Rat).Quo(rat(after.Close), new(big.Rat).Add(rat(after.Close), cash))
		ours := new(big.Rat).Sub(one, new(big.Rat).Quo(cash, rat(before.Close)))
		return theirs.Quo(theirs, ours)
	}
	return one
}

func rat(d blotter.Decimal) *big.Rat {
	x, _ := new(big.Rat).SetString(d.String())
	return x
}
