package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/postgres"
	"github.com/spf13/cobra"
)

// accountCreation says whether an import may create accounts.
type accountCreation struct{ allowed bool }

func (c *accountCreation) add(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&c.allowed, "create-account", false, "create accounts that do not exist yet")
}

// check creates the accounts of the fills that do not exist yet, if that is allowed or confirmed on the terminal.
// Otherwise it returns an error, because a misspelled account must not become a second book.
func (c *accountCreation) check(ctx context.Context, db *postgres.DB, fills []fillOf) error {
	if len(fills) == 0 {
		return nil
	}
	accounts := accountsOf(fills)
	missing, err := missingAccounts(ctx, db, slices.Sorted(maps.Keys(accounts)))
	if err != nil || len(missing) == 0 {
		return err
	}
	if !c.allowed {
		if err := askForAccounts(ctx, db, missing); err != nil {
			return err
		}
	}

	for _, id := range missing {
		account := accounts[id]
		err := db.Transaction(blotter.WithAccount(ctx, id), func(tx *postgres.Tx) error {
			return postgres.Accounts.Insert(ctx, tx, &account)
		}, postgres.Unlogged)
		if err != nil && !errors.Is(err, blotter.ErrIntegrity) { // somebody else has just created it
			return err
		}
	}
	return nil
}

// accountsOf returns the accounts of fills. An account whose fills have a single currency gets that.
func accountsOf(fills []fillOf) map[string]blotter.Account {
	accounts := map[string]blotter.Account{}
	currencies := map[string]map[string]bool{}
	for _, f := range fills {
		if currencies[f.AccountID] == nil {
			currencies[f.AccountID] = map[string]bool{}
		}
		currencies[f.AccountID][f.Currency] = true
		accounts[f.AccountID] = blotter.Account{AccountID: f.AccountID, Currency: f.Currency}
	}

	for id, used := range currencies {
		if len(used) > 1 {
			accounts[id] = blotter.Account{AccountID: id}
		}
	}
	return accounts
}

// askForAccounts asks on the terminal whether to create accounts. Without a terminal it returns an error.
func askForAccounts(ctx context.Context, db *postgres.DB, missing []string) error {
	what := describeMissing(missing)
	var similar []string
	if known, err := accountIDs(ctx, db); err == nil && len(missing) == 1 {
		similar = closest(missing[0], known)
	}
	if canAsk() {
		if len(similar) > 0 {
			what += " (similar: " + orList(similar) + ")"
		}
		return ask(ctx, what+"; create it?")
	}

	hint := ";"
	if len(similar) > 0 {
		hint = "; did you mean " + orList(similar) + "?"
	}
	return fmt.Errorf("%s%s nothing was booked, --create-account creates it", what, hint)
}

// missingAccounts returns the accounts that do not exist.
func missingAccounts(ctx context.Context, db *postgres.DB, accounts []string) ([]string, error) {
	missing := slices.Clone(accounts)
	err := db.ReadOnly(ctx, func(s *postgres.Session) error {
		found, err := postgres.Accounts.Find(ctx, s, postgres.In("account_id", accounts))
		for _, a := range found {
			missing = slices.DeleteFunc(missing, func(id string) bool { return id == a.AccountID })
		}
		return err
	})
	return missing, err
}

// missingMax is the greatest number of missing accounts that are named.
const missingMax = 5

func describeMissing(missing []string) string {
	if len(missing) == 1 {
		return fmt.Sprintf("there is no account %q", missing[0])
	}
	more := ""
	if n := len(missing) - missingMax; n > 0 {
		more = fmt.Sprintf(" and %d more", n)
		missing = missing[:missingMax]
	}
	return fmt.Sprintf("there are no accounts %q%s", missing, more)
}
