package main

import (
	"context"
	"io"
	"iter"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/internal/term"
	"github.com/blotterdb/blotter/postgres"
	"github.com/spf13/cobra"
)

func analyticsShow(set *settings) *cobra.Command {
	var l listing
	var by string
	cmd := &cobra.Command{
		Use:   "show",
		Short: "Show portfolio_summary, or performance_metrics with --by day",
		Example: `  blotter analytics show --account ACC123
  blotter analytics show --by day --format csv`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := l.prepare(cmd, set); err != nil {
				return err
			}
			l.limit = 0

			switch by {
			case "symbol":
				return list(cmd, set, &l, "no positions; blotter serve keeps the analytics", summaries, printSummaries)
			case "day":
				return list(cmd, set, &l, "no trades; blotter serve keeps the analytics", metrics, printMetrics)
			}
			return usagef("invalid --by %q: want symbol or day", by)
		},
	}
	cmd.Flags().StringVar(&by, "by", "symbol", "symbol (positions) or day (trades by strategy and day)")
	formatFlag(cmd, &l.format, "table", "table, csv or json; csv and json have every digit")
	return cmd
}

func summaries(ctx context.Context, s *postgres.Session) iter.Seq2[blotter.PortfolioSummary, error] {
	return postgres.PortfolioSummaries.Stream(ctx, s, sortedBy(ctx, "account_id", "symbol")...)
}

func metrics(ctx context.Context, s *postgres.Session) iter.Seq2[blotter.PerformanceMetrics, error] {
	return postgres.PerformanceMetrics.Stream(ctx, s, sortedBy(ctx, "account_id", "date", "strategy")...)
}

func printSummaries(w io.Writer, summaries []blotter.PortfolioSummary) error {
	columns := []term.Column{
		{Name: "account"},
		{Name: "symbol"},
		{Name: "quantity", Right: true},
		{Name: "cost", Right: true, Point: true, Spare: 3},
		{Name: "last", Right: true, Spare: 4},
		{Name: "value", Right: true, Point: true},
		{Name: "unrealized", Right: true, Signed: true, Point: true},
		{Name: "realized", Right: true, Signed: true, Point: true},
		{Name: "fees", Right: true, Point: true, Spare: 2},
		{Name: "trades", Right: true, Spare: 5},
		{Name: "currency", Spare: 6},
	}
	var rows [][]string
	for _, s := range summaries {
		rows = append(rows, []string{
			s.AccountID, s.Symbol, s.Quantity.String(), money(s.CostBasis, s.Currency), priceOf(s.MarketPrice),
			moneyOf(s.TotalValue, s.Currency), moneyOf(s.UnrealizedPnL, s.Currency), money(s.RealizedPnL, s.Currency),
			money(s.Fees, s.Currency), term.Thousands(s.EventCount), s.Currency,
		})
	}

	return term.PrintTable(w, columns, rows)
}

func printMetrics(w io.Writer, metrics []blotter.PerformanceMetrics) error {
	columns := []term.Column{
		{Name: "account"},
		{Name: "strategy"},
		{Name: "date"},
		{Name: "trades", Right: true},
		{Name: "closing", Right: true, Spare: 2},
		{Name: "won", Right: true},
		{Name: "lost", Right: true},
		{Name: "rate", Right: true, Spare: 1},
		{Name: "realized", Right: true, Signed: true, Point: true},
		{Name: "fees", Right: true, Point: true, Spare: 3},
		{Name: "currency", Spare: 4},
	}
	var rows [][]string
	for _, m := range metrics {
		winRate := ""
		if m.WinRate != nil {
			winRate = m.WinRate.StringFixed(2)
		}
		rows = append(rows, []string{
			m.AccountID, m.Strategy, m.Date.Format(time.DateOnly), term.Thousands(m.TotalTrades),
			term.Thousands(m.ClosingTrades), term.Thousands(m.Wins), term.Thousands(m.Losses), winRate,
			money(m.RealizedPnL, m.Currency), money(m.Fees, m.Currency), m.Currency,
		})
	}

	return term.PrintTable(w, columns, rows)
}
