package main_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/blotterdb/blotter/pgtest"
)

// A new database of blotter's own is healthy; the exit status says so.
func TestDoctorOfANewDatabase(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	if out := d.ok(t, "doctor"); !strings.HasSuffix(out, " checks: nothing is wrong\n") || strings.Count(out, "\n") != 1 {
		t.Errorf("%s", out)
	}
	contains(t, d.ok(t, "doctor", "--indexes"), "-- nothing to advise about indexes")
}

// What is found is told with its remedy, in 80 columns, the critical first; the exit status follows --fail-on.
func TestDoctorFinds(t *testing.T) {
	t.Parallel()
	d, db := newDesk(t), pgtest.Open(t)
	doctor := func(args ...string) outcome { return d.run(t, append(append(urls(db), "doctor"), args...)...) }
	db.Exec(t, "create index half on execution.orders (symbol)")
	db.Exec(t, "create table logging.rest partition of logging.system_logs default")
	r := doctor()
	if r.status != 1 || r.err != "" {
		t.Errorf("exit status %d, %s", r.status, r.err)
	}
	contains(t, r.out, "WARNING index_redundant: execution.half\n", "-> blotter doctor --indexes prints the statement", "checks: 0 critical, ")
	narrow(t, "doctor", r.out)
	if r = doctor("--fail-on", "critical"); r.status != 0 {
		t.Errorf("exit status %d of warnings with --fail-on critical", r.status)
	}

	db.Exec(t, "insert into shared.maintenance_runs (job, ended_at, run_by, result, figures) values ('verify', now(), 'test', 'failed', '{\"mismatches\": 3}')")
	r = doctor("--fail-on", "critical")
	if r.status != 1 || !strings.HasPrefix(r.out, "CRITICAL verify_result: job verify\n          3 figures") {
		t.Errorf("exit status %d:\n%s", r.status, r.out)
	}
	var told struct {
		Checks   []struct{ Check, Area string }
		Findings []struct{ Check, Severity, Subject, Message, Remedy string }
	}
	r = doctor("--json")
	if err := json.Unmarshal([]byte(r.out), &told); err != nil || r.status != 1 {
		t.Fatalf("exit status %d, %v: %s", r.status, err, r.out)
	}
	if len(told.Checks) < 30 || told.Findings[0].Check != "verify_result" || told.Findings[0].Severity != "critical" || told.Findings[0].Remedy == "" {
		t.Errorf("%+v", told)
	}
}

// The advice is SQL: it can be piped into psql, and is then not given again.
func TestDoctorAdvisesAboutIndexes(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.ok(t, "up")
	t.Cleanup(func() { d.run(t, "down") })
	d.ok(t, "psql", "--as", "owner", "--", "-qc", "create index half on execution.orders (symbol)")
	out := d.ok(t, "doctor", "--indexes")
	contains(t, out, "-- redundant: execution.half (8 kB)\n", "\nDROP INDEX CONCURRENTLY execution.half;\n")
	narrow(t, "doctor --indexes", out)
	var list []struct {
		Kind, Index string
		Statements  []string
	}
	if err := json.Unmarshal([]byte(d.ok(t, "doctor", "--indexes", "--json")), &list); err != nil || len(list) != 1 || len(list[0].Statements) != 1 {
		t.Errorf("%v %+v", err, list)
	}
	d.stdin = out
	d.ok(t, "psql", "--as", "owner")
	contains(t, d.ok(t, "doctor", "--indexes"), "nothing to advise")
}

func TestDoctorOfAReplicaThatIsNotThere(t *testing.T) {
	t.Parallel()
	d, db := newDesk(t), pgtest.Open(t)
	d.fails(t, 1, append(urls(db), "doctor", "--replica", "postgres://127.0.0.1:1/x"), "no PostgreSQL server answers there")
}

func TestPerformance(t *testing.T) {
	t.Parallel()
	d, db := newDesk(t), pgtest.Open(t)
	performance := func(args ...string) string { return d.ok(t, append(append(urls(db), "performance"), args...)...) }
	contains(t, performance(), "nothing was written in the last 1h0m0s\n")
	db.Exec(t, `insert into logging.performance_logs (service, operation, execution_time_ms, rows, kind, calls, errors, p99_ms, max_ms)
		values ('execution', 'select execution.orders and what else has a long name', 12.3456, 1234567, 'minute', 1200300, 17, 99.9, 1234.5)`)
	out := performance("--service", "execution")
	contains(t, out, "service    operation", "execution  select executi…has a long name  1,200,300      17", "12.3")
	narrow(t, "performance", out)
	contains(t, performance("--json"), `"service": "execution"`, `"mean_ms": "12.346"`, `"calls": 1200300`)
	if got := performance("--service", "other", "--json"); got != "[]\n" {
		t.Errorf("%q", got)
	}
}
