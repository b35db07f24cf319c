package monitor

import "fmt"

// sqlUnsealed counts the entries of the audit log that are committed and not sealed, up to 100,000. Without a cursor
// they cannot be counted.
const sqlUnsealed = `
select c.seal is null, o.entries, coalesce(extract(epoch from clock_timestamp() - o.oldest), 0)::float8
  from (values (1)) one left join shared.audit_cursor c on true
 -- Restored entries have transaction numbers of another cluster, which this one may not have reached. An entry whose
 -- number is before the last seal, and whose time is more than an hour before it, is sealed.
 cross join lateral (select coalesce(max(ids[array_upper(ids, 1)]), 0) as id,
                            coalesce(max(sealed_at), '-infinity') as at
                       from (select * from shared.audit_seals order by seal desc limit 1) s) last
 cross join lateral (
    select count(*) as entries, min(timestamp) as oldest
      from ((select timestamp, xid, id from shared.audit_log
              where xid >= pg_snapshot_xmax(c.snap_done) order by xid limit 100000)
            union all
            (select timestamp, xid, id from shared.audit_log
              where xid = any(array(select pg_snapshot_xip(c.snap_done))) limit 100000)) w
     where (w.id > last.id or w.timestamp > last.at - interval '1 hour')
       and not (c.snap_target is not null and w.id <= c.id_done
                and pg_visible_in_snapshot(w.xid, c.snap_target))) o`

// auditSeal finds an audit log whose newest entries are not sealed. Until they are, tampering leaves no trace.
func auditSeal(t Thresholds) Check {
	type row struct {
		NoCursor bool
		Entries  int64
		Age      float64
	}

	return find("audit", "audit_seal", sqlUnsealed, func(r row) Finding {
		if r.NoCursor {
			return Finding{
				Severity: Critical, Subject: "shared.audit_cursor",
				Message: "its row was removed, so nothing is sealed any more",
				Remedy:  "Run blotter audit verify to see what else was changed, then blotter audit repair-cursor.",
			}
		}
		if r.Entries == 0 {
			return Finding{}
		}

		return Finding{
			Severity: t.AuditUnsealed.grade(seconds(r.Age)), Subject: "shared.audit_log",
			Message: fmt.Sprintf("%d entries are not sealed, the oldest is %s old", r.Entries, age(seconds(r.Age))),
			Remedy:  "Run blotter audit seal, and keep blotter serve running, which seals continuously.",
		}
	})
}
