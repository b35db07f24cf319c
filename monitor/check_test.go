package monitor_test

import (
	"context"
	"errors"
	"os"
	"regexp"
	"testing"

	"github.com/blotterdb/blotter/monitor"
	"github.com/blotterdb/blotter/pgtest"
	"github.com/blotterdb/blotter/postgres"
)

// tempDir is a short path that the server's user may enter.
func tempDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "blotter-monitor-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

// A new database on a server of its own has no finding of any check, and every check could be made with the rights that
// blotter's logins have.
func TestHealthyDatabaseIsQuiet(t *testing.T) {
	t.Parallel()
	_, db := ownServer(t)
	checks := monitor.Checks(monitor.Thresholds{})
	for range 2 { // some compare with their last run
		for _, outcome := range monitor.Run(t.Context(), db.DB, checks) {
			if outcome.Err != nil || len(outcome.Findings) > 0 {
				t.Errorf("%s: %v %+v", outcome.Name, outcome.Err, outcome.Findings)
			}
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

// A check that cannot be made is a finding, and the others are made.
func TestFailedCheckIsAFinding(t *testing.T) {
	t.Parallel()
	db := pgtest.Open(t)
	broken := monitor.Check{Name: "broken", Run: func(ctx context.Context, q postgres.Querier) ([]monitor.Finding, error) {
		_, err := q.Exec(ctx, "select * from nowhere")
		return nil, err
	}}
	good := monitor.Check{Name: "good", Run: func(context.Context, postgres.Querier) ([]monitor.Finding, error) {
		return []monitor.Finding{{Severity: monitor.Critical, Subject: "it"}}, nil
	}}
	outcomes := monitor.Run(t.Context(), db.DB, []monitor.Check{broken, good})
	findings := monitor.Findings(outcomes)
	if len(findings) != 2 || findings[0].Check != "good" || findings[1].Check != "broken" || findings[1].Severity != monitor.Warning {
		t.Errorf("want the critical one first and the failed one as a warning: %+v", findings)
	}
	if outcomes[0].Err == nil || errors.Is(outcomes[0].Err, context.Canceled) {
		t.Errorf("the error of the failed check: %v", outcomes[0].Err)
	}
}
