package main

import (
	"fmt"
	"io"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/monitor"
	"github.com/spf13/cobra"
)

func performanceCommand(set *settings) *cobra.Command {
	var since time.Duration
	var service string
	cmd := &cobra.Command{
		Use:   "performance",
		Short: "Sum up what services asked of the database, and how long it took",
		Long: `Sum up what services asked of the database, by service and operation: calls,
failed ones, slow ones (a second or more), the mean, the 99th percentile of the
worst minute, and the longest, in milliseconds. What took most time together
comes first. blotter serve and programs with a monitor.Recorder write it every
minute. pool.wait is waiting for a connection, connect is making one.`,
		Example: "  blotter performance\n  blotter performance --since 24h --service execution --json",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if since <= 0 {
				return usagef("--since %s: want a time that is past, as 1h or 30m", since)
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
	cmd.Flags().DurationVar(&since, "since", time.Hour, "how long ago to begin, as `1h` or 30m")
	cmd.Flags().StringVar(&service, "service", "", "of this `service` alone")
	return cmd
}

// To how many characters the names of services and operations may be shortened.
const (
	serviceLeast   = 16
	operationLeast = 30
)

func printPerformance(w io.Writer, since time.Duration, list []monitor.Performance) error {
	if len(list) == 0 {
		_, err := fmt.Fprintf(w, "nothing was written in the last %s\n", since)
		return err
	}
	columns := []column{
		{name: "service", least: serviceLeast},
		{name: "operation", least: operationLeast},
		{name: "calls", right: true},
		{name: "failed", right: true},
		{name: "slow", right: true},
		{name: "rows", right: true, spare: 2},
		{name: "mean", right: true},
		{name: "p99", right: true, spare: 1},
		{name: "max ms", right: true},
	}
	var rows [][]string
	for _, p := range list {
		rows = append(rows, []string{
			p.Service, p.Operation, thousands(p.Calls), some(p.Errors), some(p.Slow),
			thousands(p.Rows), tenths(p.MeanMS), tenths(p.P99MS), tenths(p.MaxMS),
		})
	}
	return printListing(w, columns, rows)
}

// some writes a count that is mostly zero, and then not worth a look.
func some(n int64) string {
	if n == 0 {
		return ""
	}
	return thousands(n)
}

// tenths writes milliseconds for people.
func tenths(d blotter.Decimal) string { return d.RoundHAZ(1).StringFixed(1) }
