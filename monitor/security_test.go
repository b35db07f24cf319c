package monitor_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/monitor"
	"github.com/blotterdb/blotter/pgtest"
	"github.com/blotterdb/blotter/postgres"
	"github.com/jackc/pgx/v5"
)

// findings runs every security check.
func findings(t *testing.T, ctx context.Context, q postgres.Querier) (all []monitor.Finding) {
	t.Helper()
	for _, check := range monitor.SecurityChecks() {
		found, err := check.Run(ctx, q)
		if err != nil {
			t.Fatalf("%s: %v", check.Name, err)
		}
		for _, f := range found {
			if f.Check != check.Name || f.Subject == "" || f.Message == "" || f.Remedy == "" || strings.Contains(f.Message+f.Remedy, "%s") ||
				f.Severity != monitor.Warning && f.Severity != monitor.Critical {
				t.Errorf("an incomplete finding: %+v", f)
			}
		}
		all = append(all, found...)
	}
	return all
}

// A healthy database is silent, to every role that asks, however it has the server write names and expressions.
func TestHealthyDatabaseIsSilent(t *testing.T) {
	t.Parallel()
	db := pgtest.Open(t)
	wantSilence(t, db)
	for _, setting := range []string{"quote_all_identifiers = on", "search_path = execution, shared, public", "bytea_output = 'escape'"} {
		db.Exec(t, "alter database "+db.Name+" set "+setting)
	}
	db.Close()
	var err error
	if db.DB, err = postgres.Open(t.Context(), db.Config); err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	wantSilence(t, db)
}

func wantSilence(t *testing.T, db *pgtest.Database) {
	t.Helper()
	ctx := blotter.WithAllAccounts(t.Context())
	for _, ctx := range []context.Context{ctx, blotter.WithAccount(ctx, "A1"), t.Context()} {
		err := db.ReadOnly(ctx, func(s *postgres.Session) error {
			if found := findings(t, ctx, s); len(found) > 0 {
				t.Errorf("%+v", found)
			}
			return nil
		})
		if err == nil {
			err = db.Transaction(ctx, func(tx *postgres.Tx) error {
				if found := findings(t, ctx, tx); len(found) > 0 {
					t.Errorf("%+v", found)
				}
				return nil
			})
		}
		if err != nil {
			t.Error(err)
		}
	}
}

// otherSession makes it look as if the login %who had a session from elsewhere.
const otherSession = "create role weak_9 login; create schema network;" +
	" create view network.pg_stat_activity as select 7 as pid, current_database() as datname, oid as usesysid, rolname as usename, '' as application_name, inet '192.0.2.7' as client_addr from pg_roles where rolname = '%who';" +
	" create view network.pg_stat_ssl as select 7 as pid, false as ssl; grant usage on schema network to public;" +
	" grant select on network.pg_stat_activity, network.pg_stat_ssl to public; set local search_path = network, pg_catalog, public"

// weakenings are one weakness each, the checks that find it, in alphabetical order (none of what only looks like one), and
// what the first of them is about.
var weakenings = []struct{ sql, check, subject string }{
	{"alter table execution.trades disable row level security", "security_rls", "execution.trades"},
	{"alter table events.outbox_p0 disable row level security", "security_rls", "events.outbox_p0"},
	{"alter table execution.positions no force row level security", "security_force", "execution.positions"},
	{"alter table events.outbox_p0 no force row level security", "security_force", "events.outbox_p0"},
	{"create table analytics.mine (account_id text); alter table analytics.mine owner to trading_owner", "security_policy security_rls", "analytics.mine"},
	{"alter table execution.orders owner to trading_service", "security_owner", "table execution.orders"},
	{"alter schema execution owner to %app", "security_owner", "schema execution"},
	{"alter table shared.audit_seals owner to %app", "security_owner", "table shared.audit_seals"},
	{"alter table events.outbox_p0 owner to trading_app", "security_owner", "table events.outbox_p0"},
	{"create table data_ingestion.market_data_y1980 partition of data_ingestion.market_data for values from ('1980-01-01') to ('1981-01-01')", "security_owner", "table data_ingestion.market_data_y1980"},
	{"alter view execution.position_values owner to %app", "security_owner", "view execution.position_values"},
	{"create sequence shared.mine", "security_owner", "sequence shared.mine"},
	{"create type shared.mine as enum ('a'); alter type shared.mine owner to trading_app", "security_owner", "type shared.mine"},
	{"create type shared.mine as (a int)", "security_owner", "type shared.mine"},
	{"alter domain shared.exact owner to %app", "security_owner", "type shared.exact"},
	{"alter function shared.audit_rows() owner to %app", "security_owner", "function shared.audit_rows()"},
	{"alter function shared.isolate(regclass) owner to current_user", "security_owner", "function shared.isolate(regclass)"},
	{"alter database %s owner to %app", "security_owner", "database %s"},
	{"alter database %s owner to trading_service", "security_owner", "database %s"},
	{"create role weak_9; grant weak_9 to %app; alter database %s owner to weak_9", "security_owner", "database %s"},
	{"alter database %s owner to current_user", "", ""},
	{"create role weak_9 login; alter database %s owner to weak_9", "", ""},
	{"create role weak_9 login createrole; grant trading_owner to weak_9; alter database %s owner to weak_9", "", ""},
	{"grant select on events.outbox_p0 to trading_app", "security_leaf_grants", "events.outbox_p0"},
	{"grant insert on events.outbox_p0 to public", "security_leaf_grants", "events.outbox_p0"},
	{"drop policy account_isolation on execution.orders", "security_policy", "execution.orders"},
	{"drop policy blotter_roles on execution.orders", "security_policy", "execution.orders"},
	{"alter policy account_isolation on execution.accounts using (true)", "security_policy", "execution.accounts"},
	{"alter policy account_isolation on execution.accounts with check (true)", "security_policy", "execution.accounts"},
	{"alter policy account_isolation on execution.accounts to trading_app", "security_policy", "execution.accounts"},
	{"alter policy blotter_roles on execution.accounts to public", "security_policy", "execution.accounts"},
	{"drop policy account_isolation on execution.orders; create policy account_isolation on execution.orders for select to trading_app, trading_readonly using (true)", "security_policy", "execution.orders"},
	{"drop policy account_isolation on events.outbox_p0", "security_leaf_policy", "events.outbox_p0"},
	{"alter policy account_isolation on events.outbox_p0 with check (account_id is not null)", "security_leaf_policy", "events.outbox_p0"},
	{"create policy mine on execution.orders using (true)", "security_stray_policy", "execution.orders"},
	{"drop policy book_events_are_proved on events.outbox", "security_book_events", "events.outbox"},
	{"alter role trading_app bypassrls", "security_role_attributes", "trading_app"},
	{"alter role trading_owner superuser", "security_role_attributes", "trading_owner"},
	{"alter role trading_service createrole login", "security_role_attributes", "trading_service"},
	{"grant trading_app to trading_service", "security_membership security_several_roles", "trading_service"},
	{"grant trading_readonly to trading_owner", "security_membership security_several_roles", "trading_owner"},
	{"grant trading_owner to trading_app", "security_membership security_several_roles", "trading_app"},
	{"grant pg_read_all_stats to trading_readonly", "security_membership", "trading_readonly"},
	{"grant pg_read_all_stats to trading_reporter with admin option", "security_powers", "trading_reporter"},
	{"create role weak_0; grant weak_0 to trading_app", "security_membership", "trading_app"},
	{"alter database %s set app.current_account_id = 'A1'", "security_settings", "database %s"},
	{"alter role all set app.current_account_id = 'A1'", "security_settings", "role all"},
	{"alter role all in database %s set app.current_account_id = 'A1'", "security_settings", "database %s"},
	{"alter role all set session_replication_role = replica", "security_settings", "role all"},
	{"alter role %app in database %s set app.current_account_id = 'A1'", "security_settings", "role %app in database %s"},
	{"alter role %app set \"APP.Current_Account_ID\" = 'A1'", "security_settings", "role %app"},
	{"alter role trading_app set app.current_account_id = 'A1'", "security_settings", "role trading_app"},
	{"alter role %app set synchronous_commit = off", "security_login_settings", "role %app"},
	{"alter role %app in database %s set search_path = pg_temp", "security_login_settings", "role %app in database %s"},
	{"alter role %app set role = 'trading_service'", "security_login_settings", "role %app"},
	{"alter role %app set role = 'none'", "security_login_settings", "role %app"},
	{"alter role trading_app set \"Row_Security\" = off", "security_login_settings", "role trading_app"},
	{"alter role %app set app.user_id = 'mallory'", "security_login_settings", "role %app"},
	{"alter database %s set app.user_id = 'mallory'", "security_login_settings", "database %s"},
	{"alter database %s set synchronous_commit = local", "security_login_settings", "database %s"},
	{"alter role all set synchronous_commit = off", "security_login_settings", "role all"},
	{"alter role %app set enable_indexscan = off", "security_login_preferences", "role %app"},
	{"alter role %app set statement_timeout = 1", "security_login_preferences", "role %app"},
	{"alter role %app set role = 'trading_app'", "", ""},
	{"alter role %app in database %s set role = 'trading_app'", "", ""},
	{"alter database %s set synchronous_commit = remote_apply", "", ""},
	{"alter database %s set work_mem = '64MB'", "", ""},
	{"create role weak_9 login; alter role weak_9 set synchronous_commit = off", "", ""},
	{"set local session authorization %app; select lo_create(0); reset session authorization", "security_large_objects", "%app"},
	{"set local role trading_readonly; select lo_create(0); reset role", "security_large_objects", "trading_readonly"},
	{"select lo_create(0)", "", ""},
	{"create schema network; create function network.pg_notification_queue_usage() returns double precision language sql as 'select 0.7'; grant usage on schema network to public; set local search_path = network, pg_catalog, public", "security_notifications", "database %s"},
	{"create role weak_1 superuser login in role trading_app", "security_superuser", "weak_1"},
	{"create role weak_2 bypassrls login in role trading_readonly", "security_superuser", "weak_2"},
	{"create role weak_3 nologin in role trading_app; create role weak_4 bypassrls login in role weak_3", "security_superuser", "weak_4"},
	{"create role weak_5 createrole login in role trading_app", "security_powers", "weak_5"},
	{"create role weak_6 login in role trading_reporter, pg_read_server_files", "security_powers", "weak_6"},
	{"grant pg_signal_backend to %app", "security_powers", "%app"},
	{"create role weak_6 createrole; grant weak_6 to %app", "security_powers", "%app"},
	{"create role weak_6 superuser; grant weak_6 to %app", "security_powers", "%app"},
	{"grant trading_app to %app with admin option", "security_powers", "%app"},
	{"grant set on parameter session_replication_role to %app", "security_powers", "%app"},
	{"grant set on parameter session_replication_role to trading_app", "security_powers", "trading_app"},
	{"grant set on parameter session_replication_role to public", "security_powers", "PUBLIC"},
	{"grant alter system on parameter log_statement to %app", "security_powers", "%app"},
	{"create role weak_6 login; grant set on parameter session_replication_role to weak_6; grant set on parameter log_statement to %app", "", ""},
	{"create role weak_7 login in role trading_app, trading_service", "security_several_roles", "weak_7"},
	{"create role weak_7 login in role trading_app, trading_service; comment on role weak_7 is 'programs'", "security_several_roles", "weak_7"},
	{"create role weak_7 login in role trading_app, trading_service; comment on role weak_7 is 'blotter: programs on this machine'", "", ""},
	{"alter view execution.position_values reset (security_invoker)", "security_view", "execution.position_values"},
	{"create view public.spy as select * from execution.trades", "security_view", "spy"},
	{"create view public.spy with (security_invoker = false) as select * from execution.position_values", "security_view", "spy"},
	{"create materialized view analytics.spy as select * from execution.trades; alter materialized view analytics.spy owner to trading_owner; grant select on analytics.spy to trading_app", "security_materialized_view", "analytics.spy"},
	{"create function shared.spy() returns int security definer set search_path = pg_catalog, pg_temp language sql as 'select 1'; revoke all on function shared.spy() from public; alter function shared.spy() owner to trading_owner", "security_definer_list", "shared.spy()"},
	{"create function public.spy() returns int security definer set search_path = pg_catalog, pg_temp language sql as 'select 1'; alter function public.spy() owner to trading_owner", "security_definer_list", "spy()"},
	{"create function public.spy() returns bigint language sql security definer as 'select count(*) from execution.trades'", "security_definer_list", "spy()"},
	{"create procedure public.spy() language sql security definer as 'delete from execution.trades'", "security_definer_list", "spy()"},
	{"create schema apart; create function apart.spy() returns int language sql security definer as 'select 1'; grant usage on schema apart to trading_readonly", "security_definer_list", "apart.spy()"},
	{"create schema apart; create function apart.spy() returns int language sql security definer as 'select 1'; revoke all on function apart.spy() from public; grant usage on schema apart to %app; grant execute on function apart.spy() to %app", "security_definer_list", "apart.spy()"},
	{"create function public.spy() returns int language sql security definer as 'select 1'; revoke all on function public.spy() from public", "", ""},
	{"create schema apart; create function apart.spy() returns int language sql security definer as 'select 1'", "", ""},
	{"create function public.spy() returns int language sql security definer as 'select 1'; alter extension plpgsql add function public.spy()", "", ""},
	{"alter function shared.ensure_ahead() reset search_path", "security_definer_path", "shared.ensure_ahead()"},
	{"alter function shared.ensure_ahead() set search_path = pg_catalog, public", "security_definer_path", "shared.ensure_ahead()"},
	{"alter function shared.isolate(regclass) security definer", "security_definer_list", "shared.isolate(regclass)"},
	{"grant create on schema public to public", "security_public", "schema public"},
	{"grant temporary on database %s to public", "security_public", "database %s"},
	{"grant delete on execution.trades to trading_app", "security_grants", "table execution.trades"},
	{"grant select on events.outbox to trading_app", "security_grants", "table events.outbox"},
	{"grant insert (pos) on events.outbox to trading_app", "security_grants", "column events.outbox.pos"},
	{"grant select on events.cursor to trading_app", "security_grants", "table events.cursor"},
	{"grant select on data_ingestion.market_data to public", "security_grants", "table data_ingestion.market_data"},
	{"grant create on schema execution to trading_app", "security_grants", "schema execution"},
	{"grant select on execution.trades to trading_app with grant option", "security_grants", "table execution.trades"},
	{"grant usage on sequence events.outbox_pos_seq to trading_app", "security_grants", "table events.outbox_pos_seq"},
	{"grant execute on function shared.isolate(regclass) to public", "security_grants", "function shared.isolate(regclass)"},
	// A function of that name that is found before the system's own: this session seems to come over a network.
	{"create schema network; create function network.inet_client_addr() returns inet language sql as $$select inet '192.0.2.1'$$; grant usage on schema network to public; set local search_path = network, pg_catalog, public", "security_tls", "%login"},
	{"create schema network; create function network.inet_client_addr() returns inet language sql as $$select inet '127.0.0.5'$$; grant usage on schema network to public; set local search_path = network, pg_catalog, public", "", ""},
	{"create schema network; create function network.inet_client_addr() returns inet language sql as $$select inet '192.0.2.1'$$; create view network.pg_stat_ssl as select pid, true as ssl from pg_catalog.pg_stat_ssl; grant usage on schema network to public; grant select on network.pg_stat_ssl to public; set local search_path = network, pg_catalog, public", "", ""},
	// Another session, of a login that is a member, and one of a login that is not.
	{strings.ReplaceAll(otherSession, "%who", "%app"), "security_tls", "%app"},
	{strings.ReplaceAll(otherSession, "%who", "weak_9"), "", ""},
	{strings.Replace(strings.ReplaceAll(otherSession, "%who", "%app"), "false as ssl", "true as ssl", 1), "", ""},
	{strings.Replace(strings.ReplaceAll(otherSession, "%who", "%app"), "192.0.2.7", "127.0.0.1", 1), "", ""},
	{strings.Replace(strings.ReplaceAll(otherSession, "%who", "%app"), "inet '192.0.2.7'", "null::inet", 1), "", ""},
	{strings.Replace(strings.ReplaceAll(otherSession, "%who", "%app"), "current_database()", "'elsewhere'", 1), "", ""},
	{"create role weak_8; grant select on data_ingestion.market_data to weak_8", "security_grants", "table data_ingestion.market_data"},
}

// Each weakness is found by its check, and by no other.
func TestEveryWeaknessIsFound(t *testing.T) {
	t.Parallel()
	db := pgtest.Open(t)
	conn := db.Connect(t, db.AdminURL)
	reporter, err := pgx.ParseConfig(db.Config.ReporterURL)
	if err != nil {
		t.Fatal(err)
	}
	app, err := pgx.ParseConfig(db.Config.URL)
	if err != nil {
		t.Fatal(err)
	}
	fired := map[string]bool{}
	names := strings.NewReplacer("%login", reporter.User, "%app", app.User, "%s", db.Name)
	for _, w := range weakenings {
		sql, subject := names.Replace(w.sql), names.Replace(w.subject)
		// In a transaction that is rolled back: roles belong to the cluster.
		tx, err := conn.Begin(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := tx.Exec(t.Context(), sql+"; set local session authorization "+reporter.User); err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
		var got []string
		for _, f := range findings(t, t.Context(), tx) {
			fired[f.Check] = true
			if got = append(got, f.Check); f.Subject != subject && strings.HasPrefix(w.check, f.Check) {
				t.Errorf("%s: %s is about %s, want %s", sql, f.Check, f.Subject, subject)
			}
		}
		slices.Sort(got)
		if got = slices.Compact(got); strings.Join(got, " ") != w.check {
			t.Errorf("%s: found by %v, want %s", sql, got, w.check)
		}
		if err := tx.Rollback(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	for _, check := range monitor.SecurityChecks() {
		if !fired[check.Name] && check.Name != "security_missing_role" {
			t.Errorf("%s is never seen to fire", check.Name)
		}
	}
	missingRole(t, conn)
}

// missingRole renames a role, which is as if it were not there.
func missingRole(t *testing.T, conn *pgx.Conn) {
	t.Helper()
	tx, err := conn.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback(context.Background()) }()
	if _, err := tx.Exec(t.Context(), "alter role trading_reporter rename to reporter_of_old"); err != nil {
		t.Fatal(err)
	}
	found := findings(t, t.Context(), tx)
	if !slices.ContainsFunc(found, func(f monitor.Finding) bool {
		return f.Check == "security_missing_role" && f.Subject == "trading_reporter"
	}) {
		t.Errorf("a missing role is not found: %+v", found)
	}
}

// A superuser's or BYPASSRLS login is found by the session that it has, by other sessions of the same name, and, where it
// is a member of a role, also when it is not connected.
func TestPitfall02SuperuserLogin(t *testing.T) {
	t.Parallel()
	db := pgtest.Open(t)
	superusers := func(q postgres.Querier) (subjects []string) {
		for _, f := range findings(t, t.Context(), q) {
			if f.Check == "security_superuser" {
				if f.Severity != monitor.Critical {
					t.Errorf("it is only a %s", f.Severity)
				}
				subjects = append(subjects, f.Subject)
			}
		}
		return subjects
	}
	admin := db.Connect(t, db.AdminURL)
	if got := superusers(admin); len(got) != 1 || !strings.Contains(db.AdminURL, got[0]) {
		t.Errorf("a superuser's own session finds %v", got)
	}
	cfg := db.Config
	cfg.URL, cfg.Service = db.AdminURL, fmt.Sprintf("blotter %s", db.Name[len(db.Name)-8:])
	both, err := postgres.Open(t.Context(), cfg) // the writing sessions alone are a superuser's
	if err != nil {
		t.Fatal(err)
	}
	defer both.Close()
	ctx := blotter.WithAllAccounts(t.Context())
	err = both.ReadOnly(ctx, func(s *postgres.Session) error {
		if got := superusers(s); len(got) != 1 || !strings.Contains(db.AdminURL, got[0]) {
			t.Errorf("beside a superuser's session it finds %v", got)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}
