package partition

import (
	"context"
	"errors"
	"time"

	"github.com/blotterdb/blotter/postgres"
)

// Run makes the plan for the time now and carries it out as the one runner of the database at url, whose login must be
// a member of trading_owner. It calls done with what each step has done.
//
// Errors: *BusyError where another runner works, ErrInvalid for a policy that the tables cannot follow, and Failures
// of the tables that could not be finished; the others are.
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
