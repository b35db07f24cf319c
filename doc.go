// Package blotter holds the types and the arithmetic of a trading book: accounts, instruments, orders, trades,
// positions, bars, events and errors. It does no input or output, and imports only the standard library and the decimal
// type. Package postgres stores what is described here.
//
// # Accounts
//
// The context of a call says whose rows it may see and change:
//
//	ctx = blotter.WithAccount(ctx, "ACC123")  // the rows of one account
//	ctx = blotter.WithAllAccounts(ctx)        // the rows of every account, for operators and services
//
// A context without either is an error, never a default. [WithUser], [WithCorrelation] and [WithOperation] add the
// person behind a request, the id that ties log lines together, and the name under which statements are counted.
//
// # Orders, trades and positions
//
// An [Order] is an instruction to buy or sell, a [Trade] is one fill, and a [Position] is what an account holds of a
// symbol. They are values: [Order.WithFill], [Order.WithStatus], [Order.Amend] and [Position.Apply] return changed
// copies. [Position.Apply] is the only place that knows the arithmetic of the book: cost basis, realized profit and
// loss, fees and round trips.
//
// # Numbers and times
//
// Prices, quantities and money are [Decimal], never float64. A Decimal is exact; the one rounding of the book is the
// cost that a partial close takes out of a position. Times are instants and stored in UTC. A [Timeframe] is the
// length of a bar, for example "5m" or "1d".
//
// # Errors
//
// Every failing call returns an [*Error]. Its [Kind] says what the caller may do, and is compared with errors.Is:
//
//	if errors.Is(err, blotter.ErrConflict) {
//		// reload the row and try again
//	}
//
// [Retryable] reports whether the same call may succeed later.
package blotter
