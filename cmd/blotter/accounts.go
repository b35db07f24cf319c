package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/fillfile"
	"github.com/blotterdb/blotter/postgres"
	"github.com/spf13/cobra"
)

// accountNameMax is the most characters that the name of an account has.
const accountNameMax = 200

func accountsCommand(set *settings) *cobra.Command {
	return noun("accounts", "List the accounts, create them and change what is known of them", `  blotter accounts list
  blotter accounts create ACC123 --currency EUR --zone Europe/Berlin
  blotter accounts set ACC123 --name "Broker, main"`, accountsList(set), accountsCreate(set), accountsSet(set))
}

func accountsList(set *settings) *cobra.Command {
	var h history
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the accounts",
		Long: `List the accounts: the one of --account, or all. The currency is that of trades
that a program books without one; the zone is the one whose days are the trading
days of pnl and analytics.`,
		Example: "  blotter accounts list\n  blotter accounts list --json",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := h.prepare(cmd, set); err != nil {
				return err
			}
			h.limit = 0
			none := "no accounts; blotter accounts create makes one"
			return list(cmd, set, &h, none, func(ctx context.Context, s *postgres.Session) iter.Seq2[blotter.Account, error] {
				return postgres.Accounts.Stream(ctx, s, sortedBy(ctx, "account_id")...)
			}, printAccounts)
		},
	}
	formatFlag(cmd, &h.format, "table", "table, csv or json; the latter two have every column")
	return cmd
}

func printAccounts(w io.Writer, accounts []blotter.Account) error {
	columns := []column{
		{name: "account"},
		{name: "name", least: 12},
		{name: "currency"},
		{name: "zone"},
		{name: "created", spare: 1},
	}
	var rows [][]string
	for _, a := range accounts {
		rows = append(rows, []string{a.AccountID, a.Name, a.Currency, a.Zone, instant(a.CreatedAt)})
	}
	return printListing(w, columns, rows)
}

// accountFlags are the flags that say what is known of an account.
type accountFlags struct{ currency, zone, name string }

func (f *accountFlags) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&f.currency, "currency", "", "`code` of the account's currency, as EUR")
	flags.StringVar(&f.zone, "zone", "", "`zone` whose days are its trading days, as Europe/Berlin")
	flags.StringVar(&f.name, "name", "", "`name` for people")
}

// apply puts what the flags say into the account, after checking it.
func (f *accountFlags) apply(cmd *cobra.Command, account *blotter.Account) error {
	if cmd.Flags().Changed("currency") {
		code := strings.ToUpper(f.currency)
		if fillfile.CheckCurrency(code) != nil || fillfile.MinorUnitOf(code) != "" {
			return usagef("invalid --currency %q: want a code of ISO 4217, as EUR, or a known coin, as USDT", f.currency)
		}
		account.Currency = code
	}
	if cmd.Flags().Changed("zone") {
		if _, err := time.LoadLocation(f.zone); err != nil || f.zone == "" || f.zone == "Local" {
			return usagef("invalid --zone %q: want a name, as America/New_York or UTC", f.zone)
		}
		account.Zone = f.zone
	}
	if cmd.Flags().Changed("name") {
		if !utf8.ValidString(f.name) || utf8.RuneCountInString(f.name) > accountNameMax || strings.ContainsRune(f.name, 0) {
			return usagef("invalid --name: want at most %d characters of UTF-8 text", accountNameMax)
		}
		account.Name = f.name
	}
	return nil
}

func accountsCreate(set *settings) *cobra.Command {
	var facts accountFlags
	cmd := &cobra.Command{
		Use:   "create ACCOUNT",
		Short: "Create an account",
		Long: `Create an account, into which trades import then books. Its currency is USD and
its zone UTC unless the flags say otherwise.`,
		Example: "  blotter accounts create ACC123 --currency EUR --zone Europe/Berlin",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			account := blotter.Account{AccountID: args[0]}
			if err := blotter.CheckAccountID(account.AccountID); err != nil {
				return usageError{err}
			}
			if err := facts.apply(cmd, &account); err != nil {
				return err
			}

			return set.changeAccount(cmd, &account, func(ctx context.Context, tx *postgres.Tx) error {
				_, err := postgres.Accounts.Get(ctx, tx, account.AccountID)
				if err == nil {
					return fmt.Errorf("there is an account %q already; blotter accounts set changes it", account.AccountID)
				}
				if !errors.Is(err, blotter.ErrNotFound) {
					return err
				}
				return postgres.Accounts.Insert(ctx, tx, &account)
			})
		},
	}
	facts.add(cmd)
	return cmd
}

func accountsSet(set *settings) *cobra.Command {
	var facts accountFlags
	cmd := &cobra.Command{
		Use:   "set ACCOUNT",
		Short: "Change currency, zone or name of an account",
		Long: `Change currency, zone or name of an account; what no flag says stays. The
currency is that of later trades which a program books without one: trades that
are booked keep theirs. After a change of the zone, blotter analytics rebuild
counts by the days of the new one.`,
		Example: `  blotter accounts set ACC123 --currency EUR
  blotter accounts set ACC123 --zone America/New_York --name "Broker, main"`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			account := blotter.Account{AccountID: args[0]}
			if err := blotter.CheckAccountID(account.AccountID); err != nil {
				return usageError{err}
			}
			if err := facts.apply(cmd, &account); err != nil {
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
				_ = facts.apply(cmd, &account) // it was checked above
				return postgres.Accounts.Update(ctx, tx, &account)
			})
		},
	}
	facts.add(cmd)
	return cmd
}

// accountChange writes an account in a transaction.
type accountChange func(context.Context, *postgres.Tx) error

// changeAccount runs change in a transaction of the account, and prints the account as it is then.
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
	if err := knownZone(ctx, db.DB, account.Zone); err != nil {
		return err
	}
	err = db.Transaction(ctx, func(tx *postgres.Tx) error { return change(ctx, tx) }, postgres.Serializable)
	if errors.Is(err, blotter.ErrNotFound) {
		return unknownAccount(ctx, db.DB, account.AccountID)
	}
	if err != nil {
		return err
	}
	if s.json {
		return printRecords(cmd.OutOrStdout(), "json", each([]blotter.Account{*account}))
	}
	return printAccounts(cmd.OutOrStdout(), []blotter.Account{*account})
}

// knownZone refuses a zone that the server does not know: its days are computed there too.
func knownZone(ctx context.Context, db *postgres.DB, zone string) error {
	if zone == "" {
		return nil
	}
	return db.ReadOnly(ctx, func(s *postgres.Session) error {
		var known bool
		err := s.QueryRow(ctx, "select exists (select from pg_timezone_names where name = $1)", zone).Scan(&known)
		if err == nil && !known {
			err = fmt.Errorf("the PostgreSQL server does not know the zone %q; "+
				"select name from pg_timezone_names lists those it knows", zone)
		}
		return err
	})
}

// checkAccount refuses the account of the context where there is no such account. Without one, all are meant.
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
	hint := "; blotter accounts list shows the accounts"
	if known, err := accountIDs(ctx, db); err == nil {
		hint = "; there are no accounts yet: blotter trades import or blotter accounts create makes one"
		if len(known) > 0 {
			hint = cmp.Or(didYouMean(id, known), "; blotter accounts list shows the accounts")
		}
	}
	return &blotter.Error{Kind: blotter.ErrNotFound, Message: fmt.Sprintf("there is no account %q%s", id, hint)}
}

// accountsMax is how many accounts are read to find out which one was meant.
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
