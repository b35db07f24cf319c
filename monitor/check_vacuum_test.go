package monitor_test

import (
	"testing"
	"time"

	"github.com/blotterdb/blotter/monitor"
	"github.com/blotterdb/blotter/pgtest"
)

// TestDeadTuples checks that a bloated leaf is reported as its table.
func TestDeadTuples(t *testing.T) {
	t.Parallel()

	db, thresholds := pgtest.Open(t), monitor.Thresholds{DeadTuplesMin: 2000}
	conn := admin(t, db)
	counted(t, conn, "insert into logging.system_logs (service, level, message) select 's', 'info', 'm' from "+
		"generate_series(1, 4000)")
	quiet(t, db.DB, pick(t, "dead_tuples", thresholds), "")
	counted(t, conn, "delete from logging.system_logs where id % 5 < 3")
	f := fires(t, db.DB, "dead_tuples", thresholds, monitor.Critical, "logging.system_logs",
		"2400 dead rows, 60 % of all, most of them in logging.system_logs_20")
	if f.Subject != "logging.system_logs" {
		t.Errorf("it is reported as %s", f.Subject)
	}

	quiet(t, db.DB, pick(t, "dead_tuples", monitor.Thresholds{}), "")
	leaf := pgtest.Value[string](t, db, "select leaf::text from shared.partitions where table_name = "+
		"'logging.system_logs'::regclass and lower::timestamptz <= now() and upper::timestamptz > now()")
	counted(t, conn, "vacuum "+leaf)
	until(t, "vacuum makes it quiet", func() bool {
		return len(look(t, db.DB,
			pick(t, "dead_tuples", thresholds))) == 0
	})
}

func TestVacuumAge(t *testing.T) {
	t.Parallel()

	db := pgtest.Open(t)
	thresholds := monitor.Thresholds{
		DeadTuplesMin: 1000,
		UnvacuumedAge: monitor.Level[time.Duration]{Warning: soon, Critical: 1000 * time.Hour},
	}

	quiet(t, db.DB, pick(t, "vacuum_age", thresholds), "")
	conn := admin(t, db)
	counted(t, conn, "insert into logging.system_logs (service, level, message) select 's', 'info', 'm' from "+
		"generate_series(1, 2000)")
	if f := fires(t, db.DB, "vacuum_age", thresholds, monitor.Warning, "logging.system_logs",
		"2000 rows have changed since"); f.Subject != "logging.system_logs" {
		t.Errorf("it is reported as %s", f.Subject)
	}

	quiet(t, db.DB, pick(t, "vacuum_age", monitor.Thresholds{DeadTuplesMin: 1000}), "")
	counted(t, conn, "vacuum logging.system_logs")
	until(t, "vacuum makes it quiet", func() bool {
		return len(look(t, db.DB,
			pick(t, "vacuum_age", thresholds))) == 0
	})
}

func TestParentNeverAnalyzed(t *testing.T) {
	t.Parallel()

	db, thresholds := pgtest.Open(t), monitor.Thresholds{UnanalyzedRows: 2000}
	quiet(t, db.DB, pick(t, "parent_never_analyzed", thresholds), "")
	conn := admin(t, db)
	counted(t, conn, "insert into logging.system_logs (service, level, message) select 's', 'info', 'm' from "+
		"generate_series(1, 2000)")
	fires(t, db.DB, "parent_never_analyzed", thresholds, monitor.Warning, "logging.system_logs", "never analyzed")
	addRun(t, db, "analyze", "ok", "", 2, "{}")
	quiet(t, db.DB, pick(t, "parent_never_analyzed", thresholds), "") // the next run comes within a day
	db.Exec(t, "update shared.maintenance_runs set ended_at = ended_at - interval '1 day'")
	fires(t, db.DB, "parent_never_analyzed", thresholds, monitor.Warning, "logging.system_logs", "never analyzed")
	quiet(t, db.DB, pick(t, "parent_never_analyzed", monitor.Thresholds{}), "")
	counted(t, conn, "analyze logging.system_logs")
	until(t, "analyze makes it quiet", func() bool {
		return len(look(t, db.DB,
			pick(t, "parent_never_analyzed", thresholds))) == 0
	})
}

func TestXIDAge(t *testing.T) {
	t.Parallel()

	db := pgtest.Open(t)
	quiet(t, db.DB, pick(t, "xid_age", monitor.Thresholds{}), "")
	for range 20 {
		db.Exec(t, "select txid_current()")
	}
	old := monitor.Thresholds{XIDAge: monitor.Level[int64]{Warning: 20, Critical: 1 << 40}}
	fires(t, db.DB, "xid_age", old, monitor.Warning, "database "+db.Name, "transactions old")
}

func TestMultixactAge(t *testing.T) {
	t.Parallel()

	db := pgtest.Open(t)
	old := monitor.Thresholds{MultixactAge: monitor.Level[int64]{Warning: 1, Critical: 1 << 40}}
	quiet(t, db.DB, pick(t, "multixact_age", monitor.Thresholds{}), "")
	one, two := admin(t, db), admin(t, db)
	run(t, one, "create table strategy_engine.rows as select 1 as n")
	run(t, one, "begin; select * from strategy_engine.rows for share")
	run(t, two, "select * from strategy_engine.rows for share")
	run(t, one, "rollback")
	fires(t, db.DB, "multixact_age", old, monitor.Warning, "database "+db.Name, "multixacts old")
}

// TestSequences checks that a sequence is limited by the type of its column.
func TestSequences(t *testing.T) {
	t.Parallel()

	db := pgtest.Open(t)
	quiet(t, db.DB, pick(t, "sequences", monitor.Thresholds{}), "")
	conn := admin(t, db)
	run(t, conn, "select setval(pg_get_serial_sequence('execution.orders', 'id'), 8000000000000000000)")
	fires(t, db.DB, "sequences", monitor.Thresholds{}, monitor.Warning, "execution.orders_id_seq", "(86 %)")
	run(t, conn, "set role trading_owner")
	run(t, conn, "create sequence strategy_engine.short_seq")
	run(t, conn, "create table strategy_engine.short (id int default nextval('strategy_engine.short_seq'))")
	run(t, conn, "alter sequence strategy_engine.short_seq owned by strategy_engine.short.id")
	quiet(t, db.DB, pick(t, "sequences", monitor.Thresholds{}), "short")
	run(t, conn, "select setval('strategy_engine.short_seq', 2000000000)")
	fires(t, db.DB, "sequences", monitor.Thresholds{}, monitor.Critical, "strategy_engine.short_seq",
		"2000000000 of 2147483647")
}
