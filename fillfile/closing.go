package fillfile

import (
	"fmt"

	"github.com/blotterdb/blotter"
)

// Closes returns the fill that ends an open position: an option's expiry, assignment or exercise, of which a file tells
// the quantity and not the side. open is the position before it, negative when short. A fill whose file tells the side is
// returned as it is. It is an error if nothing is open, or less than the fill would close.
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
