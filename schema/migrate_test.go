package schema_test

import (
	"context"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/blotterdb/blotter/embedded"
	"github.com/blotterdb/blotter/pgtest"
	"github.com/blotterdb/blotter/schema"
	"github.com/jackc/pgx/v5"
)

var update = flag.Bool("update", false, "write catalog.txt from the migrations")

func migrator(t *testing.T, url string) *schema.Migrator {
	t.Helper()
	m, err := schema.NewMigrator(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = m.Close() })
	return m
}

func TestCatalogIsUpToDate(t *testing.T) {
	db := pgtest.Open(t)
	if *update {
		lines, err := schema.ReadCatalog(t.Context(), db.AdminURL)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile("catalog.txt", []byte(strings.Join(lines, "\n")+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}

	drift, err := migrator(t, db.OwnerURL).Verify(t.Context())
	if err != nil {
		t.Fatal(err)
	}

	for _, difference := range drift {
		t.Errorf("%s; if that is meant: go test ./schema -run TestCatalog -update", difference)
	}
}

func TestVerifyFindsManualChanges(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]struct{ sql, want string }{
		"column": {
			"alter table execution.orders add column note text",
			"column execution.orders.note was added",
		},
		"index": {
			"drop index execution.idx_orders_strategy",
			"index execution.idx_orders_strategy is missing",
		},
		"policy": {
			"drop policy account_isolation on execution.trades",
			"policy account_isolation of execution.trades is missing",
		},
		"force": {
			"alter table execution.trades no force row level security",
			"table execution.trades has changed",
		},
		"grant": {
			"grant delete on execution.trades to trading_app",
			"grants on table execution.trades has changed",
		},
		"constraint": {
			"alter table execution.trade_corrections drop constraint trade_corrections_kind_check",
			"trade_corrections_kind_check is missing",
		},
		"function": {
			"alter function shared.ensure_ahead() security invoker",
			"function shared.ensure_ahead() has changed",
		},
		"owner": {
			"alter table execution.orders owner to current_user",
			"table execution.orders has changed",
		},
		"schema's owner": {"alter schema execution owner to trading_app", "schema execution has changed"},
		"function's owner": {
			"alter function shared.audit_rows() owner to current_user",
			"function shared.audit_rows() has changed",
		},
		"domain's owner": {"alter domain shared.exact owner to current_user", "domain shared.exact has changed"},
		"grant option": {
			"grant select on execution.trades to trading_app with grant option",
			"grants on table execution.trades has changed",
		},
		"column type": {
			"alter table execution.accounts alter column name type varchar(200)",
			"column execution.accounts.name has changed",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := pgtest.Open(t)
			db.Exec(t, change.sql)

			drift, err := migrator(t, db.OwnerURL).Verify(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(strings.Join(drift, "\n"), change.want) {
				t.Errorf("after %q Verify reports %q, want %q", change.sql, drift, change.want)
			}
		})
	}
}

// Settings decide how the server writes the catalog. They are not drift, and reading restores them.
func TestVerifyUnderOtherSettings(t *testing.T) {
	t.Parallel()
	db := pgtest.Open(t)
	for _, setting := range []string{
		"bytea_output = 'escape'", "quote_all_identifiers = on", "standard_conforming_strings = off",
		"datestyle = 'German'",
		"intervalstyle = 'sql_standard'", "extra_float_digits = -10", "timezone = 'Asia/Tokyo'",
		"search_path = execution, shared, public",
	} {
		db.Exec(t, "alter database "+db.Name+" set "+setting)
	}

	drift, err := migrator(t, db.OwnerURL).Verify(t.Context())
	if err != nil || len(drift) > 0 {
		t.Errorf("Verify: %v, %q", err, drift)
	}

	const sqlSettings = "select concat_ws(' ', current_setting('bytea_output'), " +
		"current_setting('quote_all_identifiers'), current_setting('search_path'))"
	err = pgx.BeginFunc(t.Context(), db.Connect(t, db.Config.ReporterURL), func(tx pgx.Tx) error {
		var before, after string
		if err := tx.QueryRow(t.Context(), sqlSettings).Scan(&before); err != nil {
			return err
		}
		if drift, err := schema.Drift(t.Context(), tx); err != nil || len(drift) > 0 {
			t.Errorf("Drift: %v, %q", err, drift)
		}
		if err := tx.QueryRow(t.Context(), sqlSettings).Scan(&after); err != nil || after != before ||
			!strings.HasPrefix(after, "escape on ") {
			t.Errorf("Drift changes the settings from %s to %s: %v", before, after, err)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

func migrationNames(t *testing.T) []string {
	t.Helper()
	names, err := filepath.Glob("migrations/*.sql")
	if err != nil || len(names) == 0 {
		t.Fatalf("no migrations: %v", err)
	}
	return names
}

func TestMigrateDownAndUpAgain(t *testing.T) {
	t.Parallel()
	db := pgtest.Blank(t)
	m := migrator(t, db.OwnerURL)
	all, err := m.Status(t.Context())
	if err != nil || len(all) != len(migrationNames(t)) {
		t.Fatalf("Status: %v, %v", all, err)
	}

	for range 2 {
		if applied, err := m.Up(t.Context()); err != nil || len(applied) != len(all) {
			t.Fatalf("Up applied %v, %v; want all %d", applied, err, len(all))
		}
		if repeated, err := m.Up(t.Context()); err != nil || len(repeated) != 0 {
			t.Fatalf("a second Up applied %v, %v; want nothing", repeated, err)
		}
		if drift, err := m.Verify(t.Context()); err != nil || len(drift) != 0 {
			t.Fatalf("Verify: %v, %v", drift, err)
		}
		// One by one: each migration's down is the opposite of its up.
		for _, s := range slices.Backward(all) {
			if undone, err := m.DownTo(t.Context(), s.Version-1); err != nil ||
				!slices.Equal(undone, []int64{s.Version}) {
				t.Fatalf("DownTo(%d) undid %v, %v", s.Version-1, undone, err)
			}
		}
	}

	left := pgtest.Value[string](t, db, `select coalesce(string_agg(n.nspname || '.' || c.relname, ' '), '')
		from pg_class c
		join pg_namespace n on n.oid = c.relnamespace where n.nspname !~ '^(pg_|information_schema)'
		    and c.relname !~ '^schema_version'`)
	if left != "" {
		t.Errorf("down to 0 leaves %s", left)
	}
}

// Two machines may migrate at once: one database, and two databases of one cluster.
func TestMigrateAtOnce(t *testing.T) {
	t.Parallel()
	one, two := pgtest.Blank(t), pgtest.Blank(t)
	var wait sync.WaitGroup
	for _, db := range []*pgtest.Database{one, one, two, two} {
		wait.Go(func() {
			m, err := schema.NewMigrator(t.Context(), db.OwnerURL)
			if err != nil {
				t.Error(err)
				return
			}
			defer m.Close()
			if _, err := m.Up(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}

	wait.Wait()
	for _, db := range []*pgtest.Database{one, two} {
		if drift, err := migrator(t, db.OwnerURL).Verify(t.Context()); err != nil || len(drift) > 0 {
			t.Errorf("after migrating at once: %v, %v", drift, err)
		}
	}
}

// A managed PostgreSQL has no superuser login: the first migration needs only CREATEROLE and the database.
func TestMigrateWithoutSuperuser(t *testing.T) {
	t.Parallel()
	server, err := embedded.Start(t.Context(),
		embedded.Config{DataDir: filepath.Join(t.TempDir(), "data"), Temporary: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Stop() })
	conn, err := pgx.Connect(t.Context(), server.AdminURL("postgres"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	statements := []string{"drop database blotter"}
	for _, login := range []string{"app", "service", "readonly", "reporter", "owner"} {
		statements = append(statements, "drop role blotter_"+login, "drop role trading_"+login)
	}

	statements = append(statements, "create role blotter_managed login createrole",
		"create database managed owner blotter_managed")
	for _, sql := range statements {
		if _, err := conn.Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}

	m := migrator(t, server.URL("managed", "managed"))
	if _, err := m.Up(t.Context()); err != nil {
		t.Fatal(err)
	}
	if drift, err := m.Verify(t.Context()); err != nil || len(drift) > 0 {
		t.Errorf("Verify: %v, %v", drift, err)
	}
}

func TestStatusListsEveryMigration(t *testing.T) {
	t.Parallel()
	list, err := migrator(t, pgtest.Open(t).OwnerURL).Status(t.Context())
	if err != nil || len(list) != len(migrationNames(t)) {
		t.Fatalf("Status: %v, %v", list, err)
	}
	for _, s := range list {
		if s.Applied.IsZero() || s.Name == "" {
			t.Errorf("migration %+v of a migrated database", s)
		}
	}
}
