package main

import (
	"fmt"

	"github.com/blotterdb/blotter/internal/term"
	"github.com/blotterdb/blotter/partition"
	"github.com/spf13/cobra"
)

func partitionsPlan(set *settings) *cobra.Command {
	var flags policyFlags
	cmd := &cobra.Command{
		Use:   "plan",
		Short: "Print what apply would do, and do nothing",
		Long:  "Print what apply would do, step by step, and do nothing.\n" + retireHelp,
		Example: `  blotter partitions plan
  blotter partitions plan --retire system_logs=archive:90d,market_data=drop:10y`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			policy, err := flags.policy()
			if err != nil {
				return err
			}
			state, err := set.partitionState(cmd.Context())
			if err == nil {
				err = policy.Check(state)
			}
			if err != nil {
				return err
			}

			steps, failures := partition.Plan(state, set.now(), policy)
			report := partitionsReport{Steps: []partitionStep{}}
			for _, step := range steps {
				report.Steps = append(report.Steps, newPartitionStep(step, ""))
			}
			if !set.json {
				for _, step := range steps {
					fmt.Fprintln(cmd.OutOrStdout(), term.Printable(step.String()))
				}
			}
			return report.end(cmd.OutOrStdout(), set.json, failures)
		},
	}
	flags.add(cmd)
	return cmd
}
