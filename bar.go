package blotter

import (
	"fmt"
	"time"
)

// SymbolLengthMax is the maximum length of a symbol in characters.
const SymbolLengthMax = 32

// Bar is open, high, low, close and volume of one symbol over one interval. Its key is (Symbol, Timeframe, Timestamp).
type Bar struct {
	ID        int64     `db:"id,generated" json:"-"`
	Symbol    string    `db:"symbol" json:"symbol"`
	Timeframe Timeframe `db:"timeframe,omitzero" json:"timeframe"` // default Daily
	Timestamp time.Time `db:"timestamp" json:"timestamp"`          // start; for a daily bar, midnight UTC of its date
	Open      Decimal   `db:"open" json:"open"`
	High      Decimal   `db:"high" json:"high"`
	Low       Decimal   `db:"low" json:"low"`
	Close     Decimal   `db:"close" json:"close"`
	Volume    Decimal   `db:"volume" json:"volume"`
	AdjClose  *Decimal  `db:"adj_close" json:"adj_close,omitempty"` // adjusted for splits and dividends; may be nil
	Source    string    `db:"source" json:"source"`                 // vendor, for example "yahoo" or "csv"
	CreatedAt time.Time `db:"created_at,generated" json:"-"`
}

// BarRow is a bar and its place in a file.
type BarRow struct {
	Bar
	Line   int64  // line or record of the file, from 1; 0 if the bar is not from a file
	Member string // member of the archive, or "" if the file is not one
}

// Check returns ErrInvalid for a bar that the table would refuse. allowsNegative is the instrument's: prices of
// spreads, power and once oil were below zero.
func (b *Bar) Check(allowsNegative bool) error {
	if n := len([]rune(b.Symbol)); n == 0 || n > SymbolLengthMax {
		return Invalid("symbol", b.Symbol, fmt.Sprintf("1 to %d characters", SymbolLengthMax))
	}
	if b.Timestamp.IsZero() {
		return Invalid("timestamp", b.Timestamp, "an instant")
	}

	for _, p := range []struct {
		name  string
		value Decimal
	}{{"open", b.Open}, {"high", b.High}, {"low", b.Low}, {"close", b.Close}} {
		if p.value.IsZero() && !allowsNegative {
			return Invalid(p.name, p.value, "a price above zero")
		}
		if p.value.IsNeg() && !allowsNegative {
			return Invalid(p.name, p.value, "a price above zero (the instrument does not allow negative prices)")
		}
	}

	if b.High.LessThan(b.Open) || b.High.LessThan(b.Close) {
		return Invalid("high", b.High, fmt.Sprintf("at least open %s and close %s", b.Open, b.Close))
	}
	if b.Low.GreaterThan(b.Open) || b.Low.GreaterThan(b.Close) {
		return Invalid("low", b.Low, fmt.Sprintf("at most open %s and close %s", b.Open, b.Close))
	}
	if b.Volume.IsNeg() {
		return Invalid("volume", b.Volume, "zero or more")
	}

	return nil
}
