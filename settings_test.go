package blotter_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/analytics"
	"github.com/blotterdb/blotter/audit"
	"github.com/blotterdb/blotter/monitor"
	"github.com/blotterdb/blotter/partition"
	"github.com/blotterdb/blotter/pgtest"
	"github.com/blotterdb/blotter/postgres"
	"github.com/blotterdb/blotter/schema"
)

// databaseSettings are what a database may have of its own. Under all of them everything is as it is under none.
var databaseSettings = map[string][]string{
	"nothing":                     nil,
	"standard_conforming_strings": {"standard_conforming_strings = off", "escape_string_warning = off", "backslash_quote = on"},
	"quote_all_identifiers":       {"quote_all_identifiers = on"},
	"German":                      {"DateStyle = 'German, DMY'", "TimeZone = 'Asia/Kolkata'", "IntervalStyle = sql_standard", "extra_float_digits = -15"},
	"American": {
		"DateStyle = 'SQL, DMY'", "TimeZone = 'America/New_York'", "IntervalStyle = iso_8601", "bytea_output = escape",
		"search_path = execution, events, shared, data_ingestion, analytics, public",
	},
	"other defaults": {
		"transform_null_equals = on", "array_nulls = off", "xmloption = document", "search_path = public, pg_catalog",
		"default_transaction_isolation = serializable", "default_transaction_deferrable = on", "row_security = off",
		"client_min_messages = error", "check_function_bodies = off", "plpgsql.extra_errors = 'all'",
		"default_toast_compression = pglz", "statement_timeout = '1h'", "lock_timeout = '1h'", "work_mem = '64kB'",
	},
	"an ICU locale with a dotless i":   nil,
	"an ICU locale that ignores signs": nil,
}

// icuLocales are those of databases that are made with one.
var icuLocales = map[string]string{
	"an ICU locale with a dotless i":   "tr-TR",
	"an ICU locale that ignores signs": "en-u-ka-shifted",
}

// Databases with settings of their own are migrated, compared, partitioned, sealed, checked and used as others are.
func TestDatabaseSettings(t *testing.T) {
	t.Parallel()
	usual := settled(t, "nothing")
	for name := range databaseSettings {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if findings := settled(t, name); !slices.Equal(findings, usual) {
				t.Errorf("the checks find\n%s\nand in a database without settings\n%s", strings.Join(findings, "\n"), strings.Join(usual, "\n"))
			}
		})
	}
}

// settled makes a database with settings, uses it, and returns what the checks find.
func settled(t *testing.T, name string) (findings []string) {
	t.Helper()
	d := pgtest.Blank(t)
	ctx := blotter.WithAllAccounts(t.Context())
	if locale := icuLocales[name]; locale != "" {
		makeWithLocale(t, d, locale)
	}
	for _, setting := range databaseSettings[name] {
		d.Exec(t, "alter database "+d.Name+" set "+setting)
	}

	migrator, err := schema.NewMigrator(ctx, d.OwnerURL)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = migrator.Close() })
	if _, err := migrator.Up(ctx); err != nil {
		t.Fatalf("migrate up: %v", err)
	}
	db, err := postgres.Open(ctx, d.Config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)

	use(t, db)
	useByHand(t, d)
	verifySettled(ctx, t, d, migrator, db)
	checks := slices.Concat(monitor.Checks(monitor.Thresholds{}), monitor.SecurityChecks(), audit.Checks())
	for _, f := range monitor.Findings(monitor.Run(ctx, db, checks)) {
		if f.Check != "connections" { // of the server, which other tests use as well
			findings = append(findings, strings.ReplaceAll(f.Check+" "+f.Subject+": "+f.Message, d.Name, "DATABASE"))
		}
	}
	slices.Sort(findings)
	return findings
}

// makeWithLocale makes the database again, with an ICU locale.
func makeWithLocale(t *testing.T, d *pgtest.Database, locale string) {
	t.Helper()
	server, err := url.Parse(d.AdminURL)
	if err != nil {
		t.Fatal(err)
	}
	server.Path = "/postgres"
	conn := d.Connect(t, server.String())
	for _, sql := range []string{
		"drop database " + d.Name + " with (force)",
		fmt.Sprintf("create database %s template template0 locale_provider icu icu_locale '%s' locale 'C' owner trading_owner", d.Name, locale),
	} {
		if _, err := conn.Exec(t.Context(), sql); err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
	}
}

// use books a fill, imports a bar, and reads both back.
func use(t *testing.T, db *postgres.DB) {
	t.Helper()
	ctx := blotter.WithUser(blotter.WithAccount(t.Context(), "ACC-ı"), `I\n"d'`)
	order := blotter.Order{
		AccountID: "ACC-ı", OrderID: `O\1`, Symbol: "NOK", Side: blotter.Buy, OrderType: blotter.Market, Quantity: blotter.MustDecimal("7"),
	}
	if err := db.CreateOrder(ctx, &order); err != nil {
		t.Fatal(err)
	}
	trade := walkTrade()
	trade.AccountID, trade.OrderID = order.AccountID, order.OrderID
	if _, err := db.ExecuteTrade(ctx, trade); err != nil {
		t.Fatal(err)
	}
	if result, err := db.ImportBars(ctx, postgres.BarImport{File: "nok.csv", Bars: walkBars()}); err != nil || result.Inserted != 1 {
		t.Fatalf("importing a bar: %+v, %v", result, err)
	}
	trades, err := db.Trades(ctx, postgres.TradeFilter{OrderID: order.OrderID})
	if err != nil || len(trades) != 1 || !trades[0].ExecutedAt.Equal(trade.ExecutedAt) || trades[0].Price != trade.Price {
		t.Errorf("the trade reads %+v, %v", trades, err)
	}
	bar, err := db.LatestBar(ctx, "NOK", "1d")
	if err != nil || !bar.Timestamp.Equal(time.Date(2025, 3, 4, 0, 0, 0, 0, time.UTC)) {
		t.Errorf("the bar reads %+v, %v", bar, err)
	}
	for _, operation := range []string{"insert", "TRUNCATE", "Delete"} {
		err := db.Audit(ctx, postgres.Access{Table: "execution.trades", Operation: operation})
		if err == nil {
			t.Errorf("an access %q is recorded, though it is what triggers record", operation)
		}
	}
}

// useByHand does what people do in psql, whose sessions have the database's settings.
func useByHand(t *testing.T, d *pgtest.Database) {
	t.Helper()
	for _, sql := range []string{
		`select shared.ensure_ahead()`,
		`select shared.create_monthly_partition('logging.system_logs', '2024-05-01')`,
		`select shared.create_yearly_partition('data_ingestion.market_data', '2011-05-01')`,
		`select shared.ensure_partitions('data_ingestion.market_data', '1999-01-01', '2000-01-01')`,
		`update execution.accounts set name = 'by hand'`,
		`update execution.orders set strategy = 'by hand'`,
	} {
		d.Exec(t, sql)
	}
}

// verifySettled wants that everything verifies.
func verifySettled(ctx context.Context, t *testing.T, d *pgtest.Database, migrator *schema.Migrator, db *postgres.DB) {
	t.Helper()
	differences := func(what string) func([]string, error) {
		return func(list []string, err error) {
			t.Helper()
			if err != nil || len(list) > 0 {
				t.Errorf("%s: %v, %v", what, list, err)
			}
		}
	}
	differences("migrate verify")(migrator.Verify(ctx))
	differences("the registry")(postgres.CompareRegistry(ctx, d.OwnerURL))

	now := time.Now().UTC()
	for range 2 {
		if err := partition.Run(ctx, d.OwnerURL, now, partition.Policy{}, func(partition.Step, string) {}); err != nil {
			t.Errorf("partitions apply: %v", err)
		}
	}
	conn, err := postgres.ConnectOwner(ctx, d.OwnerURL, "settings")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(context.Background()) }()
	state, err := partition.Read(ctx, conn)
	if err != nil {
		t.Fatal(err)
	}
	if steps, failures := partition.Plan(state, now, partition.Policy{}); len(steps) > 0 || len(failures) > 0 {
		t.Errorf("partitions plan after apply: %v, %v", steps, failures)
	}

	for range 2 {
		if _, err := audit.Seal(ctx, db, 100); err != nil {
			t.Errorf("audit seal: %v", err)
		}
	}
	report, err := audit.VerifyDatabase(ctx, db, nil)
	if err != nil || report.Broken() || report.Seals == 0 {
		t.Errorf("audit verify: %+v, %v", report, err)
	}
	if v, err := db.Verify(ctx); err != nil || len(v.Mismatches) > 0 || v.Trades != 1 {
		t.Errorf("verify: %+v, %v", v, err)
	}
	synchronizer, err := analytics.New(analytics.Config{Source: db, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := synchronizer.Rebuild(ctx); err != nil {
		t.Errorf("analytics rebuild: %v", err)
	}
	if r, err := synchronizer.Reconcile(ctx); err != nil || len(r.Mismatches) > 0 {
		t.Errorf("analytics reconcile: %+v, %v", r, err)
	}
}
