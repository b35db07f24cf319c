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
	with := []string{"--url=" + db.Config.URL, "--service-url=" + db.Config.ServiceURL, "--readonly-url=" +
		db.Config.ReadOnlyURL, "--reporter-url=" + db.Config.ReporterURL, "audit"}
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
	db.Exec(t, `insert into execution.orders (account_id, order_id, symbol, side, quantity)
		values ('ACC123', 'O-1', 'AAPL', 'buy', 5)`)
	db.Exec(t, `set app.user_id = 'ann'; set app.correlation_id = 'c-17';
		update execution.orders set status = 'submitted', version = 2`)
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
	if err := json.Unmarshal([]byte(d.ok(t, args("list", "--json", "--oldest-first")...)), &entries); err != nil ||
		len(entries) != 4 || entries[0].New["name"] != "***" || entries[3].UserID != "ann" {
		t.Errorf("%+v, %v", entries, err)
	}
	contains(t, d.ok(t, args("list", "--format", "csv", "--operation", "UPDATE")...),
		`"{""order_id"": ""O-1"", ""account_id"": ""ACC123""}"`)

	contains(t, run("verify", "--heads", heads), "verified: 4 entries in 1 seal,", "compared with 1 exported head",
		"the chain ends with seal 1, entry 4")
	db.Exec(t, `update shared.audit_log set login = 'nobody' where id = 2; delete from shared.audit_log where id = 3`)
	r := d.run(t, args("verify")...)
	narrow(t, "verify", r.out)
	if r.status != 1 || r.err != "" {
		t.Errorf("exit status %d, %s", r.status, r.err)
	}
	contains(t, r.out, "changed: entry 2 (id 2", "removed: entry 3 (id 3", "NOT verified")
	var report struct{ Breaks []struct{ Kind string } }
	if err := json.Unmarshal([]byte(d.run(t, args("verify", "--json")...).out), &report); err != nil ||
		len(report.Breaks) != 2 {
		t.Errorf("%+v, %v", report, err)
	}
	db.Exec(t, `truncate shared.audit_log, shared.audit_seals, shared.audit_cursor;
		insert into shared.audit_cursor default values`)
	contains(t, run("verify"), "verified: 0 entries")
	if r := d.run(t, args("verify", "--heads", heads)...); r.status != 1 ||
		!strings.Contains(strings.ReplaceAll(r.out, "\n  ", " "), "its end was cut off") {
		t.Errorf("a log that was emptied: %+v", r)
	}
	d.fails(t, 1, args("verify", "--heads", heads+".none"), heads+".none", "check the path")
	if err := os.WriteFile(heads, []byte("hello\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	d.fails(t, 1, args("verify", "--heads", heads), "line 1", "want a line that blotter audit export-head wrote")
}

// Text that an application's login writes cannot make a line of its own, or move the cursor, in what people read. A
// long text does not crowd out who did it. JSON and CSV have it as it is.
func TestNothingIsForgedOnScreen(t *testing.T) {
	t.Parallel()
	d, db := newDesk(t), pgtest.Open(t)
	db.Exec(t, `insert into execution.accounts (account_id) values ('ACC123456789012345')`)
	db.Exec(t, `select set_config('role', 'trading_app', true), set_config('app.current_account_id',
		'ACC123456789012345', true),
		set_config('app.user_id', e'x\n2031-11-25 02:40:00  B-2  ceo', true),
		shared.record_access('execution.orders', 'read', jsonb_build_object('a', e'1\u202e\u2028\u009b', 'b',
		    repeat('long', 20)), null)`)
	db.Exec(t, `insert into execution.orders (account_id, order_id, symbol, side, quantity)
		values ('ACC123456789012345', e'O\x1b[2J', 'AAPL', 'buy', 5)`)
	listed := d.ok(t, append(urls(db), "audit", "list")...)
	narrow(t, "audit list", listed)
	contains(t, listed, "account", "who", "ACC1", "x\\n", "says:", "…")
	orders := d.ok(t, append(urls(db), "orders", "list")...)
	contains(t, orders, `O\x1b[2J`)
	db.Exec(t, `update execution.orders set filled_quantity = 1, status = 'partially_filled'`)
	verified := d.run(t, append(urls(db), "verify")...).out
	contains(t, verified, `O\x1b[2J`)
	db.Exec(t, `insert into events.outbox (account_id, channel, key, event_id, type, service, data)
		values ('ACC123456789012345', 'trades', 'ACC123456789012345', gen_random_uuid(), e'T\x1b[2J', 's', '{}')`)
	tailed := d.ok(t, append(urls(db), "events", "tail", "--from", "0", "--count", "1")...)
	contains(t, tailed, `T\x1b[2J`)
	for name, text := range map[string]string{
		"audit list": listed, "orders list": orders, "verify": verified,
		"events tail": tailed,
	} {
		if strings.ContainsAny(text, "\x1b\u009b\u202e\u2028") || strings.Contains(text, "\n2031-11-25") {
			t.Errorf("%s: %q", name, text)
		}
	}
	if lines := strings.Count(listed, "\n"); lines != 4 {
		t.Errorf("%d lines:\n%s", lines, listed)
	}
	var entries []struct {
		UserID string `json:"user_id"`
	}
	if err := json.Unmarshal([]byte(d.ok(t, append(urls(db), "audit", "list", "--json", "--oldest-first")...)),
		&entries); err != nil || len(entries) != 3 || !strings.HasPrefix(entries[1].UserID, "x\n2031") {
		t.Errorf("%+v, %v", entries, err)
	}
	contains(t, d.ok(t, append(urls(db), "orders", "list", "--format", "csv")...), "O\x1b[2J")

	d.ok(t, append(urls(db), "audit", "seal")...)
	db.Exec(t, `update shared.audit_log set login = e'\x1b[2J' where operation = 'INSERT'`)
	r := d.run(t, append(urls(db), "audit", "verify")...)
	contains(t, r.out, `\x1b[2J`)
	if strings.Contains(r.out, "\x1b") {
		t.Errorf("audit verify: %q", r.out)
	}
}

// A cursor that is gone is named by verify, doctor and the sealer, and put back by a command.
func TestAuditRepairCursor(t *testing.T) {
	t.Parallel()

	d, db := newDesk(t), pgtest.Open(t)
	db.Exec(t, `insert into execution.accounts (account_id) values ('A'), ('B'), ('C')`)
	d.ok(t, append(urls(db), "audit", "seal")...)
	db.Exec(t, `delete from shared.audit_cursor; delete from shared.audit_log`)
	r := d.run(t, append(urls(db), "audit", "verify")...)
	narrow(t, "audit verify", r.out)
	contains(t, r.out, "cursor: the sealer's cursor is gone",
		"removed: entries 1 to 3 of seal 1 are removed\n", "NOT verified")
	if r.status != 1 || strings.Count(r.out, "removed: ") != 1 {
		t.Errorf("status %d:\n%s", r.status, r.out)
	}

	d.fails(t, 1, append(urls(db), "audit", "seal"), "blotter audit repair-cursor")
	d.fails(t, 1, append(urls(db), "maintain", "run", "seal"), "")
	doctor := d.run(t, append(urls(db), "doctor", "--strict")...)
	if contains(t, doctor.out, "audit_seal: shared.audit_cursor"); doctor.status != 1 {
		t.Errorf("doctor: status %d", doctor.status)
	}

	owner := append(urls(db), "audit", "repair-cursor", "--url="+db.OwnerURL)
	out := d.ok(t, owner...)
	narrow(t, "audit repair-cursor", out)
	contains(t, out, "back at seal 1, entry 3")
	d.fails(t, 1, owner, "the cursor is there")
	if out := d.ok(t, append(urls(db), "audit", "seal")...); out != "sealed 1 entry\n" {
		t.Errorf("%q", out)
	}

	contains(t, d.ok(t, append(urls(db), "audit", "list")...), "REPAIR", "audit_cursor")
}
