package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"

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
	return &cobra.Command{
		Use:     "down",
		Short:   "Stop the database that blotter up has left running",
		Example: "  blotter down",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if flag := set.urlFlag(); flag != "" {
				return usagef("down stops blotter's own database; leave out %s", flag)
			}
			err := embedded.Down(cmd.Context(), set.embedded())
			stopped := err == nil
			switch {
			case err != nil && !errors.Is(err, embedded.ErrNotRunning):
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
}

func statusCommand(set *settings) *cobra.Command {
	return &cobra.Command{
		Use:     "status",
		Short:   "Say whether blotter's own database runs, and where; exit 1 if not",
		Example: "  blotter status\n  blotter status --json",
		Args:    cobra.NoArgs,
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

func (s *settings) printState(w io.Writer, state embedded.State) error {
	if s.json {
		return printJSON(w, state)
	}
	if !state.Running {
		_, err := fmt.Fprintf(w, "not running\n  data    %s\n  start it with blotter up\n", state.DataDir)
		return err
	}
	_, err := fmt.Fprintf(w, "running   PostgreSQL %d, process %d, since %s\n  data    %s\n  socket  %s\n  URL     %s\n",
		state.Major, state.PID, state.Since, state.DataDir, state.SocketDir, state.URL("app", embedded.Database))
	if err == nil && state.Port != 0 {
		_, err = fmt.Fprintf(w, "  TCP     127.0.0.1:%d, logins and passwords in %s\n", state.Port, state.PasswordFile())
	}
	return err
}

func printJSON(w io.Writer, value any) error {
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	return encoder.Encode(value)
}
