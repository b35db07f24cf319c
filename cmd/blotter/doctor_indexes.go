package main

import (
	"fmt"
	"io"

	"github.com/blotterdb/blotter/monitor"
	"github.com/blotterdb/blotter/postgres"
	"github.com/spf13/cobra"
)

// adviseIndexes prints what could be done about indexes. It runs nothing of it.
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
	if s.json {
		return printJSON(cmd.OutOrStdout(), append([]monitor.Advice{}, list...))
	}
	printAdvice(cmd.OutOrStdout(), list)
	return nil
}

// printAdvice prints statements unbroken, to be copied, after what speaks for them as comments: the whole is SQL.
func printAdvice(w io.Writer, list []monitor.Advice) {
	if len(list) == 0 {
		fmt.Fprintln(w, "-- nothing to advise about indexes")
		return
	}
	for i, a := range list {
		if i > 0 {
			fmt.Fprintln(w)
		}
		name := a.Index
		if name == "" {
			name = a.Table
		}
		fmt.Fprintf(w, "-- %s: %s (%s)\n", a.Kind, printable(name), size(a.Bytes))
		printParagraph(w, "-- ", "-- ", a.Evidence)
		for _, statement := range a.Statements {
			fmt.Fprintln(w, printableLines(statement))
		}
	}
}
