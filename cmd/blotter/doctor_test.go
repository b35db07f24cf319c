package main_test

import (
	"encoding/json"
	"testing"

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
	contains(t, d.ok(t, doctor()...), "warning: execution.orders\n- there is another policy than blotter's: mine", "(security_stray_policy)", "critical 0, warnings 1\n")
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
	contains(t, r.out, "critical 1, warnings 1\n")
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
			contains(t, r.out, "critical: ", "the login is a superuser or has BYPASSRLS", "(security_superuser)")
		}
	}
}
