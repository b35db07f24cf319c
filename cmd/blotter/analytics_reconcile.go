package main

import (
	"fmt"
	"io"
	"time"

	"github.com/blotterdb/blotter/analytics"
	"github.com/blotterdb/blotter/internal/term"
	"github.com/spf13/cobra"
)

func analyticsReconcile(set *settings) *cobra.Command {
	var url string
	cmd := &cobra.Command{
		Use:   "reconcile",
		Short: "Check the analytics against the trades",
		Long: `Add up, in SQL and at one instant, the trades that the analytics have seen, and
compare every figure. Nothing is locked. Mismatches are listed with both
numbers; the exit status is then 1, otherwise 0. A backlog is reported, not
counted as a difference.`,
		Example: "  blotter analytics reconcile\n  blotter analytics reconcile --json",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			sync, done, err := set.synchronizer(cmd.Context(), url)
			if err != nil {
				return err
			}
			defer done()
			r, err := sync.Reconcile(cmd.Context())
			if err != nil {
				return err
			}

			err = set.print(cmd, reconciliationJSON(r), func(w io.Writer) error { return printReconciliation(w, r) })
			return failIf(len(r.Mismatches) > 0, err)
		},
	}
	analyticsFlag(cmd, &url)
	return cmd
}

func reconciliationJSON(r analytics.Reconciliation) any {
	return map[string]any{
		"never_ran": r.NeverRan, "trades": r.Trades, "rows": r.Rows,
		"mismatches": append([]analytics.Mismatch{}, r.Mismatches...), "more": r.More,
		"lag_events": r.Lag.Events, "lag_seconds": r.Lag.Age.Seconds(), "seconds": r.Elapsed.Seconds(),
	}
}

func printReconciliation(w io.Writer, r analytics.Reconciliation) error {
	waiting := backlog(r.Lag.Events, r.Lag.Age)
	scope := fmt.Sprintf("%s rows, from %s trades, in %s; %s",
		term.Thousands(r.Rows), term.Thousands(r.Trades), r.Elapsed.Round(time.Millisecond), waiting)
	if len(r.Mismatches) == 0 {
		text := "reconciled: " + scope
		if r.NeverRan {
			text = "the analytics have not started; blotter serve starts them (" + waiting + ")"
		}
		term.PrintWrapped(w, text)
		return nil
	}

	columns := []term.Column{
		{Name: "account"},
		{Name: "of", Spare: 1},
		{Name: "key"},
		{Name: "figure"},
		{Name: "analytics", Right: true},
		{Name: "trades make", Right: true},
	}
	var rows [][]string
	for _, m := range r.Mismatches {
		figure := m.What
		if m.Parked {
			figure += " (parked)"
		}
		rows = append(rows, []string{m.Account, m.Table, m.Key, figure, m.Analytics, m.Trades})
	}
	if err := term.PrintTable(w, columns, rows); err != nil {
		return err
	}
	fmt.Fprintln(w)
	term.PrintWrapped(w, fmt.Sprintf("NOT reconciled: %s figures differ (%s); blotter analytics rebuild corrects them",
		term.Thousands(len(r.Mismatches)+r.More), scope))
	return nil
}
