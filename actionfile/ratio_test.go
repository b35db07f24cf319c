package actionfile

import (
	"math/big"
	"testing"

	"github.com/blotterdb/blotter"
)

func TestRatioOf(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]ratio{
		"4.0": {4, 1}, "0.1": {1, 10}, "0.0001": {1, 10000}, "1.5": {3, 2}, "1.1": {11, 10}, "1.05": {21, 20},
		"0.25": {1, 4}, "1.25": {5, 4}, "7.00000700001": {7, 1}, "1.33333333333": {4, 3}, "0.333333333333": {1, 3},
		"1.49999925": {3, 2}, "1.333333": {4, 3}, "0.66666667": {2, 3}, "0.1429": {1, 7}, "50": {50, 1},
		// Rounded numbers that several ratios fit.
		"0.67": {}, "0.33": {}, "1.33": {}, "0.4406": {}, "0.143": {}, "0": {}, "-2": {}, "1.002746": {},
	} {
		got, err := ratioOf(blotter.MustDecimal(text))
		if got != want || (err == nil) != (want.old > 0) {
			t.Errorf("ratioOf(%s) = %v, %v; want %v", text, got, err, want)
		}
	}
}

// A ratio that is recovered from rounded digits is the only one with small numbers: every other one is outside of the
// bounds.
func TestRatioBetweenIsTheOnlyOne(t *testing.T) {
	t.Parallel()
	for old := int64(1); old <= 60; old++ {
		for n := int64(1); n < old; n++ {
			exact := big.NewRat(n, old)
			rounded, _ := new(big.Rat).SetString(exact.FloatString(7))
			half := big.NewRat(1, 20_000_000)
			got, ok := ratioBetween(new(big.Rat).Sub(rounded, half), new(big.Rat).Add(rounded, half))
			if want := (ratio{exact.Num().Int64(), exact.Denom().Int64()}); !ok || got != want {
				t.Fatalf("%s gives %v, %v; want %v", exact.FloatString(7), got, ok, want)
			}
		}
	}

	wide := big.NewRat(1, 1000)
	if got, ok := ratioBetween(new(big.Rat).Sub(big.NewRat(2, 3), wide), new(big.Rat).Add(big.NewRat(2, 3), wide)); ok {
		t.Errorf("bounds that 2:3 and 667:1000 are in give %v", got)
	}
}
