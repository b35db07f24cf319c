package maintenance

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/internal/pgerror"
	"github.com/blotterdb/blotter/partition"
	"github.com/jackc/pgx/v5"
)

// archivePlan says which logs to move and drop at one instant. Every row is always in the live table or in the
// archive: a partition moves in one transaction, and rows move in one statement.
type archivePlan struct {
	keep   Retention
	cutoff time.Time        // older rows belong in the archive
	steps  []partition.Step // whole partitions to move or to drop
	rows   []partition.Leaf // live partitions whose rows move one by one

	// The partitions to move and all live ones, those to drop and all of the archive, for the check of their sizes.
	moved, live      []partition.Leaf
	dropped, archive []partition.Leaf

	droppedStatistics []partition.Leaf
}

// planArchive returns the part of a partition plan that concerns the log. If the archive already has rows of a
// partition's time, the rows of that partition move one by one. Statistics are dropped together with the log of their
// time.
func planArchive(state partition.State, now time.Time, keep Retention) archivePlan {
	days := partition.Age{Days: keep.LiveDays}
	policy := partition.Policy{Retire: map[string]partition.Retirement{
		liveLogs.String(): {How: partition.ArchiveLeaf, After: days},
	}}
	if keep.ArchiveDays >= 0 {
		after := partition.Age{Days: keep.LiveDays + keep.ArchiveDays}
		policy.Retire[archivedLogs.String()] = partition.Retirement{How: partition.DropLeaf, After: after}
		policy.Retire[statistics.String()] = partition.Retirement{How: partition.DropLeaf, After: after}
	}

	plan := archivePlan{keep: keep, cutoff: now.AddDate(0, 0, -keep.LiveDays)}
	plan.live = leavesOf(state, liveLogs)
	plan.archive = leavesOf(state, archivedLogs)

	split := map[partition.Relation]bool{}
	for _, leaf := range plan.live {
		switch over := !leaf.To.After(plan.cutoff); {
		case leaf.Foreign != "" || leaf.Pending || leaf.From.IsZero():
		case over && overlapping(plan.archive, leaf), keep.Exact && !over && leaf.From.Before(plan.cutoff):
			split[leaf.Relation] = true
			plan.rows = append(plan.rows, leaf)
		}
	}

	steps, _ := partition.Plan(state, now, policy) // its failures concern the creation of partitions
	for _, step := range steps {
		if step.Table != liveLogs && step.Table != archivedLogs && step.Table != statistics || split[step.Leaf] {
			continue
		}

		switch step.Kind {
		case partition.Archive:
			plan.moved = append(plan.moved, byName(plan.live, step.Leaf))
		case partition.Drop:
			if step.Table == statistics {
				plan.droppedStatistics = append(plan.droppedStatistics, byName(leavesOf(state, statistics), step.Leaf))
			} else {
				plan.dropped = append(plan.dropped, byName(plan.archive, step.Leaf))
			}
		case partition.Finalize, partition.Bound, partition.Validate:
		default:
			continue
		}

		plan.steps = append(plan.steps, step)
	}

	return plan
}

func leavesOf(state partition.State, table partition.Relation) []partition.Leaf {
	for _, t := range state.Tables {
		if t.Relation == table {
			return t.Leaves
		}
	}
	return nil
}

func byName(leaves []partition.Leaf, name partition.Relation) partition.Leaf {
	for _, leaf := range leaves {
		if leaf.Relation == name {
			return leaf
		}
	}
	return partition.Leaf{Relation: name}
}

func overlapping(leaves []partition.Leaf, with partition.Leaf) bool {
	for _, leaf := range leaves {
		if !leaf.Pending && leaf.From.Before(with.To) && with.From.Before(leaf.To) {
			return true
		}
	}
	return false
}

// allowed returns ErrInvalid if more than half of a table would be moved or dropped without force, because then the
// retention or the clock is probably wrong. A single partition is always allowed, as every month, and so are the
// numbers of rows in Retention.UnforcedMoves and UnforcedDrops: after two months without a daemon, most of a small
// log is old.
func (p archivePlan) allowed(ctx context.Context, conn *pgx.Conn, force bool) error {
	for _, part := range []struct {
		verb       string
		table      partition.Relation
		unforced   int64
		some, from []partition.Leaf
	}{
		{"move", liveLogs, p.keep.UnforcedMoves, slices.Concat(p.moved, p.rows), p.live},
		{"drop", archivedLogs, p.keep.UnforcedDrops, p.dropped, p.archive},
	} {
		if force || filled(part.some) < 2 {
			continue
		}

		some, err := p.countOld(ctx, conn, part.some)
		if err != nil {
			return err
		}

		if some <= part.unforced {
			continue
		}

		var all int64
		for _, leaf := range part.from {
			n, err := count(ctx, conn, leaf, time.Time{})
			if err != nil {
				return err
			}
			all += n
		}

		if some*2 > all {
			return &blotter.Error{Kind: blotter.ErrInvalid, Message: fmt.Sprintf(
				"it would %s %d of the %d rows of %s; if that is right, run blotter maintain run archive_logs --force",
				part.verb, some, all, part.table)}
		}
	}

	return nil
}

// filled returns the number of leaves that have rows.
func filled(leaves []partition.Leaf) (n int) {
	for _, leaf := range leaves {
		if !leaf.Empty {
			n++
		}
	}
	return n
}

// countOld returns the number of rows before the cutoff.
func (p archivePlan) countOld(ctx context.Context, conn *pgx.Conn, leaves []partition.Leaf) (total int64, err error) {
	for _, leaf := range leaves {
		n, err := count(ctx, conn, leaf, p.cutoff)
		if err != nil {
			return total, err
		}
		total += n
	}
	return total, nil
}

// count returns the number of rows of a leaf before an instant, or of all rows if it is zero.
func count(ctx context.Context, conn *pgx.Conn, leaf partition.Leaf, before time.Time) (n int64, err error) {
	sql := "select count(*) from " + identifier(leaf)
	var args []any
	if !before.IsZero() && leaf.To.After(before) {
		sql += " where timestamp < $1"
		args = []any{before}
	}
	err = conn.QueryRow(ctx, sql, args...).Scan(&n)
	return n, pgerror.Translate(ctx, "archive", err)
}

// dryRun lists what would be moved and dropped, with exact numbers of rows.
func (p archivePlan) dryRun(ctx context.Context, conn *pgx.Conn, task *Task) (Figures, error) {
	dropped := slices.Concat(p.dropped, p.droppedStatistics)
	figures := Figures{"partitions": len(p.moved), "partitions_dropped": len(dropped), "cutoff": p.cutoff}
	for _, part := range []struct {
		verb, figure string
		leaves       []partition.Leaf
	}{{"archive", "rows", p.moved}, {"move", "rows_moved", p.rows}, {"drop", "rows_dropped", dropped}} {
		total := int64(0)
		for _, leaf := range part.leaves {
			n, err := count(ctx, conn, leaf, p.cutoff)
			if err != nil {
				return figures, err
			}
			total += n
			task.Say(fmt.Sprintf("%-8s %s  %d rows", part.verb, leaf.Relation, n))
		}
		figures[part.figure] = total
	}

	return figures, p.allowed(ctx, conn, task.Force)
}
