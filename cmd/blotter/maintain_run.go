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
	"github.com/blotterdb/blotter/internal/term"
	"github.com/blotterdb/blotter/maintenance"
	"github.com/spf13/cobra"
)

func maintainRun(set *settings) *cobra.Command {
	var req maintenance.Request
	var retention retentionFlags
	var analyticsURL string
	cmd := &cobra.Command{
		Use:   "run JOB...",
		Short: "Run the named jobs, or all, now",
		Long: `Run the named jobs, or all, whether they are due or not; each run is a row of
shared.maintenance_runs. A job that fails does not stop the others; the exit
status is then 1. --service limits vacuum_analyze and analyze to one schema.

Logs move to the archive in whole partitions, so a row may stay up to 31 days
longer than --retention-days; --exact also moves the rest, row by row. After
--archive-days in the archive, partitions are dropped, and so are statistics of
the same age. Moving more than one partition and more than half of the table
needs --force.

--months-ahead and --retire apply to the job partitions, as in blotter
partitions apply. --force also vacuums and analyzes tables that do not need it.`,
		Example: `  blotter maintain run all
  blotter maintain run vacuum_analyze --service execution
  blotter maintain run archive_logs --retention-days 60 --dry-run`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			runner, done, err := set.runner(cmd.Context(), analyticsURL, func(cfg *maintenance.Config) error {
				cfg.Logger = quiet
				return retention.configure(cfg)
			})
			if err != nil {
				return err
			}
			defer done()
			req.Jobs = args
			return set.runMaintenance(cmd, runner, req)
		},
	}

	retention.add(cmd)
	analyticsFlag(cmd, &analyticsURL)
	flags := cmd.Flags()
	flags.StringVar(&req.Service, "service", "", "only this `schema`, such as execution")
	flags.BoolVar(&req.DryRun, "dry-run", false, "say what would be done, and do nothing")
	flags.BoolVar(&req.Force, "force", false, "also tables that need nothing, or moves refused for their size")
	flags.BoolVar(&retention.logs.Exact, "exact", false, "archive rows one by one that cannot move as a partition")
	return cmd
}

// ranJob is a job that was run, as JSON.
type ranJob struct {
	Job     string              `json:"job"`
	Result  string              `json:"result"` // "ok", "failed"; "" for a dry run
	Seconds float64             `json:"seconds"`
	Error   string              `json:"error,omitempty"`
	Steps   []string            `json:"steps"`
	Figures maintenance.Figures `json:"figures,omitempty"`
}

func (s *settings) runMaintenance(cmd *cobra.Command, runner *maintenance.Runner, req maintenance.Request) error {
	w := cmd.OutOrStdout()
	ran := []ranJob{}
	display := term.NewProgress(os.Stderr)
	req.Begin = func(job string) { ran = append(ran, ranJob{Job: job, Steps: []string{}}) }
	req.Say = func(job, step string) {
		display.Clear()
		last := &ran[len(ran)-1]
		last.Steps = append(last.Steps, step)
		if !s.json {
			term.PrintWrapped(w, job+": "+strings.Join(strings.Fields(step), " "))
		}
	}
	req.Progress = func(job, text string) { display.Show(job + ": " + text) }
	req.End = func(job string, o maintenance.Outcome) {
		display.Clear()
		last := &ran[len(ran)-1]
		last.Seconds = o.Elapsed.Round(time.Millisecond).Seconds()
		last.Figures = o.Figures
		switch {
		case o.Err != nil:
			last.Result = "failed"
			last.Error = explain(o.Err)
		case !req.DryRun:
			last.Result = "ok"
		}

		if !s.json {
			printOutcome(w, *last, req.DryRun, o.Elapsed)
		}
	}

	_, err := runner.Run(cmd.Context(), req)
	display.Clear()
	return s.endMaintenance(w, ran, err)
}

// endMaintenance prints the end of the output. It is not a failure that another runner works.
func (s *settings) endMaintenance(w io.Writer, ran []ranJob, err error) error {
	var busy *maintenance.BusyError
	var refused *blotter.Error
	switch {
	case errors.As(err, &busy) && s.json:
		return printJSON(w, map[string]any{"jobs": ran, "busy": busy.Error()})
	case errors.As(err, &busy):
		term.PrintWrapped(w, busy.Error()+"; nothing was done")
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

	isFailed := func(job ranJob) bool { return job.Result == "failed" }
	return failIf(slices.ContainsFunc(ran, isFailed), nil)
}

func printOutcome(w io.Writer, job ranJob, dryRun bool, elapsed time.Duration) {
	switch {
	case job.Error != "":
		term.PrintWrapped(w, fmt.Sprintf("%s FAILED after %s: %s", job.Job, term.Elapsed(elapsed), job.Error))
	case dryRun && len(job.Steps) == 0:
		fmt.Fprintf(w, "%s: nothing to do\n", job.Job)
	case dryRun:
		fmt.Fprintf(w, "%s would do this; nothing was done\n", job.Job)
	default:
		term.PrintWrapped(w, fmt.Sprintf("%s ok in %s: %s", job.Job, term.Elapsed(elapsed), figuresText(job.Figures)))
	}
}

// figuresText writes figures for people, without zeros.
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
		return "there was nothing to do"
	}
	slices.Sort(parts)
	return strings.Join(parts, ", ")
}
