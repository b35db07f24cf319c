package postgres_test

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"

	"github.com/blotterdb/blotter/pgtest"
	"github.com/blotterdb/blotter/postgres"
)

// reopen opens the database once more, with a logger that writes to the buffer.
func reopen(t *testing.T, db *pgtest.Database, lookOnly bool) (*postgres.DB, *bytes.Buffer) {
	t.Helper()
	cfg, log := db.Config, &bytes.Buffer{}
	cfg.Logger, cfg.LookOnly = slog.New(slog.NewTextHandler(log, nil)), lookOnly
	again, err := postgres.Open(t.Context(), cfg)
	if err != nil {
		t.Fatalf("the database does not open: %v", err)
	}
	t.Cleanup(again.Close)
	return again, log
}

// leafAhead returns the leaf of a month; 0 is the month in which the database was made, which has the first one.
func leafAhead(t *testing.T, db *pgtest.Database, table string, months int) string {
	t.Helper()
	return pgtest.Value[string](t, db, `select leaf::text from shared.partitions where table_name = $1::text::regclass
		order by lower::timestamptz offset $2 limit 1`, table, months)
}

func leaves(t *testing.T, db *pgtest.Database, table string) int {
	t.Helper()
	return pgtest.Value[int](t, db, `select count(*) from shared.partitions where table_name = $1::text::regclass`, table)
}

// A detached table has the name of a partition that is due: Open makes every other one, succeeds, and logs one line
// about it. A write that needs the partition still fails.
func TestOpenWithADetachedPartition(t *testing.T) {
	t.Parallel()
	db := pgtest.Open(t)
	makeAccount(t, db.DB, "A1")
	now, next := leafAhead(t, db, "shared.audit_log", 0), leafAhead(t, db, "shared.audit_log", 1)
	db.Exec(t, "alter table shared.audit_log detach partition "+now)
	db.Exec(t, "drop table "+next)
	db.Exec(t, "drop table "+leafAhead(t, db, "logging.system_logs", 2)) // after audit_log in the order of names; it still has to be made
	db.Exec(t, "drop table "+leafAhead(t, db, "logging.performance_logs", 1))
	db.Exec(t, "create table logging.performance_logs_rest partition of logging.performance_logs default")
	db.Exec(t, "insert into logging.performance_logs (service, operation, execution_time_ms, timestamp) values ('a', 'o', 1, date_trunc('month', now(), 'UTC') + interval '40 days')")
	again, log := reopen(t, db, false)
	if a, s := leaves(t, db, "shared.audit_log"), leaves(t, db, "logging.system_logs"); a != 3 || s != 4 {
		t.Errorf("%d leaves of the audit log and %d of the logs are there, want 3 and 4", a, s)
	}

	order := newOrder("A1", "O-1")
	ctx := as(t, "A1")
	err := again.Transaction(ctx, func(tx *postgres.Tx) error { return postgres.Orders.Insert(ctx, tx, &order) },
		postgres.Unlogged)
	if err == nil || !strings.Contains(err.Error(), "shared.audit_log has no partition for this row") {
		t.Errorf("the write that needs it: %v", err)
	}

	for table, want := range map[string]string{
		"shared.audit_log":         now + " exists and is not the partition",
		"logging.performance_logs": "performance_logs_rest",
	} {
		if n := strings.Count(log.String(), "a partition of "+table+" cannot be made"); n != 1 ||
			!strings.Contains(log.String(), want) {
			t.Errorf("%d lines say that %s lacks one, want 1 with %q:\n%s", n, table, want, log)
		}
	}
}

// Open succeeds even if no partition can be made.
func TestOpenWhereNoPartitionCanBeMade(t *testing.T) {
	t.Parallel()
	db := pgtest.Open(t)
	db.Exec(t, "revoke execute on function shared.ensure_ahead() from trading_app")
	if _, log := reopen(t, db, false); strings.Count(log.String(), "\n") != 1 ||
		!strings.Contains(log.String(), "partitions that are due were not made") {
		t.Errorf("it logs %q", log)
	}
}

// LookOnly leaves missing partitions missing.
func TestOpenToLook(t *testing.T) {
	t.Parallel()
	db := pgtest.Open(t)
	db.Exec(t, "drop table "+leafAhead(t, db, "logging.system_logs", 2))
	if reopen(t, db, true); leaves(t, db, "logging.system_logs") != 3 {
		t.Error("opening to look made a partition")
	}
	if reopen(t, db, false); leaves(t, db, "logging.system_logs") != 4 {
		t.Error("opening makes no partition")
	}
}
