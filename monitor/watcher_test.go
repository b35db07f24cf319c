package monitor_test

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/blotterdb/blotter/monitor"
	"github.com/blotterdb/blotter/pgtest"
	"github.com/blotterdb/blotter/postgres"
)

// writer is a buffer for several goroutines.
type writer struct {
	guard sync.Mutex
	text  bytes.Buffer
}

func (w *writer) Write(p []byte) (int, error) {
	w.guard.Lock()
	defer w.guard.Unlock()
	return w.text.Write(p)
}

func (w *writer) String() string {
	w.guard.Lock()
	defer w.guard.Unlock()
	return w.text.String()
}

// TestWatcher checks that a finding is logged when it is confirmed and when it is gone, and that heartbeats are
// written meanwhile.
func TestWatcher(t *testing.T) {
	t.Parallel()

	db, log := pgtest.Open(t), &writer{}
	var guard sync.Mutex
	wrong, looks := false, 0
	check := monitor.Check{Name: "door", Run: func(context.Context, postgres.Querier) ([]monitor.Finding, error) {
		guard.Lock()
		defer guard.Unlock()
		if looks++; !wrong {
			return nil, nil
		}
		return []monitor.Finding{
			{Severity: monitor.Critical, Subject: "front", Message: "it is open", Remedy: "Close it."},
		}, nil
	}}

	set := func(to bool) {
		guard.Lock()
		wrong, looks = to, 0
		guard.Unlock()
	}

	seen := func() bool {
		guard.Lock()
		defer guard.Unlock()
		return looks > 3
	}

	w, err := monitor.NewWatcher(db.DB, []monitor.Check{check}, monitor.WatcherConfig{
		Period: 10 * time.Millisecond, HeartbeatPeriod: 10 * time.Millisecond,
		Logger: slog.New(slog.NewTextHandler(log, nil)),
	})
	if err != nil {
		t.Fatal(err)
	}

	start(t, w)
	start(t, w)
	set(true)
	until(t, "it looks again and again", seen)
	set(false)
	until(t, "it looks again and again", seen)
	if n := strings.Count(log.String(), "found: it is open"); n != 1 {
		t.Errorf("the finding was logged %d times:\n%s", n, log)
	}
	if !strings.Contains(log.String(), "no longer found") || !strings.Contains(log.String(), "remedy=\"Close it.\"") {
		t.Errorf("the log:\n%s", log)
	}

	first := pgtest.Value[time.Time](t, db, "select at from shared.heartbeat")
	until(t, "the heart beats", func() bool {
		return pgtest.Value[time.Time](t, db,
			"select at from shared.heartbeat").After(first)
	})

	if err := w.Health(); err != nil {
		t.Error(err)
	}

	db.Exec(t, "drop table shared.heartbeat")
	until(t, "Health reports that heartbeats fail", func() bool { return w.Health() != nil })
	stop(t, w)
	stop(t, w)
}

// stepped starts a watcher whose runs the test triggers one by one. Each run finds something of a severity, or
// nothing ("").
func stepped(t *testing.T) (look func(...monitor.Severity), log *writer, w *monitor.Watcher, db *pgtest.Database) {
	t.Helper()

	db, log = pgtest.Open(t), &writer{}
	next, looked := make(chan monitor.Severity), make(chan struct{})
	check := monitor.Check{Name: "door", Run: func(ctx context.Context, _ postgres.Querier) ([]monitor.Finding, error) {
		select {
		case severity := <-next:
			if severity == "" {
				return nil, nil
			}
			return []monitor.Finding{{Severity: severity, Subject: "front", Message: "it is open"}}, nil
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}}

	after := monitor.Check{
		Name: "after",
		Run: func(ctx context.Context, _ postgres.Querier) ([]monitor.Finding, error) {
			select {
			case looked <- struct{}{}:
			case <-ctx.Done():
			}
			return nil, nil
		},
	}

	w, err := monitor.NewWatcher(db.DB, []monitor.Check{check, after}, monitor.WatcherConfig{
		Period: time.Millisecond, Logger: slog.New(slog.NewTextHandler(log, nil)),
	})
	if err != nil {
		t.Fatal(err)
	}

	start(t, w)

	return func(severities ...monitor.Severity) {
		for _, severity := range severities {
			next <- severity
			<-looked
		}
	}, log, w, db
}

// TestWatcherConfirms checks that a finding of a single run, for example a backlog when a daemon starts, is in
// Sight and not in the log.
func TestWatcherConfirms(t *testing.T) {
	t.Parallel()

	look, log, w, _ := stepped(t)
	defer stop(t, w)

	look(monitor.Critical, "", monitor.Critical, "", monitor.Critical)
	until(t, "the last look is kept", func() bool { return len(monitor.Findings(w.Sight().Outcomes)) == 1 })
	if log.String() != "" {
		t.Errorf("the log:\n%s", log)
	}

	look(monitor.Critical)
	until(t, "the second look in a row is logged",
		func() bool { return strings.Contains(log.String(), "level=ERROR msg=\"found: it is open\"") })
}

// TestWatcherLogsWorseFindings checks that a finding that becomes worse is logged at once, and again only after it
// was gone.
func TestWatcherLogsWorseFindings(t *testing.T) {
	t.Parallel()

	look, log, w, _ := stepped(t)
	defer stop(t, w)

	lines := func() []string { return strings.Split(strings.TrimSpace(log.String()), "\n") }

	look(monitor.Warning, monitor.Warning, monitor.Critical)
	until(t, "both severities are logged", func() bool { return len(lines()) == 2 })
	look(monitor.Warning, monitor.Critical, monitor.Warning, "")
	until(t, "it is gone", func() bool { return len(lines()) == 3 })
	for i, want := range []string{
		"level=WARN msg=\"found", "level=ERROR msg=\"found",
		"level=INFO msg=\"no longer found\" check=door subject=front severity=critical",
	} {
		if !strings.Contains(lines()[i], want) {
			t.Errorf("line %d is %s, want %s", i+1, lines()[i], want)
		}
	}
}

// TestWatcherWithoutGauges checks that findings are logged even if the gauges cannot be read.
func TestWatcherWithoutGauges(t *testing.T) {
	t.Parallel()

	look, log, w, db := stepped(t)
	defer stop(t, w)

	db.Exec(t, "revoke select on events.cursor from trading_reporter")

	look(monitor.Critical, monitor.Critical)
	until(t, "both are logged", func() bool {
		return strings.Contains(log.String(), "the database cannot be watched") &&
			strings.Contains(log.String(), "found: it is open")
	})
}

func TestPeriodsAreChecked(t *testing.T) {
	t.Parallel()

	for field, cfg := range map[string]monitor.WatcherConfig{
		"Period": {Period: -1}, "ConfirmAfter": {ConfirmAfter: -1}, "HeartbeatPeriod": {HeartbeatPeriod: -1},
	} {
		if _, err := monitor.NewWatcher(nil, nil, cfg); err == nil || !strings.Contains(err.Error(), field) {
			t.Errorf("%s: %v", field, err)
		}
	}

	if _, err := monitor.NewRecorder(nil, nil, monitor.RecorderConfig{Period: -1}); err == nil {
		t.Error("a negative period returned no error")
	}
}
