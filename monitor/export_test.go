package monitor

import (
	"strings"
	"time"
)

// Redact returns a statement as the tracer keeps it.
var Redact = redact

// NameOf returns the name that the tracer gives a statement.
func NameOf(sql string) string { return string(appendNameOf(nil, sql)) }

// Operations returns the number of operations of the tracer.
func (t *Tracer) Operations() int { return len(*t.operations.Load()) }

// DistributionOf returns the distribution of durations.
func DistributionOf(durations []time.Duration) Distribution {
	o := &operation{}
	for _, d := range durations {
		o.add(d, 0)
	}
	return o.distribution()
}

// ReplicationRow describes a replica.
type ReplicationRow = replicationRow

// ReplicaGauges returns the gauges of replicas.
var ReplicaGauges = replicaGauges

// ReadGauges returns the gauges of a database.
var ReadGauges = readGauges

// OfDatabase reports whether a metric is about the whole database, so that every daemon exposes the same value.
func OfDatabase(name string) bool {
	name = strings.TrimPrefix(name, "blotter_")
	_, found := gauges[name]
	return found || strings.HasPrefix(name, "check")
}
