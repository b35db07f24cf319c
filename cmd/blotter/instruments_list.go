package main

import (
	"context"
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/internal/term"
	"github.com/blotterdb/blotter/postgres"
	"github.com/spf13/cobra"
)

func instrumentsList(set *settings) *cobra.Command {
	var l listing
	cmd := &cobra.Command{
		Use:   "list [SYMBOL...]",
		Short: "List instruments and their facts",
		Long: `List instruments: those of the symbols, or all. Facts that nobody stated are
defaults and are in parentheses; --json lists the stated columns under "stated".`,
		Example: `  blotter instruments list
  blotter instruments list ESZ4 CLK0 --json`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := l.prepare(cmd, set); err != nil {
				return err
			}
			l.limit = 0
			clauses := []postgres.Clause{postgres.Asc("symbol")}
			if len(args) > 0 {
				for _, symbol := range args {
					l.symbols = append(l.symbols, strings.ToUpper(symbol))
				}
				clauses = append(clauses, postgres.In("symbol", l.symbols))
			}

			instruments := func(ctx context.Context, s *postgres.Session) iter.Seq2[blotter.Instrument, error] {
				return postgres.Instruments.Stream(ctx, s, clauses...)
			}
			return list(cmd, set, &l, "no instruments", instruments, printInstruments)
		},
	}
	formatFlag(cmd, &l.format, "table", "table, csv or json; csv and json have every column")
	return cmd
}

func printInstruments(w io.Writer, instruments []blotter.Instrument) error {
	columns := []term.Column{
		{Name: "symbol"},
		{Name: "name", Spare: 3, Least: 12},
		{Name: "class", Spare: 2},
		{Name: "multiplier", Right: true},
		{Name: "currency"},
		{Name: "below 0"},
		{Name: "calendar", Spare: 1},
	}
	hasDefaults := false
	fact := func(text string, isStated bool) string {
		if isStated {
			return text
		}
		hasDefaults = true
		return "(" + text + ")"
	}

	var rows [][]string
	for _, i := range instruments {
		facts := i.Facts()
		negative := "no"
		if i.AllowsNegative {
			negative = "yes"
		}
		rows = append(rows, []string{
			i.Symbol, i.Name, i.AssetClass,
			fact(i.Multiplier.String(), facts.Multiplier != nil),
			fact(i.Currency, facts.Currency != nil),
			fact(negative, facts.AllowsNegative != nil),
			fact(string(i.Calendar), slices.Contains(i.Stated, "calendar")),
		})
	}
	if err := term.PrintTable(w, columns, rows); err != nil {
		return err
	}
	if hasDefaults {
		_, err := fmt.Fprintln(w, "(in parentheses: defaults, which nobody stated)")
		return err
	}
	return nil
}
