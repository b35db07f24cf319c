package maintenance

import (
	"context"

	"github.com/blotterdb/blotter/internal/pgerror"
	"github.com/blotterdb/blotter/partition"
)

// partitions does what package partition does.
func (r *Runner) partitions(ctx context.Context, task *Task) (Figures, error) {
	conn, err := r.connect(ctx, "partitions")
	if err != nil {
		return nil, err
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	now, err := r.now(ctx, conn)
	if err != nil {
		return nil, pgerror.Translate(ctx, "partitions", err)
	}
	figures := Figures{}
	count := func(step partition.Step, _ string) {
		n, _ := figures[string(step.Kind)].(int)
		figures[string(step.Kind)] = n + 1
		task.Say(step.String())
	}
	if !task.DryRun {
		return figures, partition.Run(ctx, r.cfg.OwnerURL, now, r.cfg.Partitions, count)
	}
	state, err := partition.Read(ctx, conn)
	if err == nil {
		err = r.cfg.Partitions.Check(state)
	}
	if err != nil {
		return nil, err
	}
	steps, failures := partition.Plan(state, now, r.cfg.Partitions)
	for _, step := range steps {
		count(step, "")
	}
	if len(failures) > 0 {
		return figures, failures
	}
	return figures, nil
}
