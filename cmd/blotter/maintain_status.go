package main

import (
	"fmt"
	"io"
	"time"

	"github.com/blotterdb/blotter/maintenance"
	"github.com/spf13/cobra"
)

func maintainStatus(set *settings) *cobra.Command {
	return &cobra.Command{
		Use:   "status",
		Short: "How each job's last run went, and when it is due",
		Long: `List the jobs: how the last run for the whole database went, when, how often a
daemon runs it and when it is due next. Times are UTC. Exit status 1 if the last
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
			if set.json {
				err = printJSON(cmd.OutOrStdout(), statusJSON(list))
			} else {
				err = printStatus(cmd.OutOrStdout(), list, set.now())
			}
			for _, s := range list {
				if err == nil && (s.Result == "failed" || s.Result == "killed") {
					return exitStatus(1)
				}
			}
			return err
		},
	}
}

func statusJSON(list []maintenance.Status) any {
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
			s.Job, s.Every.Seconds(), s.Result, s.Started.UTC(), s.Elapsed.Seconds(), s.By, s.Error, s.Failures, s.Due.UTC(), s.Progress,
		})
	}
	return rows
}

func printStatus(w io.Writer, list []maintenance.Status, now time.Time) error {
	columns := []column{{name: "job"}, {name: "last run"}, {name: "took", right: true}, {name: "result"}, {name: "due"}}
	var rows [][]string
	for _, s := range list {
		lasted, result := "", s.Result
		if result == "" {
			result = "never ran"
		} else {
			lasted = took(s.Elapsed)
		}
		if s.Failures > 1 {
			result = fmt.Sprintf("%s (%d times)", result, s.Failures)
		}
		due := instant(s.Due)
		switch {
		case s.Result == "running":
			due = ""
		case due == "":
			due = "when asked"
		case !s.Due.After(now):
			due = "now"
		}
		rows = append(rows, []string{s.Job, instant(s.Started), lasted, result, due})
	}
	if err := printListing(w, columns, rows); err != nil {
		return err
	}
	for _, s := range list {
		if s.Error != "" {
			fmt.Fprintln(w)
			printWrapped(w, s.Job+": "+s.Error)
		}
		for _, line := range s.Progress {
			printWrapped(w, s.Job+": "+line)
		}
	}
	return nil
}
