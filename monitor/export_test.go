package monitor

import "time"

// NameOf and Redact are what the tracer makes of a statement.
var (
	NameOf = nameOf
	Redact = redact
)

// Operations is how many operations the tracer tells apart.
func (t *Tracer) Operations() int { return len(*t.operations.Load()) }

// DistributionOf counts durations.
func DistributionOf(durations []time.Duration) Distribution {
	o := &operation{}
	for _, d := range durations {
		o.add(d, 0)
	}
	return o.distribution()
}
