// Package chaos holds a test: everything at once, and everything killed. `make chaos` runs it in full, `go test ./chaos`
// in short.
//
// Hostile writers fill a PostgreSQL of the test's own: transactions that take their number early and dawdle, stay open,
// roll back, in whole or to a savepoint, emit one event or a batch. Processes apply the events: two that fold them into
// the analytics and into a chain of hashes for every key. They are killed with kill -9 while they work, and so is
// PostgreSQL.
//
//	writers ----> outbox (numbered for each key, under a row lock) ----> projector processes ----> chaos.chain, analytics
//	                        |                                                                            |
//	                        '------------------------------ the oracle compares ------------------------'
//
// At the end the oracle reads what was committed, and counts what was lost, applied twice, or out of order, chains that
// differ, and figures of the analytics that do not follow from the trades. All must be 0. Built with the tag mutants the
// projectors have a defect on purpose, one of those in package events, and the same harness has to notice.
package chaos
