package monitor_test

import (
	"testing"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/monitor"
	"github.com/blotterdb/blotter/pgtest"
	"github.com/blotterdb/blotter/postgres"
)

// TestAuditSeal checks that an entry counts from its commit until the sealer has passed it.
func TestAuditSeal(t *testing.T) {
	t.Parallel()

	db, thresholds := pgtest.Open(t), monitor.Thresholds{AuditUnsealed: atOnce}
	conn := admin(t, db)
	run(t, conn, "update shared.audit_cursor set snap_done = pg_current_snapshot()")
	quiet(t, db.DB, pick(t, "audit_seal", thresholds), "")
	ctx := blotter.WithAccount(t.Context(), "A")
	err := db.Transaction(ctx, func(tx *postgres.Tx) error {
		return postgres.Accounts.Insert(ctx, tx, &blotter.Account{AccountID: "A"})
	})
	if err != nil {
		t.Fatal(err)
	}

	fires(t, db.DB, "audit_seal", thresholds, monitor.Warning, "shared.audit_log", "1 entries are not sealed")
	quiet(t, db.DB, pick(t, "audit_seal", monitor.Thresholds{}), "")
	run(t, conn, "update shared.audit_cursor set snap_target = pg_current_snapshot(), id_done = (select max(id) "+
		"from shared.audit_log)")
	quiet(t, db.DB, pick(t, "audit_seal", thresholds), "")
	run(t, conn, "update shared.audit_cursor set snap_done = snap_target, snap_target = null, id_done = 0")
	quiet(t, db.DB, pick(t, "audit_seal", thresholds), "")
	run(t, conn, "delete from shared.audit_cursor")
	fires(t, db.DB, "audit_seal", monitor.Thresholds{}, monitor.Critical, "shared.audit_cursor", "its row was removed")
}
