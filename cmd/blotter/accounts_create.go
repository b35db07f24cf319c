package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/postgres"
	"github.com/spf13/cobra"
)

func accountsCreate(set *settings) *cobra.Command {
	var flags accountFlags
	cmd := &cobra.Command{
		Use:   "create ACCOUNT",
		Short: "Create an account",
		Long: `Create an account, so that trades import can book into it. Its currency is USD
and its zone is UTC unless the flags say otherwise.`,
		Example: "  blotter accounts create ACC123 --currency EUR --zone Europe/Berlin",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			account := blotter.Account{AccountID: args[0]}
			if err := blotter.CheckAccountID(account.AccountID); err != nil {
				return usageError{err}
			}
			if err := flags.apply(cmd, &account); err != nil {
				return err
			}

			return set.changeAccount(cmd, &account, func(ctx context.Context, tx *postgres.Tx) error {
				_, err := postgres.Accounts.Get(ctx, tx, account.AccountID)
				if err == nil {
					return fmt.Errorf("there is an account %q already; blotter accounts set changes it",
						account.AccountID)
				}
				if !errors.Is(err, blotter.ErrNotFound) {
					return err
				}
				return postgres.Accounts.Insert(ctx, tx, &account)
			})
		},
	}
	flags.add(cmd)
	return cmd
}
