package maintenance

import (
	"context"
	"fmt"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/partition"
	"github.com/blotterdb/blotter/postgres"
	"github.com/jackc/pgx/v5"
)

var (
	liveLogs     = partition.Relation{Schema: "logging", Name: "system_logs"}
	archivedLogs = partition.Relation{Schema: "logging", Name: "archived_system_logs"}
)

// archivePlan is what is to be done to the log at one instant. Every row is in the live table or in the archive at every
// instant: a partition moves in one transaction, rows in one statement.
type archivePlan struct {
	cutoff time.Time        // rows before it belong into the archive
	steps  []partition.Step // whole partitions that move, or that the archive drops
	rows   []partition.Leaf // live leaves whose rows move one by one

	moved, live      []partition.Leaf // by which force is asked for
	dropped, archive []partition.Leaf
}

// archiveLogs moves what is older than Retention.LiveDays to the archive, and drops what is older than ArchiveDays more.
// A partition goes as a whole when its last instant is old enough.
func (r *Runner) archiveLogs(ctx context.Context, task *Task) (Figures, error) {
	const what = "archive"
	if !task.DryRun {
		lock, err := partition.Lock(ctx, r.cfg.OwnerURL, "blotter maintenance archive lock")
		if err != nil {
			return nil, err
		}
		defer func() { _ = lock.Close(context.WithoutCancel(ctx)) }()
	}
	conn, err := r.connect(ctx, what)
	if err != nil {
		return nil, err
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	now, err := r.now(ctx, conn)
	if err != nil {
		return nil, postgres.Translate(what, err)
	}
	state, err := partition.Read(ctx, conn)
	if err != nil {
		return nil, err
	}
	plan := planArchive(state, now.UTC(), r.cfg.Logs)
	if task.DryRun {
		return plan.count(ctx, conn, task)
	}
	if err := plan.allowed(task.Force); err != nil {
		return nil, err
	}
	return r.carryOut(ctx, conn, plan, task)
}

// planArchive is the part of a partition plan that is about the log, save leaves of whose time the archive has rows
// already: their rows move one by one into the leaf there.
func planArchive(state partition.State, now time.Time, keep Retention) archivePlan {
	days := partition.Age{Days: keep.LiveDays}
	policy := partition.Policy{Retire: map[string]partition.Retirement{liveLogs.String(): {How: partition.ArchiveLeaf, After: days}}}
	if keep.ArchiveDays >= 0 {
		after := partition.Age{Days: keep.LiveDays + keep.ArchiveDays}
		policy.Retire[archivedLogs.String()] = partition.Retirement{How: partition.DropLeaf, After: after}
	}
	plan := archivePlan{cutoff: now.AddDate(0, 0, -keep.LiveDays)}
	plan.live, plan.archive = leavesOf(state, liveLogs), leavesOf(state, archivedLogs)
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
		if step.Table != liveLogs && step.Table != archivedLogs || split[step.Leaf] {
			continue
		}
		switch step.Kind {
		case partition.Archive:
			plan.moved = append(plan.moved, byName(plan.live, step.Leaf))
		case partition.Drop:
			plan.dropped = append(plan.dropped, byName(plan.archive, step.Leaf))
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

// allowed refuses what is more than half of a table unless it is forced: then the retention, or the clock, is probably
// wrong. A single partition may always go, as it does every month.
func (p archivePlan) allowed(force bool) error {
	for _, part := range []struct {
		verb       string
		table      partition.Relation
		some, from []partition.Leaf
	}{{"move", liveLogs, append(p.moved, p.rows...), p.live}, {"drop", archivedLogs, p.dropped, p.archive}} {
		n, some := filled(part.some)
		_, all := filled(part.from)
		if !force && n > 1 && some*2 > all {
			return &blotter.Error{Kind: blotter.ErrInvalid, Message: fmt.Sprintf(
				"it would %s %d partitions, %d of the %d bytes of %s, before %s; if that is meant: blotter maintain run archive_logs --force",
				part.verb, n, some, all, part.table, p.cutoff.Format("2006-01-02 15:04:05Z"))}
		}
	}
	return nil
}

// filled counts the leaves that ever had rows, and their bytes.
func filled(leaves []partition.Leaf) (n int, bytes int64) {
	for _, leaf := range leaves {
		if !leaf.Empty {
			n, bytes = n+1, bytes+leaf.Bytes
		}
	}
	return n, bytes
}

// count is the dry run: what would move or go, with exact numbers of rows.
func (p archivePlan) count(ctx context.Context, conn *pgx.Conn, task *Task) (Figures, error) {
	figures := Figures{"partitions": len(p.moved), "partitions_dropped": len(p.dropped), "cutoff": p.cutoff}
	for _, part := range []struct {
		verb, figure string
		leaves       []partition.Leaf
		condition    bool
	}{{"archive", "rows", p.moved, false}, {"move", "rows_moved", p.rows, true}, {"drop", "rows_dropped", p.dropped, false}} {
		total := int64(0)
		for _, leaf := range part.leaves {
			sql, args := "select count(*) from "+identifier(leaf), []any(nil)
			if part.condition {
				sql, args = sql+" where timestamp < $1", []any{p.cutoff}
			}
			var n int64
			if err := conn.QueryRow(ctx, sql, args...).Scan(&n); err != nil {
				return figures, postgres.Translate("archive", err)
			}
			total += n
			task.Say(fmt.Sprintf("%-8s %s  %d rows", part.verb, leaf.Relation, n))
		}
		figures[part.figure] = total
	}
	return figures, p.allowed(task.Force)
}

// carryOut moves whole partitions, then rows. Neither stops the other.
func (r *Runner) carryOut(ctx context.Context, conn *pgx.Conn, plan archivePlan, task *Task) (Figures, error) {
	archived, dropped, moved := 0, 0, int64(0)
	err := partition.Apply(ctx, conn, plan.steps, func(step partition.Step, _ string) {
		switch step.Kind {
		case partition.Archive:
			archived++
		case partition.Drop:
			dropped++
		default:
			return
		}
		task.Say(fmt.Sprintf("%-8s %s", step.Kind, step.Leaf))
	})
	_, limited := conn.Exec(ctx, fmt.Sprintf("set lock_timeout = %d", r.cfg.LockTimeout.Milliseconds())) // Apply sets its own
	if err == nil {
		err = postgres.Translate("archive", limited)
	}
	for _, leaf := range plan.rows {
		n, failure := moveRows(ctx, conn, leaf, plan.cutoff, task)
		if moved += n; err == nil {
			err = failure
		}
	}
	return Figures{"partitions": archived, "partitions_dropped": dropped, "rows_moved": moved, "cutoff": plan.cutoff}, err
}
