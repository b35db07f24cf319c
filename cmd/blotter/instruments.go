package main

import (
	"context"
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/internal/exchange"
	"github.com/blotterdb/blotter/postgres"
	"github.com/spf13/cobra"
)

func instrumentsCommand(set *settings) *cobra.Command {
	return noun("instruments", "State and list what is known of symbols", `  blotter instruments set ESZ4 --multiplier 50 --currency USD
  blotter instruments list`, instrumentsSet(set), instrumentsList(set))
}

func instrumentsSet(set *settings) *cobra.Command {
	var multiplier, currency, calendar, class, name string
	var negative bool
	cmd := &cobra.Command{
		Use:   "set SYMBOL",
		Short: "State facts of a symbol",
		Long: `State facts of a symbol: what its fills are booked with where their file does
not say. What is not stated is only a default, and is asked for where money
depends on it. A multiplier or currency other than that of trades that are
booked is refused.`,
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
					return usagef("--multiplier %s: want a number above 0", multiplier)
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
					return usagef("--calendar %s: blotter knows no exchange of that code; want weekdays, all_days or one of %s", calendar, exchangeCodes())
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
	flags.StringVar(&currency, "currency", "", "`code` of the currency of its prices, as USD")
	flags.BoolVar(&negative, "allows-negative", false, "prices below 0 are right (=false: they are not)")
	flags.StringVar(&calendar, "calendar", "", "`days` on which it trades: weekdays, all_days, or the code of its exchange, as XTKS")
	flags.StringVar(&class, "asset-class", "", "`class`, as stock, option, future or crypto")
	flags.StringVar(&name, "name", "", "`name` for people")
	return cmd
}

func setInstrument(cmd *cobra.Command, set *settings, facts blotter.InstrumentFacts) error {
	if facts == (blotter.InstrumentFacts{Symbol: facts.Symbol}) {
		return usagef("say what to state of %s, as --multiplier 100; see blotter instruments set --help", facts.Symbol)
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

func instrumentsList(set *settings) *cobra.Command {
	var h history
	cmd := &cobra.Command{
		Use:   "list [SYMBOL...]",
		Short: "List symbols with what is stated of them",
		Long: `List instruments: those named, or all. What nobody stated is a default and
stands in parentheses; --json lists the stated columns under "stated".`,
		Example: `  blotter instruments list
  blotter instruments list ESZ4 CLK0 --json`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := h.prepare(cmd, set); err != nil {
				return err
			}
			h.limit = 0
			clauses := []postgres.Clause{postgres.Asc("symbol")}
			if len(args) > 0 {
				for i := range args {
					args[i] = strings.ToUpper(args[i])
				}
				h.symbols = args
				clauses = append(clauses, postgres.In("symbol", args))
			}
			return list(cmd, set, &h, "no instruments", func(ctx context.Context, s *postgres.Session) iter.Seq2[blotter.Instrument, error] {
				return postgres.Instruments.Stream(ctx, s, clauses...)
			}, printInstruments)
		},
	}
	formatFlag(cmd, &h.format, "table", "table, csv or json; the latter two have every column")
	return cmd
}

func printInstruments(w io.Writer, instruments []blotter.Instrument) error {
	columns := []column{
		{name: "symbol"},
		{name: "name", spare: 3, least: 12},
		{name: "class", spare: 2},
		{name: "multiplier", right: true},
		{name: "currency"},
		{name: "below 0"},
		{name: "calendar", spare: 1},
	}
	defaults := false
	var rows [][]string
	for _, i := range instruments {
		facts := i.Facts()
		cell := func(text string, stated bool) string {
			if stated {
				return text
			}
			defaults = true
			return fmt.Sprintf("(%s)", text)
		}
		negative := "no"
		if i.AllowsNegative {
			negative = "yes"
		}
		rows = append(rows, []string{
			i.Symbol, i.Name, i.AssetClass, cell(i.Multiplier.String(), facts.Multiplier != nil), cell(i.Currency, facts.Currency != nil),
			cell(negative, facts.AllowsNegative != nil), cell(string(i.Calendar), slices.Contains(i.Stated, "calendar")),
		})
	}

	if err := printListing(w, columns, rows); err != nil {
		return err
	}
	if defaults {
		_, err := fmt.Fprintln(w, "(in parentheses: a default, which nobody stated)")
		return err
	}
	return nil
}

// exchangeCodes lists the codes of the exchanges that are known.
func exchangeCodes() string {
	var codes []string
	for _, e := range exchange.All() {
		codes = append(codes, e.Code)
	}
	return strings.Join(codes, ", ")
}
