package main

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/analytics"
	"github.com/blotterdb/blotter/audit"
	"github.com/blotterdb/blotter/events"
	"github.com/blotterdb/blotter/internal/term"
	"github.com/blotterdb/blotter/maintenance"
	"github.com/blotterdb/blotter/postgres"
)

// openBooks opens the database of the trades and that of the analytics, which may be the same. done closes them.
type openBooks func(ctx context.Context) (trades, target *postgres.DB, done func(), err error)

// maintenanceJobs returns the jobs of packages that maintenance does not import. Trades opens the first database only.
func maintenanceJobs(ownerURL string, trades, both openBooks) []maintenance.Job {
	return []maintenance.Job{
		{
			Name: "reconcile", Short: "check the analytics against the trades", Every: 24 * time.Hour,
			Run: func(ctx context.Context, task *maintenance.Task) (maintenance.Figures, error) {
				return reconcileJob(ctx, task, both)
			},
		},

		{
			Name: "seal", Short: "seal new entries of the audit log", Every: time.Hour,
			Run: func(ctx context.Context, task *maintenance.Task) (maintenance.Figures, error) {
				return sealJob(ctx, task, trades)
			},
		},

		{
			Name: "outbox", Short: "drop partitions of the outbox that all consumers have read", Every: 24 * time.Hour,
			Run: func(ctx context.Context, task *maintenance.Task) (maintenance.Figures, error) {
				return outboxJob(ctx, task, ownerURL)
			},
		},
	}
}

func reconcileJob(ctx context.Context, task *maintenance.Task, open openBooks) (maintenance.Figures, error) {
	if task.DryRun {
		task.Say("compare every figure of the analytics with the trades")
		return nil, nil
	}
	trades, target, done, err := open(ctx)
	if err != nil {
		return nil, err
	}
	defer done()
	sync, err := analytics.New(analytics.Config{Source: trades, Target: target, Logger: quiet})
	if err != nil {
		return nil, err
	}

	r, err := sync.Reconcile(ctx)
	if err != nil {
		return nil, err
	}
	mismatches := len(r.Mismatches) + r.More
	figures := maintenance.Figures{"trades": r.Trades, "rows": r.Rows, "mismatches": mismatches}
	if mismatches == 0 {
		return figures, nil
	}
	m := r.Mismatches[0]
	return figures, &blotter.Error{Kind: blotter.ErrIntegrity, Message: fmt.Sprintf(
		"%d figures of the analytics differ from the trades; the first: %s of %s %s in %s is %s, the trades make %s; "+
			"blotter analytics reconcile lists them, blotter analytics rebuild corrects them",
		mismatches, m.What, m.Account, m.Key, m.Table, cmp.Or(m.Analytics, "nothing"), cmp.Or(m.Trades, "nothing"))}
}

// sealJob seals for databases without a daemon, which seals all the time.
func sealJob(ctx context.Context, task *maintenance.Task, open openBooks) (maintenance.Figures, error) {
	if task.DryRun {
		task.Say("seal new entries of the audit log")
		return nil, nil
	}
	db, _, done, err := open(ctx)
	if err != nil {
		return nil, err
	}
	defer done()

	n, err := audit.Seal(ctx, db, 0)
	return maintenance.Figures{"sealed": n}, err
}

func outboxJob(ctx context.Context, task *maintenance.Task, ownerURL string) (maintenance.Figures, error) {
	if task.DryRun {
		task.Say(fmt.Sprintf("drop partitions that every consumer has read, except the last %s positions",
			term.Thousands[int64](events.KeepPositions)))
		return nil, nil
	}
	timeouts := postgres.OwnerTimeouts(10*time.Minute, 5*time.Second)
	conn, err := postgres.ConnectOwner(ctx, ownerURL, "blotter maintenance outbox", timeouts)
	if err != nil {
		return nil, err
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()

	dropped, err := events.Retain(ctx, conn, events.KeepPositions)
	for _, leaf := range dropped {
		task.Say("drop " + leaf)
	}
	return maintenance.Figures{"partitions_dropped": len(dropped)}, err
}
