package main

import (
	"context"
	"io"
	"iter"
	"strings"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/internal/term"
	"github.com/blotterdb/blotter/postgres"
	"github.com/spf13/cobra"
)

func actionsList(set *settings) *cobra.Command {
	var l listing
	cmd := &cobra.Command{
		Use:   "list [SYMBOL...]",
		Short: "List corporate actions",
		Long: `List the corporate actions of the symbols, or of all: those whose ex-date is
from --from up to and excluding --to. The CSV can be imported again.`,
		Example: `  blotter actions list
  blotter actions list AAPL --from 2014-01-01
  blotter actions list --format csv`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := l.prepare(cmd, set); err != nil {
				return err
			}
			l.limit = 0
			filter := postgres.ActionFilter{From: l.since, To: l.until}
			for _, symbol := range args {
				filter.Symbols = append(filter.Symbols, strings.ToUpper(symbol))
			}

			actions := func(ctx context.Context, s *postgres.Session) iter.Seq2[blotter.CorporateAction, error] {
				actions, err := s.Actions(ctx, filter)
				if err != nil {
					return func(yield func(blotter.CorporateAction, error) bool) {
						yield(blotter.CorporateAction{}, err)
					}
				}
				return each(actions)
			}
			return list(cmd, set, &l, "no corporate actions", actions, printActions)
		},
	}
	addRange(cmd, &l.from, &l.to)
	formatFlag(cmd, &l.format, "table", "table, csv or json; csv and json have every column")
	return cmd
}

func printActions(w io.Writer, actions []blotter.CorporateAction) error {
	columns := []term.Column{
		{Name: "symbol"},
		{Name: "ex-date"},
		{Name: "kind"},
		{Name: "ratio", Right: true},
		{Name: "new symbol"},
		{Name: "cash", Right: true},
		{Name: "currency"},
		{Name: "source", Spare: 1},
	}

	var rows [][]string
	for i := range actions {
		a := &actions[i]
		cash := ""
		if a.CashAmount != nil {
			cash = a.CashAmount.String()
		}
		rows = append(rows, []string{
			a.Symbol, shortDay(a.ExDate), string(a.Kind), a.Ratio(), a.NewSymbol, cash, a.Currency, a.Source,
		})
	}
	return term.PrintTable(w, columns, rows)
}
