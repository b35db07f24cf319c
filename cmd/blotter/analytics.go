package main

import (
	"context"
	"fmt"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/analytics"
	"github.com/blotterdb/blotter/internal/term"
	"github.com/blotterdb/blotter/postgres"
	"github.com/spf13/cobra"
)

func analyticsCommand(set *settings) *cobra.Command {
	return noun("analytics", "Show, check or rebuild the analytics", `  blotter analytics show --account ACC123
  blotter analytics reconcile
  blotter analytics rebuild`, analyticsShow(set), analyticsReconcile(set), analyticsRebuild(set))
}

// analyticsFlag adds --analytics-url.
func analyticsFlag(cmd *cobra.Command, url *string) {
	cmd.Flags().StringVar(url, "analytics-url", "", "database `URL` of the analytics (default: that of the trades)")
}

// synchronizer opens the databases and returns a synchronizer that is not started.
func (s *settings) synchronizer(ctx context.Context, analyticsURL string) (*analytics.Synchronizer, func(), error) {
	trades, target, done, err := s.openBoth(ctx, analyticsURL)
	if err != nil {
		return nil, nil, err
	}
	if err := checkAccount(ctx, trades); err != nil {
		done()
		return nil, nil, err
	}
	sync, err := analytics.New(analytics.Config{Source: trades, Target: target, Logger: s.logger()})
	return sync, done, err
}

// openBoth opens the database of the trades and that of the analytics, which may be the same.
func (s *settings) openBoth(ctx context.Context, url string) (trades, target *postgres.DB, done func(), err error) {
	db, err := s.open(ctx)
	if err != nil {
		return nil, nil, nil, err
	}
	target, err = s.openAnalytics(ctx, db.DB, url, postgres.Config{Logger: s.logger()})
	if err != nil {
		db.Close()
		return nil, nil, nil, err
	}

	done = func() {
		target.Close()
		db.Close()
	}
	return db.DB, target, done, nil
}

// openAnalytics opens the database of the analytics: that of the URL, otherwise that of the trades.
func (s *settings) openAnalytics(
	ctx context.Context, trades *postgres.DB, url string, cfg postgres.Config,
) (*postgres.DB, error) {
	if url == "" {
		return trades, nil
	}
	cfg.URL = url
	db, err := postgres.Open(ctx, cfg)
	if err != nil {
		return nil, fmt.Errorf("--analytics-url: %s", explain(err))
	}
	return db, nil
}

// backlog describes the events that a consumer has not applied.
func backlog(events int64, oldest time.Duration) string {
	if events == 0 {
		return "no events waiting"
	}
	return fmt.Sprintf("%s waiting, the oldest for %s",
		term.Count(events, "event", "events"), oldest.Round(time.Millisecond))
}

// sortedBy selects the rows of the account of the context, or of all accounts, in the order of the columns.
func sortedBy(ctx context.Context, columns ...string) (clauses []postgres.Clause) {
	if scope, _ := blotter.ScopeOf(ctx); scope.Account != "" {
		clauses = append(clauses, postgres.Eq("account_id", scope.Account))
	}
	for _, column := range columns {
		clauses = append(clauses, postgres.Asc(column))
	}
	return clauses
}
