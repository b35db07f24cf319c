package maintenance

import (
	"testing"
	"time"
)

func TestDue(t *testing.T) {
	t.Parallel()

	r := &Runner{cfg: Config{}.withDefaults()}
	job := Job{Name: "daily", Every: day}
	now := time.Date(2026, 3, 29, 0, 30, 0, 0, time.UTC) // half an hour before the clocks change in Europe
	ago := func(d time.Duration, result string) pastRun {
		run := pastRun{result: result, started: now.Add(-d)}
		if result != "running" {
			run.ended = run.started.Add(time.Minute)
		}
		return run
	}

	soon := []pastRun{
		ago(5*time.Minute, "failed"), ago(6*time.Minute, "failed"), ago(9*time.Minute, "failed"),
		ago(day, "ok"),
	}

	long := make([]pastRun, pastRunsMax)
	for i := range long {
		long[i] = ago(5*time.Minute, "failed")
	}

	for what, test := range map[string]struct {
		job  Job
		runs []pastRun
		want time.Duration // from now on
	}{
		"it never ran":                {job, nil, 0},
		"it ran an hour ago":          {job, []pastRun{ago(time.Hour, "ok")}, 23 * time.Hour},
		"it is overdue":               {job, []pastRun{ago(50*time.Hour, "ok")}, -26 * time.Hour},
		"running, or its runner died": {job, []pastRun{ago(time.Hour, "running")}, 0},
		"its runner died":             {job, []pastRun{ago(time.Hour, "killed"), ago(day, "ok")}, 0},
		"its runner died again": {
			job, []pastRun{ago(time.Minute, "killed"), ago(2*time.Minute, "killed")}, 2 * time.Minute,
		},
		"it failed once":                    {job, []pastRun{ago(time.Minute, "failed"), ago(day, "ok")}, time.Minute},
		"it failed three times":             {job, soon, 0},
		"it fails all the time":             {job, long, time.Hour - 4*time.Minute},
		"it fails and has a short period":   {Job{Every: 10 * time.Second}, long, -4*time.Minute + 10*time.Second},
		"the clock was set back by a year":  {job, []pastRun{ago(-365*day, "ok")}, 0},
		"the clock was set back by an hour": {job, []pastRun{ago(-time.Hour, "failed")}, 0},
		"the clock differs by a second": {
			job,
			[]pastRun{{result: "ok", started: now.Add(time.Second), ended: now.Add(2 * time.Second)}},
			day + time.Second,
		},
	} {
		if got := r.due(test.job, test.runs, now).Sub(now); got != test.want {
			t.Errorf("%s: due in %s, want %s", what, got, test.want)
		}
	}

	if due := r.due(Job{}, nil, now); !due.IsZero() {
		t.Errorf("a job without a period is due at %s", due)
	}

	// A day later, in whatever zone: 24 hours.
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}

	local := now.In(berlin)
	if due := r.due(job, []pastRun{{result: "ok", started: local, ended: local}}, local); due.Sub(now) != day {
		t.Errorf("across the change of the clocks it is due after %s", due.Sub(now))
	}
}
