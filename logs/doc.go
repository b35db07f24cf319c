// Package logs stores the logs of services in the database. Handler is a slog.Handler that writes to
// logging.system_logs, Read reads the log, and Tail follows it.
//
//	h, err := logs.NewHandler(logs.Config{DB: db, Service: "execution"})
//	err = h.Start(ctx)
//	slog.SetDefault(slog.New(h))
//	defer h.Stop(ctx)
//
// A record goes to the next handler, by default to standard error, and into a bounded queue, so logging never waits
// for the database. A writer takes 100 rows from the queue, or fewer after a second, and stores them by COPY, up to
// two batches at once:
//
//	slog call --> Next (standard error)
//	    +-------> queue of 10,000 --> COPY, one transaction a batch --> logging.system_logs
//	                 | full                | the database is gone: try again until it is back
//	                 v                     | a row that it cannot store
//	              counted as dropped <-----+
//
// Dropped rows are counted, and the next batch reports them in a row of its own with event_type "logs_dropped".
// Written, dropped and queued rows add up to the offered ones. A batch whose COMMIT was interrupted is neither lost
// nor stored twice, because the writer asks the server whether it took effect.
//
// The correlation_id of a row is that of blotter.WithCorrelation, as in the events and audit entries of the same
// context. Log rows do not belong to an account: every reader of the log sees all of it, so never log secrets.
package logs
