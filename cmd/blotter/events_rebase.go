package main

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/blotterdb/blotter/events"
	"github.com/blotterdb/blotter/internal/term"
	"github.com/blotterdb/blotter/postgres"
	"github.com/spf13/cobra"
)

func eventsRebase(set *settings) *cobra.Command {
	return &cobra.Command{
		Use:   "rebase",
		Short: "Adjust the consumers to a database that was restored from a dump",
		Long: `Transaction ids start again in a database that was restored from a dump
(pg_restore, blotter restore), and consumers refuse to start on it. Rebase
adjusts their cursors: events that a consumer had read when the dump was made
stay read, and the others are delivered once. Run it before anything writes; it
does nothing if all consumers fit. The login of --owner-url (or --url) must be a
member of trading_owner.`,
		Example: "  blotter events rebase",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			url, done, err := set.migratedOwner(cmd.Context())
			if err != nil {
				return err
			}
			defer done()
			conn, err := postgres.ConnectOwner(cmd.Context(), url, "blotter events rebase")
			if err != nil {
				return err
			}
			defer func() { _ = conn.Close(context.WithoutCancel(cmd.Context())) }()

			r, err := events.Rebase(cmd.Context(), conn)
			if err != nil {
				return err
			}
			report := map[string]any{"consumers": r.Consumers, "waiting": r.Waiting}
			return set.print(cmd, report, func(w io.Writer) error {
				if len(r.Consumers) == 0 {
					_, err := fmt.Fprintln(w, "every consumer fits this database: nothing to do")
					return err
				}
				_, err := fmt.Fprintf(w, "rebased: %s; %s waiting for at least one of them\n",
					strings.Join(r.Consumers, ", "), term.Count(r.Waiting, "event", "events"))
				return err
			})
		},
	}
}
