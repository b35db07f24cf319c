package main

import (
	"context"
	"fmt"
	"slices"

	"github.com/blotterdb/blotter/postgres"
	"github.com/spf13/cobra"
)

// accountCreation says whether an import may make accounts.
type accountCreation struct{ allowed bool }

func (c *accountCreation) add(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&c.allowed, "create-account", false, "make the accounts that do not exist yet")
}

// check refuses to book into accounts that do not exist, unless they may be made or the user says so on the terminal. A
// misspelled account must not become a second book.
func (c *accountCreation) check(ctx context.Context, db *postgres.DB, accounts []string) error {
	if c.allowed || len(accounts) == 0 {
		return nil
	}
	missing, err := missingAccounts(ctx, db, accounts)
	if err != nil || len(missing) == 0 {
		return err
	}

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
	if len(similar) > 0 {
		what += "; did you mean " + orList(similar) + "?"
	} else {
		what += ";"
	}
	return fmt.Errorf("%s nothing was booked, --create-account makes it", what)
}

// missingAccounts returns those of the accounts that do not exist.
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

// missingMax is how many accounts that do not exist are named.
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
