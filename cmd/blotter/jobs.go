package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/analytics"
	"github.com/blotterdb/blotter/audit"
	"github.com/blotterdb/blotter/events"
	"github.com/blotterdb/blotter/maintenance"
	"github.com/blotterdb/blotter/postgres"
)

// opener opens the database of the book; done is called when it has been used.
type opener func(ctx context.Context) (db *postgres.DB, done func(), err error)

// otherJobs are the jobs of packages that maintenance does not know.
func otherJobs(ownerURL string, open opener, target func(context.Context, *postgres.DB) (*postgres.DB, func(), error)) []maintenance.Job {
	return []maintenance.Job{
		{
			Name: "reconcile", Short: "prove the analytics from the trades", Every: time.Hour,
			Run: func(ctx context.Context, task *maintenance.Task) (maintenance.Figures, error) {
				return reconcileJob(ctx, task, open, target)
			},
		},
		{
			Name: "seal", Short: "seal what the audit log has got", Every: time.Hour,
			Run: func(ctx context.Context, task *maintenance.Task) (maintenance.Figures, error) {
				return sealJob(ctx, task, open)
			},
		},
		{
			Name: "outbox", Short: "drop partitions of events that nobody needs", Every: time.Hour,
			Run: func(ctx context.Context, task *maintenance.Task) (maintenance.Figures, error) {
				return outboxJob(ctx, task, ownerURL)
			},
		},
	}
}

func reconcileJob(ctx context.Context, task *maintenance.Task, open opener, target func(context.Context, *postgres.DB) (*postgres.DB, func(), error)) (maintenance.Figures, error) {
	if task.DryRun {
		task.Say("every figure of the analytics would be compared with the trades")
		return nil, nil
	}
	db, done, err := open(ctx)
	if err != nil {
		return nil, err
	}
	defer done()
	elsewhere, close, err := target(ctx, db)
	if err != nil {
		return nil, err
	}
	defer close()
	s, err := analytics.New(analytics.Config{Source: db, Target: elsewhere, Logger: quiet})
	if err != nil {
		return nil, err
	}
	r, err := s.Reconcile(ctx)
	if errors.Is(err, blotter.ErrNotFound) {
		task.Say("there are no analytics yet: blotter serve keeps them")
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	figures := maintenance.Figures{"rows": r.Rows, "trades": r.Trades, "mismatches": len(r.Mismatches) + r.More, "lag_events": r.Lag.Events}
	if len(r.Mismatches) > 0 {
		m := r.Mismatches[0]
		return figures, fmt.Errorf("%d figures of the analytics differ from the trades, the first %s of %s %s: %s, its trades make %s; see blotter analytics reconcile",
			len(r.Mismatches)+r.More, m.What, m.Account, m.Key, m.Analytics, m.Trades)
	}
	task.Say(fmt.Sprintf("reconciled: %s rows, from %s trades", thousands(int64(r.Rows)), thousands(r.Trades)))
	return figures, nil
}

// sealBatch is how many entries a seal has at most.
const sealBatch = 5000

func sealJob(ctx context.Context, task *maintenance.Task, open opener) (maintenance.Figures, error) {
	if task.DryRun {
		task.Say("what the audit log has got since the last seal would be sealed")
		return nil, nil
	}
	db, done, err := open(ctx)
	if err != nil {
		return nil, err
	}
	defer done()
	var sealed int64
	for {
		n, err := audit.Seal(ctx, db, sealBatch)
		if sealed += n; err != nil || n == 0 {
			task.Say(fmt.Sprintf("%s entries were sealed", thousands(sealed)))
			return maintenance.Figures{"sealed": sealed}, err
		}
	}
}

func outboxJob(ctx context.Context, task *maintenance.Task, ownerURL string) (maintenance.Figures, error) {
	if task.DryRun {
		task.Say("partitions whose every event is consumed by everybody would be dropped")
		return nil, nil
	}
	conn, err := postgres.ConnectOwner(ctx, ownerURL, "blotter maintenance")
	if err != nil {
		return nil, err
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	dropped, err := events.Retain(ctx, conn, events.KeepPositions)
	for _, name := range dropped {
		task.Say("dropped " + name)
	}
	return maintenance.Figures{"dropped": len(dropped)}, err
}
