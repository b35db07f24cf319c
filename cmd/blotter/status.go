package main

import (
	"fmt"
	"io"

	"github.com/blotterdb/blotter/embedded"
	"github.com/spf13/cobra"
)

func statusCommand(set *settings) *cobra.Command {
	return &cobra.Command{
		Use:   "status",
		Short: "Show whether blotter's own database runs; exit 1 if not",
		Long: `Show whether blotter's own database runs, and where. The exit status is 0 if it
runs, otherwise 1. The URL is for programs on this machine: its login is a
member of all roles except trading_owner, and users who may enter the folder of
the socket need no password.`,
		Example: `  blotter status
  export DATABASE_URL="$(blotter status --json | jq -r .url)"`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			state, err := embedded.Status(set.embedded())
			if err != nil {
				return err
			}

			return failIf(!state.Running, set.printState(cmd.OutOrStdout(), state))
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

	_, err := fmt.Fprintf(w, `running   PostgreSQL %d, process %d, since %s
  data    %s
  socket  %s
  URL     %s
`, state.Major, state.PID, state.Since, state.DataDir, state.SocketDir, state.ProgramURL())
	if err == nil && state.Port != 0 {
		_, err = fmt.Fprintf(w, "  TCP     127.0.0.1:%d, logins and passwords in %s\n",
			state.Port, state.PasswordFile())
	}
	return err
}
