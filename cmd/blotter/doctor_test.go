package main_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/blotterdb/blotter/internal/calendar"
	"github.com/blotterdb/blotter/pgtest"
)

type finding struct{ Check, Severity, Subject, Message, Remedy string }

func TestDoctorSecurity(t *testing.T) {
	t.Parallel()

	d, db := newDesk(t), pgtest.Open(t)
	doctor := func(args ...string) []string { return append(append(urls(db), "doctor", "--security"), args...) }
	contains(t, d.ok(t, doctor("--strict")...), "checks: all is well\n")
	if out := d.ok(t, doctor("--json", "--strict")...); out != "[]\n" {
		t.Errorf("a healthy database as JSON: %q", out)
	}

	// A warning: exit status 1 with --strict alone.
	db.Exec(t, `create policy mine on execution.orders using (true)`)
	contains(t, d.ok(t, doctor()...), "SEVERITY  CHECK AND SUBJECT\nwarning   security_stray_policy: "+
		"execution.orders\n   found  policy mine does not belong to blotter", "\n      do  ", "0 critical, 1 warning\n")
	if r := d.run(t, doctor("--strict")...); r.status != 1 || r.err != "" {
		t.Errorf("--strict with a warning: %+v", r)
	}

	// Something critical comes first, and is exit status 1.
	db.Exec(t, `alter table execution.trades no force row level security`)
	r := d.run(t, doctor("--json")...)
	var found []finding
	if err := json.Unmarshal([]byte(r.out), &found); err != nil || r.status != 1 || r.err != "" || len(found) != 2 {
		t.Fatalf("%+v, %v", r, err)
	}
	if f := found[0]; f.Check != "security_force" || f.Severity != "critical" || f.Subject != "execution.trades" {
		t.Errorf("%+v", f)
	}

	contains(t, found[0].Remedy, "ALTER TABLE execution.trades FORCE ROW LEVEL SECURITY")
	r = d.run(t, doctor()...)
	narrow(t, "doctor", r.out)
	contains(t, r.out, "1 critical, 1 warning\n")
}

// As a login that may not look, doctor fails, with and without --strict, and names the flag.
func TestDoctorSecurityCannotLook(t *testing.T) {
	t.Parallel()
	d, db := newDesk(t), pgtest.Open(t)
	for _, strict := range []string{"--strict=false", "--strict"} {
		r := d.run(t, "--url="+db.Config.URL, "doctor", "--security", strict)
		if r.status != 1 || r.err != "" {
			t.Errorf("exit status %d, %q", r.status, r.err)
		}
		contains(t, r.out, "critical  security_rls: the check itself\n   found  it failed: ",
			"      do  Set --reporter-url to a login", ", 0 warnings\n")
	}
}

// A superuser's or BYPASSRLS login is refused, with and without --strict, whichever of the URLs has it.
func TestPitfall02SuperuserLogin(t *testing.T) {
	t.Parallel()

	d, db := newDesk(t), pgtest.Open(t)
	for _, args := range [][]string{
		{"--url=" + db.AdminURL}, append(urls(db)[1:], "--url="+db.AdminURL),
	} {
		for _, strict := range []bool{false, true} {
			args := append(args, "doctor", "--security")
			if strict {
				args = append(args, "--strict")
			}
			r := d.run(t, args...)
			if r.status != 1 || r.err != "" {
				t.Errorf("%v: exit status %d, %q", args, r.status, r.err)
			}
			contains(t, r.out, "critical  security_superuser: ", "the login is a superuser or has BYPASSRLS")
		}
	}
}

// A new database of blotter's own is healthy; the exit status says so.
func TestDoctorOfANewDatabase(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	if out := d.ok(t, "doctor"); !strings.HasSuffix(out, " checks: all is well\n") || strings.Count(out, "\n") != 1 {
		t.Errorf("%s", out)
	}
	contains(t, d.ok(t, "doctor", "--indexes"), "-- nothing to advise about indexes")
}

// Findings are printed with their remedy, in 80 columns, the critical first.
func TestDoctorFinds(t *testing.T) {
	t.Parallel()

	d, db := newDesk(t), pgtest.Open(t)
	doctor := func(args ...string) outcome { return d.run(t, append(append(urls(db), "doctor"), args...)...) }
	db.Exec(t, "create index half on execution.orders (symbol)")
	db.Exec(t, "create table logging.rest partition of logging.system_logs default; alter table logging.rest owner "+
		"to trading_owner")
	r := doctor()
	if r.status != 0 || r.err != "" {
		t.Errorf("exit status %d of warnings, %s", r.status, r.err)
	}

	contains(t, r.out, "warning   index_redundant: execution.half\n   found  execution.idx_orders_symbol_status, which",
		"      do  Drop it with the statement", "checks: 0 critical, ")
	narrow(t, "doctor", r.out)
	db.Exec(t, "insert into shared.maintenance_runs (job, ended_at, run_by, result, figures) values ('verify', "+
		"now(), 'test', 'failed', '{\"mismatches\": 3}')")
	if r = doctor(); r.status != 1 || !strings.HasPrefix(r.out,
		"SEVERITY  CHECK AND SUBJECT\ncritical  verify_result: job verify\n   found  3 values") {
		t.Errorf("exit status %d:\n%s", r.status, r.out)
	}
	if r = doctor("--security"); strings.Contains(r.out, "verify") {
		t.Errorf("--security asks more:\n%s", r.out)
	}
}

// doctor makes no partition that is missing, and is not kept out by a detached one, nor is any other command: its
// remedy can be run.
func TestDoctorOfPartitions(t *testing.T) {
	t.Parallel()

	d := newOwnBook(t)
	d.ok(t, "up")
	t.Cleanup(func() { d.run(t, "down", "--force") })
	leaf := func(table string, months int) string {
		return table + calendar.AddMonths(time.Now().UTC(), months).Format("_2006_01")
	}
	gone, detached := leaf("logging.performance_logs", 1), leaf("logging.system_logs", 1)
	d.ok(t, "psql", "--as", "owner", "--", "-qc", "drop table "+gone, "-c",
		"alter table logging.system_logs detach partition "+detached)
	r := d.run(t, "doctor", "--json")
	contains(t, r.out, `"check": "partition_gaps",
    "severity": "critical",
    "subject": "logging.performance_logs"`, `"subject": "`+detached+`"`)
	var found []finding
	if err := json.Unmarshal([]byte(r.out), &found); err != nil {
		t.Fatal(err)
	}

	for _, f := range found {
		if f.Check == "partition_foreign" {
			_, sql, _ := strings.Cut(f.Remedy, "owner: ")
			sql, _, _ = strings.Cut(sql, ";")
			d.ok(t, "psql", "--as", "owner", "--", "-qc", sql)
		}
	}

	contains(t, d.ok(t, "doctor"), "checks: all is well") // psql has opened the database, which made the other one
}

// The advice is SQL: it can be piped into psql, and is then not given again.
func TestDoctorAdvisesAboutIndexes(t *testing.T) {
	t.Parallel()

	d := newBook(t)
	d.ok(t, "psql", "--as", "owner", "--", "-qc", "create index half on execution.orders (symbol)")
	out := d.ok(t, "doctor", "--indexes")
	contains(t, out, "-- redundant: execution.half (8 kB)\n", "\nDROP INDEX CONCURRENTLY execution.half;\n")
	narrow(t, "doctor --indexes", out)
	var list []struct {
		Kind, Index string
		Statements  []string
	}
	if err := json.Unmarshal([]byte(d.ok(t, "doctor", "--indexes", "--json")), &list); err != nil || len(list) != 1 ||
		len(list[0].Statements) != 1 {
		t.Errorf("%v %+v", err, list)
	}

	d.stdin = out
	d.ok(t, "psql", "--as", "owner")
	contains(t, d.ok(t, "doctor", "--indexes"), "nothing to advise")
}

func TestDoctorOfAReplicaThatIsNotThere(t *testing.T) {
	t.Parallel()
	d, db := newDesk(t), pgtest.Open(t)
	r := d.run(t, append(urls(db), "doctor", "--replica", "postgres://127.0.0.1:1/x")...)
	if r.status != 1 || r.err != "" {
		t.Errorf("%+v", r)
	}
	contains(t, r.out, "critical  replication_lag: replica 127.0.0.1\n", "checks: 1 critical, 0 warnings")
	d.fails(t, 1, append(urls(db), "doctor", "--indexes", "--replica", "postgres://127.0.0.1:1/x"),
		"no PostgreSQL server answers there")
	d.fails(t, 2, append(urls(db), "doctor", "--replica", "postgres://127.0.0.1:x/x"), "invalid --replica")
}

func TestPerformance(t *testing.T) {
	t.Parallel()

	d, db := newDesk(t), pgtest.Open(t)
	performance := func(args ...string) string { return d.ok(t, append(append(urls(db), "performance"), args...)...) }
	contains(t, performance(), "no statistics of the last 1h0m0s\n")
	db.Exec(t, `insert into logging.performance_logs (service, operation, execution_time_ms, rows, kind, calls, errors,
		p99_ms, max_ms)
		values ('execution', 'select execution.orders and what else has a long name', 12.3456, 1234567, 'minute',
		    1200300, 17, 99.9, 1234.5)`)
	out := performance("--service", "execution")
	contains(t, out, "service    operation", "execution  select executi…has a long name  1,200,300      17", "12.3")
	narrow(t, "performance", out)
	contains(t, performance("--json"), `"service": "execution"`, `"mean_ms": "12.346"`, `"calls": 1200300`)

	if got := performance("--service", "other", "--json"); got != "[]\n" {
		t.Errorf("%q", got)
	}
}

// From when on a figure is a finding can be said, by a flag as by the configuration file; what cannot be meant is
// refused.
func TestDoctorThresholds(t *testing.T) {
	t.Parallel()

	d, db := newDesk(t), pgtest.Open(t)
	doctor := func(args ...string) []string { return append(append(urls(db), "doctor"), args...) }
	all := d.ok(t, doctor()...)
	contains(t, all, "checks: all is well")
	contains(t, d.ok(t, doctor("--threshold", "partitions_ahead=3650d/1d")...), "warning   partitions_ahead: ")
	for _, line := range []string{
		`"partitions_ahead=3650d/3649d, blocked=1s/2s"`,
		`["partitions_ahead=3650d/3649d", "blocked=1s/2s"]`,
	} {
		d.write(t, "blotter.toml", "threshold = "+line+"\n")
		d.ok(t, "config", "trust")
		if r := d.run(t, doctor()...); r.status != 1 || r.err != "" {
			t.Errorf("%s: %+v", line, r)
		}
	}

	d.fails(t, 2, doctor("--threshold", "outbox_lag=5m/1m"), "with a critical value that is worse than the warning")
	d.fails(t, 2, doctor("--security", "--indexes"), "give one of them")
	d.fails(t, 2, doctor("--threshold", "partitions=1d"), "one of connections_percent, pool_wait")
	d.fails(t, 2, doctor("--threshold", "outbox_lag=1s"), "want outbox_lag=WARNING/CRITICAL")
	d.fails(t, 2, append(urls(db), "serve", "--threshold", "outbox_lag=1s"), "want outbox_lag=WARNING/CRITICAL")
	d.fails(t, 2, append(urls(db), "serve", "--retention-days", "0"), "--retention-days 0")
}
