package main

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/blotterdb/blotter"
	"github.com/spf13/cobra"
)

func pricesCommand(set *settings) *cobra.Command {
	return noun("prices", "List the last prices, and take back a wrong one", `  blotter prices list AAPL
  blotter prices set AAPL 189.50
  blotter prices forget AAPL`, pricesList(set), pricesSet(set), pricesForget(set))
}

// pricesAsked says what a correction waits for.
const pricesAsked = "the analytics follow as soon as blotter serve reads it"

func pricesSet(set *settings) *cobra.Command {
	var at, currency string
	cmd := &cobra.Command{
		Use:   "set SYMBOL PRICE",
		Short: "Set the last price of a symbol, whatever stands there",
		Long: `Set the last price of a symbol, whatever the stored one is: prices otherwise
only move forward in time, so a wrong one with a late date would stay. Positions
are valued with it at once; the analytics follow with the events, in whatever
database they are. The audit log records it. A later bar or published price
replaces it. Put -- before a price below 0.`,
		Example: `  blotter prices set AAPL 189.50
  blotter prices set AAPL 189.50 --at 2024-01-31T21:00:00Z
  blotter prices set CL -- -37.63`,
		Args: cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			price := blotter.LatestPrice{Symbol: strings.ToUpper(args[0])}
			var err error
			if price.Price, err = blotter.ParseDecimal(args[1]); err != nil {
				return usagef("invalid price %q: want a number, as 189.50", args[1])
			}
			if price.At, err = parseDay("--at", at); err != nil {
				return err
			}
			if set.account != "" {
				return usagef("leave out --account: prices belong to no account")
			}

			db, err := set.open(cmd.Context())
			if err != nil {
				return err
			}
			defer db.Close()
			stored, err := db.SetPrice(cmd.Context(), price, strings.ToUpper(currency))
			if err != nil {
				return err
			}
			if set.json {
				return printRecords(cmd.OutOrStdout(), "json", each([]blotter.LatestPrice{stored}))
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s is %s as of %s; %s\n", stored.Symbol, stored.Price, instant(stored.At), pricesAsked)
			return err
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&at, "at", "", "`day` or instant of the price, as 2024-01-31T21:00:00Z (default now)")
	flags.StringVar(&currency, "currency", "", "`code` of its currency, to be sure: it has to be the instrument's")
	return cmd
}

func pricesForget(set *settings) *cobra.Command {
	return &cobra.Command{
		Use:   "forget SYMBOL",
		Short: "Remove the last price of a symbol",
		Long: `Remove the last price of a symbol, here and in the analytics, in whatever
database they are. Positions of it have no value then, until a bar or a
published price comes, whatever its date. It is recorded in the audit log.`,
		Example: "  blotter prices forget AAPL",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if set.account != "" {
				return usagef("leave out --account: prices belong to no account")
			}
			db, err := set.open(cmd.Context())
			if err != nil {
				return err
			}
			defer db.Close()

			symbol := strings.ToUpper(args[0])
			known, err := db.ForgetPrice(cmd.Context(), symbol)
			if err != nil {
				return err
			}
			what := "the price of " + symbol + " is forgotten"
			if !known {
				what = "this database knows no price of " + symbol + "; analytics in another one are told to forget theirs"
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s; %s\n", what, pricesAsked)
			return err
		},
	}
}

func pricesList(set *settings) *cobra.Command {
	return &cobra.Command{
		Use:   "list [SYMBOL...]",
		Short: "List the last prices of symbols",
		Long: `List the last prices of the symbols named, or of all: those of bars and those
set by hand. Where the analytics value positions with another price, it stands
beside. Analytics in another database are not seen from here.`,
		Example: `  blotter prices list
  blotter prices list AAPL MSFT --json`,
		RunE: func(cmd *cobra.Command, args []string) error {
			for i := range args {
				args[i] = strings.ToUpper(args[i])
			}
			db, err := set.open(cmd.Context())
			if err != nil {
				return err
			}
			defer db.Close()
			prices, err := db.Prices(bookContext(cmd.Context()), args)
			if err != nil {
				return err
			}
			if set.json {
				return printRecords(cmd.OutOrStdout(), "json", each(prices))
			}
			if len(prices) == 0 {
				_, err := fmt.Fprintln(cmd.OutOrStdout(), "no prices")
				return err
			}
			return printPrices(cmd.OutOrStdout(), prices)
		},
	}
}

func printPrices(w io.Writer, prices []blotter.KnownPrice) error {
	columns := []column{
		{name: "symbol"},
		{name: "price", right: true, point: true},
		{name: "currency"},
		{name: "at"},
		{name: "source", spare: 2, least: 8},
		{name: "analytics", right: true, point: true},
		{name: "analytics at"},
		{name: "analytics source", spare: 1, least: 8},
	}
	var rows [][]string
	for _, p := range prices {
		row := []string{p.Symbol, decimalCell(p.Price), p.Currency, instantCell(p.At), p.Source, "", "", ""}
		if !sameInAnalytics(p) {
			row[5], row[6], row[7] = decimalCell(p.AnalyticsPrice), instantCell(p.AnalyticsAt), p.AnalyticsSource
			if p.AnalyticsPrice == nil {
				row[5] = "none"
			}
		}
		rows = append(rows, row)
	}
	return printListing(w, columns, rows)
}

// sameInAnalytics reports whether the analytics value with the price that the database has.
func sameInAnalytics(p blotter.KnownPrice) bool {
	if p.Price == nil || p.AnalyticsPrice == nil {
		return false
	}
	return p.Price.Equal(*p.AnalyticsPrice) && p.At.Equal(*p.AnalyticsAt) && p.Source == p.AnalyticsSource
}

func decimalCell(d *blotter.Decimal) string {
	if d == nil {
		return ""
	}
	return price(*d)
}

func instantCell(at *time.Time) string {
	if at == nil {
		return ""
	}
	return instant(*at)
}
