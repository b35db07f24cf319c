package partition

import (
	"context"
	"errors"
	"time"

	"github.com/blotterdb/blotter/postgres"
)

// Run plans for the time now and applies the plan, as the only runner of the database at url. The login of the URL
// must be a member of trading_owner. Run calls done with the outcome of each step.
//
// Run returns a *BusyError if another runner is working, ErrInvalid for a policy that the tables cannot follow, and
// Failures for the tables that could not be completed.
func Run(ctx context.Context, url string, now time.Time, policy Policy, done func(step Step, outcome string)) error {
	const service = "blotter partitions"
	lock, err := Lock(ctx, url, service+" lock")
	if err != nil {
		return err
	}
	defer func() { _ = lock.Close(context.WithoutCancel(ctx)) }()

	conn, err := postgres.ConnectOwner(ctx, url, service)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()

	state, err := Read(ctx, conn)
	if err != nil {
		return err
	}

	if err := policy.Check(state); err != nil {
		return err
	}

	steps, failures := Plan(state, now, policy)
	err = Apply(ctx, conn, steps, done)
	var failed Failures
	if err != nil && !errors.As(err, &failed) {
		return err
	}

	if failures = append(failures, failed...); len(failures) > 0 {
		return failures
	}

	return nil
}
