package monitor

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/blotterdb/blotter/postgres"
)

// The server's counters only grow, so these checks look at differences. In a daemon a check compares with its last
// run; its first run compares with the last reset of the statistics.

const sqlActivity = `
select extract(epoch from clock_timestamp() - coalesce(stats_reset, pg_postmaster_start_time()))::float8,
       deadlocks, temp_bytes, blks_hit, blks_read
  from pg_stat_database
 where datname = current_database()`

type activity struct {
	Age                         float64 // seconds since the last reset
	Deadlocks, Temp, Hits, Read int64
}

// activityCheck returns a check that judges the difference between two readings, and the time between them.
func activityCheck(name string, judge func(d activity, span time.Duration) Finding) Check {
	var last activity
	var guard sync.Mutex
	return Check{Name: name, Area: "activity", Run: func(ctx context.Context, q postgres.Querier) ([]Finding, error) {
		rows, err := read[activity](ctx, q, sqlActivity)
		if err != nil || len(rows) == 0 {
			return nil, err
		}

		guard.Lock()
		defer guard.Unlock()

		now := rows[0]
		if now.Age < last.Age { // the statistics were reset in between
			last = activity{}
		}

		d := now.since(last)
		last = now

		if f := judge(d, seconds(d.Age)); f.Severity != "" {
			f.Subject = "database"
			return []Finding{f}, nil
		}

		return nil, nil
	}}
}

func (a activity) since(earlier activity) activity {
	return activity{
		Age:       a.Age - earlier.Age,
		Deadlocks: a.Deadlocks - earlier.Deadlocks,
		Temp:      a.Temp - earlier.Temp,
		Hits:      a.Hits - earlier.Hits,
		Read:      a.Read - earlier.Read,
	}
}

// perHour returns a rate. A span of less than an hour counts as an hour; otherwise a single deadlock would look like
// many.
func perHour(n int64, span time.Duration) float64 {
	return float64(n) / max(1, span.Hours())
}

// deadlocks finds transactions that waited for each other until the server cancelled one.
func deadlocks(t Thresholds) Check {
	return activityCheck("deadlocks", func(d activity, span time.Duration) Finding {
		return Finding{
			Severity: t.DeadlocksPerHour.grade(perHour(d.Deadlocks, span)),
			Message:  fmt.Sprintf("%d deadlocks in %s", d.Deadlocks, age(span)),
			Remedy: "Lock orders before positions, each sorted by account and key. The server's log names the " +
				"statements.",
		}
	})
}

// tempFiles finds sorts and joins that do not fit in memory.
func tempFiles(t Thresholds) Check {
	return activityCheck("temp_files", func(d activity, span time.Duration) Finding {
		return Finding{
			Severity: t.TempBytesPerHour.grade(int64(perHour(d.Temp, span))),
			Message:  fmt.Sprintf("%s were written to temporary files in %s", size(d.Temp), age(span)),
			Remedy:   "Query less at once, add an index for the sort, or raise work_mem for the login that runs it.",
		}
	})
}

// cacheHit finds a server whose cache is too small for its statements.
func cacheHit(t Thresholds) Check {
	return activityCheck("cache_hit", func(d activity, span time.Duration) Finding {
		all := d.Hits + d.Read
		if all < t.CacheHitReadsMin {
			return Finding{}
		}

		percent := 100 * float64(d.Hits) / float64(all)
		return Finding{
			Severity: t.CacheHitPercent.gradeLow(percent),
			Message:  fmt.Sprintf("%.1f %% of %d block reads came from memory in %s", percent, all, age(span)),
			Remedy: "Set shared_buffers to a quarter of the machine's memory, and look for statements that " +
				"read whole tables.",
		}
	})
}
