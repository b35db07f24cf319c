package actionfile

import (
	"fmt"
	"math/big"

	"github.com/blotterdb/blotter"
)

const (
	// termsMax is the greatest number of a ratio that is recovered from rounded digits.
	termsMax = 1000
	// plainDenominator is that of a short decimal such as 1.05: percents.
	plainDenominator = 100
	// simpleTermsMax is the greatest number of a ratio that may have been rounded to a short decimal: 2:3 to 0.67.
	simpleTermsMax = 12
	// inverseDigits are those of Alpha Vantage's ratios: it divides the old shares by the new ones, rounds the quotient
	// to 6 digits, and writes the inverse of that.
	inverseDigits = 6
)

// ratio is a fraction in its lowest terms.
type ratio struct{ new, old int64 }

// ratioOf returns the ratio that a decimal such as 4.0, 0.1 or 1.33333333333 means. It is an error if several ratios
// could be meant.
func ratioOf(d blotter.Decimal) (ratio, error) {
	x := blotter.Rational(d)
	if x.Sign() <= 0 {
		return ratio{}, fmt.Errorf("the ratio %s is not above 0", d)
	}

	exact, isSmall := terms(x, blotter.ActionRatioMax)
	if isSmall && (exact.new == 1 || exact.old == 1) {
		return exact, nil
	}
	if r, ok := inverseRatio(x); ok {
		return r, nil
	}

	half := new(big.Rat).Quo(big.NewRat(1, 2), new(big.Rat).SetInt(tenTo(d.Prec())))
	low := new(big.Rat).Sub(x, half)
	high := new(big.Rat).Add(x, half)
	if r, ok := ratioBetween(low, high); ok {
		return r, nil
	}
	if isSmall && plainDenominator%exact.old == 0 && (d.Prec() == 1 || !hasSimpler(low, high, exact)) {
		return exact, nil
	}
	return ratio{}, fmt.Errorf("the ratio %s is rounded, and several ratios fit it", d)
}

// inverseRatio returns the ratio of a factor as Alpha Vantage writes it: 1.49999925 is 1/0.666667, which is 3:2.
func inverseRatio(x *big.Rat) (ratio, bool) {
	inverse := new(big.Rat).Inv(x)
	rounded, ok := new(big.Rat).SetString(inverse.FloatString(inverseDigits))
	if !ok || rounded.Sign() == 0 {
		return ratio{}, false
	}

	// The factor has 12 significant digits.
	written := new(big.Rat).Inv(rounded)
	difference := new(big.Rat).Sub(written, x)
	tolerance := new(big.Rat).Quo(x, big.NewRat(100_000_000_000, 1))
	if difference.Abs(difference).Cmp(tolerance) > 0 {
		return ratio{}, false
	}

	half := big.NewRat(1, 2_000_000)
	low := new(big.Rat).Sub(rounded, half)
	if low.Sign() <= 0 {
		return ratio{}, false
	}
	r, ok := ratioBetween(low, new(big.Rat).Add(rounded, half))
	return ratio{r.old, r.new}, ok
}

// ratioBetween returns the ratio between two bounds, if it is the only one with numbers up to termsMax.
func ratioBetween(low, high *big.Rat) (ratio, bool) {
	if low.Sign() <= 0 {
		return ratio{}, false
	}
	if low.Cmp(big.NewRat(1, 1)) > 0 {
		r, ok := ratioBetween(new(big.Rat).Inv(high), new(big.Rat).Inv(low))
		return ratio{r.old, r.new}, ok
	}

	simplest := simplestBetween(low, high)
	r, ok := terms(simplest, termsMax)
	if !ok {
		return ratio{}, false
	}
	// Two fractions with denominators a and b differ by at least 1/(a*b).
	width := new(big.Rat).Sub(high, low)
	return r, width.Cmp(big.NewRat(1, r.old*termsMax)) < 0
}

// simplestBetween returns the fraction with the smallest denominator between two bounds above 0, which are included.
func simplestBetween(low, high *big.Rat) *big.Rat {
	whole := new(big.Int).Quo(low.Num(), low.Denom())
	floor := new(big.Rat).SetInt(whole)
	if floor.Cmp(low) == 0 {
		return floor
	}
	next := new(big.Rat).Add(floor, big.NewRat(1, 1))
	if next.Cmp(high) <= 0 {
		return next
	}

	rest := simplestBetween(
		new(big.Rat).Inv(new(big.Rat).Sub(high, floor)),
		new(big.Rat).Inv(new(big.Rat).Sub(low, floor)),
	)
	return floor.Add(floor, rest.Inv(rest))
}

// hasSimpler reports whether another ratio of small numbers lies between the bounds.
func hasSimpler(low, high *big.Rat, exact ratio) bool {
	for old := int64(1); old <= simpleTermsMax; old++ {
		for n := int64(1); n <= simpleTermsMax; n++ {
			x := big.NewRat(n, old)
			if x.Cmp(low) >= 0 && x.Cmp(high) <= 0 && x.Cmp(big.NewRat(exact.new, exact.old)) != 0 {
				return true
			}
		}
	}
	return false
}

// terms returns the two numbers of a fraction, if they are at most most.
func terms(x *big.Rat, most int64) (ratio, bool) {
	if !x.Num().IsInt64() || !x.Denom().IsInt64() || x.Num().Int64() > most || x.Denom().Int64() > most {
		return ratio{}, false
	}
	return ratio{x.Num().Int64(), x.Denom().Int64()}, true
}

func tenTo(n int) *big.Int { return new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(n)), nil) }
