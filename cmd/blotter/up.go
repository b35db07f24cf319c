package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/blotterdb/blotter/embedded"
	"github.com/spf13/cobra"
)

func upCommand(set *settings) *cobra.Command {
	var port int
	cmd := &cobra.Command{
		Use:   "up",
		Short: "Start blotter's own database and leave it running",
		Long: `Start the database of the data folder, bring its schema up to date, and leave
it running for other commands and programs, until blotter down.`,
		Example: "  blotter up\n  blotter up --port 5433     also for programs that need a TCP port",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if flag := set.urlFlag(); flag != "" {
				return usagef("up starts blotter's own database; leave out %s", flag)
			}
			cfg := set.embedded()
			cfg.Port = port
			state, err := embedded.Up(cmd.Context(), cfg)
			if err != nil {
				return err
			}
			if _, err := migrate(cmd.Context(), state.OwnerURL()); err != nil {
				return err
			}
			return set.printState(cmd.OutOrStdout(), state)
		},
	}
	cmd.Flags().IntVar(&port, "port", 0, "also listen on this TCP `port` of 127.0.0.1 (default: the socket only)")
	return cmd
}

func downCommand(set *settings) *cobra.Command {
	var force bool
	cmd := &cobra.Command{
		Use:   "down",
		Short: "Stop the database that blotter up has left running",
		Long: `Stop the database that blotter up has left running. While a program is connected
to it, such as blotter serve or psql, that is refused; with --force, what it has
not committed is lost and its connections end.`,
		Example: "  blotter down\n  blotter down --force",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if flag := set.urlFlag(); flag != "" {
				return usagef("down stops blotter's own database; leave out %s", flag)
			}
			stopped, err := set.stopServer(cmd.Context(), force)
			switch {
			case err != nil:
				return err
			case set.json:
				return printJSON(cmd.OutOrStdout(), map[string]bool{"stopped": stopped})
			case stopped:
				_, err = fmt.Fprintln(cmd.OutOrStdout(), "stopped")
			default:
				_, err = fmt.Fprintln(cmd.OutOrStdout(), "not running")
			}
			return err
		},
	}
	cmd.Flags().BoolVar(&force, "force", false, "stop it even while programs are connected")
	return cmd
}

// stopServer stops the server of the data folder and reports whether one ran. Unless it is forced to, it refuses while a
// program is connected.
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
	// clientsPatience is how long the connections of a program that has just ended may take to go.
	clientsPatience = 2 * time.Second
	clientsPeriod   = 50 * time.Millisecond
)

// waitForClients waits a moment until no program is connected, and returns an error that names those that are.
func waitForClients(ctx context.Context, state embedded.State) error {
	for deadline := time.Now().Add(clientsPatience); ; {
		clients, err := state.Clients(ctx)
		if err != nil {
			return fmt.Errorf("%w; --force stops it all the same", err)
		}
		if len(clients) == 0 {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("the database is in use by %s; "+
				"end that first (blotter serve by Ctrl-C), or --force stops it all the same", describeClients(clients))
		}
		select {
		case <-time.After(clientsPeriod):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// describeClients names programs and how many connections each has.
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

func statusCommand(set *settings) *cobra.Command {
	return &cobra.Command{
		Use:   "status",
		Short: "Say whether blotter's own database runs, and where; exit 1 if not",
		Long: `Say whether blotter's own database runs, and where. The exit status is 0 if it
runs, else 1. Its URL is for programs on this machine: the login is a member of
all roles but trading_owner, and whoever may enter the socket's folder needs no
password.`,
		Example: `  blotter status
  export DATABASE_URL="$(blotter status --json | jq -r .url)"`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			state, err := embedded.Status(set.embedded())
			if err != nil {
				return err
			}
			if err := set.printState(cmd.OutOrStdout(), state); err != nil || state.Running {
				return err
			}
			return exitStatus(1)
		},
	}
}

// stateReport is the state of the server as JSON, with the URL for programs.
type stateReport struct {
	embedded.State
	URL string `json:"url,omitempty"`
}

func newStateReport(state embedded.State) stateReport {
	report := stateReport{State: state}
	if state.Running {
		report.URL = state.ProgramURL()
	}
	return report
}

func (s *settings) printState(w io.Writer, state embedded.State) error {
	if s.json {
		return printJSON(w, newStateReport(state))
	}
	if !state.Running {
		_, err := fmt.Fprintf(w, "not running\n  data    %s\n  start it with blotter up\n", state.DataDir)
		return err
	}
	_, err := fmt.Fprintf(w, "running   PostgreSQL %d, process %d, since %s\n  data    %s\n  socket  %s\n  URL     %s\n",
		state.Major, state.PID, state.Since, state.DataDir, state.SocketDir, state.ProgramURL())
	if err == nil && state.Port != 0 {
		_, err = fmt.Fprintf(w, "  TCP     127.0.0.1:%d, logins and passwords in %s\n", state.Port, state.PasswordFile())
	}
	return err
}

func printJSON(w io.Writer, value any) error {
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false) // URLs are to be copied
	return encoder.Encode(value)
}
