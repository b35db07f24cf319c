// Package partition keeps the partitions of blotter's tables: it makes them ahead of time, looks after those that are
// closed, and retires old ones. Read reads the catalog, Plan decides without touching anything, Apply carries out:
//
//	catalog --Read--> State --Plan(now, Policy)--> []Step --Apply--> one transaction a step
//
// Run does all of it as the one runner of a database:
//
//	err := partition.Run(ctx, ownerURL, time.Now(), partition.Policy{}, func(partition.Step, string) {})
//
// A run that was cut short, however, is ended by the next one: every step is whole or not there, save DETACH
// CONCURRENTLY, which leaves a mark in the catalog, and a plan begins by finalizing what has it.
//
//	            create                     VACUUM (FREEZE, ANALYZE)          retire: detach, archive or drop
//	(missing) ----------> ahead, current ---------------------------> closed ----------------------------> gone
//
// Bounds are UTC. Truth is the catalog, never a name: a leaf is what the server says is attached, with the bounds that
// it says. Writers do not depend on a runner: shared.ensure_ahead makes what is due when a program opens the database,
// or finds no partition for a row.
package partition
