package monitor_test

import (
	"strings"
	"testing"
	"time"

	"github.com/blotterdb/blotter/monitor"
	"github.com/blotterdb/blotter/pgtest"
)

// leafAt returns the leaf of a month: 0 is the month in which the database was created, which has the first one.
func leafAt(t *testing.T, db *pgtest.Database, table string, months int) string {
	t.Helper()

	return pgtest.Value[string](t, db, `select leaf::text from shared.partitions where table_name = $1::text::regclass
		order by lower::timestamptz offset $2 limit 1`, table, months)
}

func TestPartitionsAhead(t *testing.T) {
	t.Parallel()

	db := pgtest.Open(t)
	none := monitor.Thresholds{}
	quiet(t, db.DB, pick(t, "partitions_ahead", none), "")
	for _, months := range []int{3, 2, 1} {
		db.Exec(t, "drop table "+leafAt(t, db, "logging.system_logs", months))
	}

	year := monitor.Thresholds{
		PartitionsAhead: monitor.Level[time.Duration]{Warning: 31 * 24 * time.Hour, Critical: soon},
	}
	fires(t, db.DB, "partitions_ahead", year, monitor.Warning, "logging.system_logs", "its partitions end on")
	db.Exec(t, "drop table "+leafAt(t, db, "logging.system_logs", 0))
	fires(t, db.DB, "partitions_ahead", none, monitor.Critical, "logging.system_logs", "its partitions end on")
	quiet(t, db.DB, pick(t, "partitions_ahead", none), "performance_logs")
	db.Exec(t, "select shared.ensure_ahead()")
	quiet(t, db.DB, pick(t, "partitions_ahead", none), "")
}

func TestPartitionGaps(t *testing.T) {
	t.Parallel()

	db, none := pgtest.Open(t), monitor.Thresholds{}
	quiet(t, db.DB, pick(t, "partition_gaps", none), "")
	leaf := leafAt(t, db, "data_ingestion.market_data", 2)
	db.Exec(t, "drop table "+leaf)
	fires(t, db.DB, "partition_gaps", none, monitor.Critical, "data_ingestion.market_data",
		"there is no partition from")
	quiet(t, db.DB, pick(t, "partition_gaps", none), "logging")
}

// TestPartitionDetachPending leaves a DETACH CONCURRENTLY that timed out while it waited for a reader.
func TestPartitionDetachPending(t *testing.T) {
	t.Parallel()

	db, none := pgtest.Open(t), monitor.Thresholds{}
	quiet(t, db.DB, pick(t, "partition_detach_pending", none), "")
	leaf := leafAt(t, db, "logging.system_logs", 1)
	reader, conn := admin(t, db), admin(t, db)
	run(t, reader, "begin isolation level repeatable read; select count(*) from logging.system_logs")
	run(t, conn, "set lock_timeout = '200ms'")
	if _, err := conn.Exec(t.Context(), "alter table logging.system_logs detach partition "+leaf+
		" concurrently"); err == nil {
		t.Fatal("DETACH was not interrupted")
	}

	run(t, reader, "rollback")
	f := fires(t, db.DB, "partition_detach_pending", none, monitor.Critical, leaf, "was interrupted")
	if !strings.Contains(f.Remedy, "attaches it again") {
		t.Errorf("remedy %q, want one that attaches it again", f.Remedy)
	}

	fires(t, db.DB, "partition_gaps", none, monitor.Critical, "logging.system_logs", "there is no partition from")
	run(t, conn, "alter table logging.system_logs detach partition "+leaf+" finalize")
	quiet(t, db.DB, pick(t, "partition_detach_pending", none), "")
}

func TestForeignPartition(t *testing.T) {
	t.Parallel()

	db, none := pgtest.Open(t), monitor.Thresholds{}
	quiet(t, db.DB, pick(t, "partition_foreign", none), "")
	db.Exec(t, "create table logging.rest partition of logging.system_logs default")
	db.Exec(t, "create table logging.ancient partition of logging.performance_logs for values from (minvalue) to "+
		"('1950-01-01')")
	fires(t, db.DB, "partition_foreign", none, monitor.Warning, "logging.rest", "DEFAULT")
	fires(t, db.DB, "partition_foreign", none, monitor.Warning, "logging.ancient", "MINVALUE")
}

// TestDetachedPartition checks that a detached table with the name of a partition that is due is found, whoever
// opens the database meanwhile, and that the statement of the remedy attaches it again.
func TestDetachedPartition(t *testing.T) {
	t.Parallel()

	db, none := pgtest.Open(t), monitor.Thresholds{}
	bars, logs := leafAt(t, db, "data_ingestion.market_data", 1), leafAt(t, db, "logging.system_logs", 3)
	db.Exec(t, "alter table data_ingestion.market_data detach partition "+bars)
	db.Exec(t, "alter table logging.system_logs detach partition "+logs)
	db.Exec(t, "alter table events.outbox detach partition events.outbox_p0")
	db.Exec(t, "create table logging.system_logs_1999_12 (); create table logging.system_logs_mine (); create "+
		"table logging.system_logs_2099_13 ()")
	db.Exec(t, "select shared.ensure_ahead()")
	year := monitor.Thresholds{
		PartitionsAhead: monitor.Level[time.Duration]{Warning: 365 * 24 * time.Hour, Critical: soon},
	}
	for name, subject := range map[string]string{
		"partition_gaps": "data_ingestion.market_data", "partitions_ahead": "logging.system_logs",
	} {
		f := fires(t, db.DB, name, year, map[string]monitor.Severity{
			"partition_gaps": monitor.Critical, "partitions_ahead": monitor.Warning,
		}[name], subject, "")
		if !strings.Contains(f.Remedy, "the remedy of partition_foreign") {
			t.Errorf("%s: %q", name, f.Remedy)
		}
	}

	for _, leaf := range []string{bars, logs, "events.outbox_p0"} {
		f := fires(t, db.DB, "partition_foreign", none, monitor.Warning, leaf, "a detached table")
		_, sql, _ := strings.Cut(f.Remedy, "owner: ")
		sql, _, _ = strings.Cut(sql, ";")
		db.Exec(t, sql)
	}

	for _, name := range []string{"partition_foreign", "partition_gaps", "partitions_ahead"} {
		quiet(t, db.DB, pick(t, name, none), "")
	}
}

func TestOutboxRoom(t *testing.T) {
	t.Parallel()

	db, none := pgtest.Open(t), monitor.Thresholds{}
	quiet(t, db.DB, pick(t, "outbox_room", none), "")
	upper := pgtest.Value[int64](t, db, "select max(upper::bigint) from shared.partitions where table_name = "+
		"'events.outbox'::regclass")
	db.Exec(t, "select setval(pg_get_serial_sequence('events.outbox', 'pos'), $1)", upper-400_000)
	fires(t, db.DB, "outbox_room", none, monitor.Warning, "events.outbox", "room for 400000 more events")
	db.Exec(t, "select setval(pg_get_serial_sequence('events.outbox', 'pos'), $1)", upper-10)
	fires(t, db.DB, "outbox_room", none, monitor.Critical, "events.outbox", "room for 10 more events")
	db.Exec(t, "select shared.ensure_ahead()")
	quiet(t, db.DB, pick(t, "outbox_room", none), "")
}
