package main_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/blotterdb/blotter/analytics"
	"github.com/blotterdb/blotter/pgtest"
)

func TestMaintain(t *testing.T) {
	t.Parallel()
	d, db := newDesk(t), pgtest.Open(t)
	db.Exec(t, `select shared.create_monthly_partition('system_logs', '2020-02-01')`)
	db.Exec(t, `insert into logging.system_logs (service, level, message, timestamp)
		values ('a', 'info', 'm', '2020-02-03')`)
	args := func(args ...string) []string {
		return append(append(urls(db), "--owner-url="+db.OwnerURL, "maintain"), args...)
	}
	ok := func(more ...string) string {
		t.Helper()
		text := d.ok(t, args(more...)...)
		if !strings.ContainsAny(text[:1], "{[") && !strings.HasPrefix(text, "id,") {
			narrow(t, strings.Join(more, " "), text)
		}
		return text
	}
	contains(t, ok("status"), "partitions", "never ran", "verify")
	contains(t, ok("history"), "no such runs")
	contains(t, ok("run", "archive_logs", "--dry-run"),
		"archive_logs: archive logging.system_logs_2020_02 1 rows", "nothing was done")
	contains(t, ok("run", "all"), "archive_logs: archive logging.system_logs_2020_02", "archive_logs ok in",
		"verify ok in", "reconcile ok in", "seal ok in", "outbox ok in")
	contains(t, ok("status"), "  ok      20")
	contains(t, ok("history", "--job", "archive_logs"), "archive_logs  ok", "cutoff")
	if n := pgtest.Value[int](t, db, "select count(*) from logging.archived_system_logs"); n != 1 {
		t.Errorf("%d rows are archived", n)
	}
	var report struct {
		Jobs []struct {
			Job, Result string
			Figures     map[string]any
		}
		Busy string
	}
	if err := json.Unmarshal([]byte(ok("run", "vacuum_analyze", "--service", "execution", "--force",
		"--json")), &report); err != nil {
		t.Fatal(err)
	}
	if len(report.Jobs) != 1 || report.Jobs[0].Result != "ok" || report.Jobs[0].Figures["vacuumed"] != 10.0 {
		t.Errorf("%+v", report)
	}

	// A failure is exit status 1, and blotter status reports it too.
	db.Exec(t, `insert into execution.accounts (account_id) values ('A1')`)
	db.Exec(t, `insert into execution.positions (account_id, symbol, quantity, cost_basis, multiplier, currency)
		values ('A1', 'AAPL', 5, 50, 1, 'USD')`)
	r := d.run(t, args("run", "verify", "analyze")...)
	if r.status != 1 || r.err != "" {
		t.Errorf("exit status %d, %q", r.status, r.err)
	}
	contains(t, strings.Join(strings.Fields(r.out), " "), "verify FAILED after", "A1 position AAPL", "analyze ok in")
	r = d.run(t, args("status")...)
	if r.status != 1 {
		t.Errorf("exit status %d", r.status)
	}
	contains(t, r.out, "verify          20", "failed  20", "verify: ")
	contains(t, ok("history", "--failed", "--format", "csv"), "id,job,service,started_at", ",verify,,", ",failed,")

	// Analytics that the trades do not make are a failure too.
	sync, err := analytics.New(analytics.Config{Source: db.DB, Target: db.DB, Logger: db.Config.Logger})
	if err == nil {
		err = sync.Start(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
	conn := db.Connect(t, db.AdminURL)
	until(t, "the analytics have begun", func() (begun bool) {
		err := conn.QueryRow(t.Context(), "select count(*) > 0 from events.cursor").Scan(&begun)
		return err == nil && begun
	})
	if err := sync.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	db.Exec(t, `insert into analytics.portfolio_summary (account_id, symbol, quantity) values ('A1', 'AAPL', 7)`)
	if r = d.run(t, args("run", "reconcile")...); r.status != 1 {
		t.Errorf("exit status %d, %q", r.status, r.err)
	}
	contains(t, r.out, "reconcile FAILED after", "blotter analytics reconcile lists")

	// While another runs, nothing is done, which is not a failure.
	holder := db.Connect(t, db.AdminURL)
	if _, err := holder.Exec(t.Context(), `select pg_advisory_lock(x'626c6f746d61696e'::bigint)`); err != nil {
		t.Fatal(err)
	}
	contains(t, ok("run", "all"), "another runner of maintenance works on the database; nothing was done")
	contains(t, ok("run", "all", "--json"), `"busy": "another runner`)

	for _, bad := range [][]string{
		{"run"},
		{"run", "burn"},
		{"run", "verify", "--service=execution"},
		{"run", "all", "--service=x"},
		{"run", "archive_logs", "--retention-days=0"},
		{"run", "archive_logs", "--archive-days=-1"},
		{"history", "--limit=0"},
		{"history", "--job=nosuch"},
		{"history", "--format=x"},
		{},
	} {
		r := d.run(t, args(bad...)...)
		if r.status != 2 || strings.Count(r.err, "\n") != 1 {
			t.Errorf("%v: exit status %d, %q", bad, r.status, r.err)
		}
	}
	d.fails(t, 1, append(urls(db), "maintain", "status"), "trading_owner")
}

// The database of the analytics is that of --analytics-url, and only the job that compares it wants it.
func TestMaintainAnalyticsElsewhere(t *testing.T) {
	t.Parallel()
	d, db := newDesk(t), pgtest.Open(t)
	r := d.run(t, append(urls(db), "--owner-url="+db.OwnerURL, "maintain", "run", "verify", "seal", "reconcile",
		"--analytics-url", "postgres://127.0.0.1:1/x")...)
	if r.status != 1 {
		t.Errorf("%+v", r)
	}
	contains(t, r.out, "verify ok in", "seal ok in", "reconcile FAILED", "--analytics-url: ")
}

// Without a URL it works on the database of its own.
func TestMaintainOwn(t *testing.T) {
	t.Parallel()
	d := newOwnBook(t)
	contains(t, d.ok(t, "maintain", "run", "all"), "verify ok in")
	contains(t, d.ok(t, "maintain", "status"), "verify")
	contains(t, d.ok(t, "logs"), "no such rows")
}
