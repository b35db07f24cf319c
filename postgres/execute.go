package postgres

import (
	"context"
	"errors"
	"fmt"

	"github.com/blotterdb/blotter"
)

// Outcome is what became of a trade.
type Outcome string

// The outcomes. Applied and Duplicate are success: the trade is in the book, once.
const (
	Applied      Outcome = "applied"       // booked by this call
	Duplicate    Outcome = "duplicate"     // booked before, with the same content: no effect
	Conflict     Outcome = "conflict"      // ErrConflict: booked before under the same key, with other content
	Overfill     Outcome = "overfill"      // ErrInvalid: more than the order has open
	UnknownOrder Outcome = "unknown_order" // ErrNotFound: it names an order that does not exist
	Refused      Outcome = "refused"       // ErrInvalid: it is no trade, or unlike its order or position; ErrIntegrity, ErrData: the server says so
	Failed       Outcome = "failed"        // what kept it from being judged, as a lost connection; after ErrCommitUnknown it may be booked
	Withheld     Outcome = "withheld"      // not booked, because another trade of an AllOrNothing call cannot be
)

// Receipt says what became of a trade. Of one that was booked before, Position has what the trade's row keeps: quantity,
// cost basis, realized P&L and fees after it.
type Receipt struct {
	Outcome  Outcome
	Trade    blotter.Trade    // as stored, or as given where it is not
	Order    *blotter.Order   // as it is after the trade; nil for a fill without an order
	Position blotter.Position // after the trade
	Err      error            // of an outcome that is no success
}

// failed is the receipt of a trade that an error kept from being booked.
func failed(trade blotter.Trade, err error) Receipt {
	outcome := Failed
	if errors.Is(err, blotter.ErrInvalid) || refusedRow(err) {
		outcome = Refused
	}
	return Receipt{Outcome: outcome, Trade: trade, Err: err}
}

// ExecuteOption changes how trades are booked.
type ExecuteOption uint8

// The options.
const (
	// AllowOverfill books more than the order has open, as the broker reports it.
	AllowOverfill ExecuteOption = 1 << iota
	// AdoptOrder makes the order of a trade that names one we do not have: fills do arrive first.
	AdoptOrder
	// AllowZeroPrice books a price of 0: an option that expired, shares that were given. Without it 0 is a price that was
	// forgotten.
	AllowZeroPrice
	// AllOrNothing books no trade of a call if one of them cannot be.
	AllOrNothing
)

// tradesMax is how many trades one call may have.
const tradesMax = 10_000

// ExecuteTrade books one fill: order, trade, position, round trip and event in one transaction of the context's scope,
// or none of them. A retry after any failure is safe: a trade is booked once.
//
// A trade without symbol, side, quantity or strategy takes them from its order: a quantity is what the order has open.
// Without multiplier and currency it takes the position's, a first trade the instrument's. Without a time it is now.
//
// The error is that of the receipt, or what kept the trade from being judged. Cancelling the context while the trade is
// being written does not interrupt it, so that its outcome is known; ErrCommitUnknown alone says that it is not.
func (db *DB) ExecuteTrade(ctx context.Context, trade blotter.Trade, opts ...ExecuteOption) (Receipt, error) {
	receipts, err := db.ExecuteTrades(ctx, []blotter.Trade{trade}, opts...)
	if err != nil && len(receipts) == 0 {
		return failed(trade, err), err
	}
	return receipts[0], receipts[0].Err
}

// ExecuteTrades books fills as ExecuteTrade does, all in one transaction, those of one position in the given order. A
// trade that cannot be booked has its error in its receipt and keeps no other from being booked, unless AllOrNothing
// is given: then that error is the call's, and nothing is booked. At most 10,000 trades a call.
func (db *DB) ExecuteTrades(ctx context.Context, trades []blotter.Trade, opts ...ExecuteOption) ([]Receipt, error) {
	b, err := newBooking(ctx, trades, opts)
	if err == nil {
		err = db.book(ctx, b)
	}
	if err != nil {
		if b == nil || !errors.Is(err, errNotAll) {
			return nil, err
		}
		return b.receipts, b.firstError()
	}
	return b.receipts, nil
}

// ExecuteTrade is DB.ExecuteTrade as a part of the transaction. Its rows stay locked until that ends: transactions that
// trade several symbols do so in the same order, or deadlock and are retried.
func (tx *Tx) ExecuteTrade(ctx context.Context, trade blotter.Trade, opts ...ExecuteOption) (Receipt, error) {
	receipts, err := tx.ExecuteTrades(ctx, []blotter.Trade{trade}, opts...)
	if err != nil && len(receipts) == 0 {
		return failed(trade, err), err
	}
	return receipts[0], receipts[0].Err
}

// ExecuteTrades is DB.ExecuteTrades as a part of the transaction; the events follow before COMMIT. With AllOrNothing the error is for the caller to
// return: what the transaction did before is not undone here.
func (tx *Tx) ExecuteTrades(ctx context.Context, trades []blotter.Trade, opts ...ExecuteOption) ([]Receipt, error) {
	b, err := newBooking(ctx, trades, opts)
	if err == nil {
		b.later = true
		err = tx.bookLocked(ctx, b)
	}
	if err == nil {
		tx.events = append(tx.events, b.events...)
	}
	switch {
	case errors.Is(err, errNotAll):
		return b.receipts, b.firstError()
	case err != nil:
		return nil, err
	}
	return b.receipts, nil
}

// errNotAll ends a booking under AllOrNothing.
var errNotAll = errors.New("not all trades can be booked")

func (b *booking) firstError() error {
	for i, r := range b.receipts {
		if r.Err != nil {
			if len(b.receipts) == 1 {
				return r.Err
			}
			return fmt.Errorf("trade %d of %d, and none is booked: %w", i+1, len(b.receipts), r.Err)
		}
	}
	return nil
}
