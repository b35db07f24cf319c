package monitor_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/blotterdb/blotter/embedded"
	"github.com/blotterdb/blotter/monitor"
	"github.com/blotterdb/blotter/pgtest"
)

// TestReplicationSlots is the only test that creates slots on the shared server.
func TestReplicationSlots(t *testing.T) {
	t.Parallel()

	db := pgtest.Open(t)
	quiet(t, db.DB, pick(t, "replication_slots", monitor.Thresholds{}), "")
	db.Exec(t, "select pg_create_physical_replication_slot('forgotten', true)")
	conn := admin(t, db)
	t.Cleanup(func() { _, _ = conn.Exec(context.Background(), "select pg_drop_replication_slot('forgotten')") })

	db.Exec(t, "select pg_logical_emit_message(false, 'test', repeat('x', 100000))")
	fires(t, db.DB, "replication_slots", monitor.Thresholds{}, monitor.Warning, "slot forgotten", "it has no reader")
	full := monitor.Thresholds{SlotBytes: monitor.Level[int64]{Warning: 1, Critical: 50_000}}
	fires(t, db.DB, "replication_slots", full, monitor.Critical, "slot forgotten", "kB of WAL")
}

func TestWALArchiving(t *testing.T) {
	t.Parallel()

	cfg := embedded.Config{DataDir: tempDir(t)}
	server, err := embedded.Start(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}

	db := openOn(t, server.State)
	quiet(t, db.DB, pick(t, "wal_archiving", monitor.Thresholds{}), "")
	db.Exec(t, "alter system set archive_mode = on")
	db.Exec(t, "alter system set archive_command = 'false'")
	db.Close()
	if err := server.Stop(); err != nil {
		t.Fatal(err)
	}
	if server, err = embedded.Start(t.Context(), cfg); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Stop() })

	db = openOn(t, server.State)
	quiet(t, db.DB, pick(t, "wal_archiving", monitor.Thresholds{}), "")
	db.Exec(t, "create table public.something ()")
	db.Exec(t, "select pg_switch_wal()")
	fires(t, db.DB, "wal_archiving", monitor.Thresholds{}, monitor.Critical, "archive_command", "failed; ")
	db.Exec(t, "alter system set archive_command = 'true'")
	db.Exec(t, "select pg_reload_conf()")
	until(t, "archiving goes on", func() bool {
		return len(look(t, db.DB,
			pick(t, "wal_archiving", monitor.Thresholds{}))) == 0
	})
}

// TestReplicationLag pauses a real replica: the primary sees the bytes that it has not replayed, and the replica
// the age of its last heartbeat. When it continues, neither finds anything.
func TestReplicationLag(t *testing.T) {
	t.Parallel()

	server, db := ownServer(t)
	replica, operator := startReplica(t, server.State)
	behind := monitor.Thresholds{
		ReplicationLag:   monitor.Level[time.Duration]{Warning: 300 * time.Millisecond, Critical: time.Hour},
		ReplicationBytes: monitor.Level[int64]{Warning: 50_000, Critical: 1 << 40},
	}

	there := func(thresholds monitor.Thresholds) []monitor.Finding {
		return monitor.Findings(monitor.RunOn(t.Context(), replica,
			[]monitor.Check{pick(t, "replication_lag", thresholds)}))
	}
	if found := there(behind); len(found) != 1 || !strings.Contains(found[0].Message, "is unknown") {
		t.Errorf("without a heartbeat: %+v", found)
	}

	until(t, "the replica reads its slot, so that is quiet", func() bool {
		return pgtest.Value[bool](t, db, "select active from pg_replication_slots")
	})
	quiet(t, db.DB, pick(t, "replication_slots", monitor.Thresholds{}), "")
	beat := func() {
		db.Exec(t, "insert into shared.heartbeat (at) values (clock_timestamp()) on conflict (id) do update set "+
			"at = excluded.at")
	}

	until(t, "the replica is not behind", func() bool {
		beat()
		return len(there(behind)) == 0 && len(look(t, db.DB, pick(t, "replication_lag", behind))) == 0
	})

	run(t, operator, "select pg_wal_replay_pause()")
	db.Exec(t, "select pg_logical_emit_message(false, 'test', repeat('x', 100000))")
	fires(t, db.DB, "replication_lag", behind, monitor.Warning, "walreceiver", "kB of WAL behind")
	old := behind
	old.ReplicationBytes.Warning = 1 << 40
	until(t, "the replica's heartbeat is old", func() bool {
		beat()
		found := there(old)
		return len(found) == 1 && found[0].Severity == monitor.Warning && found[0].Subject == "this replica"
	})

	until(t, "the replica sees what it has not replayed", func() bool {
		found := there(behind)
		return len(found) == 1 && strings.Contains(found[0].Message, "kB of WAL behind")
	})

	run(t, operator, "select pg_wal_replay_resume()")
	until(t, "the replica has caught up", func() bool {
		beat()
		return len(there(behind)) == 0 && len(look(t, db.DB, pick(t, "replication_lag", behind))) == 0
	})
}
