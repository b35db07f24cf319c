package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/fillfile"
	"github.com/blotterdb/blotter/postgres"
	"github.com/spf13/cobra"
)

// accountNameMax is the greatest number of characters in the name of an account.
const accountNameMax = 200

func accountsCommand(set *settings) *cobra.Command {
	return noun("accounts", "List, create and change accounts", `  blotter accounts list
  blotter accounts create ACC123 --currency EUR --zone Europe/Berlin
  blotter accounts set ACC123 --name "Broker, main"`, accountsList(set), accountsCreate(set), accountsSet(set))
}

// accountFlags are the flags for the properties of an account.
type accountFlags struct{ currency, zone, name string }

func (f *accountFlags) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&f.currency, "currency", "", "`code` of the account's currency, such as EUR")
	flags.StringVar(&f.zone, "zone", "", "`zone` whose days are its trading days, such as Europe/Berlin")
	flags.StringVar(&f.name, "name", "", "`name` for people")
}

// apply checks the flags and sets the properties of the account that they name.
func (f *accountFlags) apply(cmd *cobra.Command, account *blotter.Account) error {
	isSet := cmd.Flags().Changed
	if isSet("currency") {
		code := strings.ToUpper(f.currency)
		if fillfile.CheckCurrency(code) != nil || fillfile.MinorUnitOf(code) != "" {
			return usagef("invalid --currency %q: want a code of ISO 4217, such as EUR, or a known coin, such as USDT",
				f.currency)
		}
		account.Currency = code
	}

	if isSet("zone") {
		if _, err := time.LoadLocation(f.zone); err != nil || f.zone == "" || f.zone == "Local" {
			return usagef("invalid --zone %q: want the name of a zone, such as America/New_York or UTC", f.zone)
		}
		account.Zone = f.zone
	}

	if isSet("name") {
		tooLong := utf8.RuneCountInString(f.name) > accountNameMax
		if tooLong || !utf8.ValidString(f.name) || strings.ContainsRune(f.name, 0) {
			return usagef("invalid --name: want at most %d characters of UTF-8 text", accountNameMax)
		}
		account.Name = f.name
	}
	return nil
}

// accountChange writes an account in a transaction.
type accountChange func(context.Context, *postgres.Tx) error

// changeAccount runs change in a transaction of the account, and prints the changed account.
func (s *settings) changeAccount(cmd *cobra.Command, account *blotter.Account, change accountChange) error {
	if s.account != "" && s.account != account.AccountID {
		return usagef("leave out --account: the account is %s", account.AccountID)
	}
	db, err := s.open(cmd.Context())
	if err != nil {
		return err
	}
	defer db.Close()

	ctx := blotter.WithAccount(cmd.Context(), account.AccountID)
	if err := checkServerZone(ctx, db.DB, account.Zone); err != nil {
		return err
	}
	err = db.Transaction(ctx, func(tx *postgres.Tx) error { return change(ctx, tx) }, postgres.Serializable)
	if errors.Is(err, blotter.ErrNotFound) {
		return unknownAccount(ctx, db.DB, account.AccountID)
	}
	if err != nil {
		return err
	}

	changed := []blotter.Account{*account}
	if s.json {
		return printRecords(cmd.OutOrStdout(), "json", each(changed))
	}
	return printAccounts(cmd.OutOrStdout(), changed)
}

// checkServerZone returns an error if the server does not know the zone, because it computes days too.
func checkServerZone(ctx context.Context, db *postgres.DB, zone string) error {
	if zone == "" {
		return nil
	}
	return db.ReadOnly(ctx, func(s *postgres.Session) error {
		var isKnown bool
		const sql = "select exists (select from pg_timezone_names where name = $1)"
		err := s.QueryRow(ctx, sql, zone).Scan(&isKnown)
		if err == nil && !isKnown {
			err = fmt.Errorf("the PostgreSQL server does not know the zone %q; "+
				"select name from pg_timezone_names lists those it knows", zone)
		}
		return err
	})
}

// checkAccount returns an error if the account of the context does not exist. A context without one means all accounts.
func checkAccount(ctx context.Context, db *postgres.DB) error {
	scope, _ := blotter.ScopeOf(ctx)
	if scope.Account == "" {
		return nil
	}
	err := db.ReadOnly(ctx, func(s *postgres.Session) error {
		_, err := postgres.Accounts.Get(ctx, s, scope.Account)
		return err
	}, postgres.Unlogged)
	if errors.Is(err, blotter.ErrNotFound) {
		return unknownAccount(ctx, db, scope.Account)
	}
	return err
}

// unknownAccount returns the error for an account that does not exist.
func unknownAccount(ctx context.Context, db *postgres.DB, id string) error {
	const list = "; blotter accounts list shows the accounts"
	hint := list
	if known, err := accountIDs(ctx, db); err == nil {
		hint = "; there are no accounts yet: blotter trades import or blotter accounts create makes one"
		if len(known) > 0 {
			hint = cmp.Or(didYouMean(id, known), list)
		}
	}
	return &blotter.Error{Kind: blotter.ErrNotFound, Message: fmt.Sprintf("there is no account %q%s", id, hint)}
}

// accountsMax is the greatest number of accounts among which a misspelled one is looked for.
const accountsMax = 10_000

// accountIDs returns the ids of all accounts that the login may see.
func accountIDs(ctx context.Context, db *postgres.DB) (ids []string, err error) {
	ctx = blotter.WithAllAccounts(ctx)
	err = db.ReadOnly(ctx, func(s *postgres.Session) error {
		accounts, err := postgres.Accounts.Find(ctx, s, postgres.Asc("account_id"), postgres.Limit(accountsMax))
		for _, a := range accounts {
			ids = append(ids, a.AccountID)
		}
		return err
	}, postgres.Unlogged)
	return ids, err
}
