package bench

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"syscall"
	"testing"
	"time"

	"github.com/blotterdb/blotter/pgtest"
	"github.com/jackc/pgx/v5"
)

// processorTime is the processor's time of this process, which is the client, and of the server's backends of a
// database. On systems without /proc the server's is 0.
type processorTime struct{ client, server time.Duration }

// allocated counts the objects and bytes that this process allocated.
type allocated struct{ objects, bytes int64 }

func allocatedSoFar() allocated {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return allocated{int64(m.Mallocs), int64(m.TotalAlloc)}
}

// since returns what was allocated since before, divided by the number of fills.
func (a allocated) since(before allocated, fills int64) allocated {
	n := max(1, fills)
	return allocated{(a.objects - before.objects) / n, (a.bytes - before.bytes) / n}
}

// spentProcessor reads the processor's time that was spent so far. A backend that ends takes its figure with it, so
// pools have to keep their connections.
func spentProcessor(b testing.TB, db *pgtest.Database) (spent processorTime) {
	b.Helper()
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		b.Fatal(err)
	}
	spent.client = time.Duration(usage.Utime.Nano() + usage.Stime.Nano())

	conn := db.Connect(b, db.AdminURL)
	defer conn.Close(context.Background())
	rows, _ := conn.Query(b.Context(), `
select pid from pg_stat_activity
 where datname = current_database() and backend_type = 'client backend' and pid <> pg_backend_pid()`)
	pids, err := pgx.CollectRows(rows, pgx.RowTo[int])
	if err != nil {
		b.Fatal(err)
	}
	for _, pid := range pids {
		var nanoseconds int64
		text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/schedstat", pid))
		_, _ = fmt.Sscan(string(text), &nanoseconds)
		spent.server += time.Duration(nanoseconds)
	}
	return spent
}

// since returns what was spent since before, divided by the number of fills.
func (p processorTime) since(before processorTime, fills int64) processorTime {
	n := time.Duration(max(1, fills))
	return processorTime{(p.client - before.client) / n, (p.server - before.server) / n}
}
