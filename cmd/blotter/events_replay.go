package main

import (
	"fmt"
	"strings"

	"github.com/blotterdb/blotter/analytics"
	"github.com/blotterdb/blotter/events"
	"github.com/blotterdb/blotter/internal/term"
	"github.com/spf13/cobra"
)

func eventsReplay(set *settings) *cobra.Command {
	var since string
	cmd := &cobra.Command{
		Use:   "replay CONSUMER --since TIME",
		Short: "Deliver events to one of your consumers again",
		Long: `Move the cursor of one of your own consumers back, so that every event written
since a time is delivered again: the handler must be idempotent. Rebuild the
analytics instead (blotter analytics rebuild).`,
		Example: "  blotter events replay mailer --since 2024-01-31T14:30:00Z",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			consumer := args[0]
			at, err := parseDay("--since", since)
			if err != nil {
				return err
			}
			redis, isRelay := strings.CutPrefix(consumer, "redis:")
			switch {
			case at.IsZero():
				return usagef("--since is missing: give the time of the first event to deliver again")
			case consumer == analytics.Consumer:
				return usagef("the analytics would count events twice; blotter analytics rebuild rebuilds them")
			case isRelay:
				return usagef("published events are in the stream data_sync:%s:log", redis)
			}

			db, err := set.open(cmd.Context())
			if err != nil {
				return err
			}
			defer db.Close()
			n, err := events.Replay(cmd.Context(), db.DB, consumer, at)
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s will get %s again\n",
				consumer, term.Count(n, "event", "events"))
			return err
		},
	}
	cmd.Flags().StringVar(&since, "since", "", "`day` or instant of the first event to deliver again")
	return cmd
}
