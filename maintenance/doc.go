// Package maintenance runs the jobs that a database needs regularly: it vacuums and analyzes tables that need it,
// moves old logs to the archive, creates partitions ahead, and verifies the book against its trades. Config.Jobs adds
// jobs of other packages.
//
//	runner, err := maintenance.New(maintenance.Config{OwnerURL: url})
//	outcomes, err := runner.Run(ctx, maintenance.Request{Jobs: []string{"vacuum_analyze"}})
//
// A database has one runner at a time. While it runs jobs it holds an advisory lock, on the connection with which it
// also records the runs in shared.maintenance_runs:
//
//	            the job returns           the job returns an error, panics, or is stopped
//	running -------------------> ok    running ------------------------------------------> failed
//	   |     the runner died or lost the database; the next runner records it
//	   +----------------------------------------------------------------------> killed
//
// A Scheduler runs jobs when they are due. Any number of programs may have one, and none of them leads: each checks
// periodically which jobs are due, by the recorded runs and the clock of the database. The one that gets the lock
// checks again and runs them. So any other program replaces one that dies, and no job is left out or run twice when a
// clock is set.
//
// A job that fails does not stop the others. It is tried again after a minute, then after two, four and so on, up to an
// hour.
package maintenance
