package monitor_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/monitor"
	"github.com/blotterdb/blotter/pgtest"
	"github.com/blotterdb/blotter/postgres"
	"github.com/blotterdb/blotter/schema"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

// Counters of errors are there, at zero, before the first error: what begins with it does not grow in Prometheus' eyes.
func TestErrorsAreZeroBeforeTheFirst(t *testing.T) {
	t.Parallel()
	tracer := newTracer(t, monitor.TracerConfig{})
	db := pgtest.OpenConfig(t, func(c *postgres.Config) { c.Tracer, c.Service = tracer, "execution" })
	handler, err := monitor.Handler(monitor.HandlerConfig{Collectors: []prometheus.Collector{&monitor.Collector{Tracer: tracer}}})
	if err != nil {
		t.Fatal(err)
	}
	counters := []string{"blotter_errors_total", "blotter_pool_wait_errors_total", "blotter_connect_errors_total"}
	found := families(t, handler)
	for _, name := range counters {
		if n := len(found[name].GetMetric()); n != 9 {
			t.Errorf("%s has %d kinds", name, n)
		}
		for _, kind := range []string{"operational", "pool_timeout", "data", "other"} {
			if n := value(t, found, name, "service", "execution", "kind", kind); n != 0 {
				t.Errorf("%s of %s is %v", name, kind, n)
			}
		}
	}
	before := value(t, found, "blotter_calls_total", "service", "execution")
	ctx := blotter.WithAccount(t.Context(), "A")
	for range 3 {
		_ = db.Transaction(ctx, func(tx *postgres.Tx) error {
			_, err := tx.Exec(ctx, "select 1/0")
			return err
		})
	}
	tracer.TraceWait("execution", time.Second, &blotter.Error{Kind: blotter.ErrPoolTimeout})
	found = families(t, handler)
	if n := value(t, found, "blotter_calls_total", "service", "execution"); n < before+3 {
		t.Errorf("%v calls, %v before", n, before)
	}
	for i, kind := range []string{"data", "pool_timeout", "operational"} {
		if n, want := value(t, found, counters[i], "service", "execution", "kind", kind), []float64{3, 1, 0}[i]; n != want {
			t.Errorf("%s of %s is %v, want %v", counters[i], kind, n, want)
		}
	}
}

// served is a process with everything that has metrics, after something of all of it has happened.
func served(t *testing.T) (*pgtest.Database, http.Handler) {
	t.Helper()
	tracer := newTracer(t, monitor.TracerConfig{})
	db := pgtest.OpenConfig(t, func(c *postgres.Config) { c.Tracer = tracer })
	db.Exec(t, "insert into events.cursor (consumer, snap_done) values ('analytics', pg_current_snapshot())")
	ran(t, db, "analyze", "ok", "", 1, "{}")
	ctx := blotter.WithAccount(t.Context(), "A")
	_ = db.Transaction(ctx, func(tx *postgres.Tx) error {
		_, err := tx.Exec(ctx, "select 1/0")
		return err
	})
	tracer.TraceWait("blotter", time.Second, &blotter.Error{Kind: blotter.ErrPoolTimeout})
	tracer.Track("blotter", "slow", 2*time.Second)
	w := newWatcher(t, db, append(monitor.Checks(monitor.Thresholds{}), monitor.PoolCheck(db.PoolStats, monitor.Thresholds{})))
	start(t, w)
	t.Cleanup(func() { _ = w.Stop(context.Background()) })
	until(t, "the watcher looks", func() bool { return !w.Sight().At.IsZero() })
	handler, err := monitor.Handler(monitor.HandlerConfig{
		Collectors: []prometheus.Collector{&monitor.Collector{Tracer: tracer, Pools: db.PoolStats, Watcher: w}}, Ready: monitor.Ready(db.DB),
	})
	if err != nil {
		t.Fatal(err)
	}
	return db, handler
}

func newWatcher(t *testing.T, db *pgtest.Database, checks []monitor.Check) *monitor.Watcher {
	t.Helper()
	w, err := monitor.NewWatcher(db.DB, checks, monitor.WatcherConfig{Period: 20 * time.Millisecond, HeartbeatPeriod: 10 * time.Millisecond, Logger: silent})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func get(handler http.Handler, path string) (status int, body string) {
	answer := httptest.NewRecorder()
	handler.ServeHTTP(answer, httptest.NewRequest(http.MethodGet, path, nil))
	return answer.Code, answer.Body.String()
}

// families are the metrics of an exposition by name.
func families(t *testing.T, handler http.Handler) map[string]*dto.MetricFamily {
	t.Helper()
	status, body := get(handler, "/metrics")
	if status != http.StatusOK {
		t.Fatalf("/metrics answers %d: %s", status, body)
	}
	parser := expfmt.NewTextParser(model.UTF8Validation)
	parsed, err := parser.TextToMetricFamilies(strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	return parsed
}

// value is that of the one series whose labels are these: pairs of name and value.
func value(t *testing.T, found map[string]*dto.MetricFamily, name string, labels ...string) float64 {
	t.Helper()
	for _, m := range found[name].GetMetric() {
		matches := 0
		for _, l := range m.GetLabel() {
			for i := 0; i < len(labels); i += 2 {
				if l.GetName() == labels[i] && l.GetValue() == labels[i+1] {
					matches++
				}
			}
		}
		if matches*2 == len(labels) {
			return m.GetGauge().GetValue() + m.GetCounter().GetValue() + float64(m.GetHistogram().GetSampleCount())
		}
	}
	t.Errorf("there is no %s %v", name, labels)
	return -1
}

func TestMetricsAreConventional(t *testing.T) {
	t.Parallel()
	_, handler := served(t)
	_, body := get(handler, "/metrics")
	var ours strings.Builder
	for line := range strings.Lines(body) {
		if strings.Contains(line, "blotter_") {
			ours.WriteString(line)
		}
	}
	problems, err := promlint.New(strings.NewReader(ours.String())).Lint()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
	series := strings.Count(ours.String(), "\nblotter_")
	if series < 200 || series > 1500 {
		t.Errorf("%d series of blotter's", series)
	}
}

func TestMetricsHaveTheirValues(t *testing.T) {
	t.Parallel()
	db, handler := served(t)
	found := families(t, handler)
	for _, want := range []struct {
		value  float64
		name   string
		labels []string
	}{
		{1, "blotter_query_errors_total", []string{"service", "blotter", "kind", "data"}},
		{1, "blotter_query_slow_total", []string{"operation", "slow"}},
		{1, "blotter_query_duration_seconds", []string{"operation", "slow"}},
		{1, "blotter_pool_wait_errors_total", []string{"service", "blotter", "kind", "pool_timeout"}},
		{30, "blotter_pool_connections_max", []string{"role", "trading_app"}},
		{0, "blotter_check_findings", []string{"check", "blocking", "severity", "critical"}},
		{0, "blotter_check_failed", []string{"check", "outbox_lag"}},
		{float64(schema.Version()), "blotter_schema_version", nil},
		{0, "blotter_outbox_lag_events", []string{"consumer", "analytics"}},
		{0, "blotter_table_rows", []string{"table", "execution.orders"}},
	} {
		if got := value(t, found, want.name, want.labels...); got != want.value {
			t.Errorf("%s %v is %v, want %v", want.name, want.labels, got, want.value)
		}
	}
	for _, m := range found["blotter_query_duration_seconds"].GetMetric() {
		last := uint64(0)
		for _, b := range m.GetHistogram().GetBucket() {
			if b.GetCumulativeCount() < last {
				t.Errorf("a histogram that falls: %v", m)
			}
			last = b.GetCumulativeCount()
		}
		if last != m.GetHistogram().GetSampleCount() {
			t.Errorf("the last bucket has %d of %d", last, m.GetHistogram().GetSampleCount())
		}
	}
	// Something that is found becomes a metric.
	db.Exec(t, "drop index execution.idx_orders_strategy")
	until(t, "the finding is a metric", func() bool {
		return value(t, families(t, handler), "blotter_check_findings", "check", "schema_drift", "severity", "warning") == 1
	})
}

func TestHealthAndReadiness(t *testing.T) {
	t.Parallel()
	db, handler := served(t)
	for _, path := range []string{"/healthz", "/readyz"} {
		if status, body := get(handler, path); status != http.StatusOK || body != "ok\n" {
			t.Errorf("%s answers %d %q", path, status, body)
		}
	}
	db.Close()
	until(t, "a database that is gone is not ready", func() bool {
		status, body := get(handler, "/readyz")
		return status == http.StatusServiceUnavailable && strings.Contains(body, "the DB is closed")
	})
	sick, err := monitor.Handler(monitor.HandlerConfig{Healthy: func() error { return errors.New("the synchronizer stands still") }})
	if err != nil {
		t.Fatal(err)
	}
	if status, body := get(sick, "/healthz"); status != http.StatusServiceUnavailable || !strings.Contains(body, "stands still") {
		t.Errorf("/healthz answers %d %q", status, body)
	}
	if status, _ := get(handler, "/nothing"); status != http.StatusNotFound {
		t.Errorf("/nothing answers %d", status)
	}
}

func TestCollectorWithoutAnything(t *testing.T) {
	t.Parallel()
	handler, err := monitor.Handler(monitor.HandlerConfig{Collectors: []prometheus.Collector{&monitor.Collector{}}})
	if err != nil {
		t.Fatal(err)
	}
	if found := families(t, handler); found["go_goroutines"] == nil || found["blotter_query_rows_total"] != nil {
		t.Errorf("%d metrics", len(found))
	}
	if _, err := monitor.Handler(monitor.HandlerConfig{Collectors: []prometheus.Collector{&monitor.Collector{}, &monitor.Collector{}}}); err == nil {
		t.Error("two collectors of the same metrics are no error")
	}
}

func TestServer(t *testing.T) {
	t.Parallel()
	handler, err := monitor.Handler(monitor.HandlerConfig{})
	if err != nil {
		t.Fatal(err)
	}
	s := monitor.NewServer(handler, monitor.ServerConfig{Address: "127.0.0.1:0", Logger: silent})
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	for range 3 {
		start(t, s)
		start(t, s)
		answer, err := client.Get("http://" + s.Address() + "/healthz")
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(answer.Body)
		_ = answer.Body.Close()
		if string(body) != "ok\n" || s.Health() != nil {
			t.Errorf("%q, %v", body, s.Health())
		}
		taken := monitor.NewServer(handler, monitor.ServerConfig{Address: s.Address(), Logger: silent})
		if err := taken.Start(t.Context()); err == nil || !strings.Contains(err.Error(), "choose another address") {
			t.Errorf("an address that is taken: %v", err)
		}
		stop(t, s)
		stop(t, s)
		if s.Address() != "" {
			t.Error("it still listens")
		}
	}
}
