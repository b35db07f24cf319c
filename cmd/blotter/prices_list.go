package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/internal/term"
	"github.com/spf13/cobra"
)

func pricesList(set *settings) *cobra.Command {
	return &cobra.Command{
		Use:   "list [SYMBOL...]",
		Short: "List the last prices of symbols",
		Long: `List the last prices of the symbols, or of all: those of bars and those that
were set. If the analytics value positions with another price, it is listed too.
Analytics in another database cannot be seen from here.`,
		Example: `  blotter prices list
  blotter prices list AAPL MSFT --json`,
		RunE: func(cmd *cobra.Command, args []string) error {
			var symbols []string
			for _, symbol := range args {
				symbols = append(symbols, strings.ToUpper(symbol))
			}
			db, err := set.open(cmd.Context())
			if err != nil {
				return err
			}
			defer db.Close()
			prices, err := db.Prices(bookContext(cmd.Context()), symbols)
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
	columns := []term.Column{
		{Name: "symbol"},
		{Name: "price", Right: true, Point: true},
		{Name: "currency"},
		{Name: "at"},
		{Name: "source", Spare: 2, Least: 8},
		{Name: "analytics", Right: true, Point: true},
		{Name: "analytics at"},
		{Name: "analytics source", Spare: 1, Least: 8},
	}

	var rows [][]string
	for _, p := range prices {
		row := []string{p.Symbol, priceOf(p.Price), p.Currency, instantOf(p.At), p.Source}
		switch {
		case sameInAnalytics(p):
			row = append(row, "", "", "")
		case p.AnalyticsPrice == nil:
			row = append(row, "none", "", "")
		default:
			row = append(row, priceOf(p.AnalyticsPrice), instantOf(p.AnalyticsAt), p.AnalyticsSource)
		}
		rows = append(rows, row)
	}
	return term.PrintTable(w, columns, rows)
}

// sameInAnalytics reports whether the analytics have the same price as the database.
func sameInAnalytics(p blotter.KnownPrice) bool {
	if p.Price == nil || p.AnalyticsPrice == nil {
		return false
	}
	return p.Price.Equal(*p.AnalyticsPrice) && p.At.Equal(*p.AnalyticsAt) && p.Source == p.AnalyticsSource
}
