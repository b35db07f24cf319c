// Package monitor watches: what services ask of the database, and how the database is. It changes nothing but tables of
// its own (logging.performance_logs, shared.heartbeat).
//
// # Statistics
//
// A Tracer counts every call by service and operation: put it into the configuration of each DB, and it hears of all of
// its pools. A Recorder writes what it counted into logging.performance_logs, slow calls at once.
//
//	tracer, err := monitor.NewTracer(monitor.TracerConfig{})
//	db, err := postgres.Open(ctx, postgres.Config{URL: url, Service: "execution", Tracer: tracer})
//	...
//	fmt.Println(tracer.Summary()["execution"].AvgQueryTime)
//
// Memory is bounded whatever the statements are: an operation is a name out of few, a statement is remembered by its hash,
// a distribution is 512 numbers, and of slow calls the last hundred are kept, without their parameters.
//
// # Checks
//
// A Check looks at one thing and returns findings, each with a sentence that says what to do. Run makes them once, as
// blotter doctor does; a Watcher makes them again and again, logs what appears and what is gone, and beats the heart by
// which replicas tell how far they are behind. Figures are of tables as people know them: a partitioned one is one.
//
//	for _, f := range monitor.Findings(monitor.Run(ctx, db, monitor.Checks(monitor.Thresholds{}))) {
//		fmt.Println(f.Severity, f.Subject, f.Message, f.Remedy)
//	}
//
// The checks act as trading_reporter, which needs pg_read_all_stats to see other logins' sessions, and no more. Silence
// means that all is well: a check that cannot be made is a finding.
//
// AdviseIndexes says which indexes are redundant, unused, missing or invalid, why, and the statements to run. It runs none.
//
// # Metrics
//
// A Collector gives all of it to Prometheus, a Handler serves /metrics, /healthz and /readyz, a Server listens. Collecting
// asks the database nothing: it shows what the Watcher saw last. Labels are bounded.
//
//	Tracer ----------------> Recorder --> logging.performance_logs
//	   '-------> Collector --> Handler --> Server :9187
//	Watcher ---'     '-- postgres.PoolStats
//
// Recorder, Watcher and Server are services: a constructor starts nothing, Start starts, Stop drains and waits, both safe
// twice; Health is nil while the work is done.
package monitor
