package main

import (
	"fmt"
	"strings"

	"github.com/blotterdb/blotter"
	"github.com/spf13/cobra"
)

func pricesSet(set *settings) *cobra.Command {
	var at, currency string
	cmd := &cobra.Command{
		Use:   "set SYMBOL PRICE",
		Short: "Set the last price of a symbol",
		Long: `Set the last price of a symbol, even if the stored one is newer. Otherwise, a
price is replaced only by a later one, so a wrong price with a late date would
stay. Positions are valued with it at once; the analytics follow with the
events, also in another database. The audit log records it. A later bar or
published price replaces it. Put -- before a price below 0.`,
		Example: `  blotter prices set AAPL 189.50
  blotter prices set AAPL 189.50 --at 2024-01-31T21:00:00Z
  blotter prices set CL -- -37.63`,
		Args: cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			price := blotter.LatestPrice{Symbol: strings.ToUpper(args[0])}
			var err error
			if price.Price, err = blotter.ParseDecimal(args[1]); err != nil {
				return usagef("invalid price %q: want a number, such as 189.50", args[1])
			}
			if price.At, err = parseDay("--at", at); err != nil {
				return err
			}
			if err := set.checkPriceAccount(); err != nil {
				return err
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
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s is %s as of %s; %s\n",
				stored.Symbol, stored.Price, instant(stored.At), analyticsFollow)
			return err
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&at, "at", "", "`day` or instant of the price, such as 2024-01-31T21:00:00Z (default: now)")
	flags.StringVar(&currency, "currency", "", "`code` of its currency, which is compared with that of the instrument")
	return cmd
}
