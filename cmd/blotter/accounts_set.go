package main

import (
	"context"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/postgres"
	"github.com/spf13/cobra"
)

func accountsSet(set *settings) *cobra.Command {
	var flags accountFlags
	cmd := &cobra.Command{
		Use:   "set ACCOUNT",
		Short: "Change the currency, zone or name of an account",
		Long: `Change the currency, zone or name of an account; only the flags that are given
change something. The currency is used for later trades that a program books
without one; trades that are booked keep theirs. After a change of the zone, run
blotter analytics rebuild to count by its days.`,
		Example: `  blotter accounts set ACC123 --currency EUR
  blotter accounts set ACC123 --zone America/New_York --name "Broker, main"`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			account := blotter.Account{AccountID: args[0]}
			if err := blotter.CheckAccountID(account.AccountID); err != nil {
				return usageError{err}
			}
			if err := flags.apply(cmd, &account); err != nil {
				return err
			}
			if account == (blotter.Account{AccountID: account.AccountID}) && !cmd.Flags().Changed("name") {
				return usagef("say what to change: --currency, --zone or --name")
			}

			return set.changeAccount(cmd, &account, func(ctx context.Context, tx *postgres.Tx) error {
				stored, err := postgres.Accounts.Get(ctx, tx, account.AccountID)
				if err != nil {
					return err
				}
				account = stored
				_ = flags.apply(cmd, &account) // checked above
				return postgres.Accounts.Update(ctx, tx, &account)
			})
		},
	}
	flags.add(cmd)
	return cmd
}
