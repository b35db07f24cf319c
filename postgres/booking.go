package postgres

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/blotterdb/blotter"
)

// booking is what callers ask the book to do: trades to be booked in one transaction, in this order. It does not
// change.
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

// part returns the booking of the trades at the given indexes.
func (b *booking) part(indexes []int) *booking {
	part := &booking{}
	for _, i := range indexes {
		part.trades = append(part.trades, b.trades[i])
		part.options = append(part.options, b.options[i])
		part.correlations = append(part.correlations, b.correlations[i])
		if b.imports != nil {
			part.imports = append(part.imports, b.imports[i])
		}
	}
	return part
}

// failed returns a receipt for each trade of a booking that failed with err.
func (b *booking) failed(err error) []Receipt {
	receipts := make([]Receipt, len(b.trades))
	for i := range b.trades {
		receipts[i] = failed(b.trades[i], err)
	}
	return receipts
}

// bookKey is the key of an order (account and order id) or of a position (account and symbol).
type bookKey struct{ account, name string }

func (k bookKey) compare(other bookKey) int {
	return cmp.Or(strings.Compare(k.account, other.account), strings.Compare(k.name, other.name))
}

func orderKey(o *blotter.Order) bookKey { return bookKey{o.AccountID, o.OrderID} }

func positionKey(p *blotter.Position) bookKey { return bookKey{p.AccountID, p.Symbol} }

// tradeKey is the key of a trade.
type tradeKey struct {
	account, id, symbol string
	side                blotter.Side
}

func keyOf(t *blotter.Trade) tradeKey { return tradeKey{t.AccountID, t.TradeID, t.Symbol, t.Side} }
