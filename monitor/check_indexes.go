package monitor

import (
	"cmp"
	"context"

	"github.com/blotterdb/blotter/postgres"
)

// indexCheck returns a check that reports advice about indexes as warnings, because none of it is urgent.
func indexCheck(
	name string, advise func(context.Context, postgres.Querier) ([]Advice, error), remedy string,
) Check {
	run := func(ctx context.Context, q postgres.Querier) (findings []Finding, err error) {
		list, err := advise(ctx, q)
		for _, a := range list {
			findings = append(findings, Finding{
				Severity: Warning, Subject: cmp.Or(a.Index, a.Table), Message: a.Evidence, Remedy: remedy,
			})
		}
		return findings, err
	}

	return Check{Name: name, Area: "indexes", Run: run}
}

// invalidIndexes finds indexes whose creation was interrupted. They cost every write and serve no read.
func invalidIndexes(Thresholds) Check {
	return indexCheck("index_invalid", adviseInvalid, "Run the statement that blotter doctor --indexes prints.")
}

// redundantIndexes finds indexes whose reads another index can serve.
func redundantIndexes(Thresholds) Check {
	return indexCheck("index_redundant", adviseRedundant,
		"Drop it with the statement that blotter doctor --indexes prints.")
}

// unusedIndexes finds indexes that cost writes and space and that no statement reads.
func unusedIndexes(t Thresholds) Check {
	return indexCheck("index_unused", func(ctx context.Context, q postgres.Querier) ([]Advice, error) {
		return adviseUnused(ctx, t, q)
	}, "Drop it if no replica reads it either: blotter doctor --indexes --replica URL.")
}

// foreignKeyIndexes finds foreign keys without an index on the referring side.
func foreignKeyIndexes(Thresholds) Check {
	return indexCheck("foreign_key_index", adviseForeignKeys,
		"Create the index with the statement that blotter doctor --indexes prints.")
}

// missingIndexes finds large tables that statements often read as a whole.
func missingIndexes(t Thresholds) Check {
	return indexCheck("index_missing", func(ctx context.Context, q postgres.Querier) ([]Advice, error) {
		return adviseMissing(ctx, t, q)
	}, "EXPLAIN the slowest statements on it, and index the columns that they filter by.")
}
