package maintenance_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/maintenance"
	"github.com/blotterdb/blotter/pgtest"
	"github.com/blotterdb/blotter/postgres"
)

// TestVacuumAnalyze checks that VACUUM runs only on the leaves that need it.
func TestVacuumAnalyze(t *testing.T) {
	t.Parallel()

	db := pgtest.Open(t)
	r := newRunner(t, config(db))
	run(t, r, maintenance.Request{Jobs: []string{"vacuum_analyze"}, Force: true})
	db.Exec(t, `insert into logging.system_logs (service, level, message) select 's', 'info', 'm' || n
			from generate_series(1, 2000) n;
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
	if len(steps) != 1 || figures["vacuum_analyze"]["vacuumed"] != int64(1) ||
		figures["vacuum_analyze"]["dead_rows"] != int64(200) {
		t.Errorf("%q %v", steps, figures)
	}

	until(t, patience, "the statistics know that nothing is needed", func() bool { return len(needed()) == 0 })
	if n := pgtest.Value[int](t, db, `select vacuum_count from pg_stat_user_tables where relid = $1::text::regclass`,
		leaf); n < 2 {
		t.Errorf("%s was vacuumed %d times", leaf, n)
	}
}

// TestAnalyze checks that partitioned tables, which autovacuum never analyzes, get statistics of their own. Small
// tables that were never analyzed get none: the server would plan to read all of them, and keep the plan while they
// grow.
func TestAnalyze(t *testing.T) {
	t.Parallel()

	db := pgtest.Open(t)
	db.Exec(t, `insert into logging.system_logs (service, level, message) select 's', 'info', 'm' || n
			from generate_series(1, 2000) n`)
	run(t, newRunner(t, config(db)), maintenance.Request{Jobs: []string{"analyze"}})
	if n := pgtest.Value[int](t, db, `select count(*) from pg_stats where schemaname = 'logging'
			and tablename = 'system_logs' and attname = 'message'`); n != 1 {
		t.Error("the partitioned table has no statistics")
	}

	db.Exec(t, "insert into execution.accounts (account_id) values ('A1')")
	run(t, newRunner(t, config(db)), maintenance.Request{Jobs: []string{"analyze"}})
	conn := db.Connect(t, db.AdminURL)
	analyzed := func() string {
		return value[string](t, conn, `select coalesce(string_agg(c.oid::regclass::text, ' ' order by 1), '')
				from pg_class c
			where relkind in ('r', 'p') and not relispartition
			and relnamespace::regnamespace::text in ('execution', 'logging', 'events')
			  and reltuples >= 0`)
	}
	if got := analyzed(); got != "logging.system_logs" {
		t.Errorf("analyzed were %q", got)
	}

	db.Exec(t, "insert into execution.accounts (account_id, name) select 'B' || n, repeat('x', 100) from "+
		"generate_series(1, 1000) n")
	run(t, newRunner(t, config(db)), maintenance.Request{Jobs: []string{"analyze"}})
	if got := analyzed(); got != "execution.accounts logging.system_logs" {
		t.Errorf("of ten pages and more, analyzed were %q", got)
	}
}

// TestVacuumSkips checks that a table that the server skips with a warning is a failure, and does not stop the
// others.
func TestVacuumSkips(t *testing.T) {
	t.Parallel()

	db := pgtest.Open(t)
	db.Exec(t, `create table execution.strangers as select 1 as n`)
	// The owner of the database may vacuum all of it.
	db.Exec(t, `do $$ begin execute format('alter database %I owner to current_user', current_database()); end $$`)
	cfg := config(db)
	r := newRunner(t, cfg)
	outcomes, err := r.Run(t.Context(), maintenance.Request{
		Jobs: []string{"vacuum_analyze"}, Force: true, Service: "execution",
	})
	if err != nil {
		t.Fatal(err)
	}

	o := outcomes[0]
	if o.Err == nil || !strings.Contains(o.Err.Error(), "execution.strangers: ") ||
		o.Figures["vacuumed"] != int64(10) || o.Figures["failed"] != 1 {
		t.Errorf("%v %v", o.Err, o.Figures)
	}

	holder := db.Connect(t, db.AdminURL)
	if _, err := holder.Exec(t.Context(), "begin; lock table execution.trades in share mode; drop table "+
		"execution.strangers"); err != nil {
		t.Fatal(err)
	}

	cfg.LockTimeout = 50 * time.Millisecond
	outcomes, err = newRunner(t, cfg).Run(t.Context(),
		maintenance.Request{Jobs: []string{"vacuum_analyze"}, Force: true, Service: "execution"})
	if err != nil {
		t.Fatal(err)
	}

	if o := outcomes[0]; o.Err == nil || !strings.Contains(o.Err.Error(), "2 tables failed, 9 are done") {
		t.Errorf("a table that is locked: %v %v", o.Err, o.Figures)
	}
}

// TestVacuumDuringImports checks that bars can be imported into a month during its VACUUM, that its progress is
// visible, and that it can be stopped.
func TestVacuumDuringImports(t *testing.T) {
	t.Parallel()

	db := pgtest.Open(t)
	db.Exec(t, `insert into data_ingestion.market_data
			(symbol, timeframe, timestamp, open, high, low, close, volume, source)
		select 'S' || n % 10, '1m', date_trunc('month', now(), 'UTC') + n / 10 * interval '1 minute',
			1, 1, 1, 1, n, 'test'
		  from generate_series(1, 60000) n;
		update data_ingestion.market_data set volume = volume + 1 where volume::bigint % 3 = 0`)
	cfg := config(db)
	cfg.VacuumDelay = 100 * time.Millisecond // to make it slow
	r := newRunner(t, cfg)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()

	progress, done := make(chan string, 1), make(chan maintenance.Outcome, 1)
	go func() {
		outcomes, err := r.Run(ctx, maintenance.Request{
			Jobs: []string{"vacuum_analyze"}, Service: "data_ingestion", Force: true,
			Progress: func(_, text string) {
				select {
				case progress <- text:
				default:
				}
			},
		})
		if err != nil || len(outcomes) != 1 {
			t.Errorf("%v %v", outcomes, err)
			outcomes = make([]maintenance.Outcome, 1)
		}

		done <- outcomes[0]
	}()

	select {
	case text := <-progress:
		if !strings.Contains(text, "data_ingestion.market_data_") || !strings.Contains(text, "% of") {
			t.Errorf("progress: %q", text)
		}
	case o := <-done:
		t.Fatalf("it was done too soon: %+v", o)
	case <-time.After(patience):
		t.Fatal("no progress was reported")
	}

	list, err := r.Status(t.Context())
	if err != nil || !slices.ContainsFunc(list, func(s maintenance.Status) bool { return len(s.Progress) == 1 }) {
		t.Errorf("status: %+v, %v", list, err)
	}

	month := pgtest.Value[time.Time](t, db, "select date_trunc('month', now(), 'UTC')")
	for n := range 5 {
		one := blotter.MustDecimal("1")
		bars := func(yield func(blotter.BarRow, error) bool) {
			for i := range 500 {
				bar := blotter.Bar{
					Symbol: fmt.Sprint("NEW", n), Timeframe: "1m",
					Timestamp: month.Add(time.Duration(i) * time.Minute), Open: one, High: one, Low: one,
					Close: one, Source: "test",
				}
				if !yield(blotter.BarRow{Bar: bar, Line: int64(i)}, nil) {
					return
				}
			}
		}

		if result, err := db.ImportBars(blotter.WithAllAccounts(t.Context()),
			postgres.BarImport{File: "test", Bars: bars}); err != nil || result.Inserted != 500 {
			t.Errorf("import %d: %+v, %v", n, result, err)
		}
	}

	select {
	case o := <-done:
		t.Fatalf("it was done before the imports were: %+v", o)
	default:
	}

	cancel()
	select {
	case o := <-done:
		if o.Err == nil {
			t.Error("it was cancelled and says that all is well")
		}
	case <-time.After(patience):
		t.Fatal("it does not end")
	}

	conn := db.Connect(t, db.AdminURL)
	until(t, patience, "the server has ended it", func() bool {
		return value[int](t, conn,
			"select count(*) from pg_stat_progress_vacuum where datname = current_database()") == 0
	})
	if runs := history(t, r); len(runs) != 1 || runs[0].Result != "failed" ||
		!strings.Contains(runs[0].Error, "stopped before its end") {
		t.Errorf("%+v", runs)
	}
}
