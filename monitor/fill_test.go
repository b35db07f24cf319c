package monitor_test

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/blotterdb/blotter/monitor"
	"github.com/blotterdb/blotter/pgtest"
	"github.com/blotterdb/blotter/schema"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// fates are what becomes of a statement by which a login would alter itself or fill the disk: it is refused, a check of
// doctor finds it, or docs/security.md admits it.
const (
	refused  = "refused"
	admitted = "admitted"
)

// fillings are such statements, with their fates for a login that reads and one that writes. Settings are those of one
// database: without, they would be seen by the tests of others.
var fillings = []struct{ sql, reader, writer string }{
	// What a login can do to itself.
	{"alter role session_user in database %s set synchronous_commit = off", "security_login_settings", "security_login_settings"},
	{"alter role session_user in database %s set role = 'trading_service'", "security_login_settings", "security_login_settings"},
	{"alter role session_user in database %s set work_mem = '1GB'", "security_login_preferences", "security_login_preferences"},
	{"set role none; alter role session_user in database %s set search_path = 'pg_temp'", "security_login_settings", "security_login_settings"},
	{"alter role session_user set session_preload_libraries = 'x'", refused, refused},
	{"alter role session_user set session_replication_role = replica", refused, refused},
	{"alter role session_user set app.current_account_id = 'VICTIM'", refused, refused},
	{"set app.current_account_id = 'VICTIM'; alter role session_user set app.current_account_id = 'VICTIM'", refused, refused},
	{"alter role session_user set log_statement = 'none'", refused, refused},
	{"alter role session_user password 'mine'", admitted, admitted},
	{"alter role session_user valid until 'infinity'", refused, refused},
	{"alter role session_user connection limit 1", refused, refused},
	{"alter role session_user nologin", refused, refused},
	{"alter role session_user createdb", refused, refused},
	{"alter role session_user rename to mine", refused, refused},
	{"alter role trading_app set synchronous_commit = off", refused, refused},
	{"alter role all set synchronous_commit = off", refused, refused},
	{"alter database %s set synchronous_commit = off", refused, refused},
	{"grant trading_readonly to public", refused, refused},
	{"comment on role session_user is 'blotter: programs on this machine'", refused, refused},

	// What fills the disk.
	{"select lo_create(0)", "security_large_objects", "security_large_objects"},
	{"select lo_from_bytea(0, 'x')", "security_large_objects", "security_large_objects"},
	{"set default_transaction_read_only = off; select lo_creat(-1)", "security_large_objects", "security_large_objects"},
	{"select lo_import('/etc/hostname')", refused, refused},
	{"select lo_export(1, '/tmp/mine')", refused, refused},
	{"copy (select 1) to '/tmp/mine'", refused, refused},
	{"copy (select 1) to program 'cat'", refused, refused},
	{"create temporary table mine as select 1", refused, admitted},
	{"create temporary sequence mine", refused, admitted},
	{"create function pg_temp.mine() returns int language sql as 'select 1'", refused, admitted},
	{"create table public.mine (i int)", refused, refused},
	{"create table execution.mine (i int)", refused, refused},
	{"create schema mine", refused, refused},
	{"create database mine", refused, refused},
	{"create materialized view public.mine as select 1", refused, refused},
	{"create statistics public.mine on account_id, symbol from execution.trades", refused, refused},
	{"create publication mine", refused, refused},
	{"create extension file_fdw", refused, refused},
	{"select pg_create_physical_replication_slot('mine')", refused, refused},
	{"select pg_create_logical_replication_slot('mine', 'pgoutput')", refused, refused},
	{"select pg_switch_wal()", refused, refused},
	{"select pg_create_restore_point('mine')", refused, refused},
	{"begin; select 1; prepare transaction 'mine'", refused, refused},
	{"refresh materialized view pg_catalog.pg_stats", refused, refused},
	{"insert into logging.system_logs (service, level, message) values ('s', 'info', 'm')", refused, admitted},
	{"select nextval('events.outbox_pos_seq')", refused, refused},
	{"select pg_notify('mine', repeat('x', 7000))", admitted, admitted},
	{"select pg_logical_emit_message(false, 'mine', 'x')", admitted, admitted},
	{"begin isolation level repeatable read; select pg_export_snapshot(); commit", admitted, admitted},
	{"select count(*) from (select i from generate_series(1, 100000) i order by md5(i::text)) sorted", admitted, admitted},
	{"declare held cursor with hold for select generate_series(1, 10); close held", admitted, admitted},
}

// makeLogin makes a login that is a member of one role, for the test, and returns its URL.
func makeLogin(t *testing.T, db *pgtest.Database, name, role string) string {
	t.Helper()
	db.Exec(t, fmt.Sprintf("create role %s login password 'x' in role %s", name, role))
	t.Cleanup(func() {
		conn, err := pgx.Connect(context.Background(), db.AdminURL)
		if err == nil {
			_, err = conn.Exec(context.Background(), "drop owned by "+name+"; drop role "+name)
			_ = conn.Close(context.Background())
		}
		if err != nil {
			t.Error(err)
		}
	})
	u, err := url.Parse(db.Config.URL)
	if err != nil {
		t.Fatal(err)
	}
	u.User = url.UserPassword(name, "x")
	return u.String()
}

// Each statement by which a production login would alter itself or fill the disk is refused, or found by doctor, or one
// of those that docs/security.md admits.
func TestWhatALoginMayFill(t *testing.T) {
	t.Parallel()
	for _, role := range []string{"reader", "writer"} {
		t.Run(role, func(t *testing.T) {
			t.Parallel()
			db := pgtest.Open(t)
			acting := map[string]string{"reader": "trading_readonly", "writer": "trading_app"}[role]
			login := role + "_" + db.Name
			conn := db.Connect(t, makeLogin(t, db, login, acting))
			admin, reporter := db.Connect(t, db.AdminURL), db.Connect(t, db.Config.ReporterURL)
			undo := fmt.Sprintf("alter role %s in database %s reset all; select lo_unlink(oid) from pg_largeobject_metadata", login, db.Name)
			for _, filling := range fillings {
				want := map[string]string{"reader": filling.reader, "writer": filling.writer}[role]
				sql := strings.ReplaceAll(filling.sql, "%s", db.Name)
				_, err := conn.PgConn().Exec(t.Context(), sql).ReadAll()
				var pg *pgconn.PgError
				if err != nil && !errors.As(err, &pg) {
					t.Fatalf("%s: %v", sql, err)
				}
				for _, sql := range []string{"rollback", "discard all"} {
					if _, err := conn.Exec(t.Context(), sql); err != nil {
						t.Fatal(err)
					}
				}
				if got := fate(t, reporter, login, err); got != want {
					t.Errorf("%s: %s (%v), want %s", sql, got, err, want)
				}
				if err == nil {
					if _, err := admin.Exec(t.Context(), undo); err != nil {
						t.Fatal(err)
					}
				}
			}
		})
	}
}

// fate is what became of a statement of the login that ended with err, as the reporter sees it.
func fate(t *testing.T, reporter *pgx.Conn, login string, err error) string {
	t.Helper()
	if err != nil {
		return refused
	}
	var checks []string
	for _, check := range monitor.SecurityChecks() {
		if !strings.HasPrefix(check.Name, "security_l") { // of logins and large objects
			continue
		}
		found, err := check.Run(t.Context(), reporter)
		if err != nil {
			t.Fatalf("%s: %v", check.Name, err)
		}
		if slices.ContainsFunc(found, func(f monitor.Finding) bool { return strings.Contains(f.Subject, login) }) {
			checks = append(checks, check.Name)
		}
	}
	if len(checks) == 0 {
		return admitted
	}
	return strings.Join(checks, " ")
}

// Where roles sql is run by a superuser, no login but the owner's makes large objects.
func TestRolesSQLForbidsLargeObjects(t *testing.T) {
	t.Parallel()
	db := pgtest.Open(t)
	sql, err := schema.RolesSQL(db.Name, "fill"+db.Name[len(db.Name)-8:]+"_")
	if err != nil {
		t.Fatal(err)
	}
	conn := db.Connect(t, db.AdminURL)
	if _, err := conn.Exec(t.Context(), sql); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		for _, login := range []string{"owner", "app", "service", "readonly", "reporter"} {
			_, err := conn.Exec(context.Background(), "drop role fill"+db.Name[len(db.Name)-8:]+"_"+login)
			if err != nil {
				t.Error(err)
			}
		}
	})
	for _, sql := range []string{
		"select lo_create(0)", "select lo_creat(-1)", "select lo_from_bytea(0, 'x')", "select lo_put(1, 0, 'x')",
		"select lowrite(0, 'x')", "select lo_truncate(0, 1)", "select lo_truncate64(0, 1)",
	} {
		for _, role := range []string{"trading_app", "trading_service", "trading_readonly", "trading_reporter"} {
			_, err := conn.Exec(t.Context(), "begin; set local role "+role+"; "+sql)
			var pg *pgconn.PgError
			if !errors.As(err, &pg) || pg.Code != "42501" {
				t.Errorf("%s as %s: %v", sql, role, err)
			}
			if _, err := conn.Exec(t.Context(), "rollback"); err != nil {
				t.Fatal(err)
			}
		}
	}
	if _, err := conn.Exec(t.Context(), "begin; set local role trading_owner; select lo_from_bytea(0, 'x'); rollback"); err != nil {
		t.Errorf("as the owner, which restores backups: %v", err)
	}
	wantSilence(t, db)
}
