package monitor_test

import (
	"context"
	"fmt"
	"time"

	"github.com/blotterdb/blotter/monitor"
	"github.com/blotterdb/blotter/pgtest"
)

func ExampleTracer_Track() {
	tracer, _ := monitor.NewTracer(monitor.TracerConfig{})
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
