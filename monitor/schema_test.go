package monitor_test

import (
	"testing"

	"github.com/blotterdb/blotter/monitor"
	"github.com/blotterdb/blotter/pgtest"
)

func TestSchemaVersion(t *testing.T) {
	t.Parallel()
	db, none := pgtest.Open(t), monitor.Thresholds{}
	quiet(t, db.DB, pick(t, "schema_version", none), "")
	db.Exec(t, "insert into shared.schema_version (version_id, is_applied) values (99999, true)")
	fires(t, db.DB, "schema_version", none, monitor.Critical, "schema", "it is version 99999")
	db.Exec(t, "delete from shared.schema_version where version_id > 1")
	fires(t, db.DB, "schema_version", none, monitor.Critical, "schema", "it is version 1 ")
}

func TestSchemaDrift(t *testing.T) {
	t.Parallel()
	db, none := pgtest.Open(t), monitor.Thresholds{}
	quiet(t, db.DB, pick(t, "schema_drift", none), "")
	db.Exec(t, "drop index execution.idx_orders_strategy")
	fires(t, db.DB, "schema_drift", none, monitor.Warning, "schema", "index execution.idx_orders_strategy is missing")
	db.Exec(t, "do $$ begin for i in 1..12 loop execute format('create table execution.extra%s (n int)', i); end loop; end $$")
	if found := look(t, db.DB, pick(t, "schema_drift", none)); len(found) != 11 {
		t.Errorf("%d findings, want ten and the number of the others: %+v", len(found), found)
	}
	fires(t, db.DB, "schema_drift", none, monitor.Warning, "schema", "differences more")
}
