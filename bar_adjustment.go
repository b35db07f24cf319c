package blotter

// BarAdjustment says for which corporate actions prices are adjusted when bars are read. Stored bars are never changed.
type BarAdjustment string

// The adjustments.
const (
	AdjustNothing BarAdjustment = ""       // as stored
	AdjustSplits  BarAdjustment = "splits" // for splits, reverse splits and stock dividends
	AdjustAll     BarAdjustment = "all"    // for these and for cash dividends
)

// PriceBasis says whether the stored prices of a symbol are those at which it traded.
type PriceBasis string

// The bases.
const (
	BasisOfSource      PriceBasis = ""               // SplitAdjusted tells by the source of each bar
	BasisTraded        PriceBasis = "traded"         // prices as they were
	BasisSplitAdjusted PriceBasis = "split_adjusted" // prices that the vendor has adjusted for splits
)

// AdjustedDigits is the number of digits after the point to which adjusted prices and volumes are rounded, half away
// from zero. A number that has more digits itself is rounded to its own.
const AdjustedDigits = 8

// SplitAdjusted reports whether a vendor adjusts the prices that it calls open, high, low and close for splits.
func SplitAdjusted(source string) bool { return source == "yahoo" }
