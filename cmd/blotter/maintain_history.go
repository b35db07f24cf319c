package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/maintenance"
	"github.com/spf13/cobra"
)

func maintainHistory(set *settings) *cobra.Command {
	var filter maintenance.HistoryFilter
	var format string
	cmd := &cobra.Command{
		Use:     "history",
		Short:   "List runs, newest first",
		Long:    "List runs, the newest first, with what they did. Times are UTC.",
		Example: "  blotter maintain history\n  blotter maintain history --job archive_logs --limit 10\n  blotter maintain history --failed --format csv",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := set.chooseFormat(cmd, &format, "table", "csv", "json"); err != nil {
				return err
			}
			if filter.Limit < 1 {
				return usagef("--limit %d: want 1 or more", filter.Limit)
			}
			runner, done, err := set.runner(cmd.Context(), "", nil)
			if err != nil {
				return err
			}
			defer done()
			if known := runner.Jobs(); filter.Job != "" && !slices.ContainsFunc(known, func(j maintenance.Job) bool { return j.Name == filter.Job }) {
				var names []string
				for _, j := range known {
					names = append(names, j.Name)
				}
				return usagef("--job %s: want one of %s", filter.Job, strings.Join(names, ", "))
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
	cmd.Flags().StringVar(&filter.Job, "job", "", "of this `job` alone")
	cmd.Flags().BoolVar(&filter.Failed, "failed", false, "only runs that failed or were killed")
	cmd.Flags().IntVar(&filter.Limit, "limit", historyLimit, "the newest `n`")
	formatFlag(cmd, &format, "table", "table, csv or json")
	return cmd
}

func printHistory(w io.Writer, runs []blotter.MaintenanceRun) error {
	columns := []column{{name: "run", right: true}, {name: "started"}, {name: "took", right: true}, {name: "job"}, {name: "result"}, {name: "what", least: 12}}
	var rows [][]string
	for _, run := range runs {
		lasted := ""
		if run.EndedAt != nil {
			lasted = took(run.EndedAt.Sub(run.StartedAt))
		}
		what := run.Error
		if what == "" {
			what = figuresText(decodeFigures(run.Figures))
		}
		rows = append(rows, []string{fmt.Sprint(run.ID), instant(run.StartedAt), lasted, strings.TrimSpace(run.Job + " " + run.Service), run.Result, what})
	}
	if err := printListing(w, columns, rows); err != nil {
		return err
	}
	for _, run := range runs {
		if run.Error != "" {
			fmt.Fprintln(w)
			printWrapped(w, fmt.Sprintf("%d %s: %s", run.ID, run.Job, run.Error))
		}
	}
	return nil
}

// decodeFigures reads figures as they are stored; numbers stay as they are written.
func decodeFigures(raw json.RawMessage) map[string]any {
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber()
	figures := map[string]any{}
	_ = decoder.Decode(&figures)
	return figures
}
