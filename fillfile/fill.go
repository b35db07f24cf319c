package fillfile

import (
	"fmt"

	"github.com/blotterdb/blotter"
)

// Fill is a fill and its place in the file.
type Fill struct {
	blotter.Trade        // without OrderID: the order is the broker's
	Line          int64  // of a text; of a JSON file, the number of the record
	OrderRef      string // the broker's order id, or ""
	Named         string // the account that the file names, or ""
	Rounded       bool   // a number was rounded, see Options.Round
	// Ends reports the end of an option's life whose side the file does not tell. Closes returns the fill that closes
	// the open position.
	Ends bool
	// NoMultiplier reports a fill of an option, future, bond or in lots whose multiplier is unknown. Booking it with 1
	// would be a guess.
	NoMultiplier bool

	feeProof proof // what the totals say of its fees
}

// Closes returns f with the side that closes the open position. It is for an option's expiry, assignment or exercise,
// of which a file tells the quantity and not the side. open is the position before it, negative when short. A fill that
// has a side is returned as it is. It is an error if the open position is smaller than the fill.
func (f Fill) Closes(open blotter.Decimal) (Fill, error) {
	if !f.Ends || f.Side != "" {
		return f, nil
	}

	switch {
	case open.IsZero():
		return f, fmt.Errorf("%s ends %s %s, and no position is open", f.AccountID, f.Quantity, f.Symbol)
	case open.Abs().LessThan(f.Quantity):
		return f, fmt.Errorf("%s ends %s %s, and only %s are open", f.AccountID, f.Quantity, f.Symbol, open.Abs())
	case open.IsNeg():
		f.Side = blotter.Buy
	default:
		f.Side = blotter.Sell
	}
	return f, f.Check()
}
