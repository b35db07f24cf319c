package monitor_test

import (
	"fmt"
	"testing"

	"github.com/blotterdb/blotter/monitor"
)

// gauge is the value of a figure with a label, and whether there is exactly one.
func gauge(list []monitor.Gauge, name, label string) (value float64, one bool) {
	n := 0
	for _, g := range list {
		if g.Name == name && g.Label == label {
			value, n = g.Value, n+1
		}
	}
	return value, n == 1
}

// Of replicas that nothing tells apart, the one that is farthest behind counts, wherever it stands.
func TestReplicasOfOneName(t *testing.T) {
	t.Parallel()
	near, far := monitor.ReplicationRow{Replica: "walreceiver at 10.0.0.7", Lag: 0.0004}, monitor.ReplicationRow{Replica: "walreceiver at 10.0.0.7", Lag: 64, Bytes: 1_400_000}
	for _, rows := range [][]monitor.ReplicationRow{{near, far}, {far, near}} {
		list := monitor.ReplicaGauges(rows)
		if lag, one := gauge(list, "replication_lag_seconds", near.Replica); !one || lag != 64 {
			t.Errorf("%v", list)
		}
		if bytes, one := gauge(list, "replication_lag_bytes", near.Replica); !one || bytes != 1_400_000 {
			t.Errorf("%v", list)
		}
	}
}

func TestReplicasAreBounded(t *testing.T) {
	t.Parallel()
	var rows []monitor.ReplicationRow
	for n := range 150 {
		rows = append(rows, monitor.ReplicationRow{Replica: fmt.Sprint("replica ", n)})
	}
	rows = append(rows, monitor.ReplicationRow{Replica: "replica 0", Lag: 7})
	list := monitor.ReplicaGauges(rows)
	if lag, one := gauge(list, "replication_lag_seconds", "replica 0"); len(list) != 200 || !one || lag != 7 {
		t.Errorf("%d figures, %v", len(list), lag)
	}
}
