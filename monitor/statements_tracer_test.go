package monitor_test

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/monitor"
	"github.com/blotterdb/blotter/pgtest"
	"github.com/blotterdb/blotter/postgres"
	"github.com/jackc/pgx/v5"
)

func newTracer(t testing.TB, cfg monitor.TracerConfig) *monitor.Tracer {
	t.Helper()

	tracer, err := monitor.NewTracer(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return tracer
}

// operations returns the operations of a service by name.
func operations(t *testing.T, tracer *monitor.Tracer, service string) map[string]monitor.OperationSummary {
	t.Helper()

	byName := map[string]monitor.OperationSummary{}
	for _, o := range tracer.Summary()[service].Operations {
		byName[o.Operation] = o
	}
	return byName
}

// TestTracerCountsCalls checks that queries, batches, copies, failures by kind, rows, waits and connections of a DB
// are counted under its service.
func TestTracerCountsCalls(t *testing.T) {
	t.Parallel()

	tracer := newTracer(t, monitor.TracerConfig{})
	db := pgtest.OpenConfig(t, func(c *postgres.Config) { c.Service, c.Tracer = "desk", tracer })
	ctx := blotter.WithAccount(t.Context(), "A")
	for range 2 {
		err := db.Transaction(ctx, func(tx *postgres.Tx) error {
			return postgres.Accounts.Insert(ctx, tx, &blotter.Account{AccountID: "A"})
		})
		_ = err // the second one fails
	}

	all := blotter.WithAllAccounts(t.Context())
	if err := db.Transaction(all, func(*postgres.Tx) error { return nil }); err != nil { // makes the connection
		t.Fatal(err)
	}

	named := blotter.WithOperation(all, "nightly")
	err := db.Transaction(named, func(tx *postgres.Tx) error {
		rows := []blotter.SystemLog{
			{Service: "s", Level: "info", Message: "a"}, {Service: "s", Level: "info", Message: "b"},
		}
		_, err := postgres.SystemLogs.CopyIn(named, tx, rows)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}

	for range 3 {
		err := db.ReadOnly(all, func(s *postgres.Session) error {
			rows, err := s.Query(all, "select message from logging.system_logs")
			if err == nil {
				rows.Close()
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}

	found := operations(t, tracer, "desk")
	if o := found["insert execution.accounts"]; o.Calls != 2 || o.Errors[blotter.ErrIntegrity] != 1 || o.Rows != 1 ||
		o.Mean <= 0 || o.Max < o.P50 {
		t.Errorf("two insertions, one of which failed: %+v", o)
	}
	if o := found["nightly"]; o.Calls != 3 || o.Rows != 2 { // BEGIN, COPY, COMMIT
		t.Errorf("the copy of two rows, under its context's name: %+v", o)
	}
	if o := found["select logging.system_logs"]; o.Calls != 3 || o.Rows != 6 {
		t.Errorf("three queries of two rows: %+v", o)
	}
	if found["pool.wait"].Calls == 0 || found["connect"].Calls == 0 {
		t.Errorf("waits %+v, connections %+v", found["pool.wait"], found["connect"])
	}

	s := tracer.Summary()["desk"]
	calls := int64(0)
	for name, o := range found {
		if name != "pool.wait" && name != "connect" {
			calls += o.Calls
		}
	}

	if s.TotalQueries != calls || s.AvgQueryTime <= 0 || s.SlowQueryCount != 0 || s.Errors != 1 || s.P99 < s.P50 {
		t.Errorf("the summary of %d calls: %+v", calls, s)
	}
}

// TestTracerNamesBatchByItsWork checks that a batch that sets the account before its statement is one call, named
// after the statement.
func TestTracerNamesBatchByItsWork(t *testing.T) {
	t.Parallel()

	tracer := newTracer(t, monitor.TracerConfig{})
	db := pgtest.OpenConfig(t, func(c *postgres.Config) { c.Tracer = tracer })
	ctx := blotter.WithAccount(t.Context(), "A")
	err := db.ReadOnly(ctx, func(s *postgres.Session) error {
		_, err := s.Exec(ctx, "select symbol from execution.positions")
		return err
	})
	if err != nil {
		t.Fatal(err)
	}

	if found := operations(t, tracer, "blotter"); found["select execution.positions"].Calls != 1 {
		t.Errorf("%+v", found)
	}

	err = db.ReadOnly(ctx, func(s *postgres.Session) error {
		batch := &pgx.Batch{}
		batch.Queue("select order_id from execution.orders")
		batch.Queue("select 1/0")
		return s.SendBatch(ctx, batch).Close()
	})
	if err == nil {
		t.Fatal("1/0 returned no error")
	}

	if o := operations(t, tracer, "blotter")["select execution.orders"]; o.Calls != 1 ||
		o.Errors[blotter.ErrData] != 1 {
		t.Errorf("a batch whose second statement failed: %+v", o)
	}
}

func TestSlowCallsAreKept(t *testing.T) {
	t.Parallel()

	tracer := newTracer(t, monitor.TracerConfig{SlowAfter: 20 * time.Millisecond, SlowKept: 3})
	db := pgtest.OpenConfig(t, func(c *postgres.Config) { c.Tracer = tracer })
	ctx := t.Context()
	for i := range 5 {
		err := db.ReadOnly(ctx, func(s *postgres.Session) error {
			_, err := s.Exec(ctx, "select pg_sleep($1), 'secret', $2::int", 0.03, i)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}

	slow := tracer.Slow()
	if len(slow) != 3 || slow[2].Duration < 30*time.Millisecond ||
		slow[2].Statement != "select pg_sleep($1), ?, $2::int" || slow[2].Service != "blotter" {
		t.Errorf("of five slow calls the last three, without what they were called with: %+v", slow)
	}
	if n := tracer.Summary()["blotter"].SlowQueryCount; n < 5 {
		t.Errorf("%d slow calls are counted, want 5", n)
	}
}

func TestTrack(t *testing.T) {
	t.Parallel()

	tracer := newTracer(t, monitor.TracerConfig{MaxOperations: 3})
	tracer.Track("strategy", "fetch", 100*time.Millisecond)
	tracer.Track("strategy", "fetch", 2*time.Second)
	tracer.Track("strategy", "fit", 300*time.Millisecond)
	s := tracer.Summary()["strategy"]
	if s.TotalQueries != 3 || s.SlowQueryCount != 1 || s.AvgQueryTime < 0.79 || s.AvgQueryTime > 0.81 || s.Max != 2 {
		t.Errorf("%+v", s)
	}

	for i := range 100 {
		tracer.Track("strategy", fmt.Sprint("operation ", i), time.Millisecond)
		tracer.Track(fmt.Sprint("service ", i), "x", time.Millisecond)
	}

	if tracer.Operations() > 7 {
		t.Errorf("%d operations, want 3", tracer.Operations())
	}

	total := int64(0)
	for _, s := range tracer.Summary() {
		total += s.TotalQueries
	}

	if total != 203 {
		t.Errorf("%d calls are counted, want 203", total)
	}
}

// TestTracerCountsConcurrently checks that no call of concurrent sessions is lost.
func TestTracerCountsConcurrently(t *testing.T) {
	t.Parallel()

	tracer := newTracer(t, monitor.TracerConfig{MaxOperations: 50})
	var wait sync.WaitGroup
	for worker := range 8 {
		wait.Go(func() {
			for i := range 2000 {
				tracer.Track("s", fmt.Sprint(i%100), time.Duration(worker*i))
			}
		})
	}

	wait.Wait()
	if n := tracer.Summary()["s"].TotalQueries; n != 16_000 {
		t.Errorf("%d calls are counted of 16,000", n)
	}
}

const sqlLong = `select o.order_id, o.symbol, o.side, o.quantity, o.price, o.status, o.filled_quantity,
       o.avg_fill_price, t.trade_id
  from execution.orders o left join execution.trades t on t.account_id = o.account_id and t.order_id = o.order_id
 where o.account_id = $1 and o.symbol = $2 and o.created_at > $3 order by o.created_at desc limit $4`

// trace calls the tracer like pgx does for one query.
func trace(ctx context.Context, tracer *monitor.Tracer, conn *pgx.Conn, sql string) {
	ctx = tracer.TraceQueryStart(ctx, conn, pgx.TraceQueryStartData{SQL: sql})
	tracer.TraceQueryEnd(ctx, conn, pgx.TraceQueryEndData{})
}

// TestTracerAllocatesNothing is not parallel, because it counts the allocations of the process.
func TestTracerAllocatesNothing(t *testing.T) {
	tracer, conn := newTracer(t, monitor.TracerConfig{}), admin(t, pgtest.Open(t))
	ctx := t.Context()
	named := blotter.WithOperation(ctx, "report")
	batch := &pgx.Batch{}
	batch.Queue("begin")
	batch.Queue(sqlLong)

	full := newTracer(t, monitor.TracerConfig{MaxOperations: 2})
	unseen := make([]string, 3000)
	for i := range unseen {
		unseen[i] = fmt.Sprintf("%s -- %d", sqlLong, i)
	}

	tables := make([]string, len(unseen))
	for i := range tables {
		tables[i] = fmt.Sprintf("select * from table_%d", i)
	}

	trace(ctx, full, conn, tables[0])
	trace(ctx, full, conn, tables[1])
	trace(ctx, full, conn, tables[2])

	at := 0
	next := func(texts []string) string {
		at++
		return texts[at%len(texts)]
	}
	for what, once := range map[string]func(){
		"a query":                      func() { trace(ctx, tracer, conn, sqlLong) },
		"a query named by its context": func() { trace(named, tracer, conn, sqlLong) },
		"a batch": func() {
			tracer.TraceBatchStart(ctx, conn, pgx.TraceBatchStartData{Batch: batch})
			tracer.TraceBatchQuery(ctx, conn, pgx.TraceBatchQueryData{SQL: "begin"})
			tracer.TraceBatchQuery(ctx, conn, pgx.TraceBatchQueryData{SQL: sqlLong})
			tracer.TraceBatchEnd(ctx, conn, pgx.TraceBatchEndData{})
		},
		"a statement that is new":  func() { trace(ctx, tracer, conn, next(unseen)) },
		"a statement without room": func() { trace(ctx, full, conn, next(tables)) },
		"a wait":                   func() { tracer.TraceWait("blotter", time.Millisecond, nil) },
	} {
		if n := testing.AllocsPerRun(1000, once); n != 0 {
			t.Errorf("%s costs %v allocations", what, n)
		}
	}
}

// TestTracerMemoryIsBounded checks that a million different statements leave as many operations as there is room
// for. It is not parallel, because it measures the memory of the process.
func TestTracerMemoryIsBounded(t *testing.T) {
	tracer, conn := newTracer(t, monitor.TracerConfig{}), admin(t, pgtest.Open(t))
	before := heap()
	for i := range 1_000_000 {
		trace(t.Context(), tracer, conn, fmt.Sprintf("select * from table_%d where a = %d", i, i))
	}

	grown := int64(heap()) - int64(before)
	if tracer.Operations() > 201 || grown > 4<<20 {
		t.Errorf("%d operations, %d bytes", tracer.Operations(), grown)
	}
	if n := tracer.Summary()["unnamed"].TotalQueries; n != 1_000_000 {
		t.Errorf("%d calls are counted", n)
	}
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

func TestTracerConfigIsChecked(t *testing.T) {
	t.Parallel()

	for field, cfg := range map[string]monitor.TracerConfig{
		"SlowAfter": {SlowAfter: -1}, "MaxOperations": {MaxOperations: -1}, "SlowKept": {SlowKept: -1},
	} {
		if _, err := monitor.NewTracer(cfg); err == nil || !strings.Contains(err.Error(), field) {
			t.Errorf("%s: %v", field, err)
		}
	}
}

func BenchmarkTracer(b *testing.B) {
	tracer, conn := newTracer(b, monitor.TracerConfig{}), pgtest.Open(b).Connect(b, pgtest.Open(b).AdminURL)
	ctx := b.Context()
	named := blotter.WithOperation(ctx, "report")
	b.Run("statement", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			trace(ctx, tracer, conn, sqlLong)
		}
	})

	b.Run("named", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			trace(named, tracer, conn, sqlLong)
		}
	})

	b.Run("new statement", func(b *testing.B) {
		b.ReportAllocs()
		texts := make([]string, 20_000)
		for i := range texts {
			texts[i] = fmt.Sprintf("%s -- %d", sqlLong, i)
		}

		i := 0
		for b.Loop() {
			trace(ctx, tracer, conn, texts[i%len(texts)])
			i++
		}
	})

	b.Run("new table", func(b *testing.B) {
		b.ReportAllocs()
		texts := make([]string, 20_000)
		for i := range texts {
			texts[i] = fmt.Sprintf("select * from table_%d where a = $1", i)
		}

		i := 0
		for b.Loop() {
			trace(ctx, tracer, conn, texts[i%len(texts)])
			i++
		}
	})
}
