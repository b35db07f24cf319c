package postgres

import (
	"context"
	"fmt"
	"slices"

	"github.com/blotterdb/blotter"
)

// booking holds the trades that are to be booked in one transaction, in this order. It is the input of the book and
// does not change.
type booking struct {
	trades       []blotter.Trade
	options      []ExecuteOption // of each trade
	correlations []string        // of each trade
	imports      []int64         // the import that each trade belongs to; nil for trades of no import
	allOrNothing bool
	deferEvents  bool // the caller's transaction emits the events before it commits
}

// newBooking returns the booking of one call. Errors: ErrInvalid for too many trades, and for an account that is not
// the context's.
func newBooking(ctx context.Context, trades []blotter.Trade, opts []ExecuteOption) (*booking, error) {
	if len(trades) > tradesMax {
		return nil, blotter.Invalid("trades", len(trades), fmt.Sprintf("at most %d a call", tradesMax))
	}

	scope, _ := blotter.ScopeOf(ctx)
	options := joinOptions(opts)
	b := &booking{
		trades:       slices.Clone(trades),
		options:      slices.Repeat([]ExecuteOption{options}, len(trades)),
		correlations: slices.Repeat([]string{blotter.CorrelationOf(ctx)}, len(trades)),
		allOrNothing: options&AllOrNothing != 0,
	}
	for i := range b.trades {
		if err := resolveAccount(&b.trades[i].AccountID, scope); err != nil {
			return nil, err
		}
	}
	return b, nil
}

func joinOptions(opts []ExecuteOption) (joined ExecuteOption) {
	for _, o := range opts {
		joined |= o
	}
	return joined
}

// resolveAccount sets an empty account to the scope's, and refuses an account that is not the scope's.
func resolveAccount(account *string, scope blotter.Scope) error {
	switch {
	case scope.All && *account != "":
	case scope.All:
		return blotter.Invalid("account_id", "", "an account, because the context is for all accounts")
	case scope.Account == "":
		return &blotter.Error{
			Kind:    blotter.ErrInvalid,
			Message: "context has no account: call blotter.WithAccount, or WithAllAccounts for a service",
		}
	case *account == "":
		*account = scope.Account
	case *account != scope.Account:
		return blotter.Invalid("account_id", *account, "the context's account, "+scope.Account)
	}

	return nil
}
