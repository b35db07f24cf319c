package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

func pricesForget(set *settings) *cobra.Command {
	return &cobra.Command{
		Use:   "forget SYMBOL",
		Short: "Remove the last price of a symbol",
		Long: `Remove the last price of a symbol, here and in the analytics, also in another
database. Its positions then have no value until the next bar or published
price, whatever its date. The audit log records it.`,
		Example: "  blotter prices forget AAPL",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := set.checkPriceAccount(); err != nil {
				return err
			}
			db, err := set.open(cmd.Context())
			if err != nil {
				return err
			}
			defer db.Close()

			symbol := strings.ToUpper(args[0])
			isKnown, err := db.ForgetPrice(cmd.Context(), symbol)
			if err != nil {
				return err
			}
			result := "the price of " + symbol + " is forgotten"
			if !isKnown {
				result = "this database has no price of " + symbol + "; analytics in another one forget theirs"
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s; %s\n", result, analyticsFollow)
			return err
		},
	}
}
