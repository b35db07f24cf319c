package monitor_test

import (
	"testing"

	"github.com/blotterdb/blotter/monitor"
	"github.com/blotterdb/blotter/pgtest"
)

func TestDeadlocks(t *testing.T) {
	t.Parallel()

	db := pgtest.Open(t)
	quiet(t, db.DB, pick(t, "deadlocks", monitor.Thresholds{}), "")
	one, two := admin(t, db), admin(t, db)
	run(t, one, "begin; lock table execution.orders")
	run(t, two, "begin; set local deadlock_timeout = '10ms'; lock table execution.positions")
	done := make(chan error)
	go func() {
		_, err := one.Exec(t.Context(), "lock table execution.positions")
		done <- err
	}()

	_, err := two.Exec(t.Context(), "lock table execution.orders") // whichever of the two the server cancels
	first := <-done
	if err == nil && first == nil {
		t.Fatal("no deadlock was made")
	}

	counted(t, one, "rollback")
	counted(t, two, "rollback")
	check := pick(t, "deadlocks", monitor.Thresholds{})
	fires(t, db.DB, "deadlocks", monitor.Thresholds{}, monitor.Warning, "database", "1 deadlocks in")
	look(t, db.DB, check)
	quiet(t, db.DB, check, "") // none since the last look
}

func TestTempFiles(t *testing.T) {
	t.Parallel()

	db, thresholds := pgtest.Open(t), monitor.Thresholds{
		TempBytesPerHour: monitor.Level[int64]{Warning: 1 << 20, Critical: 1 << 40},
	}
	quiet(t, db.DB, pick(t, "temp_files", thresholds), "")
	conn := admin(t, db)
	run(t, conn, "set work_mem = '64kB'")
	counted(t, conn, "select i from generate_series(1, 300000) i order by random()")
	fires(t, db.DB, "temp_files", thresholds, monitor.Warning, "database", "MB were written to temporary files")
	quiet(t, db.DB, pick(t, "temp_files", monitor.Thresholds{}), "")
}

// TestCacheHit reads a table of more than a quarter of shared_buffers, which bypasses the cache.
func TestCacheHit(t *testing.T) {
	t.Parallel()

	db, thresholds := pgtest.Open(t), monitor.Thresholds{
		CacheHitReadsMin: 1000, CacheHitPercent: monitor.Level[float64]{Warning: 95, Critical: 94},
	}
	conn := admin(t, db)
	run(t, conn, "create table wide (filler text)")
	run(t, conn, "alter table wide alter filler set storage plain")
	run(t, conn, "insert into wide select repeat('x', 7000) from generate_series(1, 6000)")
	quiet(t, db.DB, pick(t, "cache_hit", monitor.Thresholds{}), "")
	run(t, conn, "vacuum full wide") // which writes past the buffers that the rows were inserted into
	run(t, conn, "select pg_stat_reset()")
	for range 4 {
		counted(t, conn, "select count(*) from wide")
	}

	fires(t, db.DB, "cache_hit", thresholds, monitor.Critical, "database", "block reads came from memory")
}
