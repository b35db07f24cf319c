package main

import "github.com/spf13/cobra"

func migrateDown(set *settings) *cobra.Command {
	var to int64
	var yes bool
	cmd := &cobra.Command{
		Use:   "down",
		Short: "Undo migrations, which drops their tables with all rows",
		Long: `Undo every migration above the version of --to, newest first. The tables of
these migrations are dropped with all their rows.`,
		Example: "  blotter migrate down --to 8 --yes\n  blotter migrate down --to 0 --yes     remove everything",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if to < 0 || !yes {
				return usagef("migrate down drops tables and their rows: say --to VERSION and --yes")
			}

			m, done, err := set.migrator(cmd.Context())
			if err != nil {
				return err
			}
			defer done()
			undone, err := m.DownTo(cmd.Context(), to)
			return set.printMigrated(cmd, "undone", undone, err)
		},
	}
	cmd.Flags().Int64Var(&to, "to", -1, "`version` to go back to; 0 removes everything")
	cmd.Flags().BoolVar(&yes, "yes", false, "drop the tables with their rows")
	return cmd
}
