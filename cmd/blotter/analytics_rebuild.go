package main

import (
	"fmt"
	"io"
	"time"

	"github.com/blotterdb/blotter/internal/term"
	"github.com/spf13/cobra"
)

func analyticsRebuild(set *settings) *cobra.Command {
	var url string
	cmd := &cobra.Command{
		Use:   "rebuild",
		Short: "Rebuild the analytics from the trades",
		Long: `Rebuild the analytics from the trades while everything goes on: readers see the
old ones until it is done, and trades that are booked meanwhile are applied
afterwards, once.`,
		Example: "  blotter analytics rebuild",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			sync, done, err := set.synchronizer(cmd.Context(), url)
			if err != nil {
				return err
			}
			defer done()
			r, err := sync.Rebuild(cmd.Context())
			if err != nil {
				return err
			}

			report := map[string]any{
				"trades": r.Trades, "portfolio_summary": r.Summaries, "performance_metrics": r.Metrics,
				"seconds": r.Elapsed.Seconds(),
			}
			return set.print(cmd, report, func(w io.Writer) error {
				_, err := fmt.Fprintf(w, "rebuilt: %s positions and %s rows of metrics, from %s trades, in %s\n",
					term.Thousands(r.Summaries), term.Thousands(r.Metrics), term.Thousands(r.Trades),
					r.Elapsed.Round(time.Millisecond))
				return err
			})
		},
	}
	analyticsFlag(cmd, &url)
	return cmd
}
