package monitor

import (
	"strings"
	"time"
)

// Redact is what the tracer keeps of a statement.
var Redact = redact

// NameOf is how the tracer names a statement.
func NameOf(sql string) string { return string(appendNameOf(nil, sql)) }

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

// ReplicationRow is what a server tells of a replica.
type ReplicationRow = replicationRow

// ReplicaGauges are the figures of replicas.
var ReplicaGauges = replicaGauges

// ReadGauges reads the figures of a database.
var ReadGauges = readGauges

// OfDatabase reports a metric of the whole database, which every daemon shows alike.
func OfDatabase(name string) bool {
	name = strings.TrimPrefix(name, "blotter_")
	_, found := gauges[name]
	return found || strings.HasPrefix(name, "check")
}
