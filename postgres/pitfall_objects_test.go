package postgres_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/pgtest"
	"github.com/blotterdb/blotter/postgres"
	"github.com/jackc/pgx/v5/pgconn"
)

func TestPitfall10ViewsAreSecurityInvoker(t *testing.T) {
	t.Parallel()
	db := isolated(t)
	db.Exec(t, `insert into data_ingestion.latest_prices values ('KO', 2, now(), 's')`)
	views := pgtest.Value[[]string](t, db, `select array_agg(c.oid::regclass::text) from pg_class c
		where c.relkind = 'v' and c.relnamespace::regnamespace::text in ('data_ingestion', 'strategy_engine', 'execution', 'risk_management',
		      'analytics', 'logging', 'events', 'shared')`)
	if len(views) < 3 {
		t.Fatalf("only the views %v", views)
	}

	for _, view := range views {
		if !pgtest.Value[bool](t, db,
			"select reloptions @> '{security_invoker=true}' from pg_class where oid = $1::text::regclass", view) {
			t.Errorf("%s is not security_invoker", view)
		}
	}

	conn := login(t, db, db.Config.ReadOnlyURL, "A1")
	if got := ask[string](t, conn, "select string_agg(account_id, ',') from execution.position_values"); got != "A1" {
		t.Errorf("A1 sees the position values of %q", got)
	}

	// The strategies of the two accounts are named after their marks.
	if got := ask[string](t, conn,
		"select string_agg(strategy, ',') from analytics.strategy_performance"); got != "mine" {
		t.Errorf("A1 sees the performance of %q", got)
	}

	nobody := login(t, db, db.Config.ReadOnlyURL, "")
	if n := ask[int](t, nobody, "select count(*) from execution.position_values"); n != 0 {
		t.Errorf("without an account there are %d position values", n)
	}
}

// Row-level security does not cover materialized views, so nobody except the owner may read one.
func TestPitfall11NoGrantsOnMaterializedViews(t *testing.T) {
	t.Parallel()
	db := isolated(t)
	const sqlGranted = `select coalesce(string_agg(c.oid::regclass::text, ' '), '') from pg_class c, aclexplode(c.relacl) a
		where c.relkind = 'm' and a.grantee <> c.relowner`
	if granted := pgtest.Value[string](t, db, sqlGranted); granted != "" {
		t.Errorf("granted: %s", granted)
	}

	// One that is created later has no grants either.
	owner := db.Connect(t, db.OwnerURL)
	mustExec(t, owner, "set role trading_owner")
	mustExec(t, owner, "create materialized view analytics.everything as select * from execution.trades")
	for _, url := range []string{db.Config.URL, db.Config.ServiceURL, db.Config.ReadOnlyURL, db.Config.ReporterURL} {
		wantState(t, login(t, db, url, "A1"), "42501", "select * from analytics.everything")
	}
}

// securityDefiners lists the functions that act as their owner, and who may call them.
var securityDefiners = map[string]string{
	"execution.refold(text,text,timestamp with time zone,jsonb,timestamp with time zone[],bigint[],bigint[],text[]," +
		"numeric[],numeric[],numeric[],numeric[],numeric[],jsonb,timestamp with time zone[],timestamp with time zone[]," +
		"numeric[],numeric[],numeric[],text[],bigint[])": "trading_app,trading_service",

	"execution.remove_import(text,bigint)":       "trading_app,trading_service",
	"execution.remove_orders(text,text[])":       "trading_app,trading_service",
	"risk_management.remove_limits(text,text[])": "trading_app,trading_service",
	"strategy_engine.remove_strategies(text[])":  "trading_app,trading_service",
	"strategy_engine.remove_signals(text[])":     "trading_app,trading_service",
	"shared.analyze_bars(bigint)":                "trading_service",
	"shared.audit_rows()":                        "",
	"shared.audit_update()":                      "",
	"shared.record_access(text,text,jsonb,text)": "trading_app,trading_service",
	"shared.create_monthly_partition(text,date)": "trading_service",
	"shared.create_yearly_partition(text,date)":  "trading_service",
	"shared.ensure_ahead()":                      "trading_app,trading_service",
	"shared.sequence_positions()":                "trading_reporter",

	"shared.ensure_partitions(text,timestamp with time zone,timestamp with time zone)": "trading_service",
}

// Every SECURITY DEFINER function is on the list, fixes its search_path with pg_temp last, and is granted to few roles.
// It never calls a function, operator or table of the caller that has the name of one of the system's.
func TestPitfall12SecurityDefiners(t *testing.T) {
	t.Parallel()
	db := pgtest.Open(t)
	rows, err := db.Connect(t, db.AdminURL).Query(t.Context(), `
		select p.oid::regprocedure::text, coalesce(array_to_string(p.proconfig, ' '), ''),
		       coalesce((select string_agg(coalesce(r.rolname, 'public'), ',' order by r.rolname) from aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a
		                   left join pg_roles r on r.oid = a.grantee where a.grantee <> p.proowner), '')
		  from pg_proc p where p.prosecdef and p.pronamespace::regnamespace::text !~ '^(pg_|information_schema)'`)
	if err != nil {
		t.Fatal(err)
	}

	found := map[string]bool{}
	var name, settings, grantees string
	for rows.Next() {
		if err := rows.Scan(&name, &settings, &grantees); err != nil {
			t.Fatal(err)
		}
		found[name] = true
		if want, listed := securityDefiners[name]; !listed || grantees != want {
			t.Errorf("SECURITY DEFINER function %s is granted to %q, want %q (listed: %v)", name, grantees, want, listed)
		}
		if !hasFixedPath(settings) {
			t.Errorf("%s has no fixed search_path: %q", name, settings)
		}
	}

	if len(found) != len(securityDefiners) || rows.Err() != nil {
		t.Errorf("found %v, %v", found, rows.Err())
	}

	forgedFunctionsAreNotCalled(t, db)
}

func hasFixedPath(settings string) bool {
	const fixed = "search_path=pg_catalog, pg_temp"
	return len(settings) >= len(fixed) && settings[:len(fixed)] == fixed
}

// forgedFunctionsAreNotCalled gives a caller everything that could be called by mistake: functions in a schema before
// pg_catalog on the path, and temporary tables and types with the names that the owner's functions use.
func forgedFunctionsAreNotCalled(t *testing.T, db *pgtest.Database) {
	t.Helper()
	db.Exec(t, "create schema forged; grant all on schema forged to public")
	conn := login(t, db, db.Config.URL, "A1")
	const body = " language plpgsql as $$ begin raise exception 'forged, as %', current_user using errcode = 'XX999'; end $$"
	for _, forged := range []string{
		"forged.now() returns timestamptz", "forged.date_trunc(text, timestamptz) returns timestamptz",
		"forged.format(text, text) returns text",
		"forged.hashtext(text) returns int", "forged.pg_advisory_xact_lock(int, int) returns void",
		"forged.to_regclass(text) returns regclass",
		"forged.generate_series(timestamptz, timestamptz, interval) returns setof timestamptz",
		"pg_temp.now() returns timestamptz",
	} {
		mustExec(t, conn, "create function "+forged+body)
	}

	mustExec(t, conn, `create temporary table pg_class (oid oid, relname name); create temporary table pg_inherits (inhparent oid);
		create temporary table partitions (leaf regclass); create domain pg_temp.regclass as text`)

	mustExec(t, conn, "set search_path = forged, pg_temp, shared, pg_catalog, public")

	// The forgery works where nothing protects from it: here it is called.
	wantState(t, conn, "XX999", "select now()")
	wantState(t, conn, "42703", "select relkind from pg_class")
	db.Exec(t, `do $$ declare leaf regclass; begin
		for leaf in select p.leaf from shared.partitions p where p.table_name = 'shared.audit_log'::regclass loop execute 'drop table ' || leaf; end loop; end $$`)

	if made := ask[int](t, conn, "select shared.ensure_ahead()"); made == 0 {
		t.Error("ensure_ahead had nothing to do, so it tried nothing")
	}

	db.Exec(t, "alter function shared.ensure_ahead() reset search_path")
	wantState(t, conn, "XX999", "select shared.ensure_ahead()") // only the fixed path protected the function
}

// A connection on which one account left a cursor WITH HOLD, a temporary table or a prepared statement comes to the
// next user without them.
func TestPitfall22NothingIsLeftForTheNextUser(t *testing.T) {
	t.Parallel()
	db := pgtest.OpenConfig(t, func(c *postgres.Config) { c.MaxConns, c.KeepConns = 1, 1 })
	seed(t, db, "A1", "mine")
	ctx := as(t, "A1")
	err := db.Transaction(ctx, func(tx *postgres.Tx) error {
		for _, sql := range []string{
			"declare held cursor with hold for select * from execution.orders",
			"create temporary table copied as select * from execution.orders",
			"prepare mine as select * from execution.orders",
			"create function pg_temp.mine() returns text language sql as $$ select 'mine' $$",
			"select pg_advisory_lock(42)", "listen mine",
		} {
			if _, err := tx.Exec(ctx, sql); err != nil {
				return fmt.Errorf("%s: %w", sql, err)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}

	next := blotter.WithAccount(t.Context(), "A2")
	for sql, state := range map[string]string{
		"fetch all from held": "34000", "select * from copied": "42P01", "select * from pg_temp.copied": "42P01",
		"execute mine": "26000", "select pg_temp.mine()": "42883",
	} {
		err := db.Transaction(next, func(tx *postgres.Tx) error { _, err := tx.Exec(next, sql); return err })
		var pg *pgconn.PgError
		if !errors.As(err, &pg) || pg.Code != state {
			t.Errorf("%s by the next user: %v, want %s", sql, err, state)
		}
	}
	if n := pgtest.Value[int](t, db, `select count(*) from pg_locks where locktype = 'advisory' and database = (select oid from pg_database where datname = current_database())`); n != 0 {
		t.Errorf("%d advisory locks are left", n)
	}
}
