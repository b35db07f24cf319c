package main

import (
	"strings"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/internal/exchange"
	"github.com/spf13/cobra"
)

func instrumentsSet(set *settings) *cobra.Command {
	var multiplier, currency, calendar, class, name string
	var negative bool
	cmd := &cobra.Command{
		Use:   "set SYMBOL",
		Short: "State facts about a symbol",
		Long: `State facts about a symbol. Its fills are booked with them if their file does
not say otherwise. Facts that are not stated are defaults; where money depends
on one, it must be stated. A multiplier or currency that differs from that of
booked trades is refused.`,
		Example: `  blotter instruments set ESZ4 --multiplier 50 --currency USD
  blotter instruments set CLK0 --multiplier 1000 --allows-negative
  blotter instruments set BTC-USD --calendar all_days --asset-class crypto`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			changed := cmd.Flags().Changed
			facts := blotter.InstrumentFacts{Symbol: strings.ToUpper(args[0])}
			if changed("multiplier") {
				d, err := blotter.ParseDecimal(multiplier)
				if err != nil {
					return usagef("invalid --multiplier %q: want a number above 0", multiplier)
				}
				facts.Multiplier = &d
			}

			if changed("currency") {
				facts.Currency = new(strings.ToUpper(currency))
			}
			if changed("allows-negative") {
				facts.AllowsNegative = &negative
			}

			if changed("calendar") {
				if len(calendar) == 4 && exchange.Named(calendar) == nil {
					return usagef("invalid --calendar %q: want weekdays, all_days or the code of an exchange: %s",
						calendar, exchangeCodes())
				}
				facts.Calendar = new(blotter.Calendar(calendar))
			}

			if changed("asset-class") {
				facts.AssetClass = new(strings.ToLower(class))
			}
			if changed("name") {
				facts.Name = &name
			}

			return setInstrument(cmd, set, facts)
		},
	}

	flags := cmd.Flags()
	flags.StringVar(&multiplier, "multiplier", "", "money per point of price and unit of quantity, a `number`")
	flags.StringVar(&currency, "currency", "", "`code` of the currency of its prices, such as USD")
	flags.BoolVar(&negative, "allows-negative", false, "prices below 0 are valid (=false: they are not)")
	flags.StringVar(&calendar, "calendar", "",
		"`days` on which it trades: weekdays, all_days, or the code of an exchange")
	flags.StringVar(&class, "asset-class", "", "`class`, such as stock, option, future or crypto")
	flags.StringVar(&name, "name", "", "`name` for people")
	return cmd
}

func setInstrument(cmd *cobra.Command, set *settings, facts blotter.InstrumentFacts) error {
	if facts == (blotter.InstrumentFacts{Symbol: facts.Symbol}) {
		return usagef("say what to state about %s, such as --multiplier 100; see blotter instruments set --help",
			facts.Symbol)
	}
	if err := facts.Check(); err != nil {
		return usageError{err}
	}

	db, err := set.open(cmd.Context())
	if err != nil {
		return err
	}
	defer db.Close()
	instrument, err := db.SetInstrument(cmd.Context(), facts)
	if err != nil {
		return err
	}
	if set.json {
		return printRecords(cmd.OutOrStdout(), "json", each([]blotter.Instrument{instrument}))
	}
	return printInstruments(cmd.OutOrStdout(), []blotter.Instrument{instrument})
}

// exchangeCodes lists the codes of the known exchanges.
func exchangeCodes() string {
	var codes []string
	for _, e := range exchange.All() {
		codes = append(codes, e.Code)
	}
	return strings.Join(codes, ", ")
}
