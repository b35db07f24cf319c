package main

import "github.com/spf13/cobra"

func configCommand(set *settings, named *string) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "config",
		Short: "Show the settings and their origins, trust a blotter.toml",
		Long: `Show the settings and where they come from, and choose which blotter.toml may
set everything.

Settings are taken from the command line, from BLOTTER_... variables, from
blotter.toml in the working folder, and from blotter/blotter.toml in the user's
configuration folder, in this order; --config FILE replaces both files.

A blotter.toml in the working folder may have been written by somebody else.
Until it is trusted, it cannot choose a program, a server, a login or a data
folder, make blotter write or remove anything, or loosen a check. A file that
others can change is not used at all.`,
		Example: "  blotter config show\n  blotter config trust",
		// These commands show and repair the settings, so a wrong one must not make them fail.
		PersistentPreRunE: func(*cobra.Command, []string) error { return nil },
		RunE:              func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
		Args:              cobra.NoArgs,
	}

	cmd.AddCommand(configShowCommand(set, named), configTrustCommand(), configUntrustCommand())
	return cmd
}
