package fillfile

import (
	"fmt"

	"github.com/blotterdb/blotter"
)

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
