package monitor_test

import (
	"strings"
	"testing"

	"github.com/blotterdb/blotter/monitor"
	"github.com/blotterdb/blotter/pgtest"
)

// advice returns the advice about an index, or about a table if the index is missing.
func advice(t *testing.T, db *pgtest.Database, thresholds monitor.Thresholds, kind, subject string) *monitor.Advice {
	t.Helper()

	list, err := monitor.AdviseIndexes(t.Context(), db.DB, thresholds)
	if err != nil {
		t.Fatal(err)
	}

	for _, a := range list {
		if a.Kind == kind && (a.Index == subject || a.Index == "" && a.Table == subject) {
			return &a
		}
	}

	return nil
}

// follow runs the statements of an advice, each as it is, and checks that it is not given again.
func follow(t *testing.T, db *pgtest.Database, thresholds monitor.Thresholds, kind, subject string) {
	t.Helper()

	a := advice(t, db, thresholds, kind, subject)
	if a == nil {
		t.Fatalf("nothing is advised about %s", subject)
	}
	if len(a.Statements) == 0 {
		t.Fatalf("no statement: %+v", a)
	}

	conn := admin(t, db)
	for _, statement := range a.Statements {
		run(t, conn, statement)
	}

	if a := advice(t, db, thresholds, kind, subject); a != nil {
		t.Errorf("after its statements: %+v", a)
	}
}

func TestInvalidIndex(t *testing.T) {
	t.Parallel()

	db, none := pgtest.Open(t), monitor.Thresholds{}
	quiet(t, db.DB, pick(t, "index_invalid", none), "")
	conn := admin(t, db)
	run(t, conn, "create table strategy_engine.twice as select 1 as n from generate_series(1, 2)")
	_, err := conn.Exec(t.Context(), "create unique index concurrently broken on strategy_engine.twice (n)")
	if err == nil {
		t.Fatal("a unique index was made of what is there twice")
	}

	fires(t, db.DB, "index_invalid", none, monitor.Warning, "strategy_engine.broken", "was interrupted")
	run(t, conn, "delete from strategy_engine.twice where ctid = '(0,1)'")
	follow(t, db, none, "invalid", "strategy_engine.broken")
	// What a REINDEX leaves goes; its index is good.
	run(t, conn, "drop index strategy_engine.broken; insert into strategy_engine.twice values (1), (2)")
	_, err = conn.Exec(t.Context(), "create unique index concurrently good_ccold on strategy_engine.twice (n)")
	if err == nil {
		t.Fatal("a unique index was made of what is there twice")
	}

	f := fires(t, db.DB, "index_invalid", none, monitor.Warning, "strategy_engine.good_ccold", "an interrupted REINDEX")
	if strings.Contains(f.Remedy, "REINDEX") {
		t.Errorf("remedy %q, want one that drops the index", f.Remedy)
	}

	follow(t, db, none, "invalid", "strategy_engine.good_ccold")
}

// TestIndexInCreation checks that an index that is being created is not a finding until its creation is
// interrupted.
func TestIndexInCreation(t *testing.T) {
	t.Parallel()

	db, none := pgtest.Open(t), monitor.Thresholds{}
	writer, maker := admin(t, db), admin(t, db)
	run(t, writer, "create table strategy_engine.numbers (n int)")
	run(t, writer, "begin; insert into strategy_engine.numbers values (1)") // whose end the making waits for
	done := make(chan error)
	go func() {
		_, err := maker.Exec(t.Context(), "create index concurrently slowly on strategy_engine.numbers (n)")
		done <- err
	}()

	until(t, "the index is being made", func() bool {
		return pgtest.Value[bool](t, db, "select exists (select from pg_index where indexrelid = "+
			"to_regclass('strategy_engine.slowly') and not indisvalid)")
	})

	quiet(t, db.DB, pick(t, "index_invalid", none), "")
	db.Exec(t, "select pg_cancel_backend($1)", maker.PgConn().PID())
	if err := <-done; err == nil {
		t.Fatal("creating the index was not interrupted")
	}

	fires(t, db.DB, "index_invalid", none, monitor.Warning, "strategy_engine.slowly", "was interrupted")
}

func TestInvalidIndexOfPartitionedTable(t *testing.T) {
	t.Parallel()

	db, none := pgtest.Open(t), monitor.Thresholds{}
	db.Exec(t, "create index half on only logging.system_logs (message)")
	fires(t, db.DB, "index_invalid", none, monitor.Warning, "logging.half", "lack this index")
	follow(t, db, none, "invalid", "logging.half")
	if !pgtest.Value[bool](t, db, "select indisvalid from pg_index where indexrelid = 'logging.half'::regclass") {
		t.Error("the index is not valid after the statements")
	}
}

func TestRedundantIndex(t *testing.T) {
	t.Parallel()

	db, none := pgtest.Open(t), monitor.Thresholds{}
	quiet(t, db.DB, pick(t, "index_redundant", none), "")
	for _, sql := range []string{
		"create index half on execution.orders (symbol)",
		"create index same on execution.orders (symbol, status)",
		"create index logs on logging.system_logs (service)",
		// None of these is served by another.
		"create unique index only_once on execution.accounts (name)",
		"create index with_more on execution.accounts (name, currency)",
		"create index partial on execution.orders (symbol) where status = 'pending'",
		"create index by_pattern on execution.orders (symbol text_pattern_ops)",
		"create index by_hash on execution.orders using hash (symbol)",
		"create index upwards on logging.system_logs (service, timestamp)",
	} {
		db.Exec(t, sql)
	}

	fires(t, db.DB, "index_redundant", none, monitor.Warning, "execution.half", "idx_orders_symbol_status")
	var named []string
	for _, f := range look(t, db.DB, pick(t, "index_redundant", none)) {
		named = append(named, f.Subject)
	}

	if got, want := strings.Join(named, " "), "execution.half execution.same logging.logs"; got != want {
		t.Errorf("redundant are %s, want %s", got, want)
	}

	follow(t, db, none, "redundant", "execution.half")
	follow(t, db, none, "redundant", "execution.same")
	follow(t, db, none, "redundant", "logging.logs")
}

func TestUnusedIndex(t *testing.T) {
	t.Parallel()

	db := pgtest.Open(t)
	fresh := monitor.Thresholds{UnusedIndexBytes: 1, UnusedIndexDays: -1, UnusedIndexScans: 1}
	quiet(t, db.DB, pick(t, "index_unused", monitor.Thresholds{}), "")
	conn := admin(t, db)
	counted(t, conn, "create table strategy_engine.numbers as select i as n, i as m from generate_series(1, 5000) i")
	run(t, conn, "create index unread on strategy_engine.numbers (n)")
	run(t, conn, "create unique index needed on strategy_engine.numbers (m)")
	run(t, conn, "insert into logging.system_logs (service, level, message) values ('s', 'info', 'm')")
	fires(t, db.DB, "index_unused", fresh, monitor.Warning, "strategy_engine.unread", "was read 0 times")
	fires(t, db.DB, "index_unused", fresh, monitor.Warning, "logging.idx_system_logs_level_timestamp",
		"was read 0 times")
	quiet(t, db.DB, pick(t, "index_unused", fresh), "needed")
	run(t, conn, "set enable_seqscan = off")
	for range 3 {
		counted(t, conn, "select * from strategy_engine.numbers where n = 3")
		counted(t, conn, "select * from logging.system_logs where level = 'info' and timestamp > now() - "+
			"interval '1 hour'")
	}

	until(t, "the reads are counted", func() bool {
		return advice(t, db, fresh, "unused", "strategy_engine.unread") == nil &&
			advice(t, db, fresh, "unused", "logging.idx_system_logs_level_timestamp") == nil
	})
}

func TestForeignKeyIndex(t *testing.T) {
	t.Parallel()

	db, none := pgtest.Open(t), monitor.Thresholds{}
	quiet(t, db.DB, pick(t, "foreign_key_index", none), "")
	conn := admin(t, db)
	run(t, conn, `create table strategy_engine.notes ("Order" text, account_id text,
		foreign key (account_id, "Order") references execution.orders (account_id, order_id))`)
	run(t, conn, `create table logging.notes (account_id text references execution.accounts, at date)
		partition by range (at)`)
	run(t, conn, `create table logging.notes_1 partition of logging.notes
		for values from ('2024-01-01') to ('2025-01-01')`)
	run(t, conn, `create table logging.notes_2 partition of logging.notes
		for values from ('2025-01-01') to ('2026-01-01')`)
	run(t, conn, `create index of_some on strategy_engine.notes (account_id, "Order") where account_id = 'A'`)
	fires(t, db.DB, "foreign_key_index", none, monitor.Warning, "strategy_engine.notes",
		"has no index on (account_id, \"Order\")")
	fires(t, db.DB, "foreign_key_index", none, monitor.Warning, "logging.notes", "has no index on (account_id)")
	follow(t, db, none, "foreign_key", "strategy_engine.notes")
	follow(t, db, none, "foreign_key", "logging.notes")
}

func TestMissingIndex(t *testing.T) {
	t.Parallel()

	db, thresholds := pgtest.Open(t), monitor.Thresholds{MissingIndexScans: 5}
	conn := admin(t, db)
	counted(t, conn, "create table strategy_engine.numbers as select i as n from generate_series(1, 20000) i")
	quiet(t, db.DB, pick(t, "index_missing", thresholds), "")
	for range 6 {
		counted(t, conn, "select * from strategy_engine.numbers where n = 3")
	}

	fires(t, db.DB, "index_missing", thresholds, monitor.Warning, "strategy_engine.numbers", "read the whole table")
	quiet(t, db.DB, pick(t, "index_missing", monitor.Thresholds{}), "")
	run(t, conn, "create index on strategy_engine.numbers (n)")
	until(t, "reads by the index make it quiet", func() bool {
		for range 100 {
			counted(t, conn, "select * from strategy_engine.numbers where n = 3")
		}
		return advice(t, db, thresholds, "missing", "strategy_engine.numbers") == nil
	})
}

// TestWholeReadsOfSmallTables checks that reads of a table while it was small, and of an empty partition, need no
// index.
func TestWholeReadsOfSmallTables(t *testing.T) {
	t.Parallel()

	db, thresholds := pgtest.Open(t), monitor.Thresholds{MissingIndexScans: 5}
	conn := admin(t, db)
	run(t, conn, "create table strategy_engine.grown as select generate_series(1, 5) as n")
	run(t, conn, `create table strategy_engine.parts (n int) partition by range (n);
		create table strategy_engine.parts_1 partition of strategy_engine.parts for values from (0) to (50000);
		create table strategy_engine.parts_2 partition of strategy_engine.parts for values from (50000) to (100000);
		create index on strategy_engine.parts_1 (n)`)

	for range 10 {
		counted(t, conn, "select * from strategy_engine.grown")
	}

	counted(t, conn, "insert into strategy_engine.grown select generate_series(1, 20000)")
	counted(t, conn, "insert into strategy_engine.parts select generate_series(1, 20000)")
	counted(t, conn, "analyze strategy_engine.parts")
	for range 10 {
		counted(t, conn, "select * from strategy_engine.parts where n = 7 or n >= 50000")
	}

	until(t, "the reads are counted", func() bool {
		return pgtest.Value[int64](t, db,
			`select min(seq_scan) from pg_stat_user_tables where relname in ('grown', 'parts_2')`) >= 10
	})
	for _, table := range []string{"grown", "parts"} {
		if a := advice(t, db, thresholds, "missing", "strategy_engine."+table); a != nil {
			t.Errorf("%+v", a)
		}
	}

	quiet(t, db.DB, pick(t, "index_missing", thresholds), "")
}

// TestNoAdviceAboutOwnSchema checks that there is no advice about the indexes of the migrations.
func TestNoAdviceAboutOwnSchema(t *testing.T) {
	t.Parallel()

	list, err := monitor.AdviseIndexes(t.Context(), pgtest.Open(t).DB, monitor.Thresholds{})
	if err != nil || len(list) > 0 {
		t.Errorf("%v %+v", err, list)
	}
}
