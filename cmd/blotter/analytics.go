package main

import (
	"context"
	"fmt"
	"io"
	"iter"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/analytics"
	"github.com/blotterdb/blotter/postgres"
	"github.com/spf13/cobra"
)

func analyticsCommand(set *settings) *cobra.Command {
	return noun("analytics", "Show the analytics, prove them, compute them anew", `  blotter analytics show --account ACC123
  blotter analytics reconcile
  blotter analytics rebuild`, analyticsShow(set), analyticsReconcile(set), analyticsRebuild(set))
}

// synchronizer opens the databases and makes the synchronizer, not started.
func (s *settings) synchronizer(ctx context.Context, analyticsURL string) (sync *analytics.Synchronizer, done func(), err error) {
	trades, target, done, err := s.openBoth(ctx, analyticsURL)
	if err != nil {
		return nil, nil, err
	}
	if err := checkAccount(ctx, trades); err != nil {
		done()
		return nil, nil, err
	}
	sync, err = analytics.New(analytics.Config{Source: trades, Target: target, Logger: s.logger()})
	return sync, done, err
}

// openBoth opens the database of the trades and that of the analytics, which may be the same.
func (s *settings) openBoth(ctx context.Context, analyticsURL string) (trades, target *postgres.DB, done func(), err error) {
	db, err := s.open(ctx)
	if err != nil {
		return nil, nil, nil, err
	}
	if target, err = s.openAnalytics(ctx, db.DB, analyticsURL, postgres.Config{Logger: s.logger()}); err != nil {
		db.Close()
		return nil, nil, nil, err
	}
	return db.DB, target, func() {
		target.Close()
		db.Close()
	}, nil
}

func analyticsRebuild(set *settings) *cobra.Command {
	var url string
	cmd := &cobra.Command{
		Use:   "rebuild",
		Short: "Compute the analytics anew from the trades",
		Long: `Compute the analytics anew from the trades, beside everything that goes on:
readers see the old ones until it is done, and what is booked meanwhile is
folded afterwards, once.`,
		Example: "  blotter analytics rebuild",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			sync, done, err := set.synchronizer(cmd.Context(), url)
			if err != nil {
				return err
			}
			defer done()
			did, err := sync.Rebuild(cmd.Context())
			if err != nil {
				return err
			}
			if set.json {
				return printJSON(cmd.OutOrStdout(), map[string]any{
					"trades": did.Trades, "portfolio_summary": did.Summaries, "performance_metrics": did.Metrics, "seconds": did.Elapsed.Seconds(),
				})
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "rebuilt: %s positions and %s rows of metrics, from %s trades, in %s\n",
				thousands(int64(did.Summaries)), thousands(int64(did.Metrics)), thousands(did.Trades), did.Elapsed.Round(time.Millisecond))
			return err
		},
	}
	analyticsFlag(cmd, &url)
	return cmd
}

func analyticsReconcile(set *settings) *cobra.Command {
	var url string
	cmd := &cobra.Command{
		Use:   "reconcile",
		Short: "Prove the analytics from the trades",
		Long: `Add up, in SQL and at one instant, the trades that the analytics have seen, and
compare every figure. Nothing is locked. What differs is listed with both
numbers; the exit status is then 1, otherwise 0. A backlog is reported, not
counted as a difference.`,
		Example: "  blotter analytics reconcile\n  blotter analytics reconcile --json",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			sync, done, err := set.synchronizer(cmd.Context(), url)
			if err != nil {
				return err
			}
			defer done()
			r, err := sync.Reconcile(cmd.Context())
			if err != nil {
				return err
			}
			if set.json {
				err = printJSON(cmd.OutOrStdout(), reconciliationJSON(r))
			} else {
				err = printReconciliation(cmd.OutOrStdout(), r)
			}
			if err == nil && len(r.Mismatches) > 0 {
				err = exitStatus(1)
			}
			return err
		},
	}
	analyticsFlag(cmd, &url)
	return cmd
}

func reconciliationJSON(r analytics.Reconciliation) any {
	list := r.Mismatches
	if list == nil {
		list = []analytics.Mismatch{}
	}
	return map[string]any{
		"never_ran": r.NeverRan, "trades": r.Trades, "rows": r.Rows, "mismatches": list, "more": r.More,
		"lag_events": r.Lag.Events, "lag_seconds": r.Lag.Age.Seconds(), "seconds": r.Elapsed.Seconds(),
	}
}

func printReconciliation(w io.Writer, r analytics.Reconciliation) error {
	looked := fmt.Sprintf("%s rows, from %s trades, in %s; %s", thousands(int64(r.Rows)), thousands(r.Trades), r.Elapsed.Round(time.Millisecond), behind(r.Lag.Events, r.Lag.Age))
	switch {
	case len(r.Mismatches) > 0:
	case r.NeverRan:
		printWrapped(w, "the analytics have not started; blotter serve starts them ("+behind(r.Lag.Events, r.Lag.Age)+")")
		return nil
	default:
		printWrapped(w, "reconciled: "+looked)
		return nil
	}
	columns := []column{{name: "account"}, {name: "of", spare: 1}, {name: "key"}, {name: "figure"}, {name: "analytics", right: true}, {name: "trades make", right: true}}
	var rows [][]string
	for _, m := range r.Mismatches {
		if m.Parked {
			m.What += " (parked)"
		}
		rows = append(rows, []string{m.Account, m.Table, m.Key, m.What, m.Analytics, m.Trades})
	}
	if err := printListing(w, columns, rows); err != nil {
		return err
	}
	fmt.Fprintln(w)
	printWrapped(w, fmt.Sprintf("NOT reconciled: %s figures differ (%s); blotter analytics rebuild computes them anew", thousands(int64(len(r.Mismatches)+r.More)), looked))
	return nil
}

// behind says in words how far a consumer is behind.
func behind(events int64, age time.Duration) string {
	if events == 0 {
		return "nothing waits"
	}
	return fmt.Sprintf("%s events wait, the oldest for %s", thousands(events), age.Round(time.Millisecond))
}

func analyticsShow(set *settings) *cobra.Command {
	var h history
	var by string
	cmd := &cobra.Command{
		Use:   "show",
		Short: "Show portfolio_summary, or performance_metrics with --by day",
		Example: `  blotter analytics show --account ACC123
  blotter analytics show --by day --format csv`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := h.prepare(cmd, set); err != nil {
				return err
			}
			h.limit = 0
			switch by {
			case "symbol":
				return list(cmd, set, &h, "no positions; blotter serve keeps the analytics", func(ctx context.Context, s *postgres.Session) iter.Seq2[blotter.PortfolioSummary, error] {
					return postgres.PortfolioSummaries.Stream(ctx, s, sortedBy(ctx, "account_id", "symbol")...)
				}, printSummaries)
			case "day":
				return list(cmd, set, &h, "no trades; blotter serve keeps the analytics", func(ctx context.Context, s *postgres.Session) iter.Seq2[blotter.PerformanceMetrics, error] {
					return postgres.PerformanceMetrics.Stream(ctx, s, sortedBy(ctx, "account_id", "date", "strategy")...)
				}, printMetrics)
			}
			return usagef("--by %q: want symbol or day", by)
		},
	}
	cmd.Flags().StringVar(&by, "by", "symbol", "symbol (positions) or day (trades by strategy and day)")
	formatFlag(cmd, &h.format, "table", "table, csv or json; the latter two have every digit")
	return cmd
}

// sortedBy asks for the rows of the scope's account, or of all, in this order.
func sortedBy(ctx context.Context, columns ...string) (clauses []postgres.Clause) {
	if scope, _ := blotter.ScopeOf(ctx); scope.Account != "" {
		clauses = append(clauses, postgres.Eq("account_id", scope.Account))
	}
	for _, column := range columns {
		clauses = append(clauses, postgres.Asc(column))
	}
	return clauses
}

func printSummaries(w io.Writer, rows []blotter.PortfolioSummary) error {
	columns := []column{
		{name: "account"},
		{name: "symbol"},
		{name: "quantity", right: true},
		{name: "cost", right: true, point: true, spare: 3},
		{name: "last", right: true, spare: 4},
		{name: "value", right: true, point: true},
		{name: "unrealized", right: true, signed: true, point: true},
		{name: "realized", right: true, signed: true, point: true},
		{name: "fees", right: true, point: true, spare: 2},
		{name: "trades", right: true, spare: 5},
		{name: "currency", spare: 6},
	}
	var cells [][]string
	for _, r := range rows {
		cells = append(cells, []string{
			r.AccountID, r.Symbol, r.Quantity.String(), money(r.CostBasis, r.Currency), priceOf(r.MarketPrice), moneyOf(r.TotalValue, r.Currency), moneyOf(r.UnrealizedPnL, r.Currency),
			money(r.RealizedPnL, r.Currency), money(r.Fees, r.Currency), thousands(r.EventCount), r.Currency,
		})
	}
	return printListing(w, columns, cells)
}

func printMetrics(w io.Writer, rows []blotter.PerformanceMetrics) error {
	columns := []column{
		{name: "account"},
		{name: "strategy"},
		{name: "date"},
		{name: "trades", right: true},
		{name: "closing", right: true, spare: 2},
		{name: "won", right: true},
		{name: "lost", right: true},
		{name: "rate", right: true, spare: 1},
		{name: "realized", right: true, signed: true, point: true},
		{name: "fees", right: true, point: true, spare: 3},
		{name: "currency", spare: 4},
	}
	var cells [][]string
	for _, r := range rows {
		rate := ""
		if r.WinRate != nil {
			rate = r.WinRate.StringFixed(2)
		}
		cells = append(cells, []string{
			r.AccountID, r.Strategy, r.Date.Format(time.DateOnly), thousands(r.TotalTrades), thousands(r.ClosingTrades), thousands(r.Wins), thousands(r.Losses),
			rate, money(r.RealizedPnL, r.Currency), money(r.Fees, r.Currency), r.Currency,
		})
	}
	return printListing(w, columns, cells)
}
