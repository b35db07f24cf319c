package maintenance_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/blotterdb/blotter/maintenance"
	"github.com/blotterdb/blotter/pgtest"
	"github.com/jackc/pgx/v5"
)

const fast = 50 * time.Millisecond

// never keeps the jobs of the package out of a schedule.
func never(cfg *maintenance.Config) {
	cfg.Poll, cfg.Every = fast, map[string]time.Duration{}
	for _, job := range []string{"archive_logs", "partitions", "vacuum_analyze", "analyze", "verify"} {
		cfg.Every[job] = -1
	}
}

func schedule(t *testing.T, cfg maintenance.Config) *maintenance.Scheduler {
	t.Helper()

	s, err := maintenance.NewScheduler(cfg)
	if err != nil {
		t.Fatal(err)
	}

	if s.Health() == nil {
		t.Error("one that was not started is healthy")
	}

	for range 2 {
		if err := s.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() { stop(t, s) })

	return s
}

func stop(t *testing.T, s *maintenance.Scheduler) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := s.Stop(ctx); err != nil {
		t.Error(err)
	}
}

// TestThreeSchedulers checks that each job runs once, and then once per period, with three schedulers on one
// database.
func TestThreeSchedulers(t *testing.T) {
	t.Parallel()

	db := pgtest.Open(t)
	var now atomic.Int64 // the clock, in seconds
	now.Store(time.Now().Unix())
	var ran [4]atomic.Int64
	for n := range 3 {
		cfg := config(db)
		never(&cfg)
		cfg.By = fmt.Sprint("scheduler ", n)
		cfg.Clock = func() time.Time { return time.Unix(now.Load(), 0) }
		for i := range ran {
			cfg.Jobs = append(cfg.Jobs, maintenance.Job{
				Name: fmt.Sprintf("job_%d", i), Every: 24 * time.Hour,
				Run: func(context.Context, *maintenance.Task) (maintenance.Figures, error) {
					ran[i].Add(1)
					return nil, nil
				},
			})
		}
		schedule(t, cfg)
	}

	conn := db.Connect(t, db.AdminURL)
	for period, jump := range []time.Duration{
		0, 25 * time.Hour, 24 * time.Hour, 365 * 24 * time.Hour, -300 * 24 * time.Hour,
	} {
		now.Add(int64(jump.Seconds()))
		until(t, patience, fmt.Sprintf("each ran %d times", period+1), func() bool {
			runs := value[int](t, conn, "select count(*) from shared.maintenance_runs where result = 'ok'")
			return runs >= len(ran)*(period+1)
		})
		looks := value[time.Time](t, conn, "select clock_timestamp()")
		until(t, patience, "every scheduler has looked again, several times", func() bool {
			return value[int](t, conn, "select count(*) from pg_stat_activity where datname = current_database() "+
				"and application_name = 'blotter maintenance scheduler' and state_change > $1::timestamptz + "+
				"interval '200 ms'", looks) == 3
		})

		for i := range ran {
			if n := ran[i].Load(); n != int64(period+1) {
				t.Fatalf("after the clock moved by %s, job %d ran %d times, want %d", jump, i, n, period+1)
			}
		}
	}
}

// TestRetries checks that a job that fails is tried again with growing pauses, while others run.
func TestRetries(t *testing.T) {
	t.Parallel()

	db := pgtest.Open(t)
	cfg := config(db)
	never(&cfg)
	cfg.RetryAfter = 100 * time.Millisecond
	var tries, others atomic.Int64
	cfg.Jobs = []maintenance.Job{
		{
			Name: "fails_twice", Every: time.Hour,
			Run: func(context.Context, *maintenance.Task) (maintenance.Figures, error) {
				if tries.Add(1) < 3 {
					return nil, os.ErrInvalid
				}
				return nil, nil
			},
		},
		{Name: "other", Every: time.Hour, Run: func(context.Context, *maintenance.Task) (maintenance.Figures, error) {
			others.Add(1)
			return nil, nil
		}},
	}

	s := schedule(t, cfg)
	until(t, patience, "it succeeded at last", func() bool { return tries.Load() >= 3 })
	stop(t, s)
	if s.Health() == nil {
		t.Error("one that was stopped is healthy")
	}
	if s.Start(t.Context()) != nil && tries.Load() != 3 || others.Load() != 1 {
		t.Errorf("%d tries, the other one ran %d times", tries.Load(), others.Load())
	}

	runs := history(t, newRunner(t, config(db)))
	first, second := runs[len(runs)-2], runs[len(runs)-1]
	if wait := second.StartedAt.Sub(*first.EndedAt); first.Result != "failed" || wait < 200*time.Millisecond {
		t.Errorf("after two failures it was tried again after %s", wait)
	}
}

// TestStopDrains checks that Stop waits for the running job, and stops and records it when its context ends.
func TestStopDrains(t *testing.T) {
	t.Parallel()

	db := pgtest.Open(t)
	begun := make(chan struct{}, 2)
	cfg := config(db)
	never(&cfg)
	cfg.Jobs = []maintenance.Job{{
		Name: "long", Every: time.Hour,
		Run: func(ctx context.Context, _ *maintenance.Task) (maintenance.Figures, error) {
			begun <- struct{}{}
			<-ctx.Done()
			return nil, ctx.Err()
		},
	}}

	s := schedule(t, cfg)
	<-begun
	if err := s.Health(); err != nil {
		t.Error(err)
	}

	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()

	if err := s.Stop(ctx); err != nil || ctx.Err() == nil {
		t.Errorf("Stop did not wait for its context: %v", err)
	}
	if runs := history(t, newRunner(t, config(db))); len(runs) != 1 || runs[0].Result != "failed" ||
		runs[0].Error != "it was stopped before its end; the next run continues" {
		t.Errorf("%+v", runs)
	}
	if err := s.Start(t.Context()); err == nil && s.Health() == nil {
		t.Error("it runs again after Stop")
	}
}

// TestSchedulerWithoutDatabase checks that the scheduler is unhealthy without a database, and works when it is
// back.
func TestSchedulerWithoutDatabase(t *testing.T) {
	t.Parallel()

	db := pgtest.Open(t)
	cfg := config(db)
	never(&cfg)
	var ran atomic.Int64
	cfg.Jobs = []maintenance.Job{{
		Name: "counted", Every: 300 * time.Millisecond,
		Run: func(context.Context, *maintenance.Task) (maintenance.Figures, error) {
			ran.Add(1)
			return nil, nil
		},
	}}

	s := schedule(t, cfg)
	until(t, patience, "it runs", func() bool { return ran.Load() > 0 && s.Health() == nil })
	elsewhere, err := pgx.ParseConfig(db.AdminURL)
	if err != nil {
		t.Fatal(err)
	}

	elsewhere.Database = "postgres"
	admin, err := pgx.ConnectConfig(t.Context(), elsewhere)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = admin.Close(context.WithoutCancel(t.Context())) }()

	if _, err := admin.Exec(t.Context(), `alter database `+db.Name+` allow_connections false`); err != nil {
		t.Fatal(err)
	}
	if _, err := admin.Exec(t.Context(), `select pg_terminate_backend(pid) from pg_stat_activity where datname = $1`,
		db.Name); err != nil {
		t.Fatal(err)
	}

	until(t, patience, "it says that it cannot", func() bool { return s.Health() != nil })
	if _, err := admin.Exec(t.Context(), `alter database `+db.Name+` allow_connections true`); err != nil {
		t.Fatal(err)
	}

	before := ran.Load()
	until(t, patience, "it runs again", func() bool { return ran.Load() > before && s.Health() == nil })
}

// scheduleUntilKilled is a daemon with a job that does not end.
func scheduleUntilKilled(url string) {
	cfg := maintenance.Config{OwnerURL: url, By: "the one that is killed"}
	never(&cfg)
	delete(cfg.Every, "verify")
	cfg.Jobs = []maintenance.Job{{
		Name: "long", Every: time.Hour,
		Run: func(ctx context.Context, _ *maintenance.Task) (maintenance.Figures, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		},
	}}

	s, err := maintenance.NewScheduler(cfg)
	if err == nil {
		err = s.Start(context.Background())
	}

	if err != nil {
		die(err)
	}

	select {}
}

// TestKilledDaemon checks that another daemon takes over when the daemon that runs a job is killed.
func TestKilledDaemon(t *testing.T) {
	t.Parallel()

	db := pgtest.Open(t)
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), killedDoes+"=schedule", killedURL+"="+db.OwnerURL)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}

	conn := db.Connect(t, db.AdminURL)
	until(t, patience, "the daemon runs its job", func() bool {
		return value[int](t, conn, "select count(*) from shared.maintenance_runs where result = 'running'") == 1
	})
	var ran atomic.Int64
	for range 2 {
		cfg := config(db)
		never(&cfg)
		cfg.Poll = 0 // as a daemon has it
		cfg.Jobs = []maintenance.Job{{
			Name: "long", Every: time.Hour,
			Run: func(context.Context, *maintenance.Task) (maintenance.Figures, error) {
				ran.Add(1)
				return nil, nil
			},
		}}
		schedule(t, cfg)
	}

	until(t, patience, "the others have found it at work", func() bool {
		return value[int](t, conn, `select count(*) from pg_stat_activity where datname = current_database()
			and application_name = 'blotter maintenance scheduler' and state = 'idle'
			and query like '%result = ''running''%'`) == 2
	})

	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}

	_ = cmd.Wait()
	killed := time.Now()
	until(t, patience, "another daemon has taken over", func() bool { return ran.Load() > 0 })
	t.Logf("another took over after %s", time.Since(killed).Round(time.Millisecond))
	until(t, patience, "its row says so", func() bool {
		results := value[string](t, conn, "select string_agg(result, ' ' order by id) from shared.maintenance_runs")
		return results == "killed ok"
	})
}

// TestStartStop checks that schedulers that start and stop many times at once leave nothing behind.
func TestStartStop(t *testing.T) {
	t.Parallel()

	db := pgtest.Open(t)
	cfg := config(db)
	never(&cfg)
	var ran atomic.Int64
	cfg.Jobs = []maintenance.Job{{
		Name: "quick", Every: time.Nanosecond,
		Run: func(context.Context, *maintenance.Task) (maintenance.Figures, error) {
			ran.Add(1)
			return nil, nil
		},
	}}

	for n := range 20 {
		s := schedule(t, cfg)
		if before := ran.Load(); n%3 == 0 {
			until(t, patience, "it runs", func() bool { return ran.Load() > before })
		}
		var both sync.WaitGroup
		for range 2 {
			both.Go(func() { stop(t, s) })
		}
		both.Wait()
	}

	conn := db.Connect(t, db.AdminURL)
	until(t, patience, "no connection is left", func() bool {
		return value[int](t, conn, "select count(*) from pg_stat_activity where datname = current_database() and "+
			"application_name like 'blotter maintenance%'") == 0
	})

	if n := value[int](t, conn, "select count(*) from shared.maintenance_runs where result <> 'ok'"); n != 0 {
		t.Errorf("%d runs did not end well", n)
	}
}
