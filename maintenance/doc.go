// Package maintenance keeps the database in order: it vacuums and analyzes what needs it, moves old logs to the archive,
// keeps partitions ahead, and proves the book from its trades. Each of these is a Job; others are handed in.
//
//	runner, err := maintenance.New(maintenance.Config{OwnerURL: url})
//	outcomes, err := runner.Run(ctx, maintenance.Request{Jobs: []string{"vacuum_analyze"}})
//
// There is one runner a database, whoever started it: it holds an advisory lock while it runs jobs, on a connection that
// it also writes the runs with, as rows of shared.maintenance_runs:
//
//	           the job returns            it returns an error, panics, or is stopped
//	running -------------------> ok    running -------------------------------------> failed
//	   |       the runner died or lost the database: the next one says so
//	   +----------------------------------------------------------------> killed
//
// A Scheduler runs jobs when they are due, in as many programs at once as one likes. None of them leads: each looks now
// and then what is due, by the rows of the last runs and the clock of the database, and who gets the lock looks again and
// runs it. So a program that dies is replaced by any other at its next look, and a clock that is set, or a zone that
// changes its time, leaves nothing out and runs nothing twice.
//
// A job that fails does not stop the others. It is tried again after a minute, then two, four, up to an hour.
package maintenance
