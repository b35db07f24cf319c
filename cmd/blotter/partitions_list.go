package main

import (
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/blotterdb/blotter/internal/term"
	"github.com/blotterdb/blotter/partition"
	"github.com/spf13/cobra"
)

func partitionsList(set *settings) *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List the partitions with their bounds, rows, sizes and states",
		Long: `List the partitions of every table with their bounds in UTC, the upper one
excluded, rows (the planner's estimate) and sizes with indexes. The state is

  missing   it is due and does not exist: blotter partitions apply creates it
  pending   detaching it was interrupted, its rows are invisible: apply ends it
  foreign   blotter does not use its bounds (DEFAULT, MINVALUE): detach it
  frozen    it is closed and was vacuumed`,
		Example: "  blotter partitions list\n  blotter partitions list --json",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			state, err := set.partitionState(cmd.Context())
			if err != nil {
				return err
			}

			tables := listPartitions(state, set.now())
			return set.print(cmd, tables, func(w io.Writer) error { return printPartitions(w, tables) })
		},
	}
}

type listedTable struct {
	Table      string            `json:"table"`
	Bytes      int64             `json:"bytes"`
	Partitions []listedPartition `json:"partitions"`
}

type listedPartition struct {
	Name  string `json:"partition"`
	From  any    `json:"from,omitempty"` // a time or a position
	To    any    `json:"to,omitempty"`
	Rows  *int64 `json:"rows_estimated,omitempty"` // nil if unknown
	Bytes int64  `json:"bytes"`
	State string `json:"state,omitempty"`
}

// listPartitions lists the partitions, and those that are missing in their places.
func listPartitions(state partition.State, now time.Time) []listedTable {
	steps, _ := partition.Plan(state, now, partition.Policy{})
	tables := []listedTable{}
	for _, t := range state.Tables {
		leaves := slices.Clone(t.Leaves)
		for _, step := range steps {
			if step.Kind == partition.Create && step.Table == t.Relation {
				leaves = append(leaves, partition.Leaf{Relation: step.Leaf, Bounds: step.Bounds, Rows: -1})
			}
		}

		slices.SortStableFunc(leaves, func(a, b partition.Leaf) int { return a.Compare(b.Bounds) })
		listed := listedTable{Table: t.String(), Partitions: []listedPartition{}}
		for _, leaf := range leaves {
			listed.Bytes += leaf.Bytes
			listed.Partitions = append(listed.Partitions, listPartition(t, leaf))
		}
		tables = append(tables, listed)
	}
	return tables
}

func listPartition(t partition.Table, leaf partition.Leaf) listedPartition {
	listed := listedPartition{Name: leaf.Name, Bytes: leaf.Bytes}
	switch {
	case leaf.Foreign != "":
	case t.Ahead == partition.Positions:
		listed.From, listed.To = leaf.FromPos, leaf.ToPos
	default:
		listed.From, listed.To = leaf.From, leaf.To
	}
	if leaf.Rows >= 0 {
		listed.Rows = &leaf.Rows
	}

	isLeaf := func(l partition.Leaf) bool { return l.Relation == leaf.Relation }
	switch {
	case !slices.ContainsFunc(t.Leaves, isLeaf):
		listed.State = "missing"
	case leaf.Pending:
		listed.State = "pending"
	case leaf.Foreign != "":
		listed.State = "foreign"
	case leaf.Vacuumed:
		listed.State = "frozen"
	}
	return listed
}

func printPartitions(w io.Writer, tables []listedTable) error {
	columns := []term.Column{
		{Name: "  partition"},
		{Name: "from"},
		{Name: "to"},
		{Name: "rows", Right: true},
		{Name: "size", Right: true},
		{Name: "state"},
	}
	for i, t := range tables {
		if i > 0 {
			fmt.Fprintln(w)
		}
		fmt.Fprintf(w, "%s  %s\n", term.Printable(t.Table), term.Bytes(t.Bytes))
		if len(t.Partitions) == 0 {
			continue
		}

		var rows [][]string
		for _, p := range t.Partitions {
			count := "?"
			if p.Rows != nil {
				count = term.Estimate(*p.Rows)
			}
			rows = append(rows, []string{
				"  " + p.Name, boundCell(p.From), boundCell(p.To), count, term.Bytes(p.Bytes), p.State,
			})
		}
		if err := term.PrintTable(w, columns, rows); err != nil {
			return err
		}
	}
	return nil
}

func boundCell(bound any) string {
	switch b := bound.(type) {
	case time.Time:
		return b.Format(time.DateOnly)
	case int64:
		return term.Thousands(b)
	}
	return ""
}
