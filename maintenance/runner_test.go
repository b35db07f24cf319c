package maintenance_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/maintenance"
	"github.com/blotterdb/blotter/pgtest"
	"github.com/google/go-cmp/cmp"
)

func TestRunAll(t *testing.T) {
	t.Parallel()

	db := pgtest.Open(t)
	handed := 0
	cfg := config(db)
	cfg.Jobs = []maintenance.Job{
		{Name: "broken", Run: func(context.Context, *maintenance.Task) (maintenance.Figures, error) {
			return maintenance.Figures{"half": 1}, errors.New("it broke")
		}},
		{
			Name: "panics",
			Run:  func(context.Context, *maintenance.Task) (maintenance.Figures, error) { panic("no more") },
		},
		{Name: "handed", Run: func(context.Context, *maintenance.Task) (maintenance.Figures, error) {
			handed++
			return maintenance.Figures{"times": handed}, nil
		}},
	}

	r := newRunner(t, cfg)
	outcomes, err := r.Run(t.Context(), maintenance.Request{Jobs: []string{"all"}})
	if err != nil {
		t.Fatal(err)
	}

	var got, want []string
	for _, o := range outcomes {
		got = append(got, fmt.Sprint(o.Job, " ", o.Err))
	}

	want = []string{
		"archive_logs <nil>", "partitions <nil>", "vacuum_analyze <nil>", "analyze <nil>", "verify <nil>",
		"broken it broke", "panics panic: no more", "handed <nil>",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}

	got, want = nil, []string{
		"archive_logs ok", "partitions ok", "vacuum_analyze ok", "analyze ok", "verify ok",
		"broken failed it broke", "panics failed panic: no more", "handed ok",
	}

	for _, run := range history(t, r) {
		got = append(got, strings.TrimSpace(run.Job+" "+run.Result+" "+run.Error))
		if run.EndedAt == nil || run.EndedAt.Before(run.StartedAt) || run.RunBy != "test" || run.Service != "" {
			t.Errorf("%+v", run)
		}
		if run.Job == "broken" && string(run.Figures) != `{"half": 1}` {
			t.Errorf("figures of a job that failed: %s", run.Figures)
		}
	}

	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestRequests(t *testing.T) {
	t.Parallel()

	db := pgtest.Open(t)
	r := newRunner(t, config(db))
	_, figures := run(t, r, maintenance.Request{Jobs: []string{"all"}, Service: "execution", Force: true})
	if len(figures) != 2 || figures["vacuum_analyze"]["vacuumed"] != int64(10) || figures["analyze"]["analyzed"] != 10 {
		t.Errorf("of one service: %v", figures)
	}
	if runs := history(t, r); len(runs) != 2 || runs[0].Service != "execution" {
		t.Errorf("%+v", runs)
	}

	steps, _ := run(t, r, maintenance.Request{Jobs: []string{"all"}, DryRun: true})
	if len(steps) == 0 || len(history(t, r)) != 2 {
		t.Errorf("a dry run: %v, %d rows", steps, len(history(t, r)))
	}

	for want, req := range map[string]maintenance.Request{
		`invalid job "burn": want all, or one of archive_logs`: {Jobs: []string{"burn"}},
		"verify is for the whole database":                     {Jobs: []string{"verify"}, Service: "execution"},
		"want one of analytics, dashboard, data":               {Jobs: []string{"analyze"}, Service: "pg_catalog"},
	} {
		if _, err := r.Run(t.Context(), req); !errors.Is(err, blotter.ErrInvalid) ||
			!strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v", req, err)
		}
	}

	for _, change := range []func(*maintenance.Config){
		func(c *maintenance.Config) { c.OwnerURL = "" },
		func(c *maintenance.Config) { c.Jobs = []maintenance.Job{{Name: "Bad Name"}} },
		func(c *maintenance.Config) { c.Jobs = []maintenance.Job{{Name: "empty"}} },
		func(c *maintenance.Config) { c.Jobs = []maintenance.Job{{Name: "verify", Run: idle}} },
		func(c *maintenance.Config) { c.Every = map[string]time.Duration{"burn": 1} },
		func(c *maintenance.Config) { c.Logs.LiveDays = -1 },
		func(c *maintenance.Config) { c.StatementTimeout = -1 },
		func(c *maintenance.Config) { c.By = strings.Repeat("x", 201) },
	} {
		cfg := config(db)
		change(&cfg)
		if _, err := maintenance.New(cfg); !errors.Is(err, blotter.ErrInvalid) {
			t.Errorf("%+v: %v", cfg, err)
		}
	}
}

func idle(context.Context, *maintenance.Task) (maintenance.Figures, error) { return nil, nil }

// TestOneRunner checks that a second runner refuses to work while another does, names it, and works when it is
// done.
func TestOneRunner(t *testing.T) {
	t.Parallel()

	db := pgtest.Open(t)
	begun, finish := make(chan struct{}), make(chan struct{})
	cfg := config(db)
	cfg.By = "the first one"
	cfg.Jobs = []maintenance.Job{{
		Name: "long",
		Run: func(context.Context, *maintenance.Task) (maintenance.Figures, error) {
			close(begun)
			<-finish
			return nil, nil
		},
	}}

	ended := make(chan error)
	go func() {
		_, err := newRunner(t, cfg).Run(t.Context(), maintenance.Request{Jobs: []string{"long"}})
		ended <- err
	}()

	<-begun
	second := newRunner(t, config(db))
	_, err := second.Run(t.Context(), maintenance.Request{Jobs: []string{"analyze"}})
	var busy *maintenance.BusyError
	if !errors.As(err, &busy) || busy.Job != "long" || busy.By != "the first one" ||
		time.Since(busy.Since) > time.Minute {
		t.Errorf("a second runner: %v", err)
	}

	if steps, _ := run(t, second, maintenance.Request{
		Jobs: []string{"vacuum_analyze"}, Force: true, DryRun: true,
	}); len(steps) == 0 {
		t.Error("a dry run waited for the lock")
	}

	close(finish)
	if err := <-ended; err != nil {
		t.Fatal(err)
	}

	run(t, second, maintenance.Request{Jobs: []string{"analyze"}})
}

// TestLostLock checks that a runner that loses its connection, and so its lock, stops its job, and that the next
// one marks the run.
func TestLostLock(t *testing.T) {
	t.Parallel()

	db := pgtest.Open(t)
	cfg := config(db)
	begun := make(chan struct{})
	cfg.Jobs = []maintenance.Job{{
		Name: "long",
		Run: func(ctx context.Context, _ *maintenance.Task) (maintenance.Figures, error) {
			close(begun)
			<-ctx.Done()
			return nil, ctx.Err()
		},
	}}

	ended := make(chan error)
	r := newRunner(t, cfg)
	go func() {
		_, err := r.Run(t.Context(), maintenance.Request{Jobs: []string{"long"}})
		ended <- err
	}()

	<-begun
	db.Exec(t, `select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database()
			and application_name = 'blotter maintenance lock'`)
	select {
	case err := <-ended:
		if !errors.Is(err, blotter.ErrOperational) {
			t.Errorf("the run: %v", err)
		}
	case <-time.After(patience):
		t.Fatal("the job goes on without the lock")
	}

	run(t, r, maintenance.Request{Jobs: []string{"analyze"}})
	if runs := history(t, r); runs[0].Result != "killed" || runs[0].Error == "" || runs[0].EndedAt == nil ||
		runs[1].Result != "ok" {
		t.Errorf("%+v", runs)
	}
}

// TestStoppedRun checks the errors of a run that is stopped or exceeds its limit.
func TestStoppedRun(t *testing.T) {
	t.Parallel()

	db := pgtest.Open(t)
	cfg := config(db)
	ctx, cancel := context.WithCancel(t.Context())
	wait := func(ctx context.Context, _ *maintenance.Task) (maintenance.Figures, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	}

	cfg.Jobs = []maintenance.Job{
		{Name: "slow", Limit: 50 * time.Millisecond, Run: wait},
		{Name: "endless", Run: func(ctx context.Context, task *maintenance.Task) (maintenance.Figures, error) {
			cancel()
			return wait(ctx, task)
		}},
		{Name: "later", Run: idle},
	}

	r := newRunner(t, cfg)
	_, err := r.Run(ctx, maintenance.Request{Jobs: []string{"slow", "endless", "later"}})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("the run: %v", err)
	}

	var got []string
	for _, run := range history(t, r) {
		got = append(got, run.Job+" "+run.Result+" "+run.Error)
	}

	want := []string{
		"slow failed it exceeded its time limit",
		"endless failed it was stopped before its end; the next run continues",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// TestStatementTimeout checks that statements of maintenance are bounded, and that a slow one does not stop the
// others.
func TestStatementTimeout(t *testing.T) {
	t.Parallel()

	db := pgtest.Open(t)
	db.Exec(t, `insert into logging.system_logs (service, level, message) select 's', 'info', repeat('m', 500) || n
			from generate_series(1, 20000) n`)
	cfg := config(db)
	cfg.StatementTimeout, cfg.VacuumDelay = 300*time.Millisecond, 100*time.Millisecond
	outcomes, err := newRunner(t, cfg).Run(t.Context(),
		maintenance.Request{Jobs: []string{"vacuum_analyze"}, Service: "logging", Force: true})
	if err != nil {
		t.Fatal(err)
	}

	if o := outcomes[0]; o.Err == nil || !strings.Contains(o.Err.Error(), "statement timeout") ||
		o.Figures["failed"] != 1 || o.Figures["vacuumed"].(int64) < 5 {
		t.Errorf("%v %v", o.Err, o.Figures)
	}
}

// TestOldRunsAreDeleted checks that runs older than two years are deleted.
func TestOldRunsAreDeleted(t *testing.T) {
	t.Parallel()

	db := pgtest.Open(t)
	db.Exec(t, `insert into shared.maintenance_runs (job, run_by, result, started_at)
			values ('analyze', 'a', 'ok', now() - interval '3 years'),
				('analyze', 'a', 'ok', now() - interval '1 year')`)
	r := newRunner(t, config(db))
	run(t, r, maintenance.Request{Jobs: []string{"analyze"}})
	if runs := history(t, r); len(runs) != 2 || time.Since(runs[0].StartedAt) > 400*24*time.Hour {
		t.Errorf("%+v", runs)
	}
}

// TestConfigHidesPassword checks that a printed configuration contains no password.
func TestConfigHidesPassword(t *testing.T) {
	t.Parallel()

	cfg := maintenance.Config{OwnerURL: "postgres://owner:geheim@db.example/trading"}
	encoded, err := json.Marshal(struct{ Config maintenance.Config }{cfg})
	if err != nil {
		t.Fatal(err)
	}

	for _, text := range []string{
		fmt.Sprint(cfg), fmt.Sprintf("%+v", cfg), fmt.Sprintf("%#v", cfg), cfg.LogValue().String(),
		string(encoded),
	} {
		if strings.Contains(text, "geheim") || !strings.Contains(text, "db.example") {
			t.Error(text)
		}
	}
}
