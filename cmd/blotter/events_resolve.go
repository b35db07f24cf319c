package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/blotterdb/blotter/analytics"
	"github.com/blotterdb/blotter/events"
	"github.com/blotterdb/blotter/internal/term"
	"github.com/blotterdb/blotter/postgres"
	"github.com/spf13/cobra"
)

const (
	resolveTimeout = 10 * time.Second // for a consumer to try a key
	resolvePoll    = 50 * time.Millisecond
)

func eventsResolve(set *settings) *cobra.Command {
	var url string
	cmd := &cobra.Command{
		Use:   "resolve CONSUMER KEY",
		Short: "Try the events of a parked key again",
		Long: `Ask a consumer, wherever it runs, to try the events of a parked key again, and
wait for the result. For the analytics, this command tries them itself if no
daemon runs.`,
		Example: "  blotter events resolve analytics ACC123",
		Args:    cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx := cmd.Context()
			consumer, key := args[0], args[1]
			_, db, done, err := set.openBoth(ctx, url)
			if err != nil {
				return err
			}
			defer done()
			if err := events.Resolve(ctx, db, consumer, key); err != nil {
				return err
			}

			if consumer == analytics.Consumer {
				stop, err := set.startSynchronizer(ctx, url)
				if err != nil {
					return err
				}
				defer stop()
			}
			return waitForResolved(ctx, cmd.OutOrStdout(), db, consumer, key)
		},
	}
	analyticsFlag(cmd, &url)
	return cmd
}

// startSynchronizer starts a synchronizer, which may run beside those of daemons.
func (s *settings) startSynchronizer(ctx context.Context, url string) (stop func(), err error) {
	sync, done, err := s.synchronizer(ctx, url)
	if err != nil {
		return nil, err
	}
	if err := sync.Start(ctx); err != nil {
		done()
		return nil, err
	}
	stop = func() {
		_ = sync.Stop(context.WithoutCancel(ctx))
		done()
	}
	return stop, nil
}

// waitForResolved waits until the consumer has tried the key.
func waitForResolved(ctx context.Context, w io.Writer, db *postgres.DB, consumer, key string) error {
	deadline := time.Now().Add(resolveTimeout)
	for {
		consumers, err := events.ReadStatus(ctx, db)
		if err != nil {
			return err
		}
		parked := findParked(consumers, consumer, key)
		switch {
		case parked == nil:
			_, err := fmt.Fprintf(w, "resolved: every event of %s is applied\n", term.Printable(key))
			return err
		case !parked.Asked:
			return fmt.Errorf("%s is still parked: event %d: %s", key, parked.Pos, parked.Error)
		case time.Now().After(deadline):
			return fmt.Errorf("consumer %s has not answered within %s; it will try when it runs",
				consumer, resolveTimeout)
		}

		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(resolvePoll):
		}
	}
}

func findParked(consumers []events.ConsumerStatus, consumer, key string) *events.ParkedKey {
	for _, c := range consumers {
		for i := range c.Parked {
			if c.Consumer == consumer && c.Parked[i].Key == key {
				return &c.Parked[i]
			}
		}
	}
	return nil
}
