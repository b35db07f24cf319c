package monitor

import (
	"cmp"
	"slices"
	"time"

	"github.com/blotterdb/blotter"
)

// Summary sums up the calls of a service since the tracer was created. Times are in seconds.
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
	AvgPoolWait    float64            `json:"avg_pool_wait"` // of sessions for a connection; not in the times above
	MaxPoolWait    float64            `json:"max_pool_wait"`
	Operations     []OperationSummary `json:"operations"` // sorted by Total, descending
}

// OperationSummary sums up the calls of one operation. Times are in seconds.
type OperationSummary struct {
	Operation string                 `json:"operation"`
	Calls     int64                  `json:"calls"`
	Slow      int64                  `json:"slow"`
	Rows      int64                  `json:"rows"`
	Errors    map[blotter.Kind]int64 `json:"errors,omitempty"`
	Total     float64                `json:"total"` // time of all calls
	Mean      float64                `json:"mean"`
	P50       float64                `json:"p50"`
	P95       float64                `json:"p95"`
	P99       float64                `json:"p99"`
	Max       float64                `json:"max"`
}

// reading is the state of one operation at one moment.
type reading struct {
	*operation
	Distribution
	rows, slow int64
	errors     [len(kinds)]int64
	recent     time.Duration // the longest call since the last reading with takeRecent
}

// read returns all operations, sorted by service and name.
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

// isQuery reports whether the operation is a call of the database, not a wait for a connection or a connect.
func (r *reading) isQuery() bool { return r.name != waitOperation && r.name != connect }

// Summary returns the summary of each service.
func (t *Tracer) Summary() map[string]Summary {
	summaries := map[string]Summary{}
	totals := map[string]*Distribution{}
	for _, r := range t.read(false) {
		s := summaries[r.service]
		total := totals[r.service]
		if total == nil {
			total = &Distribution{}
			totals[r.service] = total
		}

		switch {
		case r.name == waitOperation:
			s.AvgPoolWait = r.Mean().Seconds()
			s.MaxPoolWait = r.Max.Seconds()
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
		s.TotalQueries = total.Calls
		s.AvgQueryTime = total.Mean().Seconds()
		s.P50 = total.Quantile(0.50).Seconds()
		s.P95 = total.Quantile(0.95).Seconds()
		s.P99 = total.Quantile(0.99).Seconds()
		s.Max = total.Max.Seconds()

		slices.SortStableFunc(s.Operations, func(a, b OperationSummary) int { return cmp.Compare(b.Total, a.Total) })
		summaries[service] = s
	}

	return summaries
}

func (r *reading) summary() OperationSummary {
	s := OperationSummary{
		Operation: r.name, Calls: r.Calls, Slow: r.slow, Rows: r.rows, Total: r.Sum.Seconds(), Mean: r.Mean().Seconds(),
		P50: r.Quantile(0.50).Seconds(), P95: r.Quantile(0.95).Seconds(), P99: r.Quantile(0.99).Seconds(),
		Max: r.Max.Seconds(),
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
