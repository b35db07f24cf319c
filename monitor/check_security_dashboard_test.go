package monitor_test

import (
	"strings"
	"testing"

	"github.com/blotterdb/blotter/monitor"
	"github.com/blotterdb/blotter/pgtest"
)

// A user of an account that does not exist, and a session that lasts too long, are found.
func TestDashboardUsersAreChecked(t *testing.T) {
	t.Parallel()
	db := pgtest.Open(t)
	check := []monitor.Check{pick(t, "security_dashboard", monitor.Thresholds{})}
	db.Exec(t, `insert into dashboard.users (name, accounts, password) values ('ann', '{GONE}', 'x')`)
	db.Exec(t, `insert into dashboard.users (name, all_accounts, password) values ('bob', true, 'x')`)
	db.Exec(t, `insert into dashboard.sessions (digest, user_name, expires_at)
		values (sha256('a'), 'bob', now() + '1 year'), (sha256('b'), 'bob', now() + '12 hours')`)

	var got []string
	for _, f := range monitor.Findings(monitor.Run(t.Context(), db.DB, check)) {
		got = append(got, f.Subject+" "+f.Message)
	}
	if len(got) != 2 || !strings.HasPrefix(got[0], "user ann it may see account") || !strings.HasPrefix(got[1],
		"user bob it has a session") {
		t.Errorf("the findings are %q", got)
	}
}
