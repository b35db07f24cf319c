package main

import (
	"context"
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"

	"github.com/blotterdb/blotter/postgres"
	"github.com/spf13/cobra"
)

func pnlCommand(set *settings) *cobra.Command {
	return noun("pnl", "Add up profit and loss", "  blotter pnl list --account ACC123\n  blotter pnl list --by month", pnlList(set))
}

func pnlList(set *settings) *cobra.Command {
	var h history
	var by string
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List what trades realized, by symbol, strategy or date",
		Long: `Add up what the trades of --account, or of all accounts, realized: by symbol, by
strategy, or by trading day, month or year in the account's zone. Money of two
currencies is not added: fees in another currency than the trade's stand in a
column of their own, and net P&L is without them. What open positions are worth
is in blotter positions list.`,
		Example: `  blotter pnl list --account ACC123
  blotter pnl list --by month --from 2024-01-01
  blotter pnl list --by strategy --json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := h.prepare(cmd, set); err != nil {
				return err
			}
			if !slices.Contains(postgres.PnLGroupings(), by) {
				return usagef("--by %s: want %s", by, strings.Join(postgres.PnLGroupings(), ", "))
			}
			h.limit = 0
			filter := postgres.PnLFilter{By: by, Symbol: h.symbol, Strategy: h.strategy, From: h.since, To: h.until}
			return list(cmd, set, &h, "no trades", func(ctx context.Context, s *postgres.Session) iter.Seq2[postgres.PnL, error] {
				groups, err := s.PnL(ctx, filter)
				if err != nil {
					return func(yield func(postgres.PnL, error) bool) { yield(postgres.PnL{}, err) }
				}
				return each(groups)
			}, func(w io.Writer, groups []postgres.PnL) error { return printPnL(w, cmd.Context(), by, groups) })
		},
	}
	h.flags(cmd)
	cmd.Flags().StringVar(&by, "by", "symbol", strings.Join(postgres.PnLGroupings(), ", "))
	return cmd
}

func printPnL(w io.Writer, ctx context.Context, by string, groups []postgres.PnL) error {
	columns := []column{
		{name: "account", spare: 2},
		{name: by},
		{name: "trades", right: true},
		{name: "closing", right: true, spare: 4},
		{name: "won", right: true, spare: 3},
		{name: "realized", right: true, signed: true, point: true},
		{name: "fees", right: true, point: true},
		{name: "net", right: true, signed: true, point: true},
		{name: "currency", spare: 1},
		{name: "other fees"},
	}
	line := func(account, name string, p *postgres.PnL) []string {
		won := ""
		if p.Closing > 0 {
			won = fmt.Sprintf("%d%%", (p.Wins*100+p.Closing/2)/p.Closing)
		}
		if name == "" {
			name = "(none)"
		}
		return []string{account, name, thousands(p.Trades), thousands(p.Closing), won, money(p.RealizedPnL, p.Currency), money(p.Fees, p.Currency), money(p.NetPnL, p.Currency), p.Currency, otherFees(p.OtherFees)}
	}
	totals := map[string]*postgres.PnL{}
	var rows [][]string
	for i := range groups {
		p := &groups[i]
		rows = append(rows, line(accountCell(bookContext(ctx), p.AccountID), p.Group, p))
		t := totals[p.Currency]
		if t == nil {
			t = &postgres.PnL{Currency: p.Currency}
			totals[p.Currency] = t
		}
		t.Trades, t.Closing, t.Wins = t.Trades+p.Trades, t.Closing+p.Closing, t.Wins+p.Wins
		t.RealizedPnL, t.Fees, t.NetPnL = t.RealizedPnL.Add(p.RealizedPnL), t.Fees.Add(p.Fees), t.NetPnL.Add(p.NetPnL)
		for _, fee := range p.OtherFees {
			t.OtherFees = t.OtherFees.Add(fee.Currency, fee.Amount)
		}
	}
	currencies := make([]string, 0, len(totals))
	for currency := range totals {
		currencies = append(currencies, currency)
	}
	slices.Sort(currencies)
	for _, currency := range currencies {
		rows = append(rows, line("", "all", totals[currency]))
	}
	return printListing(w, columns, rows)
}
