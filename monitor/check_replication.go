package monitor

import "fmt"

// Replicas, and what waits for them. On a primary they are seen from there; on a replica by the heartbeat that a Watcher
// writes on the primary: the time of the last replayed transaction would grow while the primary is idle, and equal
// positions would say 0 while the link is cut. The bytes on a replica are what it has received and not replayed.

const sqlReplication = `
select coalesce(application_name, '') || coalesce(' at ' || host(client_addr), ''), coalesce(extract(epoch from replay_lag), 0)::float8,
       coalesce(pg_wal_lsn_diff(case when pg_is_in_recovery() then coalesce(pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn())
                                else pg_current_wal_lsn() end, replay_lsn), 0)::bigint
  from pg_stat_replication
 where state <> 'backup'
union all
select 'this replica', coalesce((select extract(epoch from clock_timestamp() - max(at)) from shared.heartbeat), -1)::float8,
       greatest(0, coalesce(pg_wal_lsn_diff(pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn()), 0))::bigint
 where pg_is_in_recovery()`

type replicationRow struct {
	Replica string
	Lag     float64
	Bytes   int64
}

// replicationLag finds replicas that are behind.
func replicationLag(t Thresholds) Check {
	return find("replication", "replication_lag", sqlReplication, func(r replicationRow) Finding {
		if r.Lag < 0 {
			return Finding{
				Severity: Warning, Subject: r.Replica, Message: "how far it is behind is unknown: nobody ever wrote the primary's heartbeat",
				Remedy: "Run blotter serve beside the primary; it writes shared.heartbeat.",
			}
		}
		return Finding{
			Severity: worse(t.ReplicationLag.grade(seconds(r.Lag)), t.ReplicationBytes.grade(r.Bytes)), Subject: r.Replica,
			Message: fmt.Sprintf("it is %s and %s of WAL behind", age(seconds(r.Lag)), size(r.Bytes)),
			Remedy:  "See whether the replica runs, replays, and has the network and disks for it; read from the primary meanwhile.",
		}
	})
}

func worse(a, b Severity) Severity {
	if b.rank() > a.rank() {
		return b
	}
	return a
}

const sqlSlots = `
select slot_name::text, coalesce(wal_status, ''),
       coalesce(pg_wal_lsn_diff(case when pg_is_in_recovery() then pg_last_wal_replay_lsn() else pg_current_wal_lsn() end, restart_lsn), 0)::bigint
  from pg_replication_slots
 where not active`

// slots finds replication slots that nobody reads: the server keeps WAL for them until its disk is full.
func slots(t Thresholds) Check {
	type row struct {
		Slot, Status string
		Bytes        int64
	}
	return find("replication", "replication_slots", sqlSlots, func(r row) Finding {
		severity := t.SlotBytes.grade(r.Bytes)
		if r.Status == "unreserved" || r.Status == "lost" {
			severity = Critical
		}
		return Finding{
			Severity: severity, Subject: "slot " + r.Slot,
			Message: fmt.Sprintf("nobody reads it, and the server keeps %s of WAL for it (%s)", size(r.Bytes), r.Status),
			Remedy:  "Start its reader again, or SELECT pg_drop_replication_slot('" + r.Slot + "') if that is gone for good.",
		}
	})
}

const sqlArchiver = `
select coalesce(last_failed_wal, ''), failed_count
  from pg_stat_archiver
 where last_failed_time is not null and (last_archived_time is null or last_failed_time > last_archived_time)
   and current_setting('archive_mode') <> 'off'`

// archiver finds WAL that cannot be archived: no backup reaches beyond it.
func archiver(Thresholds) Check {
	type row struct {
		File   string
		Failed int64
	}
	return find("replication", "wal_archiving", sqlArchiver, func(r row) Finding {
		return Finding{
			Severity: Critical, Subject: "archive_command", Message: fmt.Sprintf("archiving %s failed last; %d failures in all", r.File, r.Failed),
			Remedy: "Read the server's log for what archive_command says, and make room where it writes.",
		}
	})
}
