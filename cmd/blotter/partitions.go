package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/blotterdb/blotter/internal/term"
	"github.com/blotterdb/blotter/partition"
	"github.com/blotterdb/blotter/postgres"
	"github.com/spf13/cobra"
)

func partitionsCommand(set *settings) *cobra.Command {
	cmd := noun("partitions", "List, create and retire partitions", `  blotter partitions list
  blotter partitions plan --retire system_logs=archive:90d
  blotter partitions apply`, partitionsList(set), partitionsPlan(set), partitionsApply(set))
	cmd.Long = `Market data, logs and the audit log have partitions of months and years, the
outbox has partitions of positions. Their bounds are in UTC. The login of
--owner-url (or --url) must be a member of trading_owner, as for migrate.`
	return cmd
}

// retireHelp explains --retire in the help of the commands that have it.
const retireHelp = `
Old partitions are kept, unless --retire says what to do with a table's
partitions older than AGE (90d, 18m, 10y: days, months, years):

  TABLE=keep          keep them; the default
  TABLE=detach:AGE    make each a table of its own, to be dumped or moved
  TABLE=archive:AGE   move them to archived_system_logs; only for system_logs
  TABLE=drop:AGE      drop them with their rows

Separate several by commas, or write retire = "..." into blotter.toml.`

// policyFlags are the flags for a partition policy.
type policyFlags struct {
	monthsAhead int
	retire      []string
}

func (f *policyFlags) add(cmd *cobra.Command) {
	cmd.Flags().IntVar(&f.monthsAhead, "months-ahead", 3, "whole `months` to create after this one, 1 to 24")
	cmd.Flags().StringSliceVar(&f.retire, "retire", nil, "`TABLE=HOW:AGE`, what to do with old partitions")
}

func (f *policyFlags) policy() (partition.Policy, error) {
	policy := partition.Policy{MonthsAhead: f.monthsAhead, Retire: map[string]partition.Retirement{}}
	if f.monthsAhead < 1 || f.monthsAhead > 24 {
		return policy, usagef("invalid --months-ahead %d: want 1 to 24", f.monthsAhead)
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

// partitionState reads the partitions of the database of the flags.
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

// partitionsReport is the result of plan and apply.
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
		step.Leaf = s.Leaf.String()
		step.Bounds = s.Bounds.String()
	}
	return step
}

// end prints the end of the output, and returns the failures of tables as one error. It is not a failure that another
// runner works.
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
		term.PrintWrapped(w, r.Busy+"; nothing was done")
	case len(r.Steps) == 0 && len(failures) == 0:
		fmt.Fprintln(w, "nothing to do")
	}

	switch len(failures) {
	case 0:
		return nil
	case 1:
		return errors.New(failures.Error())
	}
	if !asJSON {
		for _, f := range failures {
			term.PrintWrapped(w, fmt.Sprintf("failed: %s: %s", f.Table, f.Err))
		}
	}
	return fmt.Errorf("%d tables failed, the others are done; the first: %s", len(failures), failures[:1])
}
