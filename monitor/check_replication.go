package monitor

import "fmt"

// sqlReplication lists the replicas of a primary, or the lag of a replica. On a replica the lag is the age of the
// heartbeat that a Watcher writes on the primary: the time of the last replayed transaction would grow while the
// primary is idle, and equal positions would mean 0 while the link is down. The bytes are those that it has received
// and not replayed.
const sqlReplication = `
select coalesce(application_name, '') || coalesce(' at ' || host(client_addr), ''),
       coalesce(extract(epoch from replay_lag), 0)::float8,
       coalesce(pg_wal_lsn_diff(case when pg_is_in_recovery()
                                     then coalesce(pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn())
                                     else pg_current_wal_lsn() end, replay_lsn), 0)::bigint
  from pg_stat_replication
 where state <> 'backup'
union all
select 'this replica',
       coalesce((select extract(epoch from clock_timestamp() - max(at)) from shared.heartbeat), -1)::float8,
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
				Severity: Warning, Subject: r.Replica,
				Message: "its lag is unknown, because no heartbeat was ever written on the primary",
				Remedy:  "Run blotter serve against the primary; it writes shared.heartbeat.",
			}
		}

		return Finding{
			Severity: worse(t.ReplicationLag.grade(seconds(r.Lag)), t.ReplicationBytes.grade(r.Bytes)),
			Subject:  r.Replica,
			Message:  fmt.Sprintf("it is %s and %s of WAL behind", age(seconds(r.Lag)), size(r.Bytes)),
			Remedy: "Check that the replica runs and replays, and check its network and disks. Read from the " +
				"primary meanwhile.",
		}
	})
}

// worse returns the worse of two severities.
func worse(a, b Severity) Severity {
	if b.rank() > a.rank() {
		return b
	}
	return a
}

const sqlSlots = `
select slot_name::text, coalesce(wal_status, ''),
       coalesce(pg_wal_lsn_diff(case when pg_is_in_recovery() then pg_last_wal_replay_lsn()
                                     else pg_current_wal_lsn() end, restart_lsn), 0)::bigint
  from pg_replication_slots
 where not active`

// slots finds replication slots without a reader. The server keeps WAL for them until its disk is full.
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
			Message: fmt.Sprintf("it has no reader, and the server keeps %s of WAL for it (%s)", size(r.Bytes),
				r.Status),
			Remedy: "Start its reader, or drop the slot if the reader is gone for good: SELECT " +
				"pg_drop_replication_slot('" + r.Slot + "').",
		}
	})
}

const sqlArchiver = `
select coalesce(last_failed_wal, ''), failed_count
  from pg_stat_archiver
 where last_failed_time is not null and (last_archived_time is null or last_failed_time > last_archived_time)
   and current_setting('archive_mode') <> 'off'`

// archiver finds WAL that could not be archived. No backup can be restored beyond it.
func archiver(Thresholds) Check {
	type row struct {
		File   string
		Failed int64
	}

	return find("replication", "wal_archiving", sqlArchiver, func(r row) Finding {
		return Finding{
			Severity: Critical, Subject: "archive_command",
			Message: fmt.Sprintf("archiving %s failed; %d failures in total", r.File, r.Failed),
			Remedy:  "Look for the output of archive_command in the server's log, and make room where it writes.",
		}
	})
}
