package main

import (
	"fmt"
	"io"

	"github.com/blotterdb/blotter/schema"
	"github.com/jackc/pgx/v5"
	"github.com/spf13/cobra"
)

func rolesSQL(set *settings) *cobra.Command {
	var database, prefix string
	cmd := &cobra.Command{
		Use:   "sql",
		Short: "Print the SQL that creates the roles, and a login for each",
		Long: `Print the SQL that prepares a database for production: the roles, a login for
each, and who may connect. Each has only the rights that it needs. The SQL has
no passwords, and is not executed: read it, then run it with psql, with a login
that owns the database and has CREATEROLE.`,
		Example: `  blotter roles sql --database trading > roles.sql
  blotter roles sql --url postgres://master@db.example/trading | psql ...`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if database == "" && set.url != "" {
				cfg, err := pgx.ParseConfig(set.url)
				if err != nil {
					return usagef("invalid --url: want postgres://USER:PASSWORD@HOST:PORT/DATABASE")
				}
				database = cfg.Database
			}
			if database == "" {
				return usagef("say --database NAME, or --url")
			}

			sql, err := schema.RolesSQL(database, prefix)
			if err != nil {
				return usageError{err}
			}
			report := map[string]string{"database": database, "sql": sql}
			return set.print(cmd, report, func(w io.Writer) error {
				_, err := fmt.Fprint(w, sql)
				return err
			})
		},
	}
	cmd.Flags().StringVar(&database, "database", "", "`name` of the database (default: that of --url)")
	cmd.Flags().StringVar(&prefix, "prefix", "blotter_", "`beginning` of the names of the logins")
	return cmd
}
