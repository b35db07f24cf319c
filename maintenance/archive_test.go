package maintenance_test

import (
	"context"
	"errors"
	"flag"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/internal/calendar"
	"github.com/blotterdb/blotter/maintenance"
	"github.com/blotterdb/blotter/pgtest"
	"github.com/blotterdb/blotter/postgres"
	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
)

var (
	killRows = flag.Int("log-rows", 40_000, "log rows that are archived while the runner is killed")
	kills    = flag.Int("log-kills", 8, "how often it is killed")
)

// logEnd is the time of the newest row that fillLog creates, and the time at which the jobs run: the end of a month.
var logEnd = time.Date(2025, 11, 30, 23, 59, 30, 0, time.UTC)

// sqlLog creates rows of the 90 days before logEnd.
const sqlLog = `
select shared.ensure_partitions('system_logs', timestamptz '2025-11-30 23:59:30Z' - interval '90 days',
                                '2025-11-30 23:59:30Z');
insert into logging.system_logs (service, level, message, data, correlation_id, event_type, timestamp)
select 's' || n % 3, (array['debug', 'info', 'warn', 'error'])[1 + n % 4], 'message '
    || n, jsonb_build_object('n', n), 'c' || n % 100, 'e' || n % 7,
       timestamptz '2025-11-30 23:59:30Z' - n * (interval '90 days' / %d)
  from generate_series(0, %d - 1) n`

func fillLog(t testing.TB, db *pgtest.Database, rows int) {
	t.Helper()

	db.Exec(t, strings.ReplaceAll(sqlLog, "%d", strconv.Itoa(rows)))
}

// sqlWritten returns every row with all its columns, in the log or in the archive.
const sqlWritten = `
select count(*) || ' ' || count(distinct id) || ' '
    || sum(hashtextextended(concat_ws('|', id, service, level, message, data, correlation_id, event_type,
                              timestamp), 0))
  from (select id, service, level, message, data, correlation_id, event_type, timestamp from logging.system_logs
      union all
        select id, service, level, message, data, correlation_id, event_type, timestamp
            from logging.archived_system_logs) l`

func archiving(db *pgtest.Database, keep maintenance.Retention) maintenance.Config {
	cfg := config(db)
	cfg.Logs = keep
	cfg.Clock = func() time.Time { return logEnd }
	return cfg
}

var archiveNow = maintenance.Request{Jobs: []string{"archive_logs"}, Force: true}

// TestArchive checks that whole partitions move and then, if requested, older rows of others, and that a dry run
// counts both exactly.
func TestArchive(t *testing.T) {
	t.Parallel()

	db := pgtest.Open(t)
	fillLog(t, db, 9_000)
	written := pgtest.Value[string](t, db, sqlWritten)
	older := func(table string) int {
		return pgtest.Value[int](t, db, "select count(*) from logging."+table+" where timestamp < $1",
			logEnd.AddDate(0, 0, -30))
	}

	whole := pgtest.Value[int](t, db, `select count(*) from logging.system_logs where timestamp < $1`,
		calendar.StartOfMonth(logEnd.AddDate(0, 0, -30)))
	old := older("system_logs")
	for _, exact := range []bool{false, true} {
		r := newRunner(t, archiving(db, maintenance.Retention{Exact: exact}))
		dry := archiveNow
		dry.DryRun = true
		_, told := run(t, r, dry)
		before := pgtest.Value[int](t, db, "select count(*) from logging.archived_system_logs")
		_, did := run(t, r, archiveNow)
		moved := int64(pgtest.Value[int](t, db, "select count(*) from logging.archived_system_logs") - before)
		if counted := told["archive_logs"]["rows"].(int64) +
			told["archive_logs"]["rows_moved"].(int64); counted != moved ||
			told["archive_logs"]["partitions"] != did["archive_logs"]["partitions"] {
			t.Errorf("exact %t: the dry run counted %v, done was %v, %d rows moved", exact, told, did, moved)
		}

		want := whole
		if exact {
			want = old
		}
		if got := older("archived_system_logs"); got != want ||
			pgtest.Value[int](t, db, "select count(*) from logging.archived_system_logs") != want {
			t.Errorf("exact %t: %d rows are in the archive, want %d", exact, got, want)
		}
		if got := pgtest.Value[string](t, db, sqlWritten); got != written {
			t.Errorf("exact %t: %s, want %s", exact, got, written)
		}
	}

	if older("system_logs") != 0 {
		t.Error("rows that are older than 30 days are left")
	}
}

// TestArchiveAfterExact checks that a month of which rows were archived one by one ends completely in the archive,
// and that its partition is dropped.
func TestArchiveAfterExact(t *testing.T) {
	t.Parallel()

	db := pgtest.Open(t)
	fillLog(t, db, 3_000)
	written := pgtest.Value[string](t, db, sqlWritten)
	now := logEnd
	cfg := archiving(db, maintenance.Retention{ArchiveDays: -1, Exact: true})
	cfg.Clock = func() time.Time { return now }
	r := newRunner(t, cfg)
	run(t, r, archiveNow)
	for range 4 { // the months pass
		now = now.AddDate(0, 0, 25)
		run(t, r, archiveNow)
		if got := pgtest.Value[string](t, db, sqlWritten); got != written {
			t.Fatalf("%s, want %s", got, written)
		}
	}

	if n := pgtest.Value[int](t, db, "select count(*) from logging.system_logs"); n != 0 {
		t.Errorf("%d rows are live", n)
	}
	if n := pgtest.Value[int](t, db, `select count(*) from shared.partitions
			where table_name = 'logging.system_logs'::regclass
			and upper::timestamptz <= $1`, now.AddDate(0, 0, -30)); n != 0 {
		t.Errorf("%d partitions are left", n)
	}
}

// TestArchiveDrops checks that the archive drops its partitions after ArchiveDays.
func TestArchiveDrops(t *testing.T) {
	t.Parallel()

	db := pgtest.Open(t)
	fillLog(t, db, 900)
	now := logEnd
	cfg := archiving(db, maintenance.Retention{})
	cfg.Clock = func() time.Time { return now }
	r := newRunner(t, cfg)
	run(t, r, archiveNow)
	kept := pgtest.Value[int](t, db, "select count(*) from logging.archived_system_logs")
	now = now.AddDate(0, 0, 29)
	_, figures := run(t, r, archiveNow)
	if n := pgtest.Value[int](t, db, "select count(*) from logging.archived_system_logs where timestamp < $1",
		now.AddDate(0, 0, -151)); n != 0 || kept == 0 {
		t.Errorf("%d of %d rows are too old for the archive: %v", n, kept, figures)
	}

	now = calendar.AddYears(now, 1)
	run(t, r, archiveNow)
	run(t, r, archiveNow) // what came to the archive with the last run goes with the next
	if n := pgtest.Value[int](t, db, "select (select count(*) from logging.archived_system_logs) + (select "+
		"count(*) from logging.system_logs)"); n != 0 {
		t.Errorf("%d rows are left", n)
	}
}

// TestArchiveDropsStatistics checks that the statistics of statements are dropped together with the log of their
// time, and kept if that is kept forever.
func TestArchiveDropsStatistics(t *testing.T) {
	t.Parallel()

	month := time.Date(2025, 11, 1, 0, 0, 0, 0, time.UTC)
	for archiveDays, want := range map[int]int{0: 5, -1: 13} {
		db := pgtest.Open(t)
		db.Exec(t, `select shared.ensure_partitions('performance_logs', $1, $2)`, calendar.AddYears(month, -1), month)
		db.Exec(t, `insert into logging.performance_logs (service, operation, execution_time_ms, timestamp)
			select 's', 'o', 1, $1::timestamptz at time zone 'UTC' - n * interval '1 month'
			from generate_series(0, 12) n`, month)
		cfg := archiving(db, maintenance.Retention{ArchiveDays: archiveDays})
		cfg.Clock = func() time.Time { return month.AddDate(0, 0, 3) }
		r := newRunner(t, cfg)
		dry := archiveNow
		dry.DryRun = true
		_, told := run(t, r, dry)
		_, did := run(t, r, archiveNow)
		left := pgtest.Value[int](t, db, "select count(*) from logging.performance_logs")
		// On the 4th of a month those go that were over 120 days ago: all but this one and four.
		if left != want || told["archive_logs"]["rows_dropped"].(int64) != int64(13-left) ||
			did["archive_logs"]["partitions_dropped"] != 13-left {
			t.Errorf("archive days %d: %d months of statistics are left; the dry run counted %v, done was %v",
				archiveDays, left, told, did)
		}
	}
}

// TestArchiveDaily checks that exact archiving, day by day, never needs force, even at the end of a month.
func TestArchiveDaily(t *testing.T) {
	t.Parallel()

	db := pgtest.Open(t)
	fillLog(t, db, 2_000)
	cfg := archiving(db, maintenance.Retention{ArchiveDays: -1, Exact: true})
	cfg.Clock = func() time.Time { return logEnd.AddDate(0, 0, -45) }
	run(t, newRunner(t, cfg), archiveNow)
	for days := -44; days <= 0; days += 4 {
		cfg.Clock = func() time.Time { return logEnd.AddDate(0, 0, days) }
		run(t, newRunner(t, cfg), maintenance.Request{Jobs: archiveNow.Jobs})
	}
}

// TestArchiveNeedsForce checks that more than half of a table, in more than one partition, is neither moved nor
// dropped without force.
func TestArchiveNeedsForce(t *testing.T) {
	t.Parallel()

	db := pgtest.Open(t)
	fillLog(t, db, 5_000)
	count := func() string {
		return pgtest.Value[string](t, db, `select (select count(*) from logging.system_logs) || ' '
				|| (select count(*) from logging.archived_system_logs)`)
	}

	for _, keep := range []maintenance.Retention{
		{LiveDays: 1, ArchiveDays: -1, Exact: true, UnforcedMoves: 4_000},
		{LiveDays: 1, ArchiveDays: 1, Exact: true, UnforcedDrops: 2_000},
		{LiveDays: 1, ArchiveDays: 1, Exact: true, UnforcedDrops: -1},
	} {
		r, before := newRunner(t, archiving(db, keep)), count()
		for _, req := range []maintenance.Request{{Jobs: archiveNow.Jobs}, {Jobs: archiveNow.Jobs, DryRun: true}} {
			outcomes, err := r.Run(t.Context(), req)
			if err != nil || !errors.Is(outcomes[0].Err, blotter.ErrInvalid) ||
				!strings.Contains(outcomes[0].Err.Error(), "blotter maintain run archive_logs --force") {
				t.Errorf("%+v, %+v: %v, %v", keep, req, outcomes, err)
			}
		}

		if after := count(); after != before {
			t.Errorf("%+v: %s rows, want %s", keep, after, before)
		}
		if keep.ArchiveDays < 0 {
			run(t, r, archiveNow) // forced, so that there is something to drop
		}
	}

	run(t, newRunner(t, archiving(db, maintenance.Retention{LiveDays: 1, ArchiveDays: 1, Exact: true})), archiveNow)
	if after := count(); !strings.HasPrefix(after, "56 ") || strings.HasSuffix(after, " 4944") {
		t.Errorf("forced, %s rows are left", after)
	}
}

// TestArchiveAfterPause checks that after months without a daemon, when nearly all of a small log is old, it is
// archived and dropped without force.
func TestArchiveAfterPause(t *testing.T) {
	t.Parallel()

	db := pgtest.Open(t)
	fillLog(t, db, 9_000)
	unforced := maintenance.Request{Jobs: archiveNow.Jobs}
	run(t, newRunner(t, archiving(db, maintenance.Retention{LiveDays: 1, Exact: true})), archiveNow)
	archived := pgtest.Value[int](t, db, "select count(*) from logging.archived_system_logs")

	cfg := archiving(db, maintenance.Retention{})
	cfg.Clock = func() time.Time { return logEnd.AddDate(0, 0, 100) }
	_, figures := run(t, newRunner(t, cfg), unforced)
	if n := pgtest.Value[int](t, db, "select count(*) from logging.system_logs"); n > 0 {
		t.Errorf("%d rows are not archived: %v", n, figures)
	}
	if n := pgtest.Value[int](t, db, "select count(*) from logging.archived_system_logs"); 2*n >= archived {
		t.Errorf("%d of %d rows are left in the archive: %v", n, archived, figures)
	}
}

// TestArchiveColumns checks that the archive has the columns of the log. A missing column would lose its values.
func TestArchiveColumns(t *testing.T) {
	t.Parallel()

	db := pgtest.Open(t)
	columns := func(table string) string {
		return pgtest.Value[string](t, db, `select string_agg(column_name || ' ' || data_type, ', '
				order by ordinal_position) from information_schema.columns where table_schema = 'logging'
				and table_name = $1`, table)
	}
	if diff := cmp.Diff(columns("system_logs"), columns("archived_system_logs")); diff != "" {
		t.Error(diff)
	}
}

// archiveUntilKilled archives repeatedly, days later each time: whole partitions, single rows, and months of which
// a part went row by row before.
func archiveUntilKilled(url string) {
	var oldest time.Time
	conn, err := postgres.ConnectOwner(context.Background(), url, "test")
	if err == nil {
		err = conn.QueryRow(context.Background(), "select min(timestamp) from logging.system_logs").Scan(&oldest)
	}

	if err != nil {
		die(err)
	}

	now := oldest.AddDate(0, 0, 30)
	exact := rand.N(2) > 0
	for {
		r, err := maintenance.New(maintenance.Config{
			OwnerURL: url, Clock: func() time.Time { return now },
			Logs: maintenance.Retention{ArchiveDays: -1, Exact: exact && rand.N(3) > 0},
		})
		if err != nil {
			die(err)
		}

		outcomes, err := r.Run(context.Background(), archiveNow)
		var busy *maintenance.BusyError
		switch {
		case errors.As(err, &busy): // the one that was killed is not gone yet
		case err != nil:
			die(err)
		case outcomes[0].Err != nil && !errors.Is(outcomes[0].Err, blotter.ErrOperational):
			die(outcomes[0].Err)
		default:
			now = now.AddDate(0, 0, 2+rand.N(12))
			if last := logEnd.AddDate(0, 0, 60); now.After(last) { // the history of runs is deleted after two years
				now = last
			}
		}
	}
}

// TestKilledArchive checks that a runner that is killed at any instant neither loses nor duplicates a row.
func TestKilledArchive(t *testing.T) {
	t.Parallel()

	db := pgtest.Open(t)
	fillLog(t, db, *killRows)
	conn := db.Connect(t, db.AdminURL)
	written := value[string](t, conn, sqlWritten)
	shapes := map[int]int{}
	const soon, late = 500 * time.Millisecond, 20 * time.Second
	most, before := soon, -1 // until the kill: longer after one that came before anything was moved
	for n := range *kills {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), killedDoes+"=archive", killedURL+"="+db.OwnerURL)
		var out strings.Builder
		cmd.Stderr = &out
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}

		began := value[int](t, conn, "select coalesce(max(id), 0) from shared.maintenance_runs")
		until(t, patience, "the runner works", func() bool {
			return value[int](t, conn, "select coalesce(max(id), 0) from shared.maintenance_runs") > began
		})
		timer := time.AfterFunc(rand.N(most), func() { _ = cmd.Process.Kill() })
		err := cmd.Wait()
		timer.Stop()
		if err == nil || !strings.Contains(err.Error(), "killed") {
			t.Fatalf("the runner was not killed: %v, %s", err, out.String())
		}

		if got := value[string](t, conn, sqlWritten); got != written {
			t.Fatalf("kill %d: %s, want %s", n, got, written)
		}

		archived := value[int](t, conn, "select count(*) from logging.archived_system_logs")
		shapes[archived]++
		if most = min(2*most, late); archived != before {
			most = soon
		}

		before = archived
		if value[int](t, conn, "select count(*) from logging.system_logs") < *killRows/4 { // then start again
			written = refill(t, db, conn)
		}
	}

	if *kills >= 50 && len(shapes) < 3 {
		t.Errorf("the kills hit too few points: %v", shapes)
	}
	killed := value[int](t, conn, "select count(*) from shared.maintenance_runs where result = 'killed'")
	if *kills >= 50 && killed == 0 {
		t.Error("no run is marked as killed")
	}

	t.Logf("%d kills left %d different archives; runs that ended between them moved %s", *kills, len(shapes),
		value[string](t, conn,
			`select coalesce(sum((figures->>'partitions')::int), 0) || ' partitions and '
					|| coalesce(sum((figures->>'rows_moved')::int), 0) || ' rows' from shared.maintenance_runs`))
	run(t, newRunner(t, archiving(db, maintenance.Retention{ArchiveDays: -1, Exact: true})), archiveNow)
	if got := value[string](t, conn, sqlWritten); got != written {
		t.Fatalf("in the end: %s, want %s", got, written)
	}
}

// refill restores the log to its first state.
func refill(t *testing.T, db *pgtest.Database, conn *pgx.Conn) string {
	t.Helper()

	until(t, patience, "the runner that was killed is gone", func() bool {
		return value[int](t, conn, "select count(*) from pg_stat_activity where datname = current_database() and "+
			"application_name like 'blotter %'") == 0
	})

	db.Exec(t, `do $$ declare leaf regclass; begin
		for leaf in select p.leaf from shared.partitions p
		where table_name = 'logging.archived_system_logs'::regclass loop execute 'drop table '
		|| leaf; end loop; end $$`)
	db.Exec(t, "truncate logging.system_logs")
	fillLog(t, db, *killRows)
	return value[string](t, conn, sqlWritten)
}
