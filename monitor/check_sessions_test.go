package monitor_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/monitor"
	"github.com/blotterdb/blotter/pgtest"
	"github.com/blotterdb/blotter/postgres"
)

const soon = time.Millisecond // a threshold that is reached at once

var atOnce = monitor.Level[time.Duration]{Warning: soon, Critical: time.Hour}

func TestMonitoringRights(t *testing.T) {
	t.Parallel()

	_, db := ownServer(t)
	quiet(t, db.DB, pick(t, "monitoring_rights", monitor.Thresholds{}), "")
	db.Exec(t, "revoke pg_read_all_stats from trading_reporter")
	fires(t, db.DB, "monitoring_rights", monitor.Thresholds{}, monitor.Warning, "trading_reporter", "does not see")
}

func TestConnections(t *testing.T) {
	t.Parallel()

	db := pgtest.Open(t)
	quiet(t, db.DB, pick(t, "connections", monitor.Thresholds{}), "")
	for range 6 {
		admin(t, db)
	}
	few := monitor.Thresholds{ConnectionsPercent: monitor.Level[int]{Warning: 1, Critical: 2}}
	fires(t, db.DB, "connections", few, monitor.Critical, "server", "connections are open")
}

func TestLongTransaction(t *testing.T) {
	t.Parallel()

	db, thresholds := pgtest.Open(t), monitor.Thresholds{LongTransaction: atOnce}
	quiet(t, db.DB, pick(t, "long_transactions", thresholds), "")
	conn := admin(t, db)
	run(t, conn, "begin")
	run(t, conn, "select txid_current()")
	fires(t, db.DB, "long_transactions", thresholds, monitor.Warning, fmt.Sprint(conn.PgConn().PID()),
		"has been open for")
	quiet(t, db.DB, pick(t, "long_transactions", monitor.Thresholds{}), "")
}

func TestIdleInTransaction(t *testing.T) {
	t.Parallel()

	db, thresholds := pgtest.Open(t), monitor.Thresholds{IdleInTransaction: atOnce}
	quiet(t, db.DB, pick(t, "idle_in_transaction", thresholds), "")
	conn := admin(t, db)
	run(t, conn, "begin")
	fires(t, db.DB, "idle_in_transaction", thresholds, monitor.Warning, fmt.Sprint(conn.PgConn().PID()),
		"has done nothing in an open transaction")
	quiet(t, db.DB, pick(t, "idle_in_transaction", monitor.Thresholds{}), "")
}

// TestTakenLocks checks that a login that is not the owner is found if it takes the owner's advisory locks, as
// every login can.
func TestTakenLocks(t *testing.T) {
	t.Parallel()

	db := pgtest.Open(t)
	owner := db.Connect(t, db.OwnerURL)
	run(t, owner, "select pg_advisory_lock(x'626c6f746d61696e'::bigint)")
	quiet(t, db.DB, pick(t, "taken_locks", monitor.Thresholds{}), "")
	outsider := db.Connect(t, db.Config.ReadOnlyURL)
	run(t, outsider, "select pg_advisory_lock(x'626c6f7470617274'::bigint), "+
		"pg_advisory_lock(x'626c6f74746572'::bigint)")
	fires(t, db.DB, "taken_locks", monitor.Thresholds{}, monitor.Critical, fmt.Sprint(outsider.PgConn().PID()),
		"has the lock of migrations, partitions")
}

// TestBlocking checks that a chain of waiting sessions, C for B and B for A, is one finding about A with two
// sessions behind it.
func TestBlocking(t *testing.T) {
	t.Parallel()

	db, thresholds := pgtest.Open(t), monitor.Thresholds{Blocked: atOnce}
	root := admin(t, db)
	run(t, root, "begin")
	run(t, root, "lock table execution.orders in share mode")
	quiet(t, db.DB, pick(t, "blocking", thresholds), "")
	done := make(chan error, 2)
	for _, who := range []string{"1 session waits", "2 sessions wait"} {
		waiter := admin(t, db)
		go func() {
			_, err := waiter.Exec(t.Context(), "begin; lock table execution.orders in access exclusive mode; rollback")
			done <- err
		}()
		fires(t, db.DB, "blocking", thresholds, monitor.Warning, fmt.Sprint(root.PgConn().PID()),
			who+" for locks of blotter_admin (idle in transaction)")
	}

	if found := look(t, db.DB, pick(t, "blocking", thresholds)); len(found) != 1 {
		t.Errorf("found %+v, want only the session that waits for nobody", found)
	}

	quiet(t, db.DB, pick(t, "blocking", monitor.Thresholds{}), "")
	run(t, root, "rollback")
	for range 2 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}

	quiet(t, db.DB, pick(t, "blocking", thresholds), "")
}

func TestPoolSaturation(t *testing.T) {
	t.Parallel()

	db := pgtest.OpenConfig(t, func(c *postgres.Config) { c.MaxConns = 1 })
	check := monitor.PoolCheck(db.PoolStats, monitor.Thresholds{
		PoolWait: monitor.Level[time.Duration]{Warning: 20 * time.Millisecond, Critical: time.Hour},
	})
	quiet(t, db.DB, check, "")
	ctx := blotter.WithAccount(t.Context(), "A")
	done := make(chan error)
	err := db.Transaction(ctx, func(*postgres.Tx) error {
		go func() { done <- db.Transaction(ctx, func(*postgres.Tx) error { return nil }) }()
		until(t, "the second transaction waits", func() bool { return db.PoolStats()[0].Waiting == 1 })
		time.Sleep(100 * time.Millisecond) // what the second one waits for
		return nil
	})
	if err != nil || <-done != nil {
		t.Fatal("the transactions failed")
	}

	found := look(t, db.DB, check)
	if len(found) != 1 || found[0].Subject != "trading_app" || found[0].Severity != monitor.Warning {
		t.Errorf("one pool made its callers wait: %+v", found)
	}

	quiet(t, db.DB, check, "trading_app")
}
