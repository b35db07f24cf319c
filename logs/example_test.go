package logs_test

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/logs"
	"github.com/blotterdb/blotter/pgtest"
)

// This example logs to the database, and reads the log by the id that the events and audit entries of a request have
// too.
func ExampleHandler() {
	db, done := pgtest.OpenExample()
	defer done()

	ctx := blotter.WithCorrelation(context.Background(), "request-1")

	h, err := logs.NewHandler(logs.Config{DB: db.DB, Service: "execution", Next: slog.DiscardHandler})
	if err != nil {
		panic(err)
	}

	if err := h.Start(ctx); err != nil {
		panic(err)
	}

	slog.New(h).WarnContext(ctx, "order rejected", "event_type", "order", "symbol", "AAPL")
	if err := h.Stop(ctx); err != nil { // stores what is queued
		panic(err)
	}

	rows, err := logs.Read(ctx, db.DB, logs.Filter{CorrelationID: "request-1", Level: "warn"})
	for _, row := range rows {
		fmt.Println(row.Service, row.Level, row.Message, row.EventType, string(row.Data))
	}

	fmt.Println(err)
	// Output:
	// execution warn order rejected order {"symbol": "AAPL"}
	// <nil>
}
