package main

import (
	"fmt"

	"github.com/blotterdb/blotter/postgres"
	"github.com/jackc/pgx/v5"
	"github.com/spf13/cobra"
)

func rolesCommand(set *settings) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "roles",
		Short:   "Print the SQL that sets up roles and logins in production",
		Example: "  blotter roles sql --database trading",
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			return usagef("say what: blotter roles sql")
		},
	}
	cmd.AddCommand(rolesSQLCommand(set))
	return cmd
}

func rolesSQLCommand(set *settings) *cobra.Command {
	var database, prefix string
	cmd := &cobra.Command{
		Use:   "sql",
		Short: "Print the SQL that makes roles and one login for each",
		Long: `Print the SQL that prepares a database in production: the roles, one login for
each of them, and who may connect; each has no more than it needs. Nothing is
run and no password is in it: read it, then give it to psql, as a login that
owns the database and has CREATEROLE.`,
		Example: "  blotter roles sql --database trading > roles.sql\n  blotter roles sql --url postgres://master@db.example/trading | psql ...",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if database == "" && set.url != "" {
				cfg, err := pgx.ParseConfig(set.url)
				if err != nil {
					return usagef("invalid --url: want postgres://USER:PASSWORD@HOST:PORT/DATABASE")
				}
				database = cfg.Database
			}
			if database == "" {
				return usagef("roles sql: say --database NAME, or --url")
			}
			sql, err := postgres.RolesSQL(database, prefix)
			if err != nil {
				return usageError{err}
			}
			if set.json {
				return printJSON(cmd.OutOrStdout(), map[string]string{"database": database, "sql": sql})
			}
			_, err = fmt.Fprint(cmd.OutOrStdout(), sql)
			return err
		},
	}
	cmd.Flags().StringVar(&database, "database", "", "`name` of the database (default that of --url)")
	cmd.Flags().StringVar(&prefix, "prefix", "blotter_", "what the logins' `names` begin with")
	return cmd
}
