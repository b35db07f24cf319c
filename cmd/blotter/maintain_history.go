package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/internal/term"
	"github.com/blotterdb/blotter/maintenance"
	"github.com/spf13/cobra"
)

func maintainHistory(set *settings) *cobra.Command {
	var filter maintenance.HistoryFilter
	var format string
	cmd := &cobra.Command{
		Use:   "history",
		Short: "List the runs, newest first",
		Long:  "List the runs, newest first, with their results. Times are UTC.",
		Example: `  blotter maintain history
  blotter maintain history --job archive_logs --limit 10
  blotter maintain history --failed --format csv`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := set.chooseFormat(cmd, &format, "table", "csv", "json"); err != nil {
				return err
			}
			if filter.Limit < 1 {
				return usagef("invalid --limit %d: want 1 or more", filter.Limit)
			}
			runner, done, err := set.runner(cmd.Context(), "", nil)
			if err != nil {
				return err
			}
			defer done()
			var jobs []string
			for _, j := range runner.Jobs() {
				jobs = append(jobs, j.Name)
			}
			if filter.Job != "" && !slices.Contains(jobs, filter.Job) {
				return usagef("invalid --job %q: use %s", filter.Job, strings.Join(jobs, ", "))
			}

			runs, err := runner.History(cmd.Context(), filter)
			switch {
			case err != nil:
				return err
			case format != "table":
				return printRecords(cmd.OutOrStdout(), format, each(runs))
			case len(runs) == 0:
				_, err = fmt.Fprintln(cmd.OutOrStdout(), "no such runs")
				return err
			}
			return printHistory(cmd.OutOrStdout(), runs)
		},
	}
	cmd.Flags().StringVar(&filter.Job, "job", "", "only this `job`")
	cmd.Flags().BoolVar(&filter.Failed, "failed", false, "only runs that failed or were killed")
	cmd.Flags().IntVar(&filter.Limit, "limit", listLimit, "the newest `n`")
	formatFlag(cmd, &format, "table", "table, csv or json")
	return cmd
}

func printHistory(w io.Writer, runs []blotter.MaintenanceRun) error {
	columns := []term.Column{
		{Name: "run", Right: true},
		{Name: "started"},
		{Name: "took", Right: true},
		{Name: "job"},
		{Name: "result"},
		{Name: "what", Least: 12},
	}
	var rows [][]string
	for _, run := range runs {
		elapsed := ""
		if run.EndedAt != nil {
			elapsed = term.Elapsed(run.EndedAt.Sub(run.StartedAt))
		}
		details := run.Error
		if details == "" {
			details = figuresText(decodeFigures(run.Figures))
		}
		job := strings.TrimSpace(run.Job + " " + run.Service)
		rows = append(rows, []string{fmt.Sprint(run.ID), instant(run.StartedAt), elapsed, job, run.Result, details})
	}
	if err := term.PrintTable(w, columns, rows); err != nil {
		return err
	}

	for _, run := range runs {
		if run.Error != "" {
			fmt.Fprintln(w)
			term.PrintWrapped(w, fmt.Sprintf("%d %s: %s", run.ID, run.Job, run.Error))
		}
	}
	return nil
}

// decodeFigures decodes stored figures without rounding their numbers.
func decodeFigures(raw json.RawMessage) map[string]any {
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber()
	figures := map[string]any{}
	_ = decoder.Decode(&figures)
	return figures
}
