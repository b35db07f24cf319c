package main

import (
	"fmt"

	"github.com/blotterdb/blotter/internal/term"
	"github.com/blotterdb/blotter/partition"
	"github.com/spf13/cobra"
)

func partitionsApply(set *settings) *cobra.Command {
	var flags policyFlags
	cmd := &cobra.Command{
		Use:   "apply",
		Short: "Create due partitions, freeze closed ones, retire old ones",
		Long: `Finish what was interrupted, create the partitions that are due, freeze closed
ones (once), gather statistics, and finally retire old ones. Readers and writers
continue in the meantime. Each step is its own transaction, so that apply may be
interrupted at any time and run again. The failure of one table does not stop
the others. While another runner works, apply reports that and does nothing.
` + retireHelp,
		Example: `  blotter partitions apply
  blotter partitions apply --retire system_logs=archive:90d,market_data=drop:10y`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			policy, err := flags.policy()
			if err != nil {
				return err
			}
			url, done, err := set.migratedOwner(cmd.Context())
			if err != nil {
				return err
			}
			defer done()

			w := cmd.OutOrStdout()
			report := partitionsReport{Steps: []partitionStep{}}
			err = partition.Run(cmd.Context(), url, set.now(), policy, func(step partition.Step, outcome string) {
				report.Steps = append(report.Steps, newPartitionStep(step, outcome))
				if !set.json {
					fmt.Fprintln(w, term.Printable(step.String()))
				}
			})
			return report.end(w, set.json, err)
		},
	}
	flags.add(cmd)
	return cmd
}
