package main

import "github.com/spf13/cobra"

func migrateUp(set *settings) *cobra.Command {
	return &cobra.Command{
		Use:   "up",
		Short: "Apply every pending migration",
		Long: `Apply every pending migration, under a lock: it may be run again, and on several
machines at the same time. The first time, the login needs CREATEROLE and must
own the database.`,
		Example: "  blotter migrate up\n  blotter migrate up --url postgres://owner@db.example/trading",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			m, done, err := set.migrator(cmd.Context())
			if err != nil {
				return err
			}
			defer done()

			applied, err := m.Up(cmd.Context())
			return set.printMigrated(cmd, "applied", applied, err)
		},
	}
}
