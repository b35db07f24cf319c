// Package audit makes tampering with the audit log evident. Triggers write shared.audit_log (migration 00014); a Sealer
// takes new entries in batches, numbers them from 1 without a gap, and chains the batches:
//
//	entries of committed transactions --window--> batch --SHA-256 each--> seal n --+
//	                                                      head of seal n-1 --------+--SHA-256--> head of seal n
//
// Verify reads seals and entries again and names every entry that was changed, removed, inserted or exchanged, and
// every seal that does not continue the one before it. A user who may change everything in the database can also
// rebuild the whole chain, or truncate it together with its entries. Only a head that was written to a file elsewhere
// (ExportHead) detects that.
//
//	sealer, err := audit.New(db, audit.Config{})
//	err = sealer.Start(ctx)
//	defer sealer.Stop(ctx)
//	...
//	report, err := audit.VerifyDatabase(ctx, db, heads)
//
// # The window
//
// A batch is what became visible between two snapshots of the server: a long transaction delays its own entries alone,
// no entry is passed over, none is sealed twice. shared.audit_cursor holds how far that is; who locks its row seals,
// others pass on, so any number of sealers may run. A batch is one transaction: a sealer that is killed leaves none
// half done.
//
//	done --take target--> window open --batches by id--> target is done
//
// Transaction ids belong to a cluster. In another one, after a dump was restored there, the sealer first seals what no
// seal has yet, by id, and goes on with windows from there:
//
//	another cluster --batches of what no seal has--> done
//
// Where somebody removed the cursor, nothing is sealed until RepairCursor puts it back at the last seal.
//
// # What is hashed
//
// Each field with its length before it, numbers as 8 bytes, times as microseconds since 1970 UTC, JSON by its values
// with the keys of objects sorted: the same in every time zone, client and version of the server.
package audit
