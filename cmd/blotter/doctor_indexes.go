package main

import (
	"cmp"
	"fmt"
	"io"

	"github.com/blotterdb/blotter/internal/term"
	"github.com/blotterdb/blotter/monitor"
	"github.com/blotterdb/blotter/postgres"
	"github.com/spf13/cobra"
)

// adviseIndexes prints advice about indexes. It does not run the statements.
func (s *settings) adviseIndexes(cmd *cobra.Command, d *doctor, thresholds monitor.Thresholds) error {
	var replicas []postgres.Querier
	for _, r := range d.replicas {
		if r.err != nil {
			return fmt.Errorf("replica %s: %s", r.name, explain(r.err))
		}
		replicas = append(replicas, r.conn)
	}
	list, err := monitor.AdviseIndexes(cmd.Context(), d.DB, thresholds, replicas...)
	if err != nil {
		return err
	}

	return s.print(cmd, append([]monitor.Advice{}, list...), func(w io.Writer) error {
		printAdvice(w, list)
		return nil
	})
}

// printAdvice prints statements to be copied. Their reasons are comments, so that the whole output is SQL.
func printAdvice(w io.Writer, list []monitor.Advice) {
	if len(list) == 0 {
		fmt.Fprintln(w, "-- nothing to advise about indexes")
		return
	}
	for i, a := range list {
		if i > 0 {
			fmt.Fprintln(w)
		}

		name := cmp.Or(a.Index, a.Table)
		fmt.Fprintf(w, "-- %s: %s (%s)\n", a.Kind, term.Printable(name), term.Bytes(a.Bytes))
		term.PrintParagraph(w, "-- ", "-- ", a.Evidence)
		for _, statement := range a.Statements {
			fmt.Fprintln(w, term.PrintableLines(statement))
		}
	}
}
