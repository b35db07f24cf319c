package main

import (
	"fmt"

	"github.com/blotterdb/blotter/analytics"
	"github.com/blotterdb/blotter/events"
	"github.com/spf13/cobra"
)

func eventsExpire(set *settings) *cobra.Command {
	return &cobra.Command{
		Use:   "expire CONSUMER",
		Short: "Let the outbox no longer wait for a consumer",
		Long: `Declare that a consumer is gone: partitions of the outbox may be dropped before
it has read them. If it is started again, it continues without the dropped
events.`,
		Example: "  blotter events expire mailer",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if args[0] == analytics.Consumer {
				return usagef("the analytics never expire")
			}
			db, err := set.open(cmd.Context())
			if err != nil {
				return err
			}
			defer db.Close()

			if err := events.Expire(cmd.Context(), db.DB, args[0]); err != nil {
				return err
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "the outbox no longer waits for %s\n", args[0])
			return err
		},
	}
}
