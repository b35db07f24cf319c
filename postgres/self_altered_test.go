package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/internal/connection"
	"github.com/blotterdb/blotter/pgtest"
	"github.com/blotterdb/blotter/postgres"
	"github.com/jackc/pgx/v5"
)

// hostile has harmful values for settings whose type does not show which values are harmful.
var hostile = map[string]string{
	"application_name":                    "forged",
	"client_encoding":                     "LATIN1",
	"DateStyle":                           "SQL, DMY",
	"default_table_access_method":         "heap",
	"default_tablespace":                  "nowhere",
	"default_text_search_config":          "pg_catalog.german",
	"idle_in_transaction_session_timeout": "1",
	"idle_session_timeout":                "1",
	"lc_monetary":                         "C.UTF-8",
	"lc_numeric":                          "C.UTF-8",
	"lc_time":                             "C.UTF-8",
	"local_preload_libraries":             "nothing",
	"lock_timeout":                        "1",
	"restrict_nonsystem_relation_kind":    "view",
	"search_path":                         "pg_temp, public",
	"statement_timeout":                   "1",
	"synchronous_commit":                  "off",
	"temp_tablespaces":                    "nowhere",
	"TimeZone":                            "Asia/Kolkata",
	"timezone_abbreviations":              "Australia",
	"transaction_timeout":                 "1",
}

// unlisted are settings that pg_settings does not show, with values that would matter.
var unlisted = map[string]string{
	"role":                   "none",
	"plpgsql.extra_errors":   "all",
	"plpgsql.extra_warnings": "all",
}

// alterSelf makes a login give itself a hostile value of every setting that it may set, and returns the settings that
// were refused. where is "" or " in database ...".
func alterSelf(t *testing.T, url, where string) (refused []string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	if _, err := conn.Exec(t.Context(), "do $$ begin end $$"); err != nil { // loads the settings of plpgsql
		t.Fatal(err)
	}
	rows, err := conn.Query(t.Context(), `
		select name, case
		       when vartype = 'bool' then case boot_val when 'on' then 'off' else 'on' end
		       when vartype = 'enum' then (select value from unnest(enumvals) value where value <> boot_val limit 1)
		       when vartype in ('integer', 'real') and min_val::numeric = boot_val::numeric then max_val
		       when vartype in ('integer', 'real') then min_val
		       else 'x' end
		  from pg_settings where context = 'user' order by name`)
	if err != nil {
		t.Fatal(err)
	}
	values := map[string]string{}
	var name, value string
	if _, err := pgx.ForEachRow(rows, []any{&name, &value}, func() error { values[name] = value; return nil }); err != nil {
		t.Fatal(err)
	}
	if len(values) < 100 {
		t.Fatalf("only %d settings", len(values))
	}
	for _, more := range []map[string]string{hostile, unlisted} {
		for name, value := range more {
			_, listed := values[name]
			newer := name == "transaction_timeout" || name == "restrict_nonsystem_relation_kind" // than this server, perhaps
			if listed || !newer {
				values[name] = value
			}
		}
	}

	for name, value := range values {
		_, err := conn.Exec(t.Context(), fmt.Sprintf("alter role session_user%s set %s = '%s'", where, name, value))
		if err != nil {
			refused = append(refused, name+": "+err.Error())
		}
	}
	return refused
}

// sessionSettings returns all settings of a session.
func sessionSettings(t *testing.T, q postgres.Querier) map[string]string {
	t.Helper()
	rows, err := q.Query(t.Context(), `
		select name, coalesce(setting, '') from pg_settings where name <> 'application_name'
		union all select name, coalesce(current_setting(name, true), '') from unnest(array['role', 'app.current_account_id', 'app.user_id', 'app.correlation_id']) name`)
	if err != nil {
		t.Fatal(err)
	}
	list := map[string]string{}
	var name, value string
	if _, err := pgx.ForEachRow(rows, []any{&name, &value}, func() error { list[name] = value; return nil }); err != nil {
		t.Fatal(err)
	}
	return list
}

// everySession runs fn in a session of each role.
func everySession(t *testing.T, db *postgres.DB, ownerURL string, fn func(role string, q postgres.Querier)) {
	t.Helper()
	all := blotter.WithAllAccounts(t.Context())
	for role, ctx := range map[string]context.Context{"app": t.Context(), "service": all} {
		err := db.AutoCommit(ctx, func(s *postgres.Session) error { fn(role, s); return nil })
		if err != nil {
			t.Errorf("a session as %s: %v", role, err)
		}
	}

	for role, ctx := range map[string]context.Context{"readonly": t.Context(), "reporter": all} {
		err := db.ReadOnly(ctx, func(s *postgres.Session) error { fn(role, s); return nil })
		if err != nil {
			t.Errorf("a session as %s: %v", role, err)
		}
	}

	conn, err := postgres.ConnectOwner(t.Context(), ownerURL, "test")
	if err != nil {
		t.Errorf("a connection as owner: %v", err)
		return
	}
	defer conn.Close(context.Background())
	fn("owner", conn)
}

// Settings that a login gives itself change nothing in blotter's sessions, on fresh and on used connections: fills are
// booked, are on disk when they are acknowledged, and are seen only by their account.
func TestLoginThatAltersItself(t *testing.T) {
	t.Parallel()
	db := pgtest.OpenConfig(t, func(c *postgres.Config) { c.MaxConns = 2 })
	makeAccount(t, db.DB, "VICTIM")
	usual := map[string]map[string]string{}
	everySession(t, db.DB, db.OwnerURL, func(role string, q postgres.Querier) { usual[role] = sessionSettings(t, q) })

	cfg := db.Config
	url := func(role string) string {
		login := role + "_" + db.Name
		url := withUser(t, db, login, "trading_"+role)
		for _, name := range []string{"current_account_id", "user_id", "correlation_id"} { // which only another login may do
			db.Exec(t, "alter role "+login+" in database "+db.Name+" set app."+name+" = 'VICTIM'")
		}
		for _, text := range alterSelf(t, url, " in database "+db.Name) {
			if !strings.HasPrefix(text, "transaction_") { // these belong to transactions, not to sessions
				t.Errorf("%s may not set %s", role, text)
			}
		}
		return url
	}
	cfg.URL = url("app")
	cfg.ServiceURL = url("service")
	cfg.ReadOnlyURL = url("readonly")
	cfg.ReporterURL = url("reporter")
	owner := url("owner")
	altered, err := postgres.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer altered.Close()

	for _, use := range []string{"fresh", "used"} {
		everySession(t, altered, owner, func(role string, q postgres.Querier) {
			got := sessionSettings(t, q)
			for name, want := range usual[role] {
				if name == "default_text_search_config" { // initdb sets the server's from the locale
					want = "pg_catalog.simple"
				}
				if got[name] != want {
					t.Errorf("%s is %q in a %s session as %s, want %q", name, got[name], use, role, want)
				}
			}
			if got["synchronous_commit"] != "on" {
				t.Errorf("a %s session as %s commits with synchronous_commit %s", use, role, got["synchronous_commit"])
			}
			if seen := count(t, q, "select count(*) from execution.accounts"); seen != 0 &&
				(role == "app" || role == "readonly") {
				t.Errorf("a %s session as %s without an account sees %d accounts", use, role, seen)
			}
			if _, err := q.Exec(t.Context(), "set work_mem = '7MB'"); err != nil { // the connection is dirty
				t.Error(err)
			}
		})
	}

	ctx := as(t, "A1")
	trade := blotter.Trade{
		AccountID: "A1", TradeID: "T1", Symbol: "AAPL", Side: blotter.Buy,
		Quantity: blotter.MustDecimal("2"), Price: blotter.MustDecimal("189.25"),
	}
	if _, err := altered.ExecuteTrade(ctx, trade); err != nil {
		t.Fatal(err)
	}
	list, err := altered.Trades(ctx, postgres.TradeFilter{})
	if err != nil || len(list) != 1 || list[0].Price != trade.Price {
		t.Errorf("the fill reads %+v, %v", list, err)
	}
	if list, err := altered.Trades(as(t, "A2"), postgres.TradeFilter{}); err != nil || len(list) != 0 {
		t.Errorf("another account sees %+v, %v", list, err)
	}
}

// Settings that a login gives itself in every database are ignored as well. The test uses a role of its own, because
// other tests would see the settings.
func TestLoginThatAltersItselfEverywhere(t *testing.T) {
	t.Parallel()
	db := pgtest.Open(t)
	url := withUser(t, db, "plain_"+db.Name, "pg_monitor")
	pinned := func() map[string]string {
		cfg, err := pgx.ParseConfig(url)
		if err != nil {
			t.Fatal(err)
		}
		for name, value := range map[string]string{
			"local_preload_libraries": "", "idle_session_timeout": "0",
			"statement_timeout": "0",
		} {
			cfg.RuntimeParams[name] = value // with these, connections would end before their settings are pinned
		}
		conn, err := pgx.ConnectConfig(t.Context(), cfg)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close(context.Background())
		if err := connection.PinLogin(t.Context(), conn); err != nil {
			t.Fatal(err)
		}
		return sessionSettings(t, conn)
	}

	usual := pinned()
	alterSelf(t, url, "")
	got := pinned()
	for name, want := range usual {
		if name == "default_text_search_config" { // initdb sets the server's from the locale
			want = "pg_catalog.simple"
		}
		if got[name] != want {
			t.Errorf("%s is %q, want %q", name, got[name], want)
		}
	}
}

func count(t *testing.T, q postgres.Querier, sql string) (n int) {
	t.Helper()
	if err := q.QueryRow(t.Context(), sql).Scan(&n); err != nil {
		t.Errorf("%s: %v", sql, err)
	}
	return n
}

// The operator decides what a COMMIT waits for: in the configuration, in the URL or, to wait for more, on the server.
func TestSynchronousCommit(t *testing.T) {
	t.Parallel()
	db := pgtest.Open(t)
	for _, test := range []struct{ database, config, url, want string }{
		{"on", "", "", "on"},
		{"off", "", "", "on"},
		{"local", "", "", "on"},
		{"remote_write", "", "", "on"},
		{"remote_apply", "", "", "remote_apply"},
		{"remote_apply", "off", "", "off"},
		{"off", "remote_apply", "", "remote_apply"},
		{"on", "", "off", "off"},
		{"on", "local", "off", "local"},
	} {
		db.Exec(t, "alter database "+db.Name+" set synchronous_commit = "+test.database)
		cfg := db.Config
		cfg.SynchronousCommit = test.config
		if test.url != "" {
			separator := "?"
			if strings.Contains(cfg.URL, "?") {
				separator = "&"
			}
			cfg.URL += separator + "synchronous_commit=" + test.url
		}
		opened, err := postgres.Open(t.Context(), cfg)
		if err != nil {
			t.Fatal(err)
		}
		err = opened.Transaction(t.Context(), func(tx *postgres.Tx) error {
			var got string
			err := tx.QueryRow(t.Context(), "select current_setting('synchronous_commit')").Scan(&got)
			if got != test.want {
				t.Errorf("%+v: it is %s", test, got)
			}
			return err
		})
		if err != nil {
			t.Error(err)
		}
		opened.Close()
	}

	cfg := db.Config
	cfg.SynchronousCommit = "maybe"
	_, err := postgres.Open(t.Context(), cfg)
	wantKind(t, "an unknown value", err, blotter.ErrInvalid)
}

// A database whose sessions skip triggers is refused.
func TestSkippedTriggersAreRefused(t *testing.T) {
	t.Parallel()
	db := pgtest.Open(t)
	db.Exec(t, "alter database "+db.Name+" set session_replication_role = replica")
	_, err := postgres.Open(t.Context(), db.Config)
	if !errors.Is(err, blotter.ErrPermission) || !strings.Contains(err.Error(), "session_replication_role") {
		t.Errorf("it is opened: %v", err)
	}
}
