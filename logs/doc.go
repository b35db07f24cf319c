// Package logs keeps the log of services in the database: a slog.Handler that writes to logging.system_logs, and the
// reading back, also as it grows.
//
//	h, err := logs.NewHandler(logs.Config{DB: db, Service: "execution"})
//	err = h.Start(ctx)
//	slog.SetDefault(slog.New(h))
//	defer h.Stop(ctx)
//
// A record goes to the next handler, standard error by default, and into a queue of bounded length; nobody who logs
// ever waits for the database. A writer takes what is queued, 100 rows or after a second, and stores it by COPY, two
// batches at once where there are that many:
//
//	slog call --> Next (standard error)
//	    +-------> queue of 10,000 --> COPY, one transaction a batch --> logging.system_logs
//	                 | full                | the database is gone: try again until it is back
//	                 v                     | a row that it cannot hold
//	              counted as dropped <-----+
//
// What was dropped is counted, and the next batch says so in a row of its own with event_type "logs_dropped". Written,
// dropped and queued rows are together what was offered. A batch whose COMMIT was cut short is neither lost nor
// doubled: the server is asked whether it took place.
//
// A row's correlation_id is that of blotter.WithCorrelation, the same as of the events and audit rows of the same
// context. Log rows belong to no account: whoever may read the log reads all of it, so it must hold no secrets.
package logs
