// Package monitor observes the database and the statements that services run. It has three parts, and the names of
// its files begin with them: statements, checks and metrics. It writes only to logging.performance_logs and
// shared.heartbeat.
//
// # Statements
//
// A Tracer counts every call of the database by service and operation. Put it into the configuration of each DB. A
// Recorder writes the counts of each minute, and slow calls at once, to logging.performance_logs; ReadPerformance reads
// them.
//
//	tracer, err := monitor.NewTracer(monitor.TracerConfig{})
//	db, err := postgres.Open(ctx, postgres.Config{URL: url, Service: "execution", Tracer: tracer})
//	...
//	fmt.Println(tracer.Summary()["execution"].AvgQueryTime)
//
// Memory is bounded for any set of statements: the number of operations is limited, a statement is remembered by its
// hash, a distribution is 512 numbers, and only the last hundred slow calls are kept, without their parameters.
//
// # Checks
//
// A Check looks for one kind of problem and returns findings, each with a remedy. Run runs checks once, as blotter
// doctor does. A Watcher runs them periodically, logs findings that appear and disappear, and writes the heartbeat by
// which replicas measure their lag. A partitioned table counts as one table. Thresholds say when a figure becomes a
// finding.
//
//	for _, f := range monitor.Findings(monitor.Run(ctx, db, monitor.Checks(monitor.Thresholds{}))) {
//		fmt.Println(f.Severity, f.Subject, f.Message, f.Remedy)
//	}
//
// The checks act as trading_reporter, which needs only pg_read_all_stats to see the sessions of other logins. No
// findings means that all is well, because a check that fails is a finding too.
//
// AdviseIndexes lists indexes that are redundant, unused, missing or invalid, with the evidence and the statements to
// run. It does not run them.
//
// To add a check, write it in the check file of its group, add it to Checks, and describe it in docs/runbook.md.
//
// # Metrics
//
// A Collector exposes all of this to Prometheus, a Handler serves /metrics, /healthz and /readyz, and a Server
// listens. Collecting does not query the database: it shows the last results of the Watcher. The number of label
// values is bounded.
//
//	Tracer ----------------> Recorder --> logging.performance_logs
//	   '-------> Collector --> Handler --> Server :9187
//	Watcher ---'     '-- postgres.PoolStats
//
// Recorder, Watcher and Server are services: a constructor starts nothing, Start starts, and Stop drains and waits.
// Both are safe to call twice. Health returns nil while the service does its work.
package monitor
