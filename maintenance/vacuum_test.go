package maintenance_test

import (
	"strings"
	"testing"
	"time"

	"github.com/blotterdb/blotter/maintenance"
	"github.com/blotterdb/blotter/pgtest"
)

// VACUUM goes to the leaves that need it, and to no others.
func TestVacuumAnalyze(t *testing.T) {
	t.Parallel()
	db := pgtest.Open(t)
	r := newRunner(t, config(db))
	run(t, r, maintenance.Request{Jobs: []string{"vacuum_analyze"}, Force: true})
	db.Exec(t, `insert into logging.system_logs (service, level, message) select 's', 'info', 'm' || n from generate_series(1, 2000) n;
		delete from logging.system_logs where message like '%7'; select pg_stat_force_next_flush()`)
	leaf := pgtest.Value[string](t, db, `select tableoid::regclass::text from logging.system_logs limit 1`)
	needed := func() (steps []string) {
		steps, _ = run(t, r, maintenance.Request{Jobs: []string{"vacuum_analyze"}, DryRun: true, Service: "logging"})
		return steps
	}
	until(t, patience, "the statistics know of it", func() bool { return len(needed()) > 0 })
	if steps := needed(); len(steps) != 1 || !strings.Contains(steps[0], "vacuum   "+leaf+"  200 dead of 2000 rows") {
		t.Errorf("what is needed: %q", steps)
	}
	steps, figures := run(t, r, maintenance.Request{Jobs: []string{"vacuum_analyze"}, Service: "logging"})
	if len(steps) != 1 || figures["vacuum_analyze"]["vacuumed"] != int64(1) || figures["vacuum_analyze"]["dead_rows"] != int64(200) {
		t.Errorf("%q %v", steps, figures)
	}
	until(t, patience, "the statistics know that nothing is needed", func() bool { return len(needed()) == 0 })
	if n := pgtest.Value[int](t, db, `select vacuum_count from pg_stat_user_tables where relid = $1::text::regclass`, leaf); n < 2 {
		t.Errorf("%s was vacuumed %d times", leaf, n)
	}
}

// Partitioned tables, which autovacuum never analyzes, get statistics of their own.
func TestAnalyze(t *testing.T) {
	t.Parallel()
	db := pgtest.Open(t)
	db.Exec(t, `insert into logging.system_logs (service, level, message) select 's', 'info', 'm' || n from generate_series(1, 2000) n`)
	run(t, newRunner(t, config(db)), maintenance.Request{Jobs: []string{"analyze"}})
	if n := pgtest.Value[int](t, db, `select count(*) from pg_stats where schemaname = 'logging' and tablename = 'system_logs' and attname = 'message'`); n != 1 {
		t.Error("the partitioned table has no statistics")
	}
	conn := db.Connect(t, db.AdminURL)
	until(t, patience, "every table was analyzed", func() bool {
		return value[int](t, conn, `select count(*) from pg_class c join pg_namespace n on n.oid = relnamespace where relkind in ('r', 'p') and nspowner = 'trading_owner'::regrole and pg_stat_get_last_analyze_time(c.oid) is null
			and (relkind = 'r' or exists (select from pg_inherits where inhparent = c.oid))`) == 0
	})
}

// The server skips tables with no more than a warning: that is a failure, of that table alone.
func TestVacuumSkips(t *testing.T) {
	t.Parallel()
	db := pgtest.Open(t)
	db.Exec(t, `create table execution.strangers as select 1 as n`)
	db.Exec(t, `do $$ begin execute format('alter database %I owner to current_user', current_database()); end $$`) // whose owner may vacuum all
	cfg := config(db)
	r := newRunner(t, cfg)
	outcomes, err := r.Run(t.Context(), maintenance.Request{Jobs: []string{"vacuum_analyze"}, Force: true, Service: "execution"})
	if err != nil {
		t.Fatal(err)
	}
	o := outcomes[0]
	if o.Err == nil || !strings.Contains(o.Err.Error(), "execution.strangers: ") || o.Figures["vacuumed"] != int64(5) || o.Figures["failed"] != 1 {
		t.Errorf("%v %v", o.Err, o.Figures)
	}
	holder := db.Connect(t, db.AdminURL)
	if _, err := holder.Exec(t.Context(), "begin; lock table execution.trades in share mode; drop table execution.strangers"); err != nil {
		t.Fatal(err)
	}
	cfg.LockTimeout = 50 * time.Millisecond
	outcomes, err = newRunner(t, cfg).Run(t.Context(), maintenance.Request{Jobs: []string{"vacuum_analyze"}, Force: true, Service: "execution"})
	if err != nil {
		t.Fatal(err)
	}
	if o := outcomes[0]; o.Err == nil || !strings.Contains(o.Err.Error(), "2 tables failed, 4 are done") {
		t.Errorf("a table that is locked: %v %v", o.Err, o.Figures)
	}
}
