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

// archivePlan is what is to be done to the log at one instant. Every row is in the live table or in the archive at every
// instant: a partition moves in one transaction, rows in one statement.
type archivePlan struct {
	keep   Retention
	cutoff time.Time        // rows before it belong into the archive
	steps  []partition.Step // whole partitions that move, or that the archive drops
	rows   []partition.Leaf // live leaves whose rows move one by one

	moved, live      []partition.Leaf // by which force is asked for
	dropped, archive []partition.Leaf
	forgotten        []partition.Leaf // of the statistics
}

// planArchive is the part of a partition plan that is about the log, save leaves of whose time the archive has rows
// already: their rows move one by one into the leaf there. Statistics go when the log of their time does.
func planArchive(state partition.State, now time.Time, keep Retention) archivePlan {
	days := partition.Age{Days: keep.LiveDays}
	policy := partition.Policy{Retire: map[string]partition.Retirement{liveLogs.String(): {How: partition.ArchiveLeaf, After: days}}}
	if keep.ArchiveDays >= 0 {
		after := partition.Age{Days: keep.LiveDays + keep.ArchiveDays}
		policy.Retire[archivedLogs.String()] = partition.Retirement{How: partition.DropLeaf, After: after}
		policy.Retire[statistics.String()] = partition.Retirement{How: partition.DropLeaf, After: after}
	}
	plan := archivePlan{keep: keep, cutoff: now.AddDate(0, 0, -keep.LiveDays)}
	plan.live, plan.archive = leavesOf(state, liveLogs), leavesOf(state, archivedLogs)
	measured := leavesOf(state, statistics)
	split := map[partition.Relation]bool{}
	for _, leaf := range plan.live {
		switch over := !leaf.To.After(plan.cutoff); {
		case leaf.Foreign != "" || leaf.Pending || leaf.From.IsZero():
		case over && overlapping(plan.archive, leaf), keep.Exact && !over && leaf.From.Before(plan.cutoff):
			split[leaf.Relation] = true
			plan.rows = append(plan.rows, leaf)
		}
	}
	steps, _ := partition.Plan(state, now, policy) // its failures are about making partitions
	for _, step := range steps {
		if step.Table != liveLogs && step.Table != archivedLogs && step.Table != statistics || split[step.Leaf] {
			continue
		}
		switch step.Kind {
		case partition.Archive:
			plan.moved = append(plan.moved, byName(plan.live, step.Leaf))
		case partition.Drop:
			if step.Table == statistics {
				plan.forgotten = append(plan.forgotten, byName(measured, step.Leaf))
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

// allowed refuses to move or drop more than half of a table, unless it is forced: the retention, or the clock, is probably
// wrong then. A single partition may always go, as it does every month, and so may the rows of Retention.UnforcedMoves and
// UnforcedDrops: after two months without a daemon, most of a small log is old.
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
				"it would %s %d of the %d rows of %s; if that is right, run blotter maintain run archive_logs --force", part.verb, some, all, part.table)}
		}
	}
	return nil
}

// filled counts the leaves that ever had rows.
func filled(leaves []partition.Leaf) (n int) {
	for _, leaf := range leaves {
		if !leaf.Empty {
			n++
		}
	}
	return n
}

// countOld counts rows before the cutoff.
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

// count counts the rows of a leaf before an instant; the zero time is all.
func count(ctx context.Context, conn *pgx.Conn, leaf partition.Leaf, before time.Time) (n int64, err error) {
	sql, args := "select count(*) from "+identifier(leaf), []any(nil)
	if !before.IsZero() && leaf.To.After(before) {
		sql, args = sql+" where timestamp < $1", []any{before}
	}
	err = conn.QueryRow(ctx, sql, args...).Scan(&n)
	return n, pgerror.Translate(ctx, "archive", err)
}

// dryRun tells what would move or go, with exact numbers of rows.
func (p archivePlan) dryRun(ctx context.Context, conn *pgx.Conn, task *Task) (Figures, error) {
	figures := Figures{"partitions": len(p.moved), "partitions_dropped": len(p.dropped) + len(p.forgotten), "cutoff": p.cutoff}
	for _, part := range []struct {
		verb, figure string
		leaves       []partition.Leaf
	}{{"archive", "rows", p.moved}, {"move", "rows_moved", p.rows}, {"drop", "rows_dropped", slices.Concat(p.dropped, p.forgotten)}} {
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
