package main

import (
	"github.com/blotterdb/blotter/embedded"
	"github.com/spf13/cobra"
)

func upCommand(set *settings) *cobra.Command {
	var port int
	cmd := &cobra.Command{
		Use:   "up",
		Short: "Start blotter's own database and leave it running",
		Long: `Start the database of the data folder, migrate its schema, and leave it running
for other commands and programs until blotter down.`,
		Example: "  blotter up\n  blotter up --port 5433     for programs that need a TCP port",
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
