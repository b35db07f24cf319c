package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/blotterdb/blotter/partition"
	"github.com/blotterdb/blotter/postgres"
	"github.com/spf13/cobra"
)

func partitionsCommand(set *settings) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "partitions",
		Short: "List the partitions, make those that are due, retire old ones",
		Long: `Market data, logs and the audit log are in partitions of months and years, the
outbox in partitions of positions. Their bounds are UTC. The login of --url must
be a member of trading_owner, as for migrate.`,
		Example: "  blotter partitions list\n  blotter partitions plan --retire system_logs=archive:90d\n  blotter partitions apply",
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			return usagef("say which: blotter partitions list, plan or apply")
		},
	}
	cmd.AddCommand(partitionsList(set), partitionsPlan(set), partitionsApply(set))
	return cmd
}

// retireHelp is how the two commands that take --retire explain it.
const retireHelp = `
Old partitions are kept, unless --retire says what becomes of those of a table
whose end is AGE ago (90d, 18m, 10y: days, months, years):

  TABLE=keep          they stay; the default
  TABLE=detach:AGE    each becomes a table of its own, to be dumped or moved
  TABLE=archive:AGE   system_logs alone: they move to archived_system_logs
  TABLE=drop:AGE      they are dropped, with their rows

Several are separated by commas; retire = "..." in blotter.toml keeps them.`

// policyFlags are the flags from which a policy is made.
type policyFlags struct {
	months int
	retire []string
}

func (f *policyFlags) add(cmd *cobra.Command) {
	cmd.Flags().IntVar(&f.months, "months-ahead", 3, "whole `months` to make after this one, 1 to 24")
	cmd.Flags().StringSliceVar(&f.retire, "retire", nil, "`TABLE=HOW:AGE`, what becomes of old partitions")
}

func (f *policyFlags) policy() (partition.Policy, error) {
	policy := partition.Policy{MonthsAhead: f.months, Retire: map[string]partition.Retirement{}}
	if f.months < 1 || f.months > 24 {
		return policy, usagef("--months-ahead %d: want 1 to 24", f.months)
	}
	for _, text := range f.retire {
		table, retirement, err := partition.ParseRetire(strings.TrimSpace(text))
		if err != nil {
			return policy, usageError{fmt.Errorf("--%w", err)}
		}
		policy.Retire[table] = retirement
	}
	return policy, nil
}

// partitionState reads the partitions of the database of the flags, which is migrated first where it is blotter's own.
func (s *settings) partitionState(ctx context.Context) (state partition.State, err error) {
	url, done, err := s.migratedOwner(ctx)
	if err != nil {
		return state, err
	}
	defer done()
	conn, err := postgres.ConnectOwner(ctx, url, "blotter partitions")
	if err != nil {
		return state, err
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	return partition.Read(ctx, conn)
}

func (s *settings) migratedOwner(ctx context.Context) (url string, done func(), err error) {
	if url, done, err = s.owner(ctx); err != nil || s.urlOf("owner") != "" {
		return url, done, err
	}
	if _, err := migrate(ctx, url); err != nil {
		done()
		return "", nil, err
	}
	return url, done, nil
}

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
					fmt.Fprintln(cmd.OutOrStdout(), printable(step.String()))
				}
			}
			return report.end(cmd.OutOrStdout(), set.json, failures)
		},
	}
	flags.add(cmd)
	return cmd
}

func partitionsApply(set *settings) *cobra.Command {
	var flags policyFlags
	cmd := &cobra.Command{
		Use:   "apply",
		Short: "Make partitions that are due, freeze closed ones, retire old ones",
		Long: `Finish what was cut short, make the partitions that are due, freeze closed ones
(once), gather statistics, and retire old ones last. Readers and writers go on
meanwhile. Each step is a transaction of its own: it may be interrupted at any
time and run again. One table's failure does not stop the others. Where another
runner works already, say so and do nothing.
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
			w, report := cmd.OutOrStdout(), partitionsReport{Steps: []partitionStep{}}
			err = partition.Run(cmd.Context(), url, set.now(), policy, func(step partition.Step, outcome string) {
				report.Steps = append(report.Steps, newPartitionStep(step, outcome))
				if !set.json {
					fmt.Fprintln(w, printable(step.String()))
				}
			})
			return report.end(w, set.json, err)
		},
	}
	flags.add(cmd)
	return cmd
}

// partitionsReport is what plan and apply print as JSON.
type partitionsReport struct {
	Steps  []partitionStep    `json:"steps"`
	Failed []partitionFailure `json:"failed,omitempty"`
	Busy   string             `json:"busy,omitempty"`
}

type partitionStep struct {
	Step    partition.Kind `json:"step"`
	Table   string         `json:"table"`
	Leaf    string         `json:"partition,omitempty"`
	Bounds  string         `json:"bounds,omitempty"`
	Outcome string         `json:"outcome,omitempty"`
}

type partitionFailure struct {
	Table string `json:"table"`
	Error string `json:"error"`
}

func newPartitionStep(s partition.Step, outcome string) partitionStep {
	step := partitionStep{Step: s.Kind, Table: s.Table.String(), Outcome: outcome}
	if s.Kind != partition.Analyze {
		step.Leaf, step.Bounds = s.Leaf.String(), s.Bounds.String()
	}
	return step
}

// end prints what is left to say, and makes of the failures of tables one sentence. That another runner works is none.
func (r *partitionsReport) end(w io.Writer, asJSON bool, err error) error {
	var busy *partition.BusyError
	var failures partition.Failures
	switch {
	case errors.As(err, &busy):
		r.Busy = busy.Error()
	case errors.As(err, &failures):
		for _, f := range failures {
			r.Failed = append(r.Failed, partitionFailure{f.Table.String(), f.Err.Error()})
		}
	case err != nil:
		return err
	}
	switch {
	case asJSON:
		if err := printJSON(w, r); err != nil {
			return err
		}
	case r.Busy != "":
		printWrapped(w, r.Busy+"; nothing was done")
	case len(r.Steps) == 0 && len(failures) == 0:
		fmt.Fprintln(w, "nothing to do")
	}
	switch {
	case len(failures) == 0:
		return nil
	case len(failures) == 1:
		return errors.New(failures.Error())
	}
	if !asJSON {
		for _, f := range failures {
			printWrapped(w, fmt.Sprintf("failed: %s: %s", f.Table, f.Err))
		}
	}
	return fmt.Errorf("%d tables lack something, the others are done; the first: %s", len(failures), failures[:1])
}
