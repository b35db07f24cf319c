package main

import (
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/blotterdb/blotter/partition"
	"github.com/spf13/cobra"
)

func partitionsList(set *settings) *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List partitions: bounds, rows, sizes, what is missing or pending",
		Long: `List the partitions of every table with their bounds in UTC, the upper one
excluded, rows (the planner's estimate) and sizes with indexes. State is one of

  missing   it is due and not there: blotter partitions apply makes it
  pending   its detaching was cut short, its rows are invisible: apply ends it
  foreign   its bounds are none of blotter's (DEFAULT, MINVALUE): detach it
  frozen    it is closed and was vacuumed`,
		Example: "  blotter partitions list\n  blotter partitions list --json",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			state, err := set.partitionState(cmd.Context())
			if err != nil {
				return err
			}
			tables := listPartitions(state, set.now())
			if set.json {
				return printJSON(cmd.OutOrStdout(), tables)
			}
			return printPartitions(cmd.OutOrStdout(), tables)
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
	Rows  *int64 `json:"rows_estimated,omitempty"` // nothing where it is unknown
	Bytes int64  `json:"bytes"`
	State string `json:"state,omitempty"`
}

// listPartitions lists what is there and, in its place, what is missing.
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
	switch known := slices.ContainsFunc(t.Leaves, func(l partition.Leaf) bool { return l.Relation == leaf.Relation }); {
	case !known:
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
	for i, t := range tables {
		if i > 0 {
			fmt.Fprintln(w)
		}
		fmt.Fprintf(w, "%s  %s\n", printable(t.Table), size(t.Bytes))
		if len(t.Partitions) == 0 {
			continue
		}
		err := printTable(w, []string{"  partition", "from", "to", "rows", "size", "state"}, []int{3, 4}, func(row func(...string)) {
			for _, p := range t.Partitions {
				rows := "?"
				if p.Rows != nil {
					rows = short(*p.Rows)
				}
				row("  "+p.Name, boundCell(p.From), boundCell(p.To), rows, size(p.Bytes), p.State)
			}
		})
		if err != nil {
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
		return thousands(b)
	}
	return ""
}

// short writes an estimate in three digits: 999, 1.23M.
func short(n int64) string {
	value, unit := float64(n), ""
	for _, next := range []string{"k", "M", "G", "T"} {
		if value < 999.5 {
			break
		}
		value, unit = value/1000, next
	}
	if unit == "" {
		return fmt.Sprint(n)
	}
	return fmt.Sprintf("%.3g%s", value, unit)
}

// size writes bytes in units of 1024, as PostgreSQL does.
func size(bytes int64) string {
	value, unit := float64(bytes), "B"
	for _, next := range []string{"kB", "MB", "GB", "TB"} {
		if value < 999.5 {
			break
		}
		value, unit = value/1024, next
	}
	return fmt.Sprintf("%.3g %s", value, unit)
}
