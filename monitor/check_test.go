package monitor_test

import (
	"context"
	"errors"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/blotterdb/blotter/internal/ramdisk"
	"github.com/blotterdb/blotter/monitor"
	"github.com/blotterdb/blotter/pgtest"
	"github.com/blotterdb/blotter/postgres"
)

// tempDir returns a short path that the server's user may enter.
func tempDir(t *testing.T) string {
	t.Helper()

	dir, err := os.MkdirTemp(ramdisk.Folder(), "blotter-monitor-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

// TestHealthyDatabase checks that a new database on its own server has no findings, and that no check fails with
// the privileges of blotter's logins, even if the database contains objects of others.
func TestHealthyDatabase(t *testing.T) {
	t.Parallel()

	_, db := ownServer(t)
	for _, sql := range []string{
		"create schema private",
		"create table private.orders (id serial primary key, parent int references private.orders, at date)",
		"create index on private.orders (parent)",
		`create table private."Logs" (at date) partition by range (at)`,
		`create table private.logs_1 partition of private."Logs" for values from ('2024-01-01') to ('2025-01-01')`,
		`create index on private."Logs" (at)`,
		"create materialized view private.seen as select 1 as n",
	} {
		db.Exec(t, sql)
	}

	checks := monitor.Checks(monitor.Thresholds{})
	for range 2 { // some compare with their last run
		for _, outcome := range monitor.Run(t.Context(), db.DB, checks) {
			if outcome.Err != nil || len(outcome.Findings) > 0 {
				t.Errorf("%s: %v %+v", outcome.Name, outcome.Err, outcome.Findings)
			}
		}
	}
}

// TestChecksInOddStates checks that no check fails in unusual states, in which columns of the catalogs are empty.
func TestChecksInOddStates(t *testing.T) {
	t.Parallel()

	server, db := ownServer(t)
	db.Exec(t, "create role blotter_odd login")
	conn := db.Connect(t, server.URL("odd", db.Name))
	run(t, conn, "begin")
	for _, sql := range []string{
		"drop role blotter_odd", // its session lives on
		"alter role all set app.current_account_id = 'A1'",
		"create table events.outbox_rest partition of events.outbox for values from (1000000000000) to (maxvalue)",
		"grant select on execution.orders to public",
		"grant all on schema public to public",
		"create function public.free() returns int security definer language sql as 'select 1'",
	} {
		db.Exec(t, sql)
	}

	checks := append(monitor.Checks(monitor.Thresholds{}), monitor.SecurityChecks()...)
	for _, outcome := range monitor.Run(t.Context(), db.DB, checks) {
		if outcome.Err != nil {
			t.Errorf("%s: %v", outcome.Name, outcome.Err)
		}
	}
}

func TestChecksAreNamed(t *testing.T) {
	t.Parallel()

	seen := map[string]bool{}
	for _, check := range monitor.Checks(monitor.Thresholds{}) {
		if !regexp.MustCompile(`^[a-z_]+$`).MatchString(check.Name) || check.Area == "" || seen[check.Name] {
			t.Errorf("check %q of area %q", check.Name, check.Area)
		}
		seen[check.Name] = true
	}
}

// TestFailedCheckIsAFinding checks that a check that fails is a finding and does not stop the others.
func TestFailedCheckIsAFinding(t *testing.T) {
	t.Parallel()

	db := pgtest.Open(t)
	broken := monitor.Check{
		Name: "broken",
		Run: func(ctx context.Context, q postgres.Querier) ([]monitor.Finding, error) {
			_, err := q.Exec(ctx, "select * from nowhere")
			return nil, err
		},
	}

	good := monitor.Check{Name: "good", Run: func(context.Context, postgres.Querier) ([]monitor.Finding, error) {
		return []monitor.Finding{{Severity: monitor.Critical, Subject: "it"}}, nil
	}}
	outcomes := monitor.Run(t.Context(), db.DB, []monitor.Check{broken, good})
	findings := monitor.Findings(outcomes)
	if len(findings) != 2 || findings[0].Check != "good" || findings[1].Check != "broken" ||
		findings[1].Severity != monitor.Warning {
		t.Errorf("want the critical one first and the failed one as a warning: %+v", findings)
	}
	if outcomes[0].Err == nil || errors.Is(outcomes[0].Err, context.Canceled) {
		t.Errorf("the error of the failed check: %v", outcomes[0].Err)
	}
}

// TestFailedSecurityCheckIsCritical checks that a security check that fails is critical, and says which login is
// needed.
func TestFailedSecurityCheckIsCritical(t *testing.T) {
	t.Parallel()

	db := pgtest.Open(t)
	cfg := db.Config
	cfg.ReporterURL = cfg.URL // of a login that may not act as trading_reporter
	other, err := postgres.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()

	for _, outcome := range monitor.Run(t.Context(), other,
		append(monitor.SecurityChecks(), pick(t, "dead_tuples", monitor.Thresholds{}))) {
		want := monitor.Critical
		if outcome.Area != "security" {
			want = monitor.Warning
		}
		if len(outcome.Findings) != 1 || outcome.Findings[0].Severity != want ||
			!strings.Contains(outcome.Findings[0].Remedy, "--reporter-url") {
			t.Errorf("%s: %v %+v", outcome.Name, outcome.Err, outcome.Findings)
		}
	}
}

// TestChecksAreBounded checks that a server that does not answer is not waited for: each check and all of them are
// bounded.
func TestChecksAreBounded(t *testing.T) {
	t.Parallel()

	hangs := monitor.Check{
		Name: "hangs",
		Run: func(ctx context.Context, _ postgres.Querier) ([]monitor.Finding, error) {
			deadline, set := ctx.Deadline()
			if !set || time.Until(deadline) > 10*time.Second {
				t.Errorf("a check may take until %s", deadline)
			}
			return nil, context.DeadlineExceeded
		},
	}

	for _, outcome := range monitor.RunOn(t.Context(), nil, []monitor.Check{hangs, hangs}) {
		if len(outcome.Findings) != 1 {
			t.Errorf("%+v", outcome)
		}
	}
}
