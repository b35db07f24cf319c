package bench

import (
	"flag"
	"fmt"
	"testing"
	"time"

	"github.com/blotterdb/blotter/maintenance"
	"github.com/blotterdb/blotter/pgtest"
)

var logRows = flag.Int("log-rows", 2_000_000, "log rows over 90 days that are archived")

// fillLog makes log rows of the 90 days before an instant.
func fillLog(b *testing.B, db *pgtest.Database, before time.Time) {
	b.Helper()
	db.Exec(b, `select shared.ensure_partitions('system_logs', $1::timestamptz - interval '90 days', $1),
		       shared.ensure_partitions('performance_logs', $1, $1)`, before)
	db.Exec(b, `insert into logging.system_logs (service, level, message, data, correlation_id, event_type, timestamp)
		select 'service ' || n % 5, (array['debug', 'info', 'warn', 'error'])[1 + n % 4],
		       'order filled at the venue, number ' || n, jsonb_build_object('n', n, 'symbol', 'SYM' || n % 500),
		       'correlation-' || n / 10, 'type ' || n % 20, $1::timestamptz - n * (interval '90 days' / $2)
		  from generate_series(1, $2) n`, before, *logRows)
	db.Exec(b, "vacuum analyze logging.system_logs")
	db.Exec(b, "checkpoint")
}

// The two statements of the original, which hold between them what a row was that both see.
const (
	originalCopy = `insert into logging.archived_system_logs (id, service, level, message, data, correlation_id,
		       event_type, timestamp)
		select id, service, level, message, data, correlation_id, event_type, timestamp
		  from logging.system_logs where timestamp < $1`
	originalDelete = `delete from logging.system_logs where timestamp < $1`
)

// Archiving the log by whole partitions, against INSERT and DELETE as the original document has it, of the same rows:
// at most 1/20 of the time.
func BenchmarkArchiveLogs(b *testing.B) {
	now := time.Now().UTC()
	cutoff := time.Date(now.Year(), now.Month(), 1, 0, 0, 0, 0, time.UTC)
	const sqlOld = "select count(*) from logging.archived_system_logs where timestamp < $1"
	for b.Loop() {
		ours, theirs := pgtest.Open(b), pgtest.Open(b)
		fillLog(b, ours, now)
		runner, err := maintenance.New(maintenance.Config{
			OwnerURL: ours.OwnerURL, Logger: ours.Config.Logger,
			Clock: func() time.Time { return cutoff.AddDate(0, 0, 30) },
		})
		if err != nil {
			b.Fatal(err)
		}
		begin := time.Now()
		outcomes, err := runner.Run(b.Context(), maintenance.Request{Jobs: []string{"archive_logs"}, Force: true})
		byPartition := time.Since(begin)
		if err != nil || outcomes[0].Err != nil {
			b.Fatal(err, outcomes)
		}
		moved := pgtest.Value[int](b, ours, sqlOld, cutoff)

		fillLog(b, theirs, now)
		theirs.Exec(b, `select shared.ensure_partitions('archived_system_logs', $1::timestamptz - interval '90 days',
			$1)`, now)
		conn := theirs.Connect(b, theirs.AdminURL)
		begin = time.Now()
		for _, sql := range []string{originalCopy, originalDelete} {
			if _, err := conn.Exec(b.Context(), sql, cutoff); err != nil {
				b.Fatal(err)
			}
		}
		byRow := time.Since(begin)
		if n := pgtest.Value[int](b, theirs, sqlOld, cutoff); n != moved || moved < *logRows/2 {
			b.Fatalf("%d rows moved by partition, %d by row", moved, n)
		}
		b.ReportMetric(0, "ns/op")
		b.ReportMetric(byPartition.Seconds()*1e3, "partitions_ms")
		b.ReportMetric(byRow.Seconds()*1e3, "rows_ms")
		b.ReportMetric(float64(byRow)/float64(byPartition), "times_faster")
		fmt.Printf("  %d of %d rows: by partitions %s, by INSERT and DELETE %s, 1/%.0f of the time\n", moved, *logRows,
			byPartition, byRow, float64(byRow)/float64(byPartition))
		if byPartition*20 > byRow {
			b.Errorf("more than 1/20 of the time")
		}
	}
}
