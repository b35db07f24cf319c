package main_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/embedded"
	"github.com/blotterdb/blotter/events"
	"github.com/blotterdb/blotter/pgtest"
	"github.com/blotterdb/blotter/postgres"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// managed starts a server as a provider offers it: one database, and a master login that owns it, has CREATEROLE and is
// no superuser. None of blotter's roles exists.
func managed(t *testing.T) *embedded.Server {
	t.Helper()
	dir, err := os.MkdirTemp("", "blotter-managed-")
	if err != nil {
		t.Fatal(err)
	}

	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	server, err := embedded.Start(t.Context(), embedded.Config{DataDir: filepath.Join(dir, "data"), Temporary: true})
	if err != nil {
		t.Fatal(err)
	}

	t.Cleanup(func() { _ = server.Stop() })
	statements := []string{"drop database blotter"}
	for _, login := range []string{"app", "service", "readonly", "reporter", "owner"} {
		statements = append(statements, "drop role blotter_"+login, "drop role trading_"+login)
	}

	statements = append(statements, "create role blotter_master login createrole",
		"create database managed owner blotter_master",
		"create role blotter_stranger login")
	runSQL(t, server.AdminURL("postgres"), statements...)
	return server
}

func runSQL(t *testing.T, url string, statements ...string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	for _, sql := range statements {
		if _, err := conn.Exec(t.Context(), sql); err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
	}
}

// roles redis prints what a Redis takes; who else may write there is found by doctor.
func TestRolesRedis(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	out := d.ok(t, "roles", "redis")
	contains(t, out, "ACL SETUSER blotter_publisher on ", "ACL SETUSER blotter_subscriber on ")
	contains(t, d.ok(t, "roles", "redis", "--prefix", "desk_", "--json"), `"ACL SETUSER desk_publisher on `)

	redis, err := embedded.StartRedisServer(t.Context(), embedded.RedisConfig{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = redis.Stop() })
	client, err := events.OpenRedis(redis.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	for _, line := range append(strings.Split(strings.TrimSpace(out), "\n"),
		"ACL SETUSER forger on nopass ~data_sync:* +xadd") {
		var words []any
		for word := range strings.FieldsSeq(line) {
			words = append(words, word)
		}
		if err := client.Do(t.Context(), words...).Err(); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
	}
	db := pgtest.Open(t)
	found := d.ok(t, append(urls(db), "doctor", "--security", "--redis", redis.URL)...)
	contains(t, found, "security_redis: Redis user forger", "0 critical, 1 warning")
}

// The SQL of roles sql prepares a blank database without a superuser; then the logins that it makes are all that is
// needed, and doctor has nothing to say.
func TestRolesSQLPreparesADatabase(t *testing.T) {
	t.Parallel()

	d, server := newDesk(t), managed(t)
	url := func(login string) string { return server.URL(login, "managed") }
	sql := d.ok(t, "roles", "sql", "--database", "managed")
	if again := d.ok(t, "roles", "sql", "--url", url("master")); again != sql {
		t.Error("the database of --url makes other SQL")
	}

	contains(t, d.ok(t, "roles", "sql", "--database", "managed", "--json"), `"database": "managed"`, "CREATE ROLE")
	runSQL(t, url("master"), sql, sql) // twice
	elsewhere, err := pgx.Connect(t.Context(), server.AdminURL("postgres"))
	if err != nil {
		t.Fatal(err)
	}

	defer elsewhere.Close(t.Context())
	if _, err := elsewhere.Exec(t.Context(), sql); err == nil ||
		!strings.Contains(err.Error(), "this is for the database managed, and you are connected to postgres") {
		t.Errorf("in another database: %v", err)
	}

	contains(t, d.ok(t, "migrate", "up", "--url", url("owner")), "applied 1\n")
	d.ok(t, "migrate", "verify", "--url", url("owner"))
	logins := []string{
		"--url=" + url("app"), "--service-url=" + url("service"), "--readonly-url=" + url("readonly"),
		"--reporter-url=" + url("reporter"),
	}
	contains(t, d.ok(t, append(logins, "doctor", "--security", "--strict")...), "all is well")
	if server.Major < 16 { // from then on this master may not grant what sees sessions, and doctor says so
		contains(t, d.ok(t, append(logins, "doctor", "--strict")...), "all is well")
	}

	d.write(t, "KO.csv", goodBars)
	d.ok(t, append(logins, "import", "KO.csv")...)
	for _, login := range []string{"owner", "app", "service", "readonly", "reporter"} {
		actsAs(t, url(login), "trading_"+login)
	}

	tradesWith(t, postgres.Config{
		URL: url("app"), ServiceURL: url("service"), ReadOnlyURL: url("readonly"),
		ReporterURL: url("reporter"),
	})
	refuses(t, url("stranger"), "")
	for _, login := range []string{"app", "service", "readonly", "reporter"} {
		for _, forbidden := range []string{
			"create schema mine", "create table public.mine (i int)",
			"create table execution.mine (i int)", "create role mine",
			"set role trading_owner", "alter table execution.orders disable row level security",
			"truncate execution.orders",
			"select shared.isolate('execution.orders')", "update execution.trades set price = 1",
			"select pg_read_file('PG_VERSION')",
		} {
			refuses(t, url(login), forbidden)
		}
	}

	for _, login := range []string{"readonly", "reporter"} {
		refuses(t, url(login), "create temporary table mine (i int)")
	}
}

// actsAs wants a plain connection of the login to act as the role, from the start and after DISCARD ALL, and be able to
// act as no other.
func actsAs(t *testing.T, url, role string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}

	defer conn.Close(context.Background())
	for _, before := range []string{"select 1", "discard all", "reset role"} {
		var current string
		_, err := conn.Exec(t.Context(), before)
		if err == nil {
			err = conn.QueryRow(t.Context(), "select current_user::text", pgx.QueryExecModeExec).Scan(&current)
		}
		if before == "discard all" {
			continue // it ends in the login itself; RESET ROLE brings the role back
		}
		if err != nil || current != role {
			t.Errorf("after %s it acts as %s, want %s: %v", before, current, role, err)
		}
	}

	for _, other := range []string{"owner", "app", "service", "readonly", "reporter"} {
		if _, err := conn.Exec(t.Context(), "set role trading_"+other); (err == nil) != (role == "trading_"+other) {
			t.Errorf("as %s: set role trading_%s: %v", role, other, err)
		}
	}
}

// refuses wants the server to refuse the statement, or without one the connection, for lack of a right.
func refuses(t *testing.T, url, sql string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err == nil {
		defer conn.Close(context.Background())
		_, err = conn.Exec(t.Context(), sql)
	}
	var pg *pgconn.PgError
	if !errors.As(err, &pg) || pg.Code != "42501" {
		t.Errorf("%s: %q: %v, want 42501", url, sql, err)
	}
}

// tradesWith books a fill with the logins and reads it back by each of them.
func tradesWith(t *testing.T, cfg postgres.Config) {
	t.Helper()
	db, err := postgres.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}

	defer db.Close()
	ctx := blotter.WithAccount(t.Context(), "A1")
	_, err = db.ExecuteTrade(ctx, blotter.Trade{
		TradeID: "T-1", Symbol: "KO", Side: blotter.Buy, Quantity: blotter.MustDecimal("1"),
		Price:      blotter.MustDecimal("60"),
		ExecutedAt: time.Date(2026, 1, 5, 15, 0, 0, 0, time.UTC),
	})
	if err != nil {
		t.Fatal(err)
	}

	for account, want := range map[string]int{"A1": 1, "A2": 0, "": 1} {
		ctx := blotter.WithAccount(t.Context(), account)
		if account == "" {
			ctx = blotter.WithAllAccounts(t.Context())
		}
		trades, err := db.Trades(ctx, postgres.TradeFilter{})
		if err != nil || len(trades) != want {
			t.Errorf("account %q sees %d trades, want %d: %v", account, len(trades), want, err)
		}
	}

	var roles []string
	for _, stats := range db.PoolStats() {
		roles = append(roles, stats.Role)
	}
	if got := strings.Join(roles, " "); got != "trading_app trading_service trading_readonly trading_reporter" {
		t.Errorf("the pools are of %s", got)
	}
}
