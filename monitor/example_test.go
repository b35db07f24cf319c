package monitor_test

import (
	"context"
	"fmt"
	"net/http/httptest"
	"strings"
	"time"

	"github.com/blotterdb/blotter/monitor"
	"github.com/blotterdb/blotter/pgtest"
)

func ExampleTracer_Track() {
	tracer, err := monitor.NewTracer(monitor.TracerConfig{})
	if err != nil {
		panic(err)
	}

	tracer.Track("strategy", "fetch bars", 250*time.Millisecond)
	tracer.Track("strategy", "fetch bars", 1750*time.Millisecond)

	s := tracer.Summary()["strategy"]
	fmt.Printf("%d queries, %.2f s on average, %d slow\n", s.TotalQueries, s.AvgQueryTime, s.SlowQueryCount)
	// Output: 2 queries, 1.00 s on average, 1 slow
}

func ExampleRun() {
	db, done := pgtest.OpenExample()
	defer done()

	var checks []monitor.Check
	for _, check := range monitor.Checks(monitor.Thresholds{}) {
		if check.Area == "partitions" || check.Area == "schema" {
			checks = append(checks, check)
		}
	}

	outcomes := monitor.Run(context.Background(), db.DB, checks)
	fmt.Println(len(outcomes), "checks,", len(monitor.Findings(outcomes)), "findings")
	// Output: 7 checks, 0 findings
}

func ExampleThresholds_Set() {
	var thresholds monitor.Thresholds
	err := thresholds.Set("outbox_lag=10s/1m")
	fmt.Println(thresholds.OutboxLag.Warning, thresholds.OutboxLag.Critical, err)
	// Output: 10s 1m0s <nil>
}

func ExampleHandler() {
	handler, err := monitor.Handler(monitor.HandlerConfig{})
	if err != nil {
		panic(err)
	}

	answer := httptest.NewRecorder()
	handler.ServeHTTP(answer, httptest.NewRequest("GET", "/healthz", nil))
	fmt.Println(answer.Code, strings.TrimSpace(answer.Body.String()))
	// Output: 200 ok
}
