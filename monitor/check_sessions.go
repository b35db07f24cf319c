package monitor

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/blotterdb/blotter/postgres"
)

const sqlRights = `select current_user::text, pg_has_role(current_user, 'pg_read_all_stats', 'usage')`

// rights finds a role that does not see the sessions of other logins. Without that, the other checks would find
// nothing.
func rights(Thresholds) Check {
	type row struct {
		Role string
		May  bool
	}

	return find("sessions", "monitoring_rights", sqlRights, func(r row) Finding {
		if r.May {
			return Finding{}
		}
		return Finding{
			Severity: Warning, Subject: r.Role,
			Message: "it does not see the sessions of other logins, so checks of sessions and replicas find nothing",
			Remedy: "As a superuser, or as the master login of a managed server: GRANT pg_read_all_stats TO " +
				"trading_reporter.",
		}
	})
}

const sqlConnections = `
select count(*)::int,
       (current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int
        - coalesce(current_setting('reserved_connections', true), '0')::int),
       coalesce((select coalesce(usename, 'a dropped role') || ' (' || count(*) || ')'
                   from pg_stat_activity where backend_type = 'client backend'
                  group by usename order by count(*) desc limit 1), '')
  from pg_stat_activity
 where backend_type = 'client backend'`

// connections compares the open connections of the server with the number that ordinary logins may open.
func connections(t Thresholds) Check {
	type row struct {
		Open, Limit int
		Most        string
	}

	return find("sessions", "connections", sqlConnections, func(r row) Finding {
		return Finding{
			Severity: t.ConnectionsPercent.grade(100 * r.Open / r.Limit), Subject: "server",
			Message: fmt.Sprintf("%d of %d connections are open, most of them by %s", r.Open, r.Limit, r.Most),
			Remedy:  "Lower MaxConns of the services, end connections that nobody needs, or raise max_connections.",
		}
	})
}

const sqlLongTransactions = `
select 'session ' || pid || coalesce(' (' || nullif(application_name, '') || ')', ''),
       extract(epoch from clock_timestamp() - xact_start)::float8,
       coalesce(usename::text, 'a dropped role') || ', ' || coalesce(state, 'unknown')
  from pg_stat_activity
 where datname = current_database() and backend_type = 'client backend' and pid <> pg_backend_pid()
   and xact_start is not null
union all
select 'prepared ' || gid, extract(epoch from clock_timestamp() - prepared)::float8,
       coalesce(owner::text, 'a dropped role') || ', prepared'
  from pg_prepared_xacts
 where database = current_database()
 order by 2 desc
 limit 20`

// longTransactions finds transactions that keep VACUUM from removing dead rows, and consumers of events from reading
// events that began later.
func longTransactions(t Thresholds) Check {
	type row struct {
		Subject string
		Age     float64
		Who     string
	}

	return find("sessions", "long_transactions", sqlLongTransactions, func(r row) Finding {
		return Finding{
			Severity: t.LongTransaction.grade(seconds(r.Age)), Subject: r.Subject,
			Message: fmt.Sprintf("its transaction has been open for %s (%s)", age(seconds(r.Age)), r.Who),
			Remedy: "Find out what it does. As a superuser, SELECT pg_terminate_backend(PID) ends it; ROLLBACK " +
				"PREPARED ends a prepared one.",
		}
	})
}

const sqlIdleInTransaction = `
select pid, coalesce(application_name, ''), coalesce(usename::text, 'a dropped role'),
       coalesce(extract(epoch from clock_timestamp() - state_change), 0)::float8
  from pg_stat_activity
 where datname = current_database() and state like 'idle in transaction%'
 order by 4 desc
 limit 20`

// idleInTransaction finds sessions that do nothing inside a transaction, and may hold locks.
func idleInTransaction(t Thresholds) Check {
	type row struct {
		PID               int
		Application, User string
		Age               float64
	}

	return find("sessions", "idle_in_transaction", sqlIdleInTransaction, func(r row) Finding {
		return Finding{
			Severity: t.IdleInTransaction.grade(seconds(r.Age)), Subject: session(r.PID, r.Application),
			Message: fmt.Sprintf("%s has done nothing in an open transaction for %s", r.User, age(seconds(r.Age))),
			Remedy: fmt.Sprintf("Fix the program that waits inside its transaction. As a superuser, SELECT "+
				"pg_terminate_backend(%d) frees its locks now.", r.PID),
		}
	})
}

// sqlBlocking follows the waits for locks. A root blocks others and waits for nobody.
const sqlBlocking = `
with recursive waits as (
    select l.pid, b.blocker, l.since
      from (select pid, min(waitstart) as since from pg_locks where not granted group by pid) l
      join pg_stat_activity a on a.pid = l.pid and a.datname = current_database(),
           unnest(pg_blocking_pids(l.pid)) b(blocker)
), chain(root, pid, since) as (
    select blocker, pid, since from waits where blocker not in (select pid from waits)
    union
    select c.root, w.pid, w.since from chain c join waits w on w.blocker = c.pid
)
select c.root, coalesce(a.application_name, ''), coalesce(a.usename, 'a prepared transaction'), coalesce(a.state, ''),
       count(distinct c.pid)::int, coalesce(extract(epoch from clock_timestamp() - min(c.since)), 0)::float8
  from chain c left join pg_stat_activity a on a.pid = c.root
 group by 1, 2, 3, 4
 order by 6 desc
 limit 20`

// blocking finds the sessions that others wait for, directly or indirectly.
func blocking(t Thresholds) Check {
	type row struct {
		PID                      int
		Application, User, State string
		Blocked                  int
		Wait                     float64
	}

	return find("sessions", "blocking", sqlBlocking, func(r row) Finding {
		return Finding{
			Severity: t.Blocked.grade(seconds(r.Wait)), Subject: session(r.PID, r.Application),
			Message: fmt.Sprintf("%s for locks of %s (%s), the longest for %s", wait(r.Blocked), r.User, r.State,
				age(seconds(r.Wait))),
			Remedy: fmt.Sprintf("Let it end its transaction. As a superuser, SELECT pg_cancel_backend(%d) "+
				"cancels its statement, and pg_terminate_backend its session.", r.PID),
		}
	})
}

// sqlTakenLocks lists sessions that hold or wait for the advisory lock of the maintenance, the partitions or the
// migrations, and may not do this work. PostgreSQL lets every login take any advisory lock.
const sqlTakenLocks = `
select a.pid, coalesce(a.application_name, ''), coalesce(a.usename::text, 'a dropped role'),
       string_agg(k.name, ', ' order by k.name)
  from (values (x'626c6f746d61696e'::bigint, 'maintenance'), (x'626c6f7470617274'::bigint, 'partitions'),
               (x'00626c6f74746572'::bigint, 'migrations')) k(number, name)
  join pg_locks l on l.locktype = 'advisory' and l.objsubid = 1 and l.classid::bigint = k.number >> 32
       and l.objid::bigint = k.number & 4294967295
       and l.database = (select oid from pg_database where datname = current_database())
  join pg_stat_activity a on a.pid = l.pid
 where not coalesce(pg_has_role(a.usesysid, 'trading_owner', 'member'), false)
 group by 1, 2, 3
 order by 1
 limit 20`

// takenLocks finds sessions that block the work of the owner by taking its lock.
func takenLocks(Thresholds) Check {
	type row struct {
		PID                     int
		Application, User, Lock string
	}

	return find("sessions", "taken_locks", sqlTakenLocks, func(r row) Finding {
		return Finding{
			Severity: Critical, Subject: session(r.PID, r.Application),
			Message: fmt.Sprintf("%s, who is not the owner, has the lock of %s, so that work waits", r.User, r.Lock),
			Remedy: fmt.Sprintf("As a superuser, SELECT pg_terminate_backend(%d) frees it. Then find out who "+
				"uses that login.", r.PID),
		}
	})
}

func wait(sessions int) string {
	if sessions == 1 {
		return "1 session waits"
	}
	return fmt.Sprintf("%d sessions wait", sessions)
}

func session(pid int, application string) string {
	if application == "" {
		return fmt.Sprintf("session %d", pid)
	}
	return fmt.Sprintf("session %d (%s)", pid, application)
}

// PoolCheck returns a check for pools of this process whose callers wait too long for a connection. stats is
// (*postgres.DB).PoolStats. The check compares with its last run, so the first run finds nothing.
func PoolCheck(stats func() []postgres.PoolStats, t Thresholds) Check {
	t = t.WithDefaults()
	last := map[string]postgres.PoolStats{}
	var guard sync.Mutex
	run := func(context.Context, postgres.Querier) (findings []Finding, err error) {
		guard.Lock()
		defer guard.Unlock()

		for _, now := range stats() {
			before, known := last[now.Role]
			last[now.Role] = now
			if f := judgePool(t, before, now); known && f.Severity != "" {
				findings = append(findings, f)
			}
		}

		return findings, nil
	}

	return Check{Name: "pool_saturation", Area: "sessions", Run: run}
}

func judgePool(t Thresholds, before, now postgres.PoolStats) Finding {
	calls := max(1, now.Acquired-before.Acquired)
	wait := (now.Waited - before.Waited) / time.Duration(calls)
	return Finding{
		Severity: t.PoolWait.grade(wait), Subject: now.Role,
		Message: fmt.Sprintf("%d callers waited %s for a connection on average; %d of %d are in use, %d callers "+
			"wait now",
			calls, age(wait), now.InUse, now.MaxConns, now.Waiting),
		Remedy: "Shorten the work of sessions between their statements, or raise MaxConns.",
	}
}
