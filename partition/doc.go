// Package partition manages the partitions of blotter's tables: it creates them ahead of time, vacuums those that are
// closed, and retires old ones. Read reads the catalog, Plan computes the steps, and Apply runs them:
//
//	catalog --Read--> State --Plan(now, Policy)--> []Step --Apply--> one transaction a step
//
// Run does all of this as the only runner of a database:
//
//	err := partition.Run(ctx, ownerURL, time.Now(), partition.Policy{}, func(partition.Step, string) {})
//
// The next run completes an interrupted one: a step is done completely or not at all. The exception is DETACH
// CONCURRENTLY, which leaves a mark in the catalog, and a plan begins by finalizing partitions with that mark.
//
//	            create                     VACUUM (FREEZE, ANALYZE)          retire: detach, archive or drop
//	(missing) ----------> ahead, current ---------------------------> closed ----------------------------> gone
//
// Bounds are in UTC. They come from the catalog and never from names: a leaf is a table that the server lists as
// attached. Writers do not depend on a runner: shared.ensure_ahead creates the partitions that are due when a program
// opens the database or finds no partition for a row.
package partition
