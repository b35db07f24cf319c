package monitor_test

import (
	"strings"
	"testing"

	"github.com/blotterdb/blotter/monitor"
	"github.com/blotterdb/blotter/pgtest"
)

func TestSchemaVersion(t *testing.T) {
	t.Parallel()

	db, none := pgtest.Open(t), monitor.Thresholds{}
	quiet(t, db.DB, pick(t, "schema_version", none), "")
	db.Exec(t, "insert into shared.schema_version (version_id, is_applied) values (99999, true)")
	fires(t, db.DB, "schema_version", none, monitor.Critical, "schema", "has version 99999,")
	db.Exec(t, "delete from shared.schema_version where version_id > 1")
	fires(t, db.DB, "schema_version", none, monitor.Critical, "schema", "has version 1,")
}

func TestSchemaDrift(t *testing.T) {
	t.Parallel()

	db, none := pgtest.Open(t), monitor.Thresholds{}
	quiet(t, db.DB, pick(t, "schema_drift", none), "")
	db.Exec(t, "drop index execution.idx_orders_strategy")
	fires(t, db.DB, "schema_drift", none, monitor.Warning, "schema", "index execution.idx_orders_strategy is missing")
	db.Exec(t, "do $$ begin for i in 1..12 loop execute format('create table execution.extra%s (n int)', i); end "+
		"loop; end $$")
	if found := look(t, db.DB, pick(t, "schema_drift", none)); len(found) != 11 {
		t.Errorf("%d findings, want ten and the number of the others: %+v", len(found), found)
	}

	fires(t, db.DB, "schema_drift", none, monitor.Warning, "schema", "more differences")
}

// TestSchemaDriftOfTable checks that a table is one difference, whatever it contains.
func TestSchemaDriftOfTable(t *testing.T) {
	t.Parallel()

	db, none := pgtest.Open(t), monitor.Thresholds{}
	db.Exec(t, "create table execution.notes (id int primary key, note text check (note <> '')); create index on "+
		"execution.notes (note); grant select on execution.notes to public")
	db.Exec(t, "drop table risk_management.risk_events")
	found := look(t, db.DB, pick(t, "schema_drift", none))
	if len(found) != 2 || !strings.Contains(found[0].Message+found[1].Message, "table execution.notes was added") ||
		!strings.Contains(found[0].Message+found[1].Message, "table risk_management.risk_events is missing") {
		t.Errorf("%+v", found)
	}
}

// TestSchemaDriftOfOddObjects checks that objects of every kind are found in blotter's schemas.
func TestSchemaDriftOfOddObjects(t *testing.T) {
	t.Parallel()

	db, none := pgtest.Open(t), monitor.Thresholds{}
	for _, odd := range []struct{ sql, found, undo string }{
		{
			"create policy mine on execution.orders using (true)", "policy mine of execution.orders",
			"drop policy mine on execution.orders",
		},
		{"create domain execution.free as text", "domain execution.free", "drop domain execution.free"},
		{"create table execution.empty ()", "table execution.empty", "drop table execution.empty"},
		{
			"create materialized view analytics.kept as select 1 as one", "table analytics.kept",
			"drop materialized view analytics.kept",
		},
		{
			"create function shared.half(int) returns int language sql return $1 / 2",
			"function shared.half(integer)", "drop function shared.half",
		},
		{
			"create procedure shared.idle() language plpgsql as 'begin end'", "function shared.idle()",
			"drop procedure shared.idle",
		},
		{
			"create aggregate shared.total(int) (sfunc = int4pl, stype = int)",
			"function shared.total(integer)", "drop aggregate shared.total(int)",
		},
		{
			"alter table execution.orders add n int generated always as identity", "column execution.orders.n",
			"alter table execution.orders drop n",
		},
		{
			"create index odd on execution.orders (lower(symbol)) where quantity > 0", "index execution.odd",
			"drop index execution.odd",
		},
		{
			"create trigger odd before update on execution.orders execute function " +
				"suppress_redundant_updates_trigger()",
			"trigger odd of execution.orders", "drop trigger odd on execution.orders",
		},
		{
			"create rule odd as on insert to execution.orders do instead nothing",
			"rule odd of execution.orders", "drop rule odd on execution.orders",
		},
		{
			"alter table execution.orders disable trigger all",
			"constraint execution.orders.orders_account_id_fkey has changed",
			"alter table execution.orders enable trigger all; alter table execution.orders enable always trigger " +
				"audit_insert, enable always trigger audit_update, enable always trigger audit_delete, enable " +
				"always trigger audit_truncate",
		},
		{
			"alter table execution.round_trips set unlogged", "table execution.round_trips has changed",
			"alter table execution.round_trips set logged",
		},
		{
			"grant select (symbol) on execution.orders to public", "grants on column execution.orders.symbol",
			"revoke select (symbol) on execution.orders from public",
		},
	} {
		db.Exec(t, odd.sql)
		fires(t, db.DB, "schema_drift", none, monitor.Warning, "schema", odd.found)
		db.Exec(t, odd.undo)
		quiet(t, db.DB, pick(t, "schema_drift", none), "")
	}
}
