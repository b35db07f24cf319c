package maintenance_test

import (
	"context"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/maintenance"
	"github.com/blotterdb/blotter/pgtest"
	"github.com/blotterdb/blotter/postgres"
	"github.com/jackc/pgx/v5"
	"go.uber.org/goleak"
)

// The test binary runs itself as a program that is killed: it does this on the database at that URL.
const (
	killedDoes = "BLOTTER_TEST_MAINTENANCE"
	killedURL  = "BLOTTER_TEST_MAINTENANCE_URL"
)

func TestMain(m *testing.M) {
	switch os.Getenv(killedDoes) {
	case "archive":
		archiveUntilKilled(os.Getenv(killedURL))
	case "schedule":
		scheduleUntilKilled(os.Getenv(killedURL))
	}
	// The server of the whole test binary lives until its process ends, and so does the goroutine that waits for it.
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("os/exec.(*Cmd).Wait"))
}

func die(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

// config returns a configuration for the database of a test.
func config(db *pgtest.Database) maintenance.Config {
	return maintenance.Config{
		OwnerURL: db.OwnerURL, Logger: db.Config.Logger, By: "test",
		OpenBook: func(context.Context) (*postgres.DB, func(), error) { return db.DB, func() {}, nil },
	}
}

func newRunner(t *testing.T, cfg maintenance.Config) *maintenance.Runner {
	t.Helper()

	r, err := maintenance.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// run runs jobs that must succeed, and returns what each reported, and the figures.
func run(
	t *testing.T, r *maintenance.Runner, req maintenance.Request,
) (steps []string, figures map[string]maintenance.Figures) {
	t.Helper()

	req.Say = func(job, step string) { steps = append(steps, job+": "+step) }
	outcomes, err := r.Run(t.Context(), req)
	if err != nil {
		t.Fatal(err)
	}

	figures = map[string]maintenance.Figures{}
	for _, o := range outcomes {
		if o.Err != nil {
			t.Fatalf("%s: %v", o.Job, o.Err)
		}
		figures[o.Job] = o.Figures
	}

	return steps, figures
}

// history returns the runs of a database, oldest first.
func history(t *testing.T, r *maintenance.Runner) []blotter.MaintenanceRun {
	t.Helper()

	runs, err := r.History(t.Context(), maintenance.HistoryFilter{Limit: 1000})
	if err != nil {
		t.Fatal(err)
	}
	for i, j := 0, len(runs)-1; i < j; i, j = i+1, j-1 {
		runs[i], runs[j] = runs[j], runs[i]
	}
	return runs
}

// until polls to a deadline.
func until(t *testing.T, most time.Duration, what string, done func() bool) {
	t.Helper()

	for deadline := time.Now().Add(most); !done(); time.Sleep(25 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not within %s: %s", most, what)
		}
	}
}

// patience bounds waits for events that come soon.
const patience = time.Minute

// value returns the only value of a query.
func value[T any](t *testing.T, conn *pgx.Conn, sql string, args ...any) (v T) {
	t.Helper()

	if err := conn.QueryRow(t.Context(), sql, args...).Scan(&v); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return v
}
