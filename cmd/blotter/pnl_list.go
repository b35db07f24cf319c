package main

import (
	"context"
	"fmt"
	"io"
	"iter"
	"maps"
	"slices"

	"github.com/blotterdb/blotter/internal/term"
	"github.com/blotterdb/blotter/postgres"
	"github.com/spf13/cobra"
)

func pnlCommand(set *settings) *cobra.Command {
	return noun("pnl", "Add up profit and loss", `  blotter pnl list --account ACC123
  blotter pnl list --by month`, pnlList(set))
}

func pnlList(set *settings) *cobra.Command {
	var l listing
	var by string
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List realized profit and loss by symbol, strategy or date",
		Long: `Add up the realized profit and loss of the trades of --account, or of all
accounts: by symbol, by strategy, or by trading day, month or year in the zone
of the account. Money in two currencies is not added: fees in another currency
than that of the trade have their own column, and net P&L does not include them.
blotter positions list shows what open positions are worth.`,
		Example: `  blotter pnl list --account ACC123
  blotter pnl list --by month --from 2024-01-01
  blotter pnl list --by strategy --json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := l.prepare(cmd, set); err != nil {
				return err
			}
			if !slices.Contains(postgres.PnLGroupings(), by) {
				return usagef("invalid --by %q: want %s", by, orList(postgres.PnLGroupings()))
			}
			l.limit = 0
			filter := postgres.PnLFilter{By: by, Symbol: l.symbol, Strategy: l.strategy, From: l.since, To: l.until}

			groups := func(ctx context.Context, s *postgres.Session) iter.Seq2[postgres.PnL, error] {
				groups, err := s.PnL(ctx, filter)
				if err != nil {
					return func(yield func(postgres.PnL, error) bool) { yield(postgres.PnL{}, err) }
				}
				return each(groups)
			}
			table := func(w io.Writer, groups []postgres.PnL) error { return printPnL(w, cmd.Context(), by, groups) }
			return list(cmd, set, &l, "no trades", groups, table)
		},
	}
	l.addFilters(cmd)
	cmd.Flags().StringVar(&by, "by", "symbol", orList(postgres.PnLGroupings()))
	return cmd
}

func printPnL(w io.Writer, ctx context.Context, by string, groups []postgres.PnL) error {
	columns := []term.Column{
		{Name: "account", Spare: 2},
		{Name: by},
		{Name: "trades", Right: true},
		{Name: "closing", Right: true, Spare: 4},
		{Name: "won", Right: true, Spare: 3},
		{Name: "realized", Right: true, Signed: true, Point: true},
		{Name: "fees", Right: true, Point: true},
		{Name: "net", Right: true, Signed: true, Point: true},
		{Name: "currency", Spare: 1},
		{Name: "other fees"},
	}
	ctx = bookContext(ctx)
	totals := map[string]*postgres.PnL{} // by currency

	var rows [][]string
	for i := range groups {
		group := &groups[i]
		rows = append(rows, pnlRow(accountCell(ctx, group.AccountID), group.Group, group))
		if totals[group.Currency] == nil {
			totals[group.Currency] = &postgres.PnL{Currency: group.Currency}
		}
		addPnL(totals[group.Currency], group)
	}
	for _, currency := range slices.Sorted(maps.Keys(totals)) {
		rows = append(rows, pnlRow("", "all", totals[currency]))
	}
	return term.PrintTable(w, columns, rows)
}

func pnlRow(account, name string, p *postgres.PnL) []string {
	if name == "" {
		name = "(none)"
	}
	won := ""
	if p.Closing > 0 {
		won = fmt.Sprintf("%d%%", (p.Wins*100+p.Closing/2)/p.Closing)
	}
	return []string{
		account, name, term.Thousands(p.Trades), term.Thousands(p.Closing), won, money(p.RealizedPnL, p.Currency),
		money(p.Fees, p.Currency), money(p.NetPnL, p.Currency), p.Currency, otherFees(p.OtherFees),
	}
}

// addPnL adds a group to a total in the same currency.
func addPnL(total, group *postgres.PnL) {
	total.Trades += group.Trades
	total.Closing += group.Closing
	total.Wins += group.Wins
	total.RealizedPnL = total.RealizedPnL.Add(group.RealizedPnL)
	total.Fees = total.Fees.Add(group.Fees)
	total.NetPnL = total.NetPnL.Add(group.NetPnL)
	for _, fee := range group.OtherFees {
		total.OtherFees = total.OtherFees.Add(fee.Currency, fee.Amount)
	}
}
