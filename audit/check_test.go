package audit_test

import (
	"strings"
	"testing"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/audit"
	"github.com/blotterdb/blotter/monitor"
	"github.com/blotterdb/blotter/pgtest"
	"github.com/blotterdb/blotter/postgres"
)

// The checks fire when a trigger is gone or does not always fire, or a column is not masked, say what to do, and are
// quiet otherwise.
func TestTriggersAreChecked(t *testing.T) {
	t.Parallel()

	db := pgtest.Open(t)
	found := func() (list []monitor.Finding) {
		t.Helper()
		ctx := blotter.WithAllAccounts(t.Context())
		for _, check := range audit.Checks() {
			err := db.ReadOnly(ctx, func(s *postgres.Session) error {
				findings, err := check.Run(ctx, s)
				for _, f := range findings {
					if f.Check != check.Name || f.Remedy == "" || f.Subject == "" {
						t.Errorf("%+v of %s", f, check.Name)
					}
				}
				list = append(list, findings...)
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
		}

		return list
	}
	quiet := func(when string) {
		t.Helper()
		if list := found(); len(list) > 0 {
			t.Errorf("%s: %+v", when, list)
		}
	}
	fires := func(when string, want ...string) {
		t.Helper()
		list := found()
		if len(list) != len(want) {
			t.Fatalf("%s: %+v", when, list)
		}
		for i, f := range list {
			if !strings.Contains(string(f.Severity)+" "+f.Subject+" "+f.Message+" "+f.Remedy, want[i]) {
				t.Errorf("%s: %+v, want %s", when, f, want[i])
			}
		}
	}
	quiet("a new database")
	db.Exec(t,
		`drop trigger audit_delete on execution.trades; alter table execution.orders enable trigger audit_update`)
	fires("triggers that were tampered with", "ALTER TABLE execution.orders ENABLE ALWAYS TRIGGER audit_update",
		"trigger audit_delete of execution.trades is not there")
	db.Exec(t, `alter table execution.orders disable trigger audit_insert`)
	fires("one more", "trigger audit_insert of execution.orders does not always fire",
		"trigger audit_update of execution.orders", "execution.trades")
	db.Exec(t, `insert into shared.masked_columns values ('execution.orders', 'strategy');
		delete from shared.masked_columns where table_name = 'execution.accounts'`)
	fires("a column that is not masked", "ENABLE ALWAYS TRIGGER audit_insert", "audit_update", "audit_delete",
		"critical execution.accounts column name is not masked")
}
