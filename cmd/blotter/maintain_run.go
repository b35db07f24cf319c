package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/maintenance"
	"github.com/spf13/cobra"
)

func maintainRun(set *settings) *cobra.Command {
	var req maintenance.Request
	var keeping keepingFlags
	var analyticsURL string
	cmd := &cobra.Command{
		Use:   "run JOB...",
		Short: "Run jobs now; all is all",
		Long: `Run one job, several, or all, whether they are due or not; each run is a row of
shared.maintenance_runs. A job that fails does not stop the others; the exit
status is then 1. --service limits vacuum_analyze and analyze to one schema.

Logs move to the archive by whole partitions, so that a row leaves up to 31 days
later than --retention-days after its time; --exact also moves the rest, row by
row. After --archive-days more the archive drops its partition, and so do the
statistics of that time. What would move more than one partition and more than
half of the table asks for --force.

--months-ahead and --retire are for partitions, as of blotter partitions apply.
--force also vacuums and analyzes what does not need it.`,
		Example: `  blotter maintain run all
  blotter maintain run vacuum_analyze --service execution
  blotter maintain run archive_logs --retention-days 60 --dry-run`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			runner, done, err := set.runner(cmd.Context(), analyticsURL, func(cfg *maintenance.Config) error {
				cfg.Logger = quiet
				return keeping.configure(cfg)
			})
			if err != nil {
				return err
			}
			defer done()
			req.Jobs = args
			return set.runMaintenance(cmd, runner, req)
		},
	}
	keeping.add(cmd)
	analyticsFlag(cmd, &analyticsURL)
	flags := cmd.Flags()
	flags.StringVar(&req.Service, "service", "", "this `schema` alone, as execution")
	flags.BoolVar(&req.DryRun, "dry-run", false, "say what would be done, and do nothing")
	flags.BoolVar(&req.Force, "force", false, "also what needs nothing, or is refused for its size")
	flags.BoolVar(&keeping.logs.Exact, "exact", false, "archive row by row what cannot move as a partition")
	return cmd
}

// ranJob is what run prints of a job as JSON.
type ranJob struct {
	Job     string              `json:"job"`
	Result  string              `json:"result"` // "ok", "failed"; "" for a dry run
	Seconds float64             `json:"seconds"`
	Error   string              `json:"error,omitempty"`
	Steps   []string            `json:"steps"`
	Figures maintenance.Figures `json:"figures,omitempty"`
}

func (s *settings) runMaintenance(cmd *cobra.Command, runner *maintenance.Runner, req maintenance.Request) error {
	w, ran := cmd.OutOrStdout(), []ranJob{}
	line := progressLine{w: os.Stderr}
	req.Begin = func(job string) { ran = append(ran, ranJob{Job: job, Steps: []string{}}) }
	req.Say = func(job, step string) {
		line.clear()
		last := &ran[len(ran)-1]
		if last.Steps = append(last.Steps, step); !s.json {
			printWrapped(w, job+": "+strings.Join(strings.Fields(step), " "))
		}
	}
	req.Progress = line.show
	req.End = func(job string, o maintenance.Outcome) {
		line.clear()
		last := &ran[len(ran)-1]
		last.Seconds, last.Figures, last.Result = o.Elapsed.Round(time.Millisecond).Seconds(), o.Figures, "ok"
		if o.Err != nil {
			last.Result, last.Error = "failed", explain(o.Err)
		}
		if req.DryRun && o.Err == nil {
			last.Result = ""
		}
		if !s.json {
			printOutcome(w, *last, req.DryRun, o.Elapsed)
		}
	}
	_, err := runner.Run(cmd.Context(), req)
	line.clear()
	return s.endMaintenance(w, ran, err)
}

// endMaintenance prints what is left to say. That another runner works is no failure.
func (s *settings) endMaintenance(w io.Writer, ran []ranJob, err error) error {
	var busy *maintenance.BusyError
	var refused *blotter.Error
	switch {
	case errors.As(err, &busy) && s.json:
		return printJSON(w, map[string]any{"jobs": ran, "busy": busy.Error()})
	case errors.As(err, &busy):
		printWrapped(w, busy.Error()+"; nothing was done")
		return nil
	case errors.As(err, &refused) && refused.Kind == blotter.ErrInvalid:
		return usageError{err}
	case err != nil:
		return err
	case s.json:
		if err := printJSON(w, map[string]any{"jobs": ran}); err != nil {
			return err
		}
	}
	if slices.ContainsFunc(ran, func(job ranJob) bool { return job.Result == "failed" }) {
		return exitStatus(1)
	}
	return nil
}

func printOutcome(w io.Writer, job ranJob, dryRun bool, elapsed time.Duration) {
	switch {
	case job.Error != "":
		printWrapped(w, fmt.Sprintf("%s FAILED after %s: %s", job.Job, took(elapsed), job.Error))
	case dryRun && len(job.Steps) == 0:
		fmt.Fprintf(w, "%s: nothing to do\n", job.Job)
	case dryRun:
		fmt.Fprintf(w, "%s would do this; nothing was done\n", job.Job)
	default:
		printWrapped(w, fmt.Sprintf("%s ok in %s: %s", job.Job, took(elapsed), figuresText(job.Figures)))
	}
}

// figuresText writes figures for people, by name; zeros say nothing.
func figuresText(figures map[string]any) string {
	var parts []string
	for name, value := range figures {
		encoded, err := json.Marshal(value)
		text := strings.Trim(string(encoded), `"`)
		if at, isTime := value.(time.Time); isTime {
			text = instant(at)
		}
		if err == nil && text != "0" {
			parts = append(parts, strings.ReplaceAll(name, "_", " ")+" "+text)
		}
	}
	if len(parts) == 0 {
		return "nothing was to be done"
	}
	slices.Sort(parts)
	return strings.Join(parts, ", ")
}
