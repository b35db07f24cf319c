package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/blotterdb/blotter/analytics"
	"github.com/blotterdb/blotter/events"
	"github.com/blotterdb/blotter/internal/shell"
	"github.com/blotterdb/blotter/postgres"
	"github.com/spf13/cobra"
)

func eventsCommand(set *settings) *cobra.Command {
	return noun("events", "Look after the consumers of the events", `  blotter events status
  blotter events tail
  blotter events resolve analytics ACC123`,
		eventsStatus(set), eventsTailCommand(set), eventsResolve(set), eventsReplay(set), eventsExpire(set), eventsRebase(set))
}

func eventsStatus(set *settings) *cobra.Command {
	var url string
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Say how far every consumer is, and what is parked",
		Long: `Say for every consumer of the outbox how many events it has applied, how many
wait and for how long, and which keys are parked behind an event that could not
be applied. The exit status is 1 if a key is parked.`,
		Example: "  blotter events status\n  blotter events status --json",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, db, done, err := set.openBoth(cmd.Context(), url)
			if err != nil {
				return err
			}
			defer done()
			list, err := events.ReadStatus(cmd.Context(), db)
			if err != nil {
				return err
			}
			if set.json {
				err = printJSON(cmd.OutOrStdout(), consumersJSON(list))
			} else {
				err = printConsumers(cmd.OutOrStdout(), list)
			}
			for _, s := range list {
				if err == nil && len(s.Parked) > 0 {
					err = exitStatus(1)
				}
			}
			return err
		},
	}
	analyticsFlag(cmd, &url)
	return cmd
}

func consumersJSON(list []events.Status) any {
	type parked struct {
		Key    string    `json:"key"`
		Events int64     `json:"events"`
		Since  time.Time `json:"since"`
		Pos    int64     `json:"pos"`
		Error  string    `json:"error"`
		Asked  bool      `json:"asked"`
	}
	rows := []any{}
	for _, s := range list {
		keys := []parked{}
		for _, p := range s.Parked {
			keys = append(keys, parked(p))
		}
		rows = append(rows, map[string]any{
			"consumer": s.Consumer, "applied": s.Applied, "lag_events": s.Lag.Events, "lag_seconds": s.Lag.Age.Seconds(),
			"updated_at": s.UpdatedAt, "epoch": s.Epoch, "expired": s.ExpiredAt != nil, "parked": keys,
		})
	}
	return rows
}

func printConsumers(w io.Writer, list []events.Status) error {
	if len(list) == 0 {
		_, err := fmt.Fprintln(w, "no consumers yet; blotter serve keeps the analytics")
		return err
	}
	columns := []column{{name: "consumer"}, {name: "applied", right: true}, {name: "waiting", right: true}, {name: "oldest", right: true}, {name: "parked keys", right: true}, {name: "last moved", spare: 1}, {name: "state"}}
	var rows [][]string
	for _, s := range list {
		oldest, state := "", ""
		if s.Lag.Events > 0 {
			oldest = s.Lag.Age.Round(time.Millisecond).String()
		}
		if s.ExpiredAt != nil {
			state = "expired"
		}
		rows = append(rows, []string{s.Consumer, thousands(s.Applied), thousands(s.Lag.Events), oldest, thousands(int64(len(s.Parked))), s.UpdatedAt.UTC().Format(time.DateTime), state})
	}
	if err := printListing(w, columns, rows); err != nil {
		return err
	}
	for _, s := range list {
		for _, p := range s.Parked {
			fmt.Fprintln(w)
			printWrapped(w, fmt.Sprintf("%s: %s is parked since %s, %s events: event %d: %s. When that is mended: blotter events resolve %s %s",
				s.Consumer, p.Key, p.Since.UTC().Format(time.DateTime), thousands(p.Events), p.Pos, strings.TrimRight(p.Error, "."), s.Consumer, shell.Quote(p.Key)))
		}
	}
	return nil
}

// resolveTime is how long resolve waits for a consumer to answer.
const resolveTime = 10 * time.Second

func eventsResolve(set *settings) *cobra.Command {
	var url string
	cmd := &cobra.Command{
		Use:   "resolve CONSUMER KEY",
		Short: "Try the events of a parked key again",
		Long: `Ask a consumer, wherever it runs, to try the events of a parked key again, and
wait for what comes of it. If no daemon runs the analytics, this command does
it itself.`,
		Example: "  blotter events resolve analytics ACC123",
		Args:    cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx := cmd.Context()
			_, db, done, err := set.openBoth(ctx, url)
			if err != nil {
				return err
			}
			defer done()
			if err := events.Resolve(ctx, db, args[0], args[1]); err != nil {
				return err
			}
			if args[0] == analytics.Consumer {
				stop, err := set.help(ctx, url)
				if err != nil {
					return err
				}
				defer stop()
			}
			return awaitResolved(ctx, cmd.OutOrStdout(), db, args[0], args[1])
		},
	}
	analyticsFlag(cmd, &url)
	return cmd
}

// help runs a synchronizer beside those that run already, if any do.
func (s *settings) help(ctx context.Context, url string) (stop func(), err error) {
	sync, done, err := s.synchronizer(ctx, url)
	if err != nil {
		return nil, err
	}
	if err := sync.Start(ctx); err != nil {
		done()
		return nil, err
	}
	return func() {
		_ = sync.Stop(context.WithoutCancel(ctx))
		done()
	}, nil
}

func awaitResolved(ctx context.Context, w io.Writer, db *postgres.DB, consumer, key string) error {
	for deadline := time.Now().Add(resolveTime); ; {
		list, err := events.ReadStatus(ctx, db)
		if err != nil {
			return err
		}
		parked := parkedKey(list, consumer, key)
		switch {
		case parked == nil:
			_, err := fmt.Fprintf(w, "resolved: every event of %s is applied\n", printable(key))
			return err
		case !parked.Asked:
			return fmt.Errorf("%s is still parked: event %d: %s", key, parked.Pos, parked.Error)
		case time.Now().After(deadline):
			return fmt.Errorf("consumer %s has not answered within %s; it tries when it runs", consumer, resolveTime)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(50 * time.Millisecond):
		}
	}
}

func parkedKey(list []events.Status, consumer, key string) *events.ParkedKey {
	for _, s := range list {
		for i := range s.Parked {
			if s.Consumer == consumer && s.Parked[i].Key == key {
				return &s.Parked[i]
			}
		}
	}
	return nil
}

func eventsReplay(set *settings) *cobra.Command {
	var since string
	cmd := &cobra.Command{
		Use:   "replay CONSUMER --since TIME",
		Short: "Hand a consumer of yours its events again",
		Long: `Move the cursor of a consumer of yours back: it is handed again every event that
was written since a time, and must not mind that it has applied them. The
analytics are computed anew instead (blotter analytics rebuild).`,
		Example: "  blotter events replay mailer --since 2024-01-31T14:30:00Z",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			at, err := parseDay("--since", since)
			switch {
			case err != nil:
				return err
			case at.IsZero():
				return usagef("--since is missing: the time from which on to hand over again")
			case args[0] == analytics.Consumer:
				return usagef("the analytics would count twice; blotter analytics rebuild computes them anew")
			case strings.HasPrefix(args[0], "redis:"):
				return usagef("what was published is in the stream data_sync:%s:log", strings.TrimPrefix(args[0], "redis:"))
			}
			db, err := set.open(cmd.Context())
			if err != nil {
				return err
			}
			defer db.Close()
			n, err := events.Replay(cmd.Context(), db.DB, args[0], at)
			if err == nil {
				_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s is handed %s events again\n", args[0], thousands(n))
			}
			return err
		},
	}
	cmd.Flags().StringVar(&since, "since", "", "`day` or instant")
	return cmd
}

func eventsExpire(set *settings) *cobra.Command {
	return &cobra.Command{
		Use:   "expire CONSUMER",
		Short: "Let a consumer no longer keep the outbox",
		Long: `Say that a consumer is gone: partitions of the outbox are dropped though it has
not consumed them. Started again it goes on, without what was dropped.`,
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
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s no longer keeps the outbox\n", args[0])
			return err
		},
	}
}

func eventsRebase(set *settings) *cobra.Command {
	return &cobra.Command{
		Use:   "rebase",
		Short: "Make the consumers fit a database that was restored from a dump",
		Long: `A database that was restored from a dump (pg_restore, blotter restore) numbers
its transactions anew, and consumers refuse to start on it. Rebase makes their
cursors fit: what each had consumed when the dump was made stays consumed, what
it had not will come, once. Run it before anything writes; it does nothing where
all fits. The login of --owner-url (or --url) must be a member of trading_owner.`,
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
			did, err := events.Rebase(cmd.Context(), conn)
			if err != nil {
				return err
			}
			if set.json {
				return printJSON(cmd.OutOrStdout(), map[string]any{"consumers": did.Consumers, "waiting": did.Waiting})
			}
			if len(did.Consumers) == 0 {
				_, err = fmt.Fprintln(cmd.OutOrStdout(), "every consumer fits this database: nothing to do")
				return err
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "rebased: %s; %s events wait for at least one of them\n", strings.Join(did.Consumers, ", "), thousands(did.Waiting))
			return err
		},
	}
}
