package main

import (
	"context"
	"fmt"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/analytics"
	"github.com/blotterdb/blotter/audit"
	"github.com/blotterdb/blotter/events"
	"github.com/blotterdb/blotter/maintenance"
	"github.com/blotterdb/blotter/postgres"
)

// books opens the database of the trades and that of the analytics, which may be the same; done closes what it opened.
type books func(ctx context.Context) (trades, target *postgres.DB, done func(), err error)

// maintenanceJobs are the jobs of packages that maintenance does not know. Of trades only the first database is used.
func maintenanceJobs(ownerURL string, trades, both books) []maintenance.Job {
	return []maintenance.Job{
		{Name: "reconcile", Short: "prove the analytics from the trades", Every: 24 * time.Hour, Run: func(ctx context.Context, task *maintenance.Task) (maintenance.Figures, error) {
			return reconcileJob(ctx, task, both)
		}},
		{Name: "seal", Short: "seal new entries of the audit log", Every: time.Hour, Run: func(ctx context.Context, task *maintenance.Task) (maintenance.Figures, error) {
			return sealJob(ctx, task, trades)
		}},
		{Name: "outbox", Short: "drop partitions of the outbox that nobody needs", Every: 24 * time.Hour, Run: func(ctx context.Context, task *maintenance.Task) (maintenance.Figures, error) {
			return outboxJob(ctx, task, ownerURL)
		}},
	}
}

func reconcileJob(ctx context.Context, task *maintenance.Task, open books) (maintenance.Figures, error) {
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
	wrong := len(r.Mismatches) + r.More
	figures := maintenance.Figures{"trades": r.Trades, "rows": r.Rows, "mismatches": wrong}
	if wrong > 0 {
		m := r.Mismatches[0]
		return figures, &blotter.Error{Kind: blotter.ErrIntegrity, Message: fmt.Sprintf(
			"%d figures of the analytics do not follow from the trades; the first: %s of %s %s in %s is %s, the trades make %s; blotter analytics reconcile lists them, rebuild makes them anew",
			wrong, m.What, m.Account, m.Key, m.Table, orNothing(m.Analytics), orNothing(m.Trades))}
	}
	return figures, nil
}

func orNothing(text string) string {
	if text == "" {
		return "nothing"
	}
	return text
}

// sealJob is for databases that no daemon seals all the time.
func sealJob(ctx context.Context, task *maintenance.Task, open books) (maintenance.Figures, error) {
	if task.DryRun {
		task.Say("seal the entries of the audit log that are new")
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
		task.Say(fmt.Sprintf("drop partitions that every consumer is past, but for the last %s positions", thousands(events.KeepPositions)))
		return nil, nil
	}
	conn, err := postgres.ConnectOwner(ctx, ownerURL, "blotter maintenance outbox", postgres.OwnerTimeouts(10*time.Minute, 5*time.Second))
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
