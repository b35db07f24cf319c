package main

import "github.com/spf13/cobra"

func pricesCommand(set *settings) *cobra.Command {
	return noun("prices", "List, set and remove the last prices", `  blotter prices list AAPL
  blotter prices set AAPL 189.50
  blotter prices forget AAPL`, pricesList(set), pricesSet(set), pricesForget(set))
}

// analyticsFollow is printed after a correction.
const analyticsFollow = "the analytics follow as soon as blotter serve reads it"

// checkPriceAccount refuses --account, because prices belong to no account.
func (s *settings) checkPriceAccount() error {
	if s.account != "" {
		return usagef("leave out --account: prices belong to no account")
	}
	return nil
}
