package main

import (
	"fmt"
	"io"
	"time"

	"github.com/blotterdb/blotter/internal/term"
	"github.com/blotterdb/blotter/monitor"
	"github.com/spf13/cobra"
)

func performanceCommand(set *settings) *cobra.Command {
	var since time.Duration
	var service string
	cmd := &cobra.Command{
		Use:   "performance",
		Short: "Summarize the database operations of services",
		Long: `Summarize the database operations of services, by service and operation: calls,
failed calls, slow calls (a second or more), and the mean, the 99th percentile
of the worst minute and the maximum, in milliseconds. The operation with the
greatest total time comes first. blotter serve and programs with a
monitor.Recorder store these statistics every minute. The operation pool.wait is
waiting for a connection, connect is opening one.`,
		Example: "  blotter performance\n  blotter performance --since 24h --service execution --json",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if since <= 0 {
				return usagef("invalid --since %s: want a duration such as 1h or 30m", since)
			}
			db, err := set.open(cmd.Context())
			if err != nil {
				return err
			}
			defer db.Close()

			list, err := monitor.ReadPerformance(cmd.Context(), db.DB, since, service)
			if err != nil {
				return err
			}
			if set.json {
				return printRecords(cmd.OutOrStdout(), "json", each(list))
			}
			return printPerformance(cmd.OutOrStdout(), since, list)
		},
	}
	cmd.Flags().DurationVar(&since, "since", time.Hour, "how far back to begin, such as `1h` or 30m")
	cmd.Flags().StringVar(&service, "service", "", "only this `service`")
	return cmd
}

// The numbers of characters that the names of services and operations keep when they are shortened.
const (
	serviceLeast   = 16
	operationLeast = 30
)

func printPerformance(w io.Writer, since time.Duration, list []monitor.Performance) error {
	if len(list) == 0 {
		_, err := fmt.Fprintf(w, "no statistics of the last %s\n", since)
		return err
	}

	columns := []term.Column{
		{Name: "service", Least: serviceLeast},
		{Name: "operation", Least: operationLeast},
		{Name: "calls", Right: true},
		{Name: "failed", Right: true},
		{Name: "slow", Right: true},
		{Name: "rows", Right: true, Spare: 2},
		{Name: "mean", Right: true},
		{Name: "p99", Right: true, Spare: 1},
		{Name: "max ms", Right: true},
	}
	var rows [][]string
	for _, p := range list {
		rows = append(rows, []string{
			p.Service, p.Operation, term.Thousands(p.Calls), nonZero(p.Errors), nonZero(p.Slow),
			term.Thousands(p.Rows), tenths(p.MeanMS), tenths(p.P99MS), tenths(p.MaxMS),
		})
	}
	return term.PrintTable(w, columns, rows)
}
