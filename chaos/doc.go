// Package chaos holds a test: everything at once, and everything killed. `make chaos` runs it in full, `go test
// ./chaos` in short.
//
// Hostile writers fill a PostgreSQL of the test's own: transactions that take their number early and dawdle, stay open,
// roll back, in whole or to a savepoint, emit one event or a batch. Processes read the outbox, and are killed with kill
// -9 while they work: projectors, which fold the events into the analytics and into a chain of hashes for every key,
// and relays, which publish them. PostgreSQL is killed too, and Redis, which loses what it has not saved.
//
//	writers --> outbox, numbered for each key under a row lock --+--> projectors --> chains, analytics ------+
//	               |                                             '--> relays --> streams --> subscriber --+  |
//	               '------------------------------------> the oracle compares <---------------------------+--+
//
// At the end the oracle reads what was committed, and counts what was lost, came twice or out of order, chains that
// differ, figures of the analytics that do not follow from the trades, gaps of the streams, and what the subscriber did
// not hear once and in order. All must be 0. `make chaos-short` also builds defects into the processes, by the patches
// in events/testdata/mutants, and the same harness must notice each.
package chaos
