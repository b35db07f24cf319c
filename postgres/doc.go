// Package postgres is the system of record: the only writer of the trading tables. It holds pools, transactions,
// read-only sessions, errors, the mapping of tables to structs, and the schema's migrations.
//
//	db, err := postgres.Open(ctx, postgres.Config{URL: os.Getenv("DATABASE_URL")})
//	defer db.Close()
//
//	ctx = blotter.WithAccount(ctx, "ACC123")
//	err = db.Transaction(ctx, func(tx *postgres.Tx) error {
//		return postgres.Orders.Insert(ctx, tx, &order)
//	})
//	err = db.ReadOnly(ctx, func(s *postgres.Session) error {
//		orders, err = postgres.Orders.Find(ctx, s, postgres.Eq("account_id", "ACC123"), postgres.Limit(100))
//		return err
//	})
//
// # Sessions
//
// A session is one borrowed connection. Its role is a start-up parameter of its pool, its account travels in the same
// round trip as its first statement:
//
//	context            Transaction       ReadOnly            sees
//	WithAccount        trading_app       trading_readonly    that account's rows
//	(neither)          trading_app       trading_readonly    market data; no account's rows
//	WithAllAccounts    trading_service   trading_reporter    every account's rows
//
// Life of a transaction:
//
//	idle --first statement--> open --fn returns nil--> COMMIT --> committed
//	                           |                         |-- link broke --> ErrCommitUnknown, never retried
//	                           |                         '-- 40001 -------> retried
//	                           |-- fn returns an error, panics, Goexits, context cancelled --> ROLLBACK
//	                           '-- 40001, 40P01 --> ROLLBACK, wait with jitter, fn again, at most MaxRetries times
//
// BEGIN travels with the first statement, so a transaction of one statement is two round trips, not three. A
// connection on which a statement may have left something behind (SET, temporary tables, held cursors, advisory locks,
// LISTEN) is reset with DISCARD ALL before anybody else gets it.
//
// # Lock order
//
// Imports, then orders, then positions, each sorted by account and key. Whoever locks several, or calls ExecuteTrade several times in a
// transaction, keeps to it; a deadlock is retried.
//
// # The book
//
// ExecuteTrade books a fill: order, trade, position, round trip and event in one transaction, or none of them. Life of a
// booking:
//
//	computed on what is remembered --one round trip--> written --> Applied
//	   |                                  '-- somebody was first, or it cannot be booked, or is booked already
//	   v
//	locked, read, computed anew --> written --> Applied, Duplicate, Conflict, Overfill, UnknownOrder, Refused
//
// A Book joins the calls of many callers:
//
//	waiting --a worker takes the queue's calls--> being booked --> answered
//	   '-- context ends: taken back, not booked      '-- context ends: the outcome is waited for
//
// # The audit log
//
// Triggers record what people change (not fills, which the book itself proves), Audit and Audited what they read, for the
// context's user and occasion:
//
//	ctx = blotter.WithUser(blotter.WithCorrelation(ctx, "request 17"), "ann")
//	err = db.ReadOnly(ctx, fn, postgres.Audited(postgres.Access{Table: "execution.trades", Operation: "export"}))
//	entries, err := db.AuditLog(ctx, postgres.AuditFilter{UserID: "ann", NewestFirst: true, Limit: 50})
//
// Package audit seals it.
package postgres
