package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/blotterdb/blotter/embedded"
	"github.com/spf13/cobra"
)

func downCommand(set *settings) *cobra.Command {
	var force bool
	cmd := &cobra.Command{
		Use:   "down",
		Short: "Stop the database that blotter up started",
		Long: `Stop the database that blotter up started. While a program such as blotter serve
or psql is connected to it, down refuses; with --force, the program loses its
connections and everything that it has not committed.`,
		Example: "  blotter down\n  blotter down --force",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if flag := set.urlFlag(); flag != "" {
				return usagef("down stops blotter's own database; leave out %s", flag)
			}
			stopped, err := set.stopServer(cmd.Context(), force)
			if err != nil {
				return err
			}

			return set.print(cmd, map[string]bool{"stopped": stopped}, func(w io.Writer) error {
				result := "not running"
				if stopped {
					result = "stopped"
				}
				_, err := fmt.Fprintln(w, result)
				return err
			})
		},
	}
	cmd.Flags().BoolVar(&force, "force", false, "stop it even while programs are connected")
	return cmd
}

// stopServer stops the server of the data folder and reports whether one was running. Without force it returns an error
// while a program is connected.
func (s *settings) stopServer(ctx context.Context, force bool) (stopped bool, err error) {
	state, err := embedded.Attach(s.embedded())
	if errors.Is(err, embedded.ErrNotRunning) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if !force {
		if err := waitForClients(ctx, state); err != nil {
			return false, err
		}
	}

	err = embedded.Down(ctx, s.embedded())
	if errors.Is(err, embedded.ErrNotRunning) { // somebody else has stopped it
		return false, nil
	}
	return err == nil, err
}

const (
	clientsTimeout = 2 * time.Second // for the connections of a program that has just ended
	clientsPoll    = 50 * time.Millisecond
)

// waitForClients waits a moment until no program is connected. Its error names those that still are.
func waitForClients(ctx context.Context, state embedded.State) error {
	deadline := time.Now().Add(clientsTimeout)
	for {
		clients, err := state.Clients(ctx)
		if err != nil {
			return fmt.Errorf("%w; --force stops it anyway", err)
		}
		if len(clients) == 0 {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("the database is in use by %s; "+
				"end that first (blotter serve with Ctrl-C), or --force stops it anyway", describeClients(clients))
		}

		select {
		case <-time.After(clientsPoll):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// describeClients lists programs, with the numbers of their connections.
func describeClients(clients []embedded.Client) string {
	var names []string
	for _, c := range clients {
		name := cmp.Or(c.Name, "a program without a name")
		if c.Connections > 1 {
			name += fmt.Sprintf(" (%d connections)", c.Connections)
		}
		names = append(names, name)
	}
	return strings.Join(names, ", ")
}
