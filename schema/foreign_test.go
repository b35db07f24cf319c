package schema_test

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/embedded"
	"github.com/blotterdb/blotter/pgtest"
	"github.com/blotterdb/blotter/postgres"
	"github.com/blotterdb/blotter/schema"
	"github.com/jackc/pgx/v5"
)

// sqlTraces lists everything that a migration could leave in a database and its cluster.
const sqlTraces = `
select coalesce(string_agg(trace, ', ' order by trace), '')
  from (select 'role ' || rolname from pg_roles where rolname like 'trading%'
        union all select 'grants ' || datacl::text from pg_database where datname = current_database()
            and datacl is not null
        union all select 'schema ' || nspname from pg_namespace where nspname !~ '^pg_'
            and nspname not in ('public', 'information_schema')) t(trace)`

// A database in which another program's schemas have the names of blotter's is refused before anything is made, and so
// is one on which the login has too few rights: no role, schema or grant stays behind. The remedy in the error works.
func TestMigrateLeavesForeignDatabasesAlone(t *testing.T) {
	t.Parallel()
	server, err := embedded.Start(t.Context(),
		embedded.Config{DataDir: filepath.Join(t.TempDir(), "data"), Temporary: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Stop() })
	admin := connectTo(t, server.AdminURL("postgres"))
	execAll(t, admin, "drop database blotter")
	for _, login := range []string{"app", "service", "readonly", "reporter", "owner"} {
		execAll(t, admin, "drop role blotter_"+login, "drop role trading_"+login)
	}
	execAll(t, admin, "create role blotter_managed login createrole", "create role somebody")

	for name, c := range map[string]struct {
		owner  string
		before []string
		want   []string // parts of the error
		mend   []string
	}{
		"schema_of_others": {
			owner:  "blotter_managed",
			before: []string{"create schema execution authorization somebody", "create table execution.plans (id int)"},
			want: []string{
				"execution (owner somebody)", "nothing was created",
				"ALTER SCHEMA execution RENAME TO execution_other",
			},
			mend: []string{"alter schema execution rename to execution_other"},
		},
		"empty_schema_of_others": {
			owner:  "blotter_managed",
			before: []string{"create schema shared authorization somebody"},
			want:   []string{"shared (owner somebody)"},
			mend:   []string{"drop schema shared"},
		},
		"schemas_of_the_login": {
			owner: "blotter_managed",
			before: []string{
				"create schema events authorization blotter_managed",
				"create schema logging authorization blotter_managed",
			},
			want: []string{"events (owner blotter_managed), logging (owner blotter_managed)"},
			mend: []string{"drop schema events, logging"},
		},
		"version_table_of_others": {
			owner: "blotter_managed",
			before: []string{
				"create schema shared authorization somebody",
				"create table shared.schema_version (version text)",
			},
			want: []string{"shared (owner somebody)"},
			mend: []string{"alter schema shared rename to shared_other"},
		},
		"database_of_others": {
			owner: "somebody",
			want:  []string{"may not grant privileges on database database_of_others", "as its owner"},
			mend:  []string{"alter database database_of_others owner to blotter_managed"},
		},
	} {
		execAll(t, admin, "create database "+name+" owner "+c.owner)
		inside := connectTo(t, server.AdminURL(name))
		execAll(t, inside, c.before...)
		before := textOf(t, inside, sqlTraces)

		_, err := schema.NewMigrator(t.Context(), server.URL("managed", name))
		for _, part := range c.want {
			if err == nil || !strings.Contains(err.Error(), part) {
				t.Errorf("%s: the error is %v, want %q in it", name, err, part)
			}
		}
		if after := textOf(t, inside, sqlTraces); after != before {
			t.Errorf("%s: there was %q before, and after the refusal %q", name, before, after)
		}

		execAll(t, inside, c.mend...)
		m := migrator(t, server.URL("managed", name))
		if _, err := m.Up(t.Context()); err != nil {
			t.Errorf("%s: after its remedy: %v", name, err)
		}
		// Blotter's own schemas are accepted, also after migrating down and up again.
		if _, err := m.DownTo(t.Context(), 0); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := migrator(t, server.URL("managed", name)).Up(t.Context()); err != nil {
			t.Errorf("%s: up again: %v", name, err)
		}
		_ = inside.Close(context.Background())
		execAll(t, admin, "drop database "+name+" with (force)")
		for _, login := range []string{"app", "service", "readonly", "reporter", "owner"} {
			execAll(t, admin, "drop role if exists trading_"+login)
		}
	}
}

// The SQL that prepares a database by hand refuses schemas of others, too.
func TestRolesSQLLeavesForeignDatabasesAlone(t *testing.T) {
	t.Parallel()
	server, err := embedded.Start(t.Context(),
		embedded.Config{DataDir: filepath.Join(t.TempDir(), "data"), Temporary: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Stop() })
	admin := connectTo(t, server.AdminURL("postgres"))
	execAll(t, admin, "create database theirs")
	inside := connectTo(t, server.AdminURL("theirs"))
	execAll(t, inside, "create schema analytics")
	text, err := schema.RolesSQL("theirs", "theirs_")
	if err != nil {
		t.Fatal(err)
	}

	before := textOf(t, inside, sqlTraces)
	_, err = inside.Exec(t.Context(), text)
	if err == nil || !strings.Contains(err.Error(), "schema analytics is not blotter's") {
		t.Errorf("the error is %v", err)
	}

	execAll(t, inside, "rollback")
	if after := textOf(t, inside, sqlTraces); after != before {
		t.Errorf("there was %q before, and after the refusal %q", before, after)
	}
}

// A schema with another program's version table is not taken for blotter's.
func TestOpenForeignVersionTable(t *testing.T) {
	t.Parallel()
	db := pgtest.Blank(t)
	db.Exec(t, `create schema shared; create table shared.schema_version (version text);
		grant usage on schema shared to public; grant select on shared.schema_version to public`)
	_, err := postgres.Open(t.Context(), db.Config)
	if !errors.Is(err, blotter.ErrOperational) || !strings.Contains(err.Error(), "holds no blotter schema") {
		t.Errorf("the error is %v", err)
	}
}

func connectTo(t *testing.T, url string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}

func execAll(t *testing.T, conn *pgx.Conn, statements ...string) {
	t.Helper()
	for _, sql := range statements {
		if _, err := conn.Exec(t.Context(), sql); err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
	}
}

func textOf(t *testing.T, conn *pgx.Conn, sql string) (text string) {
	t.Helper()
	if err := conn.QueryRow(t.Context(), sql).Scan(&text); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return text
}
