package main

import (
	"io"

	"github.com/blotterdb/blotter/internal/term"
	"github.com/blotterdb/blotter/postgres"
	"github.com/spf13/cobra"
)

func barsList(set *settings) *cobra.Command {
	return &cobra.Command{
		Use:     "list",
		Short:   "List the stored symbols and timeframes",
		Example: "  blotter bars list\n  blotter bars list --json",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			db, err := set.open(cmd.Context())
			if err != nil {
				return err
			}
			defer db.Close()

			list, err := db.Symbols(cmd.Context())
			if err != nil {
				return err
			}
			return set.print(cmd, list, func(w io.Writer) error { return printSymbols(w, list) })
		},
	}
}

func printSymbols(w io.Writer, list []postgres.SymbolSummary) error {
	columns := []term.Column{
		{Name: "symbol"},
		{Name: "timeframe"},
		{Name: "bars", Right: true},
		{Name: "from"},
		{Name: "to"},
	}
	var rows [][]string

	for _, s := range list {
		rows = append(rows, []string{
			s.Symbol, string(s.Timeframe), term.Thousands(s.Bars),
			shortDay(s.From), shortDay(s.To),
		})
	}

	return term.PrintTable(w, columns, rows)
}
