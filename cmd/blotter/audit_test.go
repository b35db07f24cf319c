package main_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/blotterdb/blotter/pgtest"
)

// The life of the audit log on the command line: what was done is listed, sealed, proved, and tampering is named.
func TestAudit(t *testing.T) {
	t.Parallel()
	d, db := newDesk(t), pgtest.Open(t)
	with := []string{"--url=" + db.Config.URL, "--service-url=" + db.Config.ServiceURL, "--readonly-url=" + db.Config.ReadOnlyURL, "--reporter-url=" + db.Config.ReporterURL, "audit"}
	args := func(more ...string) []string { return append(append([]string{}, with...), more...) }
	run := func(more ...string) string {
		text := d.ok(t, args(more...)...)
		narrow(t, strings.Join(more, " "), text)
		return text
	}
	if out := run("list"); out != "no such entries\n" {
		t.Errorf("an empty log: %q", out)
	}
	heads := filepath.Join(d.dir, "heads.json")
	d.fails(t, 1, args("export-head", heads), "nothing is sealed yet; run blotter audit seal")
	contains(t, run("verify"), "verified: 0 entries in 0 seals, 0 not sealed yet")

	db.Exec(t, `insert into execution.accounts (account_id, name) values ('ACC123', 'Ann'), ('B', '')`)
	db.Exec(t, `insert into execution.orders (account_id, order_id, symbol, side, quantity) values ('ACC123', 'O-1', 'AAPL', 'buy', 5)`)
	db.Exec(t, `set app.user_id = 'ann'; set app.correlation_id = 'c-17'; update execution.orders set status = 'submitted', version = 2`)
	contains(t, run("verify"), "0 entries in 0 seals, 4 not sealed yet")
	if out := run("seal"); out != "sealed 4 entries\n" {
		t.Errorf("%q", out)
	}
	contains(t, run("export-head", heads), "seal 1, entry 4\n", "added to "+heads)
	listed := run("list")
	contains(t, listed, "time                 account  who", "ann", "UPDATE  orders", "O-1", "INSERT  accounts")
	if lines := strings.Count(listed, "\n"); lines != 5 || !strings.Contains(strings.Split(listed, "\n")[1], "UPDATE") {
		t.Errorf("newest first:\n%s", listed)
	}
	contains(t, run("list", "--account", "ACC123", "--correlation", "c-17"), "change", "status pending>submitted")
	if out := run("list", "--user", "bob"); out != "no such entries\n" {
		t.Errorf("%q", out)
	}
	var entries []struct {
		Operation string
		New       map[string]any
		UserID    string `json:"user_id"`
	}
	if err := json.Unmarshal([]byte(d.ok(t, args("list", "--json", "--oldest-first")...)), &entries); err != nil || len(entries) != 4 || entries[0].New["name"] != "***" || entries[3].UserID != "ann" {
		t.Errorf("%+v, %v", entries, err)
	}
	contains(t, d.ok(t, args("list", "--format", "csv", "--operation", "UPDATE")...), `"{""order_id"": ""O-1"", ""account_id"": ""ACC123""}"`)

	contains(t, run("verify", "--heads", heads), "verified: 4 entries in 1 seal,", "compared with 1 exported head", "the chain ends with seal 1, entry 4")
	db.Exec(t, `update shared.audit_log set login = 'nobody' where id = 2; delete from shared.audit_log where id = 3`)
	r := d.run(t, args("verify")...)
	narrow(t, "verify", r.out)
	if r.status != 1 || r.err != "" {
		t.Errorf("exit status %d, %s", r.status, r.err)
	}
	contains(t, r.out, "changed: entry 2 (id 2", "removed: entry 3 (id 3", "NOT verified")
	var report struct{ Breaks []struct{ Kind string } }
	if err := json.Unmarshal([]byte(d.run(t, args("verify", "--json")...).out), &report); err != nil || len(report.Breaks) != 2 {
		t.Errorf("%+v, %v", report, err)
	}
	db.Exec(t, `truncate shared.audit_log, shared.audit_seals, shared.audit_cursor; insert into shared.audit_cursor default values`)
	contains(t, run("verify"), "verified: 0 entries")
	if r := d.run(t, args("verify", "--heads", heads)...); r.status != 1 || !strings.Contains(strings.ReplaceAll(r.out, "\n  ", " "), "its end was cut off") {
		t.Errorf("a log that was emptied: %+v", r)
	}
	d.fails(t, 1, args("verify", "--heads", heads+".none"), "no such file")
	if err := os.WriteFile(heads, []byte("hello\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	d.fails(t, 1, args("verify", "--heads", heads), "line 1", "want a line that blotter audit export-head wrote")
}
