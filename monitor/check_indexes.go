package monitor

import (
	"context"

	"github.com/blotterdb/blotter/postgres"
)

// The checks of indexes are the advice about them, as findings: warnings, since none of it is urgent.

func indexCheck(name string, advise func(context.Context, postgres.Querier) ([]Advice, error), remedy string) Check {
	return Check{Name: name, Area: "indexes", Run: func(ctx context.Context, q postgres.Querier) (findings []Finding, err error) {
		list, err := advise(ctx, q)
		for _, a := range list {
			f := Finding{Severity: Warning, Subject: a.Index, Message: a.Evidence, Remedy: remedy}
			if f.Subject == "" {
				f.Subject = a.Table
			}
			findings = append(findings, f)
		}
		return findings, err
	}}
}

// invalidIndexes finds indexes that cost every write and serve no read: making them was cut short.
func invalidIndexes(Thresholds) Check {
	return indexCheck("index_invalid", adviseInvalid, "blotter doctor --indexes prints the statement that puts it right.")
}

// redundantIndexes finds indexes that another one serves as well.
func redundantIndexes(Thresholds) Check {
	return indexCheck("index_redundant", adviseRedundant, "blotter doctor --indexes prints the statement that drops it.")
}

// unusedIndexes finds indexes that cost writes and space, and that nobody reads.
func unusedIndexes(t Thresholds) Check {
	return indexCheck("index_unused", func(ctx context.Context, q postgres.Querier) ([]Advice, error) {
		return adviseUnused(ctx, t, q)
	}, "If no replica reads it either (blotter doctor --indexes --replica URL), drop it.")
}

// foreignKeyIndexes finds foreign keys whose referring rows are found by reading their whole table.
func foreignKeyIndexes(Thresholds) Check {
	return indexCheck("foreign_key_index", adviseForeignKeys, "blotter doctor --indexes prints the statement that makes the index.")
}

// missingIndexes finds large tables that are read whole again and again.
func missingIndexes(t Thresholds) Check {
	return indexCheck("index_missing", func(ctx context.Context, q postgres.Querier) ([]Advice, error) {
		return adviseMissing(ctx, t, q)
	}, "EXPLAIN the slowest statements on it and index the columns that they filter by.")
}
