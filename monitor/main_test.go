package monitor_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/blotterdb/blotter/embedded"
	"github.com/blotterdb/blotter/monitor"
	"github.com/blotterdb/blotter/pgtest"
	"github.com/blotterdb/blotter/postgres"
	"github.com/blotterdb/blotter/schema"
	"github.com/jackc/pgx/v5"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	// The server of the whole test binary lives until its process ends, and so does the goroutine that waits for it.
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("os/exec.(*Cmd).Wait"))
}

// pick returns a new check by its name, which has no earlier run to compare with.
func pick(t *testing.T, name string, thresholds monitor.Thresholds) monitor.Check {
	t.Helper()

	checks := monitor.Checks(thresholds)
	at := slices.IndexFunc(checks, func(c monitor.Check) bool { return c.Name == name })
	if at < 0 {
		t.Fatalf("there is no check %s", name)
	}
	return checks[at]
}

// look runs one check once.
func look(t *testing.T, db *postgres.DB, check monitor.Check) []monitor.Finding {
	t.Helper()

	outcomes := monitor.Run(t.Context(), db, []monitor.Check{check})
	if outcomes[0].Err != nil {
		t.Fatalf("%s: %v", check.Name, outcomes[0].Err)
	}
	return outcomes[0].Findings
}

// quiet checks that there is no finding about the subject.
func quiet(t *testing.T, db *postgres.DB, check monitor.Check, subject string) {
	t.Helper()

	for _, f := range look(t, db, check) {
		if strings.Contains(f.Subject, subject) {
			t.Errorf("%s found %+v, want nothing", check.Name, f)
		}
	}
}

// fires waits for a finding whose subject and message contain the given texts. The statistics of the server are up to a
// second old.
func fires(
	t *testing.T, db *postgres.DB, name string, thresholds monitor.Thresholds, severity monitor.Severity,
	subject, message string,
) monitor.Finding {
	t.Helper()

	var found []monitor.Finding
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		found = look(t, db, pick(t, name, thresholds))
		for _, f := range found {
			if f.Severity == severity && strings.Contains(f.Subject, subject) && strings.Contains(f.Message, message) {
				if f.Check != name || !strings.HasSuffix(f.Remedy, ".") {
					t.Errorf("%s: invalid finding: %+v", name, f)
				}
				return f
			}
		}
	}

	t.Fatalf("%s found no %s of %q with %q, but %+v", name, severity, subject, message, found)
	return monitor.Finding{}
}

// admin returns a session of a superuser.
func admin(t *testing.T, db *pgtest.Database) *pgx.Conn {
	t.Helper()

	return db.Connect(t, db.AdminURL)
}

func run(t *testing.T, conn *pgx.Conn, sql string, args ...any) {
	t.Helper()

	if _, err := conn.Exec(t.Context(), sql, args...); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

// counted runs a statement and makes the server count it at once. Otherwise that may take seconds.
func counted(t *testing.T, conn *pgx.Conn, sql string) {
	t.Helper()

	run(t, conn, sql)
	run(t, conn, "select pg_stat_force_next_flush()")
}

// until polls to a deadline.
func until(t *testing.T, what string, done func() bool) {
	t.Helper()

	for deadline := time.Now().Add(time.Minute); !done(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not within a minute: %s", what)
		}
	}
}

// ownServer returns a server that no other test uses, for checks of the whole server, with a migrated database.
func ownServer(t *testing.T) (*embedded.Server, *pgtest.Database) {
	t.Helper()

	server, err := embedded.Start(t.Context(), embedded.Config{DataDir: tempDir(t), Temporary: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Stop() })
	return server, openOn(t, server.State)
}

func openOn(t *testing.T, state embedded.State) *pgtest.Database {
	t.Helper()

	m, err := schema.NewMigrator(t.Context(), state.OwnerURL())
	if err == nil {
		_, err = m.Up(t.Context())
	}

	if err == nil {
		err = m.Close()
	}
	if err != nil {
		t.Fatal(err)
	}

	d := &pgtest.Database{
		Name: embedded.Database, Config: state.Config(), OwnerURL: state.OwnerURL(),
		AdminURL: state.AdminURL(embedded.Database),
	}
	if d.DB, err = postgres.Open(context.Background(), d.Config); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.Close)

	return d
}
