package monitor

import (
	"cmp"
	"slices"
	"time"

	"github.com/blotterdb/blotter"
)

// Summary is what a service asked of the database since the tracer was made. Times are in seconds.
type Summary struct {
	AvgQueryTime   float64            `json:"avg_query_time"`
	TotalQueries   int64              `json:"total_queries"`
	SlowQueryCount int64              `json:"slow_query_count"`
	Errors         int64              `json:"errors"`
	Rows           int64              `json:"rows"`
	P50            float64            `json:"p50"`
	P95            float64            `json:"p95"`
	P99            float64            `json:"p99"`
	Max            float64            `json:"max"`
	AvgPoolWait    float64            `json:"avg_pool_wait"` // of sessions for a connection; no part of the times above
	MaxPoolWait    float64            `json:"max_pool_wait"`
	Operations     []OperationSummary `json:"operations"` // the one that took most time first
}

// OperationSummary is the same of one operation.
type OperationSummary struct {
	Operation string                 `json:"operation"`
	Calls     int64                  `json:"calls"`
	Slow      int64                  `json:"slow"`
	Rows      int64                  `json:"rows"`
	Errors    map[blotter.Kind]int64 `json:"errors,omitempty"`
	Total     float64                `json:"total"` // all calls together
	Mean      float64                `json:"mean"`
	P50       float64                `json:"p50"`
	P95       float64                `json:"p95"`
	P99       float64                `json:"p99"`
	Max       float64                `json:"max"`
}

// reading is one operation at one moment.
type reading struct {
	*operation
	Distribution
	rows, slow int64
	errors     [len(kinds)]int64
	recent     time.Duration // the longest call since the last reading that took it
}

// read reads all operations, in the order of service and name.
func (t *Tracer) read(takeRecent bool) []reading {
	var list []reading
	for _, o := range *t.operations.Load() {
		r := reading{operation: o, Distribution: o.distribution(), rows: o.rows.Load(), slow: o.slow.Load()}
		for i := range o.errors {
			r.errors[i] = o.errors[i].Load()
		}
		if takeRecent {
			r.recent = time.Duration(o.recent.Swap(0))
		}
		list = append(list, r)
	}
	slices.SortFunc(list, func(a, b reading) int {
		return cmp.Or(cmp.Compare(a.service, b.service), cmp.Compare(a.name, b.name))
	})
	return list
}

func (r *reading) failures() (n int64) {
	for _, e := range r.errors {
		n += e
	}
	return n
}

// isQuery tells calls of the database from what goes before them.
func (r *reading) isQuery() bool { return r.name != waitOperation && r.name != connect }

// Summary is what each service asked of the database.
func (t *Tracer) Summary() map[string]Summary {
	summaries, totals := map[string]Summary{}, map[string]*Distribution{}
	for _, r := range t.read(false) {
		s := summaries[r.service]
		total := totals[r.service]
		if total == nil {
			total = &Distribution{}
			totals[r.service] = total
		}
		switch {
		case r.name == waitOperation:
			s.AvgPoolWait, s.MaxPoolWait = r.Mean().Seconds(), r.Max.Seconds()
		case r.isQuery():
			total.merge(&r.Distribution)
			s.SlowQueryCount += r.slow
			s.Rows += r.rows
			s.Errors += r.failures()
		}
		s.Operations = append(s.Operations, r.summary())
		summaries[r.service] = s
	}
	for service, total := range totals {
		s := summaries[service]
		s.TotalQueries, s.AvgQueryTime, s.Max = total.Calls, total.Mean().Seconds(), total.Max.Seconds()
		s.P50, s.P95, s.P99 = total.Quantile(0.50).Seconds(), total.Quantile(0.95).Seconds(), total.Quantile(0.99).Seconds()
		slices.SortStableFunc(s.Operations, func(a, b OperationSummary) int { return cmp.Compare(b.Total, a.Total) })
		summaries[service] = s
	}
	return summaries
}

func (r *reading) summary() OperationSummary {
	s := OperationSummary{
		Operation: r.name, Calls: r.Calls, Slow: r.slow, Rows: r.rows, Total: r.Sum.Seconds(), Mean: r.Mean().Seconds(),
		P50: r.Quantile(0.50).Seconds(), P95: r.Quantile(0.95).Seconds(), P99: r.Quantile(0.99).Seconds(), Max: r.Max.Seconds(),
	}
	for i, n := range r.errors {
		if n > 0 {
			if s.Errors == nil {
				s.Errors = map[blotter.Kind]int64{}
			}
			s.Errors[kinds[i]] = n
		}
	}
	return s
}

// merge adds the calls of another distribution.
func (d *Distribution) merge(o *Distribution) {
	d.Calls += o.Calls
	d.Sum += o.Sum
	d.Max = max(d.Max, o.Max)
	for i, n := range o.count {
		d.count[i] += n
	}
}
