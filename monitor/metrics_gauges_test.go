package monitor_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/blotterdb/blotter/monitor"
	"github.com/blotterdb/blotter/pgtest"
)

// gauge returns the value of a gauge with a label, and whether there is exactly one.
func gauge(list []monitor.Gauge, name, label string) (value float64, one bool) {
	n := 0
	for _, g := range list {
		if g.Name == name && g.Label == label {
			value, n = g.Value, n+1
		}
	}
	return value, n == 1
}

// TestReplicasOfSameName checks that the replica counts that is farthest behind if several have the same name, in
// any order.
func TestReplicasOfSameName(t *testing.T) {
	t.Parallel()

	near, far := monitor.ReplicationRow{Replica: "walreceiver at 10.0.0.7", Lag: 0.0004}, monitor.ReplicationRow{
		Replica: "walreceiver at 10.0.0.7", Lag: 64, Bytes: 1_400_000,
	}
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

// wantGauge checks that the value of a gauge is in a range.
func wantGauge(t *testing.T, db *pgtest.Database, name, label string, least, most float64) {
	t.Helper()

	list, err := monitor.ReadGauges(t.Context(), db.DB)
	if value, one := gauge(list, name, label); err != nil || !one || value < least || value > most {
		t.Errorf("%s of %s is %v, want %v to %v (%v)", name, label, value, least, most, err)
	}
}

func TestJobGauges(t *testing.T) {
	t.Parallel()

	db := pgtest.Open(t)
	addRun(t, db, "analyze", "failed", "no", 60, "{}")
	wantGauge(t, db, "job_failures", "analyze", 1, 1)
	addRun(t, db, "analyze", "ok", "", 50, "{}")
	wantGauge(t, db, "job_failures", "analyze", 0, 0)
	wantGauge(t, db, "job_last_duration_seconds", "analyze", 60, 60)
	wantGauge(t, db, "job_running_seconds", "analyze", 0, 0)
	addRun(t, db, "analyze", "failed", "no", 40, "{}")
	addRun(t, db, "analyze", "killed", "", 30, "{}")
	db.Exec(t, `insert into shared.maintenance_runs (job, service, started_at, ended_at, run_by, result)
		values ('analyze', 'execution', now() - interval '1 s', now(), 'test', 'ok'),
			('analyze', 'execution', now(), now(), 'test', 'failed')`)
	wantGauge(t, db, "job_failures", "analyze", 2, 2) // runs for a part of the database are no runs
	success := float64(time.Now().Add(-50*time.Hour + time.Minute).Unix())
	wantGauge(t, db, "job_last_success_timestamp_seconds", "analyze", success-60, success+60)
	wantGauge(t, db, "job_last_duration_seconds", "analyze", 60, 60)
	addRun(t, db, "analyze", "running", "", 2, "{}")
	wantGauge(t, db, "job_running_seconds", "analyze", 7200, 7300)
	addRun(t, db, "analyze", "ok", "", 1, "{}")
	wantGauge(t, db, "job_running_seconds", "analyze", 0, 0) // the run that never ended was killed
	wantGauge(t, db, "job_failures", "analyze", 0, 0)
}

func TestJobGaugesAreBounded(t *testing.T) {
	t.Parallel()

	db := pgtest.Open(t)
	db.Exec(t, "insert into shared.maintenance_runs (job, run_by, ended_at, result) select 'job_' || n, 'test', "+
		"now(), 'ok' from generate_series(1, 150) n")
	list, err := monitor.ReadGauges(t.Context(), db.DB)
	n := 0
	for _, g := range list {
		if g.Name == "job_failures" {
			n++
		}
	}

	if err != nil || n != 100 {
		t.Errorf("%d jobs, %v", n, err)
	}
}

// TestVacuumProgressIsAGauge checks that a slowed VACUUM of a partition is a gauge of its table, and that the gauge
// disappears with it.
func TestVacuumProgressIsAGauge(t *testing.T) {
	t.Parallel()

	db := pgtest.Open(t)
	db.Exec(t, `insert into data_ingestion.market_data
			(symbol, timeframe, timestamp, open, high, low, close, volume, source)
		select 'S' || n % 10, '1m', date_trunc('month', now(), 'UTC') + n / 10 * interval '1 minute',
			1, 1, 1, 1, n, 'test'
		  from generate_series(1, 20000) n`)
	conn := admin(t, db)
	run(t, conn, "set vacuum_cost_delay = 100; set vacuum_cost_limit = 1")
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		_, _ = conn.Exec(ctx, "vacuum data_ingestion.market_data")
	}()

	var part float64
	until(t, "the VACUUM is seen", func() (one bool) {
		list, err := monitor.ReadGauges(t.Context(), db.DB)
		if err != nil {
			t.Fatal(err)
		}
		part, one = gauge(list, "vacuum_progress_ratio", "data_ingestion.market_data")
		return one
	})

	if part < 0 || part >= 1 {
		t.Errorf("it has done %v of its work", part)
	}

	cancel()
	<-done
	until(t, "the VACUUM is gone", func() bool {
		list, err := monitor.ReadGauges(t.Context(), db.DB)
		_, one := gauge(list, "vacuum_progress_ratio", "data_ingestion.market_data")
		return err == nil && !one
	})
}
