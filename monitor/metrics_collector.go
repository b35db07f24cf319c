package monitor

import (
	"strings"
	"time"

	"github.com/blotterdb/blotter/postgres"
	"github.com/prometheus/client_golang/prometheus"
)

// Collector exposes the counts of a Tracer, the pools of a process, and the last results of a Watcher to Prometheus.
// Collecting does not query the database. Every field may be nil.
type Collector struct {
	Tracer  *Tracer
	Pools   func() []postgres.PoolStats // (*postgres.DB).PoolStats
	Watcher *Watcher
}

// bounds are the bounds of the histograms of durations.
var bounds = []time.Duration{
	500 * time.Microsecond, time.Millisecond, 2500 * time.Microsecond, 5 * time.Millisecond, 10 * time.Millisecond,
	25 * time.Millisecond, 50 * time.Millisecond, 100 * time.Millisecond, 250 * time.Millisecond,
	500 * time.Millisecond,
	time.Second, 2500 * time.Millisecond, 5 * time.Second, 10 * time.Second, 30 * time.Second,
}

func desc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("blotter_"+name, help, labels, nil)
}

var (
	descQueryDuration = desc("query_duration_seconds",
		"Time of calls of the database, by service and operation.", "service", "operation")
	descQueryErrors = desc("query_errors_total",
		"Calls of the database that failed, by kind of error; absent before the first.", "service", "operation", "kind")
	descQueryRows = desc("query_rows_total",
		"Rows that calls of the database returned or changed.", "service", "operation")
	descQuerySlow = desc("query_slow_total",
		"Slow calls of the database (TracerConfig.SlowAfter, 1 s).", "service", "operation")

	descCalls  = desc("calls_total", "Calls of the database, by service.", "service")
	descErrors = desc("errors_total",
		"Calls of the database that failed, by service and kind of error; 0 if none has.", "service", "kind")

	descPoolWait = desc("pool_wait_duration_seconds",
		"Time that sessions waited for a connection of their pool.", "service")
	descPoolErrors = desc("pool_wait_errors_total",
		"Sessions that got no connection, by kind of error; 0 if there were none.", "service", "kind")
	descConnect       = desc("connect_duration_seconds", "Time of connecting to the server.", "service")
	descConnectErrors = desc("connect_errors_total",
		"Connections that failed, by kind of error; 0 if none has.", "service", "kind")

	descPoolConnections = desc("pool_connections", "Connections of a pool.", "role", "state")
	descPoolMax         = desc("pool_connections_max", "Connections that a pool may open.", "role")
	descPoolWaiting     = desc("pool_waiting_sessions", "Sessions that are waiting for a connection.", "role")
	descPoolAcquired    = desc("pool_acquisitions_total", "Sessions that asked a pool for a connection.", "role")

	descFindings = desc("check_findings", "Findings of the last run of a check; 0 if all is well.", "check", "severity")
	descFailed   = desc("check_failed", "1 if the last run of a check failed.", "check")
	descTook     = desc("check_duration_seconds", "Duration of the last run of a check.", "check")
	descLooked   = desc("checks_last_run_timestamp_seconds", "Time of the last run of the checks.")
)

var descs = []*prometheus.Desc{
	descQueryDuration, descQueryErrors, descQueryRows, descQuerySlow, descCalls, descErrors,
	descPoolWait, descPoolErrors, descConnect, descConnectErrors,
	descPoolConnections, descPoolMax, descPoolWaiting, descPoolAcquired,
	descFindings, descFailed, descTook, descLooked,
}

// gaugeDescs holds the descriptions of gauges by name.
var gaugeDescs = func() map[string]*prometheus.Desc {
	descs := map[string]*prometheus.Desc{}
	for name, g := range gauges {
		if g.label == "" {
			descs[name] = desc(name, g.help)
		} else {
			descs[name] = desc(name, g.help, g.label)
		}
	}
	return descs
}()

// Describe implements prometheus.Collector.
func (c *Collector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range descs {
		ch <- d
	}
	for _, d := range gaugeDescs {
		ch <- d
	}
}

// Collect implements prometheus.Collector.
func (c *Collector) Collect(ch chan<- prometheus.Metric) {
	if c.Tracer != nil {
		readings := c.Tracer.read(false)
		for _, r := range readings {
			collectOperation(ch, &r)
		}
		for name, s := range servicesOf(readings) {
			s.collect(ch, name)
		}
	}

	if c.Pools != nil {
		for _, p := range c.Pools() {
			collectPool(ch, p)
		}
	}
	if c.Watcher != nil {
		collectSight(ch, c.Watcher.Sight())
	}
}

func collectOperation(ch chan<- prometheus.Metric, r *reading) {
	switch r.name {
	case waitOperation:
		ch <- histogramOf(descPoolWait, &r.Distribution, r.service)
	case connect:
		ch <- histogramOf(descConnect, &r.Distribution, r.service)
	default:
		ch <- histogramOf(descQueryDuration, &r.Distribution, r.service, r.name)
		ch <- prometheus.MustNewConstMetric(descQueryRows, prometheus.CounterValue, float64(r.rows), r.service, r.name)
		ch <- prometheus.MustNewConstMetric(descQuerySlow, prometheus.CounterValue, float64(r.slow), r.service, r.name)
		collectErrors(ch, r)
	}
}

// collectErrors leaves out kinds of errors that never occurred, because they would be most of the series.
func collectErrors(ch chan<- prometheus.Metric, r *reading) {
	for i, n := range r.errors {
		if n > 0 {
			ch <- prometheus.MustNewConstMetric(descQueryErrors, prometheus.CounterValue, float64(n), r.service,
				r.name, kindLabels[i])
		}
	}
}

// kindLabels holds the kinds of errors as labels, for example pool_timeout.
var kindLabels = func() (labels [len(kinds)]string) {
	for i, kind := range kinds {
		labels[i] = strings.ReplaceAll(string(kind), " ", "_")
	}
	return labels
}()

func histogramOf(d *prometheus.Desc, times *Distribution, labels ...string) prometheus.Metric {
	buckets := map[float64]uint64{}
	for i, n := range times.below(bounds) {
		buckets[bounds[i].Seconds()] = n
	}
	return prometheus.MustNewConstHistogram(d, uint64(times.Calls), times.Sum.Seconds(), buckets, labels...)
}

func collectPool(ch chan<- prometheus.Metric, p postgres.PoolStats) {
	set := func(d *prometheus.Desc, kind prometheus.ValueType, value float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, kind, value, append([]string{p.Role}, labels...)...)
	}
	set(descPoolConnections, prometheus.GaugeValue, float64(p.InUse), "in_use")
	set(descPoolConnections, prometheus.GaugeValue, float64(max(0, p.Open-p.InUse)), "idle")
	set(descPoolMax, prometheus.GaugeValue, float64(p.MaxConns))
	set(descPoolWaiting, prometheus.GaugeValue, float64(p.Waiting))
	set(descPoolAcquired, prometheus.CounterValue, float64(p.Acquired))
}

func collectSight(ch chan<- prometheus.Metric, s Sight) {
	if s.At.IsZero() {
		return
	}

	ch <- prometheus.MustNewConstMetric(descLooked, prometheus.GaugeValue, float64(s.At.UnixMilli())/1000)
	for _, o := range s.Outcomes {
		count := map[Severity]int{}
		for _, f := range o.Findings {
			count[f.Severity]++
		}

		failed := 0.0
		if o.Err != nil {
			failed = 1
		}

		ch <- prometheus.MustNewConstMetric(descFindings, prometheus.GaugeValue, float64(count[Warning]), o.Name,
			string(Warning))
		ch <- prometheus.MustNewConstMetric(descFindings, prometheus.GaugeValue, float64(count[Critical]), o.Name,
			string(Critical))
		ch <- prometheus.MustNewConstMetric(descFailed, prometheus.GaugeValue, failed, o.Name)
		ch <- prometheus.MustNewConstMetric(descTook, prometheus.GaugeValue, o.Took.Seconds(), o.Name)
	}

	for _, g := range s.Gauges {
		collectGauge(ch, g)
	}
}

func collectGauge(ch chan<- prometheus.Metric, g Gauge) {
	d, known := gaugeDescs[g.Name]
	if !known {
		return
	}

	kind := prometheus.GaugeValue
	if isCounter(g.Name) {
		kind = prometheus.CounterValue
	}
	if gauges[g.Name].label == "" {
		ch <- prometheus.MustNewConstMetric(d, kind, g.Value)
		return
	}

	ch <- prometheus.MustNewConstMetric(d, kind, g.Value, g.Label)
}
