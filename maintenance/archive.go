package maintenance

import (
	"context"
	"errors"
	"fmt"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/internal/pgerror"
	"github.com/blotterdb/blotter/partition"
	"github.com/jackc/pgx/v5"
)

var (
	liveLogs     = partition.Relation{Schema: "logging", Name: "system_logs"}
	archivedLogs = partition.Relation{Schema: "logging", Name: "archived_system_logs"}
	statistics   = partition.Relation{Schema: "logging", Name: "performance_logs"}
)

// archiveLogs moves what is older than Retention.LiveDays to the archive, and drops what is older than ArchiveDays more,
// there and in the statistics of statements.
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
		return nil, pgerror.Translate(ctx, what, err)
	}
	state, err := partition.Read(ctx, conn)
	if err != nil {
		return nil, err
	}
	plan := planArchive(state, now.UTC(), r.cfg.Logs)
	if task.DryRun {
		return plan.dryRun(ctx, conn, task)
	}
	if err := plan.allowed(ctx, conn, task.Force); err != nil {
		return Figures{"needs_force": errors.Is(err, blotter.ErrInvalid)}, err
	}
	return r.carryOut(ctx, conn, plan, task)
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
		err = pgerror.Translate(ctx, "archive", limited)
	}
	for _, leaf := range plan.rows {
		n, failure := moveRows(ctx, conn, leaf, plan.cutoff, task)
		if moved += n; err == nil {
			err = failure
		}
	}
	return Figures{"partitions": archived, "partitions_dropped": dropped, "rows_moved": moved, "cutoff": plan.cutoff}, err
}
