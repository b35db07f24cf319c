// Package blotter is the language of a trading book: accounts, orders, trades, positions, bars and the errors that
// storing them can end in. It is pure: it knows no SQL and no network, and imports only the standard library and the
// decimal type. Package postgres keeps what is described here.
//
// Whose rows a piece of work may see travels in its context:
//
//	ctx = blotter.WithAccount(ctx, "ACC123")  // this account's rows
//	ctx = blotter.WithAllAccounts(ctx)        // every account's rows, for operators and services
//
// Prices, quantities and money are [Decimal], never a float. Times are instants and stored in UTC.
package blotter
