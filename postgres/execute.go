package postgres

import (
	"context"
	"errors"

	"github.com/blotterdb/blotter"
)

// Outcome says whether a trade was booked, or why not.
type Outcome string

// The outcomes. Applied and Duplicate are success: the trade is in the book, once.
const (
	// Applied: this call booked the trade.
	Applied Outcome = "applied"
	// Duplicate: the trade was booked before, with the same content. The call had no effect.
	Duplicate Outcome = "duplicate"
	// Conflict (ErrConflict): a trade with the same key and other content was booked before.
	Conflict Outcome = "conflict"
	// Overfill (ErrInvalid): the trade is for more than its order has open.
	Overfill Outcome = "overfill"
	// UnknownOrder (ErrNotFound): the trade names an order that does not exist.
	UnknownOrder Outcome = "unknown_order"
	// Refused (ErrInvalid): the trade is not valid, or does not fit its order or position. ErrIntegrity or ErrData if
	// the server refused it.
	Refused Outcome = "refused"
	// Failed: an error, for example a lost connection, kept the trade from being decided on. After ErrCommitUnknown it
	// may be booked.
	Failed Outcome = "failed"
	// Withheld: the trade is not booked, because another trade of an AllOrNothing call cannot be.
	Withheld Outcome = "withheld"
)

// Receipt is the result of executing a trade. If the trade was booked before, Position has only what the trade's row
// keeps: quantity, cost basis, realized P&L and fees after it.
type Receipt struct {
	Outcome  Outcome
	Trade    blotter.Trade    // as stored, or as given if it is not stored
	Order    *blotter.Order   // after the trade; nil for a trade without an order
	Position blotter.Position // after the trade
	Err      error            // nil for Applied and Duplicate
}

// failed returns the receipt of a trade that an error kept from being booked.
func failed(trade blotter.Trade, err error) Receipt {
	outcome := Failed
	if errors.Is(err, blotter.ErrInvalid) || refusedRow(err) {
		outcome = Refused
	}
	return Receipt{Outcome: outcome, Trade: trade, Err: err}
}

// failedAll returns the receipts of trades that an error kept from being booked.
func failedAll(trades []blotter.Trade, err error) []Receipt {
	receipts := make([]Receipt, len(trades))
	for i := range trades {
		receipts[i] = failed(trades[i], err)
	}
	return receipts
}

// refusedRow reports whether a row breaks a rule of the database: a retry would fail again.
func refusedRow(err error) bool {
	return errors.Is(err, blotter.ErrIntegrity) || errors.Is(err, blotter.ErrData)
}

// ExecuteOption changes how trades are booked.
type ExecuteOption uint8

// The options.
const (
	// AllowOverfill books more than the order has open, as the broker reports it.
	AllowOverfill ExecuteOption = 1 << iota
	// AdoptOrder creates the order that a trade names if it does not exist: trades do arrive before their orders.
	AdoptOrder
	// AllowZeroPrice books a price of 0, for example of an option that expired or of shares that were given away.
	// Without it a price of 0 is taken for a forgotten one.
	AllowZeroPrice
	// AllOrNothing books no trade of a call if one of them cannot be booked.
	AllOrNothing
)

// tradesMax is the most trades of one call.
const tradesMax = 10_000

// ExecuteTrade books one trade: order, trade, position, round trip and event in one transaction of the context's scope,
// or none of them. A retry after any failure is safe: a trade is booked once.
//
// A trade without symbol, side, quantity or strategy takes them from its order; its quantity is then what the order has
// open. A trade without multiplier and currency takes those of its position, the first trade of a position those of the
// instrument. A trade without a time is executed now.
//
// The error is the receipt's, or says what kept the trade from being decided on. Cancelling the context while the trade
// is being written does not interrupt it, so that its outcome is known, unless the error is ErrCommitUnknown.
func (db *DB) ExecuteTrade(ctx context.Context, trade blotter.Trade, opts ...ExecuteOption) (Receipt, error) {
	receipts, err := db.ExecuteTrades(ctx, []blotter.Trade{trade}, opts...)
	if err != nil && len(receipts) == 0 {
		return failed(trade, err), err
	}
	return receipts[0], receipts[0].Err
}

// ExecuteTrades books trades as ExecuteTrade does, all in one transaction, those of one position in the given order. A
// trade that cannot be booked has its error in its receipt and keeps no other from being booked, unless AllOrNothing is
// given: then that error is the call's, and nothing is booked. At most 10,000 trades a call.
func (db *DB) ExecuteTrades(ctx context.Context, trades []blotter.Trade, opts ...ExecuteOption) ([]Receipt, error) {
	b, err := newBooking(ctx, trades, opts)
	if err != nil {
		return nil, err
	}
	return db.book(ctx, b)
}

// ExecuteTrade works like DB.ExecuteTrade, as a part of the transaction. The rows stay locked until the transaction
// ends: transactions that trade several symbols should do so in the same order, because a deadlock is retried.
func (tx *Tx) ExecuteTrade(ctx context.Context, trade blotter.Trade, opts ...ExecuteOption) (Receipt, error) {
	receipts, err := tx.ExecuteTrades(ctx, []blotter.Trade{trade}, opts...)
	if err != nil && len(receipts) == 0 {
		return failed(trade, err), err
	}
	return receipts[0], receipts[0].Err
}

// ExecuteTrades works like DB.ExecuteTrades, as a part of the transaction; the events follow before COMMIT. The caller
// has to return the error of AllOrNothing: what the transaction did before is not undone here.
func (tx *Tx) ExecuteTrades(ctx context.Context, trades []blotter.Trade, opts ...ExecuteOption) ([]Receipt, error) {
	b, err := newBooking(ctx, trades, opts)
	if err != nil {
		return nil, err
	}
	b.deferEvents = true

	d, err := tx.bookLocked(ctx, b)
	switch {
	case errors.Is(err, errNotAll):
		return d.receipts, firstError(d.receipts)
	case err != nil:
		return nil, err
	}
	return d.receipts, nil
}
