package main

import (
	"context"
	"io"
	"iter"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/internal/term"
	"github.com/blotterdb/blotter/postgres"
	"github.com/spf13/cobra"
)

func accountsList(set *settings) *cobra.Command {
	var l listing
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the accounts",
		Long: `List the accounts: the one of --account, or all. The currency is used for trades
that a program books without one; the days of the zone are the trading days of
pnl and analytics.`,
		Example: "  blotter accounts list\n  blotter accounts list --json",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := l.prepare(cmd, set); err != nil {
				return err
			}
			l.limit = 0

			accounts := func(ctx context.Context, s *postgres.Session) iter.Seq2[blotter.Account, error] {
				return postgres.Accounts.Stream(ctx, s, sortedBy(ctx, "account_id")...)
			}
			return list(cmd, set, &l, "no accounts; blotter accounts create makes one", accounts, printAccounts)
		},
	}
	formatFlag(cmd, &l.format, "table", "table, csv or json; csv and json have every column")
	return cmd
}

func printAccounts(w io.Writer, accounts []blotter.Account) error {
	columns := []term.Column{
		{Name: "account"},
		{Name: "name", Least: 12},
		{Name: "currency"},
		{Name: "zone"},
		{Name: "created", Spare: 1},
	}
	var rows [][]string
	for _, a := range accounts {
		rows = append(rows, []string{a.AccountID, a.Name, a.Currency, a.Zone, instant(a.CreatedAt)})
	}
	return term.PrintTable(w, columns, rows)
}
