//go:build unix

package blotter_test

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/audit"
	"github.com/blotterdb/blotter/events"
	"github.com/blotterdb/blotter/monitor"
	"github.com/blotterdb/blotter/pgtest"
	"github.com/blotterdb/blotter/postgres"
)

// openWithReplica opens a primary whose reading roles read from a replica.
func openWithReplica(t *testing.T, log *errorLog) (cluster *pgtest.Cluster, db *pgtest.Database) {
	t.Helper()

	cluster = pgtest.Replicas(t, 1)
	db = cluster.Primary.Database
	db.Config.ReadOnlyURL = cluster.Replicas[0].Config.ReadOnlyURL
	db.Config.ReporterURL = cluster.Replicas[0].Config.ReporterURL
	db.Config.Logger = slog.New(log)
	db.Config.MaxConns = 6
	var err error
	if db.DB, err = postgres.Open(t.Context(), db.Config); err != nil {
		t.Fatal(err)
	}

	t.Cleanup(db.Close)

	return cluster, db
}

// leadsToReplica reports whether a call was refused with an error that names the wrong URL.
func leadsToReplica(err error) bool {
	return errors.Is(err, blotter.ErrOperational) && strings.Contains(err.Error(), "leads to a replica")
}

// replicaRefused lists the calls that do not read from a replica and have no other connection to the primary.
var replicaRefused = []string{"monitor.AdviseIndexes", "monitor.Run"}

// notOnReplicas lists the calls that would remove the schema, or do not use the database.
var notOnReplicas = []string{"embedded.", "schema.Migrator.DownTo"}

// TestEveryCallWithReplica checks that every public call works or is refused with a clear error if ReadOnlyURL and
// ReporterURL lead to a replica. No call sends a replica something that it cannot do.
func TestEveryCallWithReplica(t *testing.T) {
	t.Parallel()

	log := &errorLog{}
	_, db := openWithReplica(t, log)
	w := newWalkOn(t, log, db)
	for _, call := range slices.Sorted(maps.Keys(w.calls)) {
		if slices.ContainsFunc(notOnReplicas, func(prefix string) bool { return strings.HasPrefix(call, prefix) }) {
			continue
		}

		ctx, cancel := context.WithTimeout(blotter.WithAllAccounts(t.Context()), time.Second)
		err := w.calls[call](ctx)
		cancel()

		var e *blotter.Error
		state := ""
		if errors.As(err, &e) {
			state = e.SQLState
		}

		if state == "25006" || state == "55000" || err != nil && strings.Contains(err.Error(), "recovery") {
			t.Errorf("%s was sent to a replica, which cannot do it: %v", call, err)
		}
		if refused := slices.Contains(replicaRefused, call); refused != leadsToReplica(err) {
			t.Errorf("%s: refused: %v, want %v (%v)", call, leadsToReplica(err), refused, err)
		}
	}
}

// TestFollowWithReplica checks that Follow misses no event of a slow transaction if the reading roles read from a
// replica.
func TestFollowWithReplica(t *testing.T) {
	t.Parallel()

	cluster, db := openWithReplica(t, &errorLog{})
	all := blotter.WithAllAccounts(t.Context())
	emit := func(tx *postgres.Tx, data string) error {
		return tx.Emit(all, blotter.Event{Channel: "test", Key: "K1", Type: "test", Data: []byte(data)})
	}

	slow, err := db.Begin(all)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = slow.Rollback(all) }()

	if _, err := slow.Exec(all, "select pg_current_xact_id()"); err != nil {
		t.Fatal(err)
	}
	if err := db.Transaction(all, func(tx *postgres.Tx) error { return emit(tx, `"fast"`) }); err != nil {
		t.Fatal(err)
	}

	cluster.Primary.CatchUp(t, cluster.Replicas[0])

	var seen []string
	ctx, cancel := context.WithTimeout(all, time.Minute)
	defer cancel()

	callback := func(_ context.Context, e blotter.Event) error {
		seen = append(seen, string(e.Data))
		if len(seen) == 2 {
			cancel()
			return nil
		}
		if err := emit(slow, `"slow"`); err != nil {
			return err
		}
		return slow.Commit(all)
	}

	err = events.Follow(ctx, db.DB, events.FollowConfig{After: new(int64), Callback: callback})

	if want := []string{`"fast"`, `"slow"`}; err != nil || !slices.Equal(seen, want) {
		t.Errorf("Follow saw %v (%v), want %v", seen, err, want)
	}

	err = events.Follow(blotter.WithAccount(t.Context(), "A1"), db.DB, events.FollowConfig{
		Callback: func(context.Context, blotter.Event) error { return nil },
	})
	if !leadsToReplica(err) {
		t.Errorf("Follow of one account: %v, want a refusal", err)
	}
}

// TestAuditWithReplica checks that the sealer and the verification of the audit log read from the primary, and that the
// checks of the database fail because they cannot.
func TestAuditWithReplica(t *testing.T) {
	t.Parallel()

	cluster, db := openWithReplica(t, &errorLog{})
	cluster.Replicas[0].Pause(t)
	ctx := blotter.WithAccount(t.Context(), "A1")
	if err := db.Audit(ctx, postgres.Access{Table: "execution.trades", Operation: "read"}); err != nil {
		t.Fatal(err)
	}

	sealed, err := audit.Seal(t.Context(), db.DB, 100)
	if err != nil || sealed == 0 {
		t.Errorf("with a replica that does not replay: sealed %d entries, %v", sealed, err)
	}

	if head, err := audit.LastHead(t.Context(), db.DB); err != nil || head.Seal != 1 {
		t.Errorf("head of seal %d, %v; want 1", head.Seal, err)
	}

	report, err := audit.VerifyDatabase(t.Context(), db.DB, nil)
	if err != nil || report.Entries == 0 {
		t.Errorf("verified: %+v, %v", report, err)
	}

	checks := monitor.Checks(monitor.Thresholds{})
	for _, outcome := range monitor.Run(t.Context(), db.DB, checks[:1]) {
		if !leadsToReplica(outcome.Err) {
			t.Errorf("check %s with a replica: %v, want a refusal", outcome.Check.Name, outcome.Err)
		}
	}
}
