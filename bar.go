package blotter

import (
	"fmt"
	"time"
)

// Bar is open, high, low, close and volume of one symbol over one interval. Its key is (Symbol, Timeframe, Timestamp).
type Bar struct {
	ID        int64     `db:"id,generated" json:"-"`
	Symbol    string    `db:"symbol" json:"symbol"`
	Timeframe string    `db:"timeframe,omitzero" json:"timeframe"` // "1m", "1h", "1d", "1w", ...; default "1d"
	Timestamp time.Time `db:"timestamp" json:"timestamp"`          // start of the interval; a daily bar's is midnight UTC of its trading date
	Open      Decimal   `db:"open" json:"open"`
	High      Decimal   `db:"high" json:"high"`
	Low       Decimal   `db:"low" json:"low"`
	Close     Decimal   `db:"close" json:"close"`
	Volume    Decimal   `db:"volume" json:"volume"`
	AdjClose  *Decimal  `db:"adj_close" json:"adj_close,omitempty"` // close adjusted for splits and dividends, where the vendor gives one
	Source    string    `db:"source" json:"source"`                 // vendor of the row: "yahoo", "csv", ...
	CreatedAt time.Time `db:"created_at,generated" json:"-"`
}

// SymbolLengthMax is the most characters a symbol has.
const SymbolLengthMax = 32

// Check reports as ErrInvalid what the table would refuse: the rules every stored bar satisfies. allowsNegative is the
// instrument's: spreads, power and once oil traded below zero.
func (b *Bar) Check(allowsNegative bool) error {
	if n := len([]rune(b.Symbol)); n == 0 || n > SymbolLengthMax {
		return Invalid("symbol", b.Symbol, "1 to 32 characters")
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

// RejectedRow is a row of a file that should be a bar or a fill and is none, and why. Bars' go to the quarantine.
type RejectedRow struct {
	Line   int64  // line of the file, from 1
	Symbol string // where it is known
	Check  string // which rule: "parse", "bar", "fill"
	Reason string
	Raw    string // the row as it stands in the file
	Member string // of the archive that the file is, else ""
}

func (r *RejectedRow) Error() string { return fmt.Sprintf("line %d: %s", r.Line, r.Reason) }

// BarRow is a bar and where in its file it stands.
type BarRow struct {
	Bar
	Line   int64  // line or record of the file, from 1; 0 where there is no file
	Member string // of the archive that the file is, else ""
}
