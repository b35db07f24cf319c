package main

import (
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/blotterdb/blotter/internal/term"
	"github.com/blotterdb/blotter/maintenance"
	"github.com/spf13/cobra"
)

func maintainStatus(set *settings) *cobra.Command {
	return &cobra.Command{
		Use:   "status",
		Short: "List the jobs with their last run and when they are due",
		Long: `List the jobs: the time and the result of the last run for the whole database,
and when the next one is due. Times are UTC. The exit status is 1 if the last
run of a job failed or was killed.`,
		Example: "  blotter maintain status\n  blotter maintain status --json",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			runner, done, err := set.runner(cmd.Context(), "", nil)
			if err != nil {
				return err
			}
			defer done()
			list, err := runner.Status(cmd.Context())
			if err != nil {
				return err
			}

			err = set.print(cmd, jobStatusJSON(list), func(w io.Writer) error {
				return printJobStatus(w, list, set.now())
			})
			isFailed := func(s maintenance.Status) bool { return s.Result == "failed" || s.Result == "killed" }
			return failIf(slices.ContainsFunc(list, isFailed), err)
		},
	}
}

func jobStatusJSON(list []maintenance.Status) any {
	type status struct {
		Job      string    `json:"job"`
		Every    float64   `json:"every_seconds"`
		Result   string    `json:"result"`
		Started  time.Time `json:"started,omitzero"`
		Seconds  float64   `json:"seconds"`
		By       string    `json:"run_by,omitempty"`
		Error    string    `json:"error,omitempty"`
		Failures int       `json:"failures_in_a_row"`
		Due      time.Time `json:"due,omitzero"`
		Progress []string  `json:"progress,omitempty"`
	}

	rows := []status{}
	for _, s := range list {
		rows = append(rows, status{
			Job: s.Job, Every: s.Every.Seconds(), Result: s.Result, Started: s.Started.UTC(),
			Seconds: s.Elapsed.Seconds(), By: s.By, Error: s.Error, Failures: s.Failures, Due: s.Due.UTC(),
			Progress: s.Progress,
		})
	}
	return rows
}

func printJobStatus(w io.Writer, list []maintenance.Status, now time.Time) error {
	columns := []term.Column{
		{Name: "job"},
		{Name: "last run"},
		{Name: "took", Right: true},
		{Name: "result"},
		{Name: "due"},
	}
	var rows [][]string
	for _, s := range list {
		elapsed, result := "", "never ran"
		if s.Result != "" {
			elapsed = term.Elapsed(s.Elapsed)
			result = s.Result
		}
		if s.Failures > 1 {
			result = fmt.Sprintf("%s (%d times)", result, s.Failures)
		}
		rows = append(rows, []string{s.Job, instant(s.Started), elapsed, result, dueCell(s, now)})
	}
	if err := term.PrintTable(w, columns, rows); err != nil {
		return err
	}

	for _, s := range list {
		if s.Error != "" {
			fmt.Fprintln(w)
			term.PrintWrapped(w, s.Job+": "+s.Error)
		}
		for _, line := range s.Progress {
			term.PrintWrapped(w, s.Job+": "+line)
		}
	}
	return nil
}

// dueCell returns when a job is due.
func dueCell(s maintenance.Status, now time.Time) string {
	switch {
	case s.Result == "running":
		return ""
	case s.Due.IsZero():
		return "when asked"
	case !s.Due.After(now):
		return "now"
	}
	return instant(s.Due)
}
