package partition_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/internal/calendar"
	"github.com/blotterdb/blotter/partition"
	"github.com/blotterdb/blotter/pgtest"
	"github.com/blotterdb/blotter/postgres"
	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
)

// retiring is a policy with every way to retire.
var retiring = partition.Policy{Retire: map[string]partition.Retirement{
	"market_data":              {How: partition.DetachLeaf, After: partition.Age{Months: 3}},
	"logging.system_logs":      {How: partition.ArchiveLeaf, After: partition.Age{Days: 40}},
	"logging.performance_logs": {How: partition.DropLeaf, After: partition.Age{Months: 2}},
}}

var (
	// created is when the databases of these tests were made, as far as their partitions know: half a minute before
	// the end of a month that is followed, three months on, by a shorter one.
	created = time.Date(2025, 11, 30, 23, 59, 30, 0, time.UTC)
	// later is when the runner comes: two months on, so that there is something to make.
	later = calendar.AddMonths(created, 2)
)

// open returns a database with the partitions of one that was created at that time.
func open(t *testing.T) *pgtest.Database {
	t.Helper()

	db := pgtest.Open(t)
	db.Exec(t, `
		do $$ declare old regclass; begin
			for old in select leaf from shared.partitions where lower ~ '-' loop execute 'drop table ' || old; end loop;
		end $$`)

	run(t, db, created, partition.Policy{})

	return db
}

// openNeglected returns a database that needs every kind of step: old leaves with rows, a gap, an outbox that is
// nearly full, and two leaves whose DETACH was interrupted, one with a past and one with a future time.
func openNeglected(t *testing.T) *pgtest.Database {
	t.Helper()

	db := open(t)
	for years := 3; years <= 4; years++ {
		db.Exec(t, `select shared.create_yearly_partition('market_data', $1)`, calendar.AddYears(created, -years))
	}

	db.Exec(t, `insert into data_ingestion.market_data
			(symbol, timeframe, timestamp, open, high, low, close, volume, source)
		select 'A', '1d', $1::timestamptz + n * interval '1 day', 1, 1, 1, 1, 1, 'test' from generate_series(0, 99) n`,
		calendar.StartOfYear(calendar.AddYears(created, -3)))
	for months := 2; months <= 4; months++ {
		old := calendar.AddMonths(created, -months)
		for _, table := range []string{"system_logs", "performance_logs"} {
			db.Exec(t, `select shared.create_monthly_partition($1, $2)`, table, old)
		}
		db.Exec(t, `insert into logging.system_logs (service, level, message, timestamp)
			select 'test', 'info', 'm' || n, $1 from generate_series(1, 50) n`, old)
		db.Exec(t, `insert into logging.performance_logs (service, operation, execution_time_ms, timestamp)
			values ('test', 'o', 1, $1)`, old)
	}

	db.Exec(t, `select setval(pg_get_serial_sequence('events.outbox', 'pos'), 6000000)`)
	pend(t, db, "data_ingestion.market_data", calendar.AddYears(created, -4))
	pend(t, db, "logging.performance_logs", calendar.AddMonths(created, 3))

	return db
}

// pend leaves a leaf with a DETACH CONCURRENTLY that was interrupted while it waited for a reader.
func pend(t *testing.T, db *pgtest.Database, table string, at time.Time) (leaf string) {
	t.Helper()

	leaf = pgtest.Value[string](t, db, `select leaf::text from shared.partitions
		where table_name = $1::text::regclass and lower ~ '-' and lower::timestamptz <= $2
		and upper::timestamptz > $2`, table, at)
	reader := db.Connect(t, db.AdminURL)
	if _, err := reader.Exec(t.Context(), "begin isolation level repeatable read; select count(*) from "+
		table); err != nil {
		t.Fatal(err)
	}

	conn := connect(t, db)
	_, err := conn.Exec(t.Context(), "set lock_timeout = '200ms'")
	if err == nil {
		_, err = conn.Exec(t.Context(), fmt.Sprintf("alter table %s detach partition %s concurrently", table, leaf))
	}

	if err == nil {
		t.Fatal("DETACH was not interrupted")
	}
	const sqlPending = "select detach_pending from shared.partitions where leaf = $1::text::regclass"
	if !pgtest.Value[bool](t, db, sqlPending, leaf) {
		t.Fatal("no DETACH is pending: ", err)
	}
	if _, err := reader.Exec(t.Context(), "rollback"); err != nil {
		t.Fatal(err)
	}

	return leaf
}

func connect(t *testing.T, db *pgtest.Database) *pgx.Conn {
	t.Helper()

	conn, err := postgres.ConnectOwner(t.Context(), db.OwnerURL, "test")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.WithoutCancel(t.Context())) })
	return conn
}

// shape describes the leaves of the database: bounds, rows, isolation, checks, pending DETACH and VACUUM.
func shape(t *testing.T, db *pgtest.Database) []string {
	t.Helper()

	text := pgtest.Value[string](t, db, `
		select string_agg(concat_ws(' ', c.oid::regclass, pg_get_expr(c.relpartbound, c.oid),
		       i.inhparent::regclass, i.inhdetachpending,
		       c.relrowsecurity, c.relforcerowsecurity, v.leaf is not null,
		       (xpath('/row/n/text()', query_to_xml('select count(*) as n from '
		       || c.oid::regclass, false, true, '')))[1],
		       (select string_agg(conname, ',' order by conname) from pg_constraint where conrelid = c.oid
		       and conname like 'blotter%'),
		       (select string_agg(polname, ',' order by polname) from pg_policy where polrelid = c.oid)), e'\n'
		       order by c.oid::regclass::text)
		  from pg_class c left join pg_inherits i on i.inhrelid = c.oid left
		  join shared.vacuumed_partitions v on v.leaf = c.oid
		 where c.relkind = 'r' and c.relnamespace::regnamespace::text in
		       ('data_ingestion', 'logging', 'shared', 'events')`)

	return strings.Split(text, "\n")
}

func run(t *testing.T, db *pgtest.Database, now time.Time, policy partition.Policy) (steps []string) {
	t.Helper()

	err := partition.Run(t.Context(), db.OwnerURL, now, policy,
		func(s partition.Step, _ string) { steps = append(steps, s.String()) })
	if err != nil {
		t.Fatal(err)
	}
	return steps
}

func plan(t *testing.T, conn *pgx.Conn, now time.Time, policy partition.Policy) []partition.Step {
	t.Helper()

	state, err := partition.Read(t.Context(), conn)
	if err != nil {
		t.Fatal(err)
	}

	steps, failures := partition.Plan(state, now, policy)
	if failures != nil {
		t.Fatal(failures)
	}

	return steps
}

func silent(partition.Step, string) {}

// TestRunKilled checks that a run whose server process is killed again and again has the same result as an
// undisturbed one.
func TestRunKilled(t *testing.T) {
	t.Parallel()

	whole := openNeglected(t)
	run(t, whole, later, retiring)

	db := openNeglected(t)
	killer := db.Connect(t, db.AdminURL)
	stop := make(chan struct{})
	killed := 0
	var wait sync.WaitGroup
	wait.Go(func() {
		for {
			select {
			case <-stop:
				return
			case <-time.After(10*time.Millisecond + rand.N(60*time.Millisecond)):
			}

			var n int
			if err := killer.QueryRow(t.Context(),
				`select count(*) filter (where pg_terminate_backend(pid)) from pg_stat_activity
				where datname = current_database() and application_name = 'blotter partitions'`).Scan(&n); err != nil {
				t.Error(err)
				return
			}
			if killed += n; killed >= 8 {
				return
			}
		}
	})

	for attempt := 0; ; attempt++ {
		err := partition.Run(t.Context(), db.OwnerURL, later, retiring, silent)
		if err == nil {
			break
		}
		if attempt > 300 {
			t.Fatalf("still failing: %v", err)
		}
	}

	close(stop)
	wait.Wait()
	t.Logf("%d server processes were killed", killed)
	if diff := cmp.Diff(shape(t, whole), shape(t, db)); diff != "" {
		t.Errorf("after %d kills:\n%s", killed, diff)
	}
}

// TestFinalize checks that an interrupted DETACH hides rows and refuses inserts, and that the next run completes it
// and attaches the leaf again because its time is not over.
func TestFinalize(t *testing.T) {
	t.Parallel()

	db := open(t)
	insert := `insert into logging.system_logs (service, level, message, timestamp) values ('test', 'info', 'm', $1)`
	db.Exec(t, insert, created)
	before := shape(t, db)
	leaf := pend(t, db, "logging.system_logs", created)
	if _, err := db.Connect(t, db.AdminURL).Exec(t.Context(), insert, created); err == nil {
		t.Fatal("a pending detach was expected to refuse rows")
	}

	steps := run(t, db, created, partition.Policy{})
	if len(steps) == 0 || !strings.HasPrefix(steps[0], "attach    "+leaf) {
		t.Errorf("steps: %q", steps)
	}
	if diff := cmp.Diff(before, shape(t, db)); diff != "" {
		t.Error(diff)
	}

	db.Exec(t, insert, created)
	if n := pgtest.Value[int](t, db, "select count(*) from logging.system_logs"); n != 2 {
		t.Errorf("%d rows are seen, want 2", n)
	}
}

// TestDetachedAhead checks that the failure of a table with a detached leaf has the statement that attaches it.
func TestDetachedAhead(t *testing.T) {
	t.Parallel()

	db := open(t)
	before := shape(t, db)
	leaf := pgtest.Value[string](t, db, `select leaf::text from shared.partitions
			where table_name = 'shared.audit_log'::regclass
		and lower::timestamptz > $1 order by lower limit 1`, created)
	db.Exec(t, "alter table shared.audit_log detach partition "+leaf)
	err := partition.Run(t.Context(), db.OwnerURL, created, partition.Policy{}, silent)
	if err == nil {
		t.Fatal("a detached table was not in the way")
	}

	_, sql, _ := strings.Cut(err.Error(), "attach it (")
	sql, _, _ = strings.Cut(sql, ") or rename it")
	db.Exec(t, sql)
	run(t, db, created, partition.Policy{})
	if diff := cmp.Diff(before, shape(t, db)); diff != "" {
		t.Error(diff)
	}
}

func TestTwoRunners(t *testing.T) {
	t.Parallel()

	db := open(t)
	lock, err := partition.Lock(t.Context(), db.OwnerURL, "the first runner")
	if err != nil {
		t.Fatal(err)
	}

	err = partition.Run(t.Context(), db.OwnerURL, later, partition.Policy{},
		func(s partition.Step, _ string) { t.Errorf("the second runner did %s", s) })
	var busy *partition.BusyError
	if !errors.As(err, &busy) || busy.PID != lock.PgConn().PID() || busy.Application != "the first runner" ||
		busy.Since.IsZero() {
		t.Errorf("%#v, want the first runner's process %d", err, lock.PgConn().PID())
	}

	_ = lock.Close(t.Context())
	if steps := run(t, db, later, partition.Policy{}); len(steps) == 0 {
		t.Error("nothing was done after the first runner had left")
	}
}

// TestArchive checks that archiving copies no rows: the leaf keeps its file. The archive gets no partitions ahead,
// because they would overlap.
func TestArchive(t *testing.T) {
	t.Parallel()

	db := openNeglected(t)
	old := pgtest.Value[string](t, db, "select leaf::text from shared.partitions where table_name = "+
		"'logging.system_logs'::regclass order by lower::timestamptz limit 1")
	file := func(leaf string) uint32 {
		return pgtest.Value[uint32](t, db, "select pg_relation_filenode($1::text::regclass)::oid", leaf)
	}
	before, rows := file(old), pgtest.Value[int](t, db, "select count(*) from logging.system_logs")
	run(t, db, created, retiring)
	if after := file(strings.Replace(old, "logging.", "logging.archived_", 1)); after != before {
		t.Errorf("the leaf's file is %d, was %d", after, before)
	}

	archived := pgtest.Value[int](t, db, "select count(*) from logging.archived_system_logs")
	if kept := pgtest.Value[int](t, db, "select count(*) from logging.system_logs"); archived == 0 ||
		archived+kept != rows {
		t.Errorf("%d rows archived and %d kept, want %d in all", archived, kept, rows)
	}
	if n := pgtest.Value[int](t, db, "select count(*) from shared.partitions where table_name = "+
		"'logging.archived_system_logs'::regclass and upper::timestamptz > $1", created); n > 0 {
		t.Errorf("the archive has %d partitions ahead", n)
	}
}

// TestTableInTheWay checks that another table with the name of a leaf is a failure of that leaf's table only, and
// is not changed.
func TestTableInTheWay(t *testing.T) {
	t.Parallel()

	db := open(t)
	month := calendar.AddMonths(later, 3)
	db.Exec(t, fmt.Sprintf("create table logging.system_logs_%s (mine int)", month.Format("2006_01")))
	for range 2 {
		err := partition.Run(t.Context(), db.OwnerURL, later, partition.Policy{}, silent)
		var failures partition.Failures
		if !errors.As(err, &failures) || len(failures) != 1 || failures[0].Table.Name != "system_logs" {
			t.Fatalf("%v, want a failure of system_logs alone", err)
		}
	}

	covered := pgtest.Value[[]string](t, db, `select array_agg(distinct table_name::text order by table_name::text)
			from shared.partitions
		where lower ~ '-' and lower::timestamptz <= $1 and upper::timestamptz > $1`, month)
	if !slices.Equal(covered, []string{"data_ingestion.market_data", "logging.performance_logs", "shared.audit_log"}) {
		t.Errorf("%s is covered for %v", month, covered)
	}

	db.Exec(t, fmt.Sprintf("insert into logging.system_logs_%s values (1)", month.Format("2006_01")))
}

// TestCatchUpAfterYear checks that the gap of a database that nobody has opened for a year is filled.
func TestCatchUpAfterYear(t *testing.T) {
	t.Parallel()

	db := open(t)
	now := calendar.AddYears(created, 1)
	run(t, db, now, partition.Policy{})
	for at := created; at.Before(calendar.AddMonths(now, 3)); at = at.AddDate(0, 0, 10) {
		if n := pgtest.Value[int](t, db, `select count(distinct table_name) from shared.partitions
			where lower ~ '-' and lower::timestamptz <= $1 and upper::timestamptz > $1`, at); n != 4 {
			t.Errorf("%s is covered for %d of 4 tables", at, n)
		}
	}
}

// TestRunDuringUse checks that readers and writers see no error during a run.
func TestRunDuringUse(t *testing.T) {
	t.Parallel()

	db := openNeglected(t)
	run(t, db, created, partition.Policy{}) // the pending leaf, which refuses rows, is ended
	ctx, stop := context.WithCancel(blotter.WithAllAccounts(t.Context()))
	defer stop()

	var wait sync.WaitGroup
	var done atomic.Int64
	for _, sql := range []string{
		`insert into logging.system_logs (service, level, message, timestamp)
				values ('test', 'info', 'm', '2025-11-30 23:59:30Z')`,
		`insert into logging.performance_logs (service, operation, execution_time_ms, timestamp)
				values ('test', 'o', 1, '2025-11-30 23:59:30Z')`,
		`insert into events.outbox (channel, key, event_id, type, service, correlation_id, data)
			values ('market_data', 'A', gen_random_uuid(), 'market_data_updated', 'data_ingestion', '', '{}')`,
		`select count(*) from logging.system_logs`, `select count(*) from data_ingestion.market_data`,
	} {
		wait.Go(func() {
			for ctx.Err() == nil {
				err := db.Transaction(ctx, func(tx *postgres.Tx) error {
					_, err := tx.Exec(ctx, sql)
					return err
				})
				if err != nil && ctx.Err() == nil {
					t.Errorf("%s: %v", sql, err)
					return
				}
				done.Add(1)
			}
		})
	}

	run(t, db, created, retiring)
	for months := range 3 {
		run(t, db, calendar.AddMonths(created, months), partition.Policy{})
	}

	stop()
	wait.Wait()
	if done.Load() < 100 {
		t.Errorf("%d statements ran beside it", done.Load())
	}
}
